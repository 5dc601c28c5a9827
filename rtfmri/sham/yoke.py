"""The values of another participant's run, by volume number: what yoked sham shows.

Value ``n`` is what the other participant was shown with volume ``n`` (0-based), in parts of the range. Where that run was held or had no
volume, the shape stood still for a reason of its own; the straight line between the values before and after it is shown instead, because
a shape that is held while the head lies still would tell everybody in the room. A source that was held for long is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from rtfmri.messages import Confirmed, Envelope, RunStart, RunStop, VolumeMessage
from rtfmri.paradigm import Block, volumes_of
from rtfmri.record.summary import of_kind

Yoke = tuple[float | None, ...]
SHOW = "show"  # the block in which an intermittent display shows the score, as in pipeline.py
MOST_HELD = 0.2  # of the volumes: more is a run-level warning in any run (SCIENCE, motion and quality)


def yoke_of(envelopes: Sequence[Envelope]) -> Yoke:
    """What each planned volume of the run showed; None where nothing was to be shown."""
    start, volumes = of_kind(envelopes, RunStart)[0], _by_index(envelopes)
    planned = of_kind(envelopes, Confirmed)[0].planned_volumes
    shown = [volumes[index].feedback if index in volumes else None for index in range(planned)]
    if start.display.feedback == "intermittent":
        return tuple(shown)
    filled = list(shown)
    for gap in _gaps(volumes, planned):
        before, after = gap.start - 1, gap.stop
        if before >= 0 and after < planned and shown[before] is not None and shown[after] is not None:
            line = np.interp(list(gap), [before, after], np.array([shown[before], shown[after]], dtype=float))
            filled[gap.start : gap.stop] = [float(value) for value in line]
        elif after == planned and before >= 0:
            filled[gap.start : gap.stop] = [shown[before]] * len(gap)
    return tuple(filled)


def unfit(envelopes: Sequence[Envelope]) -> list[str]:
    """Why this run cannot be shown to another participant, a phrase each."""
    starts, confirmed, stops = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed), of_kind(envelopes, RunStop)
    if not starts or not confirmed or not stops or stops[-1].exit_status != "completed":
        return ["it was not recorded to its planned end"]
    if starts[0].run_kind != "feedback":
        return [f"it was a {starts[0].run_kind} run, which showed nothing"]
    said = list(_held_too_long(envelopes, starts[0], confirmed[0]))
    if not any(value is not None for value in yoke_of(envelopes)):
        said.append("it never showed a value")
    elif starts[0].display.feedback == "intermittent" and _show_without_score(envelopes, confirmed[0]):
        said.append("one of its blocks had no score to show")
    return said


def _held_too_long(envelopes: Sequence[Envelope], start: RunStart, confirmed: Confirmed) -> Iterator[str]:
    volumes, planned = _by_index(envelopes), confirmed.planned_volumes
    gaps = list(_gaps(volumes, planned))
    held = sum(map(len, gaps))
    if held > MOST_HELD * planned:
        yield f"{held} of its {planned} volumes were held or missing, more than {MOST_HELD:.0%}"
    longest_s = max(map(len, gaps), default=0) * confirmed.tr_s
    if longest_s > start.pause_after_s:
        yield f"it was held for {longest_s:.0f} s on end, longer than the {start.pause_after_s:g} s after which a screen rests"


def _show_without_score(envelopes: Sequence[Envelope], confirmed: Confirmed) -> bool:
    yoke = yoke_of(envelopes)
    blocks = (Block(b.name, b.onset_s, b.duration_s, b.role) for b in confirmed.blocks if b.name == SHOW)
    return any(all(value is None for value in yoke[_slice(volumes_of(block, confirmed.tr_s))]) for block in blocks)


def _gaps(volumes: dict[int, VolumeMessage], planned: int) -> Iterator[range]:
    """Stretches of volumes that were held or missing."""
    held = [index not in volumes or volumes[index].validity in ("held", "missing") for index in range(planned)]
    for is_held, places in groupby(range(planned), key=held.__getitem__):
        if is_held:
            stretch = list(places)
            yield range(stretch[0], stretch[-1] + 1)


def _by_index(envelopes: Sequence[Envelope]) -> dict[int, VolumeMessage]:
    return {volume.index: volume for volume in of_kind(envelopes, VolumeMessage)}


def _slice(volumes: range) -> slice:
    return slice(volumes.start, volumes.stop)
