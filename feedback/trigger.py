"""From the scanner's pulses to time zero on the display's clock. Pure.

The rules:

* The first pulse after arm is pulse 0, and time zero is ``offset`` pulses later; a volume has ``every`` pulses. Once the TR is known,
  zero does not wait for pulse ``offset``: it is reckoned from the first. Pulses that came before the TR was known are gone through again.
* Later pulses keep the clock locked: one within ``BEAT_S`` of its beat moves it by a running mean, and later by ``GAIN`` of the difference
  (drift of the clocks; the jitter of reading). A missed pulse, a double one and a stray one move nothing.
* Before any volume, pulses that stop for as long as silence is a fault were a prescan or a false start: the next pulse is the first. So is
  the earlier of two that are off the beat, but on a beat with each other: the first one was none of the scanner's.
* Volumes are the check. A volume cannot come before it was acquired: one that comes earlier than its end less ``EARLY_S`` proves that
  the pulses' zero is too late (pulses missed at the beginning, a wrong ``offset``). Then the volumes set the clock to the run's end, and
  the operator is told; so too where silent gaps in the TR let volumes come early. A volume that comes late is the export's delay: the
  pulses' zero stays. (A false start that keeps the beat cannot be told from a slow export.)
* Pulses that stop or fall out of step once volumes come: the clock runs on, the operator is told. No pulse before the first volume: the
  volumes set the clock to the run's end, as they do for a display that was started during the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BEAT_S = 0.1
BOUNCE_S = 0.03  # before the TR is known; then a third of the time between pulses
EARLY_S = 0.25
GAIN = 0.1
STRAYS = 4  # so many in a row are out of step
MOST_KEPT = 512  # pulses before the TR is known

NO_PULSE = (
    "No pulse of the scanner reached the participant's screen before the first volume (or it was started later): the volumes set "
    "its clock. If this comes again, check the trigger's cable, port and key."
)
EARLY = (
    "Volume {index} came {early_s:.1f} s before the scanner's pulses say that it was acquired: pulses were missed at the beginning, or the "
    "trigger's offset is wrong. The volumes set the clock of the participant's screen."
)
STOPPED = "The scanner's pulses have stopped; the participant's screen goes on without them. Check the trigger's cable."
OUT_OF_STEP = "The scanner's pulses are out of step with the TR; the participant's screen goes on without them. Check its settings."


@dataclass(frozen=True)
class Trigger:
    """What the pulses of one run say. ``used``: the study has a trigger. Times are the display's clock, seconds."""

    used: bool = False
    offset: int = 0
    every: int = 1
    tr_s: float | None = None
    pulses: int = 0  # since arm, or since the display was started; bounces are none
    last_s: float | None = None
    unplaced_s: tuple[float, ...] = ()  # pulses that came while the TR was not known
    first_s: float | None = None  # pulse 0, as all pulses on the beat have it
    number: int = 0  # of the last pulse on the beat
    beats: int = 0
    stray_s: float | None = None  # the last pulse, where it was off the beat
    strays: int = 0
    heard: bool = False  # a volume has come
    overruled: bool = False  # the volumes set the clock
    problems: tuple[str, ...] = ()

    @property
    def zero_s(self) -> float | None:
        """Time zero by the pulses; None where they do not say."""
        if self.overruled or not self.used:
            return None
        if self.first_s is not None and self._period_s is not None:
            return self.first_s + self.offset * self._period_s
        return self.unplaced_s[self.offset] if len(self.unplaced_s) > self.offset else None

    @property
    def _period_s(self) -> float | None:
        """From one pulse to the next."""
        return None if self.tr_s is None else self.tr_s / self.every

    def pulse(self, pulse_s: float) -> Trigger:
        """One pulse, at its time."""
        counted = self.counted(pulse_s)
        return counted._placed(pulse_s) if counted is not self and self.used and not self.overruled else counted

    def counted(self, pulse_s: float) -> Trigger:
        """One pulse that says nothing of time zero; the same where it is a bounce."""
        bounce_s = BOUNCE_S if self._period_s is None else self._period_s / 3
        if self.last_s is not None and pulse_s - self.last_s < bounce_s:
            return self
        return replace(self, pulses=self.pulses + 1, last_s=pulse_s)

    def timed(self, tr_s: float | None) -> Trigger:
        """The TR as the engine now says."""
        if tr_s is None or tr_s == self.tr_s:
            return self
        known_s = self.unplaced_s if self.first_s is None else (self.first_s,)
        again = replace(self, tr_s=tr_s, unplaced_s=(), first_s=None, stray_s=None, strays=0)
        for pulse_s in known_s:
            again = again._placed(pulse_s)
        return again

    def volume(self, index: int, came_s: float) -> Trigger:
        """The check: volume ``index`` came at ``came_s``."""
        checked = replace(self, heard=True)
        if not self.used or self.overruled:
            return checked
        if self.zero_s is None:
            return replace(checked, overruled=True)._told(STOPPED if self.pulses else NO_PULSE)
        early_s = 0.0 if self.tr_s is None else self.zero_s + (index + 1) * self.tr_s - came_s
        return replace(checked, overruled=True)._told(EARLY.format(index=index, early_s=early_s)) if early_s > EARLY_S else checked

    def quiet(self, now_s: float, limit_s: float, over: bool) -> Trigger:
        """Time went on. ``limit_s``: a longer silence is a fault; ``over``: the last block has ended, the scanner may stop."""
        if self.overruled or self.last_s is None or now_s - self.last_s <= limit_s:
            return self
        if self.heard:
            return self if over or not self.used else self._told(STOPPED)
        return replace(self, unplaced_s=(), first_s=None, stray_s=None, strays=0) if self.counting else self

    @property
    def counting(self) -> bool:
        """Whether a run's pulses have begun and not stopped again."""
        return self.first_s is not None or bool(self.unplaced_s)

    def _placed(self, pulse_s: float) -> Trigger:
        period_s = self._period_s
        if period_s is None:
            return replace(self, unplaced_s=(*self.unplaced_s, pulse_s)[:MOST_KEPT])
        if self.first_s is None:
            return replace(self, first_s=pulse_s, number=0, beats=1, stray_s=None, strays=0)
        number, late_s = _beat(pulse_s - self.first_s, period_s)
        if abs(late_s) > _tolerance_s(period_s):
            return self._off_beat(pulse_s, period_s)
        if number <= self.number:
            return self
        moved_s = late_s * max(1 / (self.beats + 1), GAIN)
        return replace(self, first_s=self.first_s + moved_s, number=number, beats=self.beats + 1, stray_s=None, strays=0)

    def _off_beat(self, pulse_s: float, period_s: float) -> Trigger:
        strayed = replace(self, stray_s=pulse_s, strays=self.strays + 1)
        if self.heard:
            return strayed._told(OUT_OF_STEP) if strayed.strays == STRAYS else strayed
        if self.stray_s is None or abs(_beat(pulse_s - self.stray_s, period_s)[1]) > _tolerance_s(period_s):
            return strayed
        return replace(self, first_s=self.stray_s, number=0, beats=1, stray_s=None, strays=0)._placed(pulse_s)

    def _told(self, problem: str) -> Trigger:
        return self if problem in self.problems else replace(self, problems=(*self.problems, problem))


def _beat(since_s: float, period_s: float) -> tuple[int, float]:
    """The nearest beat, and how far behind it ``since_s`` is."""
    number = round(since_s / period_s)
    return number, since_s - number * period_s


def _tolerance_s(period_s: float) -> float:
    return min(BEAT_S, period_s / 4)
