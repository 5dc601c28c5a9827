"""What the sealed allocation means for one run: opened at arm, refused in words that are the same for every condition.

No sentence of this file depends on the condition, and none can: what only one condition needs (a source, a region) was checked when the
allocation was sealed, and what is checked here is checked of the whole allocation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nacl.public import PrivateKey

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, VolumeMessage
from rtfmri.sham.allocation import Allocation, Entry, open_allocation, public_key_of, sealed_allocation
from rtfmri.sham.blinding import blinded, sealed_size
from rtfmri.sham.boxes import KEY_VARIABLE, key_at_hand
from rtfmri.sham.choice import as_recorded, shown
from rtfmri.sham.protocol import differences, protocol_of
from rtfmri.study import Study

ToWire = Callable[[VolumeMessage], VolumeMessage]
ASK = "ask the person who made the allocation"


@dataclass(frozen=True, eq=False)
class Allotted:
    """For one run.

    weights : of the control combination, by region of the study; the own ones where the condition has none, so that the same is computed
        in all conditions. Empty where the study has no allocation.
    to_wire : the pipeline's message -> the message for journal and wire.
    kept : this run's own sealed allocation, for its record; None where the study has none.
    """

    weights: dict[str, float]
    to_wire: ToWire
    kept: bytes | None
    blind: bool


def key_for(study: Study) -> PrivateKey | None:
    """The key that the study or the environment names; None where there is none, or nothing to open.

    Raises
    ------
    StudyError : its file cannot be read, others may read it too, or it is no key.
    """
    return None if study.control.allocation is None else key_at_hand(study.control.key)


def allot(study: Study, entities: Entities, key: PrivateKey | None, recorded: Sequence[VolumeMessage] = ()) -> Allotted:
    """Open the study's allocation for one run.

    Parameters
    ----------
    key : opens the allocation (``key_for``).
    recorded : of a replay: the messages of the recorded run, obeyed where there is no key.

    Raises
    ------
    StudyError : no key, not the right one, the participant is not in it, it was made for another study or timing.
    """
    path = study.control.allocation
    if path is None:
        return Allotted({}, unchanged, None, False)
    if key is None:
        if not recorded:
            raise StudyError(
                f"There is no key to open the sealed allocation; name it as control.key in the study or in the variable {KEY_VARIABLE}."
            )
        by_index = {message.index: message for message in recorded}
        return _allotted(study, None, lambda message: as_recorded(message, by_index.get(message.index)), path.read_bytes())
    allocation = open_allocation(path, key)
    _refuse_misfit(allocation, study)
    entry = allocation.entry(entities)
    if entry is None:
        raise StudyError(f"{entities.label} is not in the sealed allocation; correct the label, or {ASK}.")
    kept = sealed_allocation(allocation.only(entities), key.public_key)
    return _allotted(study, entry, partial(shown, condition=entry.condition, yoke=entry.yoke), kept)


def _allotted(study: Study, entry: Entry | None, choose: ToWire, kept: bytes) -> Allotted:
    own = {roi.name: roi.weight for roi in study.roi}
    region = entry.region if entry else None
    weights = own if region is None else dict.fromkeys(own, 0.0) | study.control.regions[region]
    if not study.control.blind:
        return Allotted(weights, choose, kept, False)
    assert study.control.allocation is not None
    public_key, size = public_key_of(study.control.allocation), sealed_size(len(study.roi))
    return Allotted(weights, lambda message: blinded(choose(message), public_key, size), kept, True)


def _refuse_misfit(allocation: Allocation, study: Study) -> None:
    """Of the whole allocation, whoever is in the scanner."""
    unknown = {entry.region for entry in allocation.entries if entry.region} - study.control.regions.keys()
    here = protocol_of(study)
    said = differences(here, allocation.protocol) if here and allocation.protocol else []
    said += [f"it names control regions that the study does not have ({len(unknown)})"] if unknown else []
    if said:
        raise StudyError(f"The sealed allocation does not fit this study: {'; '.join(said)}; correct the study, or {ASK}.")


def unchanged(message: VolumeMessage) -> VolumeMessage:
    """Of a study without an allocation."""
    return message
