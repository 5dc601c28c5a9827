"""The sealed allocation of a study with a control condition: can it be opened at arm? No sentence here depends on a condition."""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check
from rtfmri.record.layout import RunPaths
from rtfmri.sham.allocation import open_allocation
from rtfmri.sham.allot import allot, key_for
from rtfmri.sham.keeping import as_kept
from rtfmri.study import Study


@dataclass(frozen=True)
class Sealed:
    """``problems``: why arm would refuse; ``consent``: the texts that the study names."""

    blind: bool
    consent: str
    problems: tuple[str, ...] = ()


def read_sealed(study: Study, asked: Asked, entities: Entities | None) -> Sealed | None:
    """None where the study has no allocation. Without a participant only file and key are tried."""
    path = study.control.allocation
    if path is None:
        return None
    try:
        key = key_for(study)
        if entities is not None:
            allot(as_kept(study, RunPaths(asked.out, entities)), entities, key)
        elif key is not None:
            open_allocation(path, key)
        else:
            raise StudyError("There is no key to open the sealed allocation.")
    except StudyError as error:
        return Sealed(study.control.blind, study.control.consent or "", error.problems)
    return Sealed(study.control.blind, study.control.consent or "")


def control_check(sealed: Sealed) -> Check:
    if sealed.problems:
        return Check("allocation", "failed", " ".join(sealed.problems), "Ask the person who made the allocation.")
    blind = "blind" if sealed.blind else "not blind"
    return Check("allocation", "ok", f"The sealed allocation opens and fits the study ({blind}); consent: {sealed.consent}.")
