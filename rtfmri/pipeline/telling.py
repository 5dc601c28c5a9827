"""From what is known after a volume to its message."""

from __future__ import annotations

from typing import Any

from rtfmri.messages import RoiReading, Validity, VolumeMessage
from rtfmri.paradigm import block_number_of
from rtfmri.pipeline.physiology import PhysioColumns
from rtfmri.pipeline.setup import Setup
from rtfmri.signals.reading import Reading

SCORED = ("wait", "show")  # from the wait on an intermittent display may have the score, so that it is there when the show begins


def judge(setup: Setup, index: int, reading: Reading, why_held: str, paused: bool) -> tuple[Validity, str]:
    """How far to trust a measured volume's value, and why not further."""
    if why_held:
        return "held", why_held
    if paused:
        return "held", "the participant's screen is paused"
    if setup.is_dummy(index):
        return "settling", "dummy volume, before the steady state"
    if reading.held:
        return "held", reading.held
    return ("ok", "") if reading.settled else ("settling", reading.why)


def message_of(setup: Setup, index: int, validity: Validity, why: str, reading: Reading) -> VolumeMessage:
    number = block_number_of(setup.blocks, index, setup.tr_s)
    condition = None if number is None else setup.blocks[number].name
    return VolumeMessage(
        index=index,
        condition=condition,
        block=number,
        validity=validity,
        why=why,
        rois={
            roi.name: RoiReading(raw=value.raw, cleaned=value.cleaned, psc=value.psc, se=value.se)
            for roi, value in zip(setup.rois, reading.rois, strict=False)  # a missing volume has no values
        },
        regulation=reading.regulation,
        regulation_se=reading.regulation_se,
        score=reading.score,
        score_se=reading.score_se,
        score_block=reading.score_block,
        value=reading.value,
        value_se=reading.value_se,
        late=reading.late,
        feedback=_feedback(setup, condition, validity, reading.feedback, reading.score_feedback),
        control_feedback=_feedback(setup, condition, validity, reading.control_feedback, reading.control_score_feedback),
    )


def used_of(physiology: PhysioColumns | None) -> dict[str, Any]:
    """What a volume's columns of pulse and breathing rest on, as fields of its message."""
    if physiology is None:
        return {}
    return {"physio_samples": physiology.used.samples, "physio_zero_s": physiology.used.zero_s}


def _feedback(setup: Setup, condition: str | None, validity: Validity, value: float | None, score: float | None) -> float | None:
    """What the display may show with this volume: its value where that is sound, or the last block's score until its show ends."""
    if setup.run_kind != "feedback":
        return None
    if setup.study.display.feedback == "continuous":
        return value if validity == "ok" else None
    return score if condition in SCORED else None
