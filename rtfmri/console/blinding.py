"""What a console may know of a blind run, pure.

The rule: whatever depends on the participant's own values, or tells what they are shown, is taken out before anything is kept; hiding it
in the page would still send it to the browser. On the wire of a blind run most of it is sealed already: this is the second lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfmri.messages import Confirmed, Envelope, Message, Picture, Quality, RunStart, Shown, VolumeMessage
from rtfmri.sham.blinding import clear

BRAIN = "brain"  # the one tSNR that is of no region


def veiled(envelope: Envelope, blind: bool) -> Envelope | None:
    """``envelope`` without what would unblind; None where nothing of it is left. Unchanged where the run is not blind.

    ``blind`` is that of the run that goes on; a run_start says it itself.
    """
    message = envelope.message
    change = _VEILS.get(type(message))
    if change is None or not (message.blind if isinstance(message, RunStart) else blind):
        return envelope
    kept = change(message)
    return None if kept is None else envelope.model_copy(update={"message": kept})


def _regions(message: RunStart | Confirmed) -> Message:
    return message.model_copy(update={"rois": ()})


def _volume(message: VolumeMessage) -> VolumeMessage:
    return clear(message).model_copy(update={"feedback": None})


def _quality(message: Quality) -> Quality:
    return message.model_copy(update={"tsnr": {name: tsnr for name, tsnr in message.tsnr.items() if name == BRAIN}})


def _nothing(message: Message) -> None:
    return None


_VEILS: dict[type, Callable[[Any], Message | None]] = {
    RunStart: _regions,
    Confirmed: _regions,
    VolumeMessage: _volume,
    Quality: _quality,
    Picture: _nothing,  # maps show where the brain works; regions drawn over it, which are used
    Shown: _nothing,  # a participant without feedback sees other states than one with it
}
