"""Who is shown what: entries, sealed in a file of which everybody may know that it is there and nobody what it says.

The file is JSON: the public key, and one sealed box. Yoked values lie in it, so nothing has to be found, and nothing can fail, when a run
is armed that is yoked and not when it is another. Its length depends on the number of entries and the length of a run only.
The most specific entry counts: of this run, else of this session, else of this participant.
"""

from __future__ import annotations

import json
from pathlib import Path

from nacl.public import PrivateKey, PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from rtfmri.errors import StudyError
from rtfmri.messages import ControlCondition, Entities
from rtfmri.sham.boxes import as_hex, padded, public_key_from, seal, unseal
from rtfmri.sham.protocol import Protocol
from rtfmri.sham.yoke import Yoke

ENTRY_BYTES = 1024  # holds every entry without its yoked values
VALUE_BYTES = 26  # the longest float as JSON, with its comma
PROTOCOL_BYTES = 8192


class Entry(BaseModel):
    """One row of the allocation; ``ses`` and ``run`` None: every one."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    sub: str
    ses: str | None = None
    run: int | None = None
    condition: ControlCondition
    region: str | None = None  # of control_roi: one of the study's control.regions
    source: str | None = None  # of yoked: label of the other participant's run
    yoke: Yoke = ()

    def holds_for(self, entities: Entities) -> bool:
        return self.sub == entities.sub and self.ses in (None, entities.ses) and self.run in (None, entities.run)

    @property
    def precision(self) -> int:
        """Which of two entries that hold is meant."""
        return 2 * (self.run is not None) + (self.ses is not None)


class Allocation(BaseModel):
    """Of a whole study; or, in the record of a run, of that run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entries: tuple[Entry, ...]
    protocol: Protocol | None = None  # of the runs whose values are yoked; None where nobody is

    def entry(self, entities: Entities) -> Entry | None:
        """The entry of this run; None where there is none."""
        held = [entry for entry in self.entries if entry.holds_for(entities)]
        return max(held, key=lambda entry: entry.precision, default=None)

    def only(self, entities: Entities) -> Allocation:
        """The allocation as the record of one run keeps it."""
        return self.model_copy(update={"entries": tuple(entry for entry in (self.entry(entities),) if entry)})


def sealed_allocation(allocation: Allocation, public_key: PublicKey) -> bytes:
    """The file's content."""
    volumes = allocation.protocol.planned_volumes if allocation.protocol else 0
    size = PROTOCOL_BYTES + len(allocation.entries) * (ENTRY_BYTES + VALUE_BYTES * volumes)
    box = seal(padded(allocation.model_dump_json().encode(), size), public_key)
    return (json.dumps({"rtfmri_allocation": 1, "public_key": as_hex(public_key), "sealed": box}) + "\n").encode()


def public_key_of(path: Path) -> PublicKey:
    """The key that a sealed file was made for, which lies in it in the clear.

    Raises
    ------
    StudyError : the file cannot be read or is no sealed allocation.
    """
    return _parts(path)[0]


def open_allocation(path: Path, private_key: PrivateKey) -> Allocation:
    """The allocation in a sealed file.

    Raises
    ------
    StudyError : the file cannot be read, is no sealed allocation, or this key is not its key.
    """
    public_key, box = _parts(path)
    if bytes(public_key) != bytes(private_key.public_key):
        raise StudyError(f"{path} was sealed for another key; use the one that was made with it.")
    try:
        return Allocation.model_validate_json(unseal(box, private_key))
    except ValidationError:
        raise _no_allocation(path) from None


def _parts(path: Path) -> tuple[PublicKey, str]:
    try:
        plain = json.loads(path.read_text(encoding="ascii"))
        return public_key_from(plain["public_key"]), str(plain["sealed"])
    except OSError as error:
        raise StudyError(f"The sealed allocation {path} cannot be read ({error.strerror}); check the path.") from None
    except Exception:  # whatever else may be wrong with a file that is not ours
        raise _no_allocation(path) from None


def _no_allocation(path: Path) -> StudyError:
    return StudyError(f"{path} is no sealed allocation; name the file that `rtfmri seal` wrote.")
