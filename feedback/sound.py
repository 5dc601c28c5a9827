"""Soft sounds for participants who practise with closed eyes; made here, played by the sound card's library that PsychoPy brings.

Two quiet tones a sound, each from silence and back to it, so nothing clicks: one that rises into a practice, one that falls into rest,
one tone for other blocks, three that fall at the end. A thread of its own opens the sound card and plays, so no frame waits for it.
Without a sound card nothing is heard, and ``problem`` tells the operator; that is no error.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import MappingProxyType, TracebackType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from feedback.cues import Cue

Samples: TypeAlias = npt.NDArray[np.float32]
Play: TypeAlias = Callable[[Samples, int], None]

RATE_HZ = 44_100
LOUDNESS = 0.16  # of full scale
RISE_S = 0.12
FALL_S = 0.35  # to 1/e
TONE_S = 1.6
STEP_S = 0.35  # from one tone's onset to the next one's
TONES_HZ = MappingProxyType(
    {"rest": (392.0, 294.0), "regulate": (294.0, 392.0), "other": (330.0,), "end": (392.0, 330.0, 262.0)},
)


def samples(cue: Cue) -> Samples:
    """The sound as (N,) samples of -1 ... 1 at ``RATE_HZ``; its first and last are silence."""
    tones_hz = TONES_HZ[cue]
    sound = np.zeros(round((STEP_S * (len(tones_hz) - 1) + TONE_S) * RATE_HZ))
    time_s = np.arange(round(TONE_S * RATE_HZ)) / RATE_HZ
    rise = np.sin(0.5 * np.pi * np.minimum(time_s / RISE_S, 1.0)) ** 2
    fade = 1.0 - np.clip((time_s - 0.8 * TONE_S) / (0.2 * TONE_S - 1.0 / RATE_HZ), 0.0, 1.0)
    envelope = rise * np.exp(-np.maximum(time_s - RISE_S, 0.0) / FALL_S) * fade
    for number, tone_hz in enumerate(tones_hz):
        begin = round(number * STEP_S * RATE_HZ)
        tone = np.sin(2.0 * np.pi * tone_hz * time_s) + 0.15 * np.sin(4.0 * np.pi * tone_hz * time_s)
        sound[begin : begin + len(time_s)] += LOUDNESS * envelope * tone / 1.15
    return sound.astype(np.float32)


class Cues:
    """Plays sounds in a thread of its own, one after the other; a context manager.

    Parameters
    ----------
    play : plays samples at a rate and waits for their end; raises where there is no sound card.
    """

    def __init__(self, play: Play | None = None) -> None:
        self.problem = ""
        self._play = play or _played_by_the_card
        self._due: queue.Queue[Samples | None] = queue.Queue()
        self._thread = threading.Thread(target=self._follow, name="cues", daemon=True)

    def __enter__(self) -> Cues:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._due.put(None)
        self._thread.join(timeout=0.5)

    def play(self, cue: Cue) -> None:
        """As soon as the one before it has ended; never waits. What would come too late is left out."""
        if self._due.empty():
            self._due.put(samples(cue))

    def try_card(self) -> None:
        """Play a moment of silence, so that the operator hears before the run if there is no sound card."""
        self._due.put(np.zeros(RATE_HZ // 10, np.float32))

    def _follow(self) -> None:
        while (sound := self._due.get()) is not None:
            try:
                self._play(sound, RATE_HZ)
                self.problem = ""
            except Exception as error:  # drivers raise whatever they like
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
                self.problem = f"The participant's display has no sound ({reason}): block boundaries are silent."


def _played_by_the_card(sound: Samples, rate_hz: int) -> None:
    import sounddevice

    sounddevice.play(sound, rate_hz, blocking=True)
