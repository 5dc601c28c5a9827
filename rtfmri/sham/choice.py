"""What is shown instead of the own value, pure: a message with the own value in, the message with the shown one out.

The rule: the shown value is never surer than the own measurement. A volume whose own value is held, missing, settling or of a block
without feedback shows nothing new in any condition; so whoever sees motion, pauses and lost volumes sees the same consequences in all of
them. Where the own value could be shown and the other has none, the volume is `settling`, as it may be under any condition.
"""

from __future__ import annotations

from rtfmri.messages import ControlCondition, Validity, VolumeMessage
from rtfmri.sham.blinding import WORDS
from rtfmri.sham.yoke import Yoke


def shown(message: VolumeMessage, condition: ControlCondition, yoke: Yoke) -> VolumeMessage:
    """``message`` as it is to be sent, with the own value and the shown one.

    Parameters
    ----------
    message : from the pipeline: ``feedback`` is the own value's, ``control_feedback`` that of the study's control combination.
    yoke : the other participant's values by volume number; empty in other conditions.
    """
    candidates = {
        "own": message.feedback,
        "yoked": yoke[message.index] if message.index < len(yoke) else None,
        "control_roi": message.control_feedback,
        "none": None,
    }
    own = {"control": condition, "own_feedback": message.feedback, "own_validity": message.validity}
    if message.feedback is None or condition == "none":
        return message.model_copy(update={**own, "feedback": None})
    feedback = candidates[condition]
    validity, why = (message.validity, message.why) if feedback is not None else _without_value(message)
    return message.model_copy(update={**own, "feedback": feedback, "validity": validity, "why": why})


def as_recorded(message: VolumeMessage, recorded: VolumeMessage | None) -> VolumeMessage:
    """For a replay of a blind run without its key: what was shown stands in the record and is taken from there."""
    if recorded is None:
        return message.model_copy(update={"feedback": None})
    return message.model_copy(
        update={
            "own_feedback": message.feedback,
            "own_validity": message.validity,
            "feedback": recorded.feedback,
            "validity": recorded.validity,
            "why": recorded.why,
        }
    )


def _without_value(message: VolumeMessage) -> tuple[Validity, str]:
    return ("settling", WORDS["settling"]) if message.validity == "ok" else (message.validity, message.why)
