"""The values of a blind run after ``rtfmri unblind``: its opened table put back into the run's messages.

The table is the one that unblinding wrote beside the blinded ones, under a line of the dataset's audit; nothing is decrypted here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, RoiReading, VolumeMessage
from rtfmri.record.recorded import RecordedRun

TABLE = "desc-nfUnblinded_timeseries.tsv"
NUMBERS = (
    "regulation",
    "regulation_se",
    "value",
    "value_se",
    "score",
    "score_se",
    "own_feedback",
    "control_feedback",
)
READING = ("raw", "cleaned", "psc", "se")


@dataclass(frozen=True)
class Opened:
    """The run's messages with the values that were sealed, and in words what was shown."""

    envelopes: tuple[Envelope, ...]
    words: str


def opened_values(run: RecordedRun) -> Opened:
    """
    Raises
    ------
    StudyError : the run was not unblinded, or its table does not fit it.
    """
    path = run.paths.derived(TABLE)
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        filled = {int(row["number"]) - 1: _fields(row) for row in rows}
    except FileNotFoundError:
        raise StudyError(f"{run.entities.label} was not unblinded ({path.name} is not there); `rtfmri unblind` opens it.") from None
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(f"{path} cannot be read ({error}); unblind the run again.") from None
    return Opened(tuple(_with(envelope, filled) for envelope in run.envelopes), _words(about))


def _with(envelope: Envelope, filled: Mapping[int, dict[str, Any]]) -> Envelope:
    message = envelope.message
    if not isinstance(message, VolumeMessage):
        return envelope
    return envelope.model_copy(update={"message": message.model_copy(update={**filled.get(message.index, {}), "sealed": None})})


def _fields(row: Mapping[str, str]) -> dict[str, Any]:
    names = [name.removesuffix("_psc") for name in row if name.endswith("_psc")]
    readings = {name: {field: _number(row, f"{name}_{field}") for field in READING} for name in names}
    block = _number(row, "score_block")
    return {
        "rois": {name: RoiReading(**found) for name, found in readings.items() if found["raw"] is not None},
        "score_block": None if block is None else int(block),
        **{name: _number(row, name) for name in NUMBERS},
    }


def _number(row: Mapping[str, str], name: str) -> float | None:
    cell = row.get(name, "n/a")
    return None if cell in ("n/a", "") else float(cell)


def _words(about: Mapping[str, Any]) -> str:
    condition = str(about.get("ControlCondition", "not told"))
    region = f", control combination {about['ControlRegion']}" if "ControlRegion" in about else ""
    return (
        f"This blind run was unblinded; its condition is {condition.replace('_', ' ')}{region}. Keep this page from whoever is still blind."
    )
