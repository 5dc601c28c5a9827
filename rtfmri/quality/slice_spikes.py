"""Slices that are spoiled: by a spike in k-space (a herringbone over one slice), a burst of interference, a lost excitation.

Each slice's mean absolute change, every voxel in units of its own usual change, is compared with the slice's own history and with what the
other slices do in the same volume. A voxel's unit is the running root mean square of its changes (held back at ``JUMP`` units): without it
vessels, eyes and edges, which scatter most, would hide a spike that is plain to see in quiet tissue. In logarithms:

    excess(z) = ln change(z) - median over the history of ln change(z), less the median over slices of the same

so that what all slices share - a head movement, a change of gain - is no spike, and slices at the edge that always scatter more are judged
by themselves. A slice is spoiled where its excess is above ``LEAST`` and above ``FACTOR`` robust standard deviations, both of its own
excesses in the history and of all slices' in this volume: a movement changes slices unequally, and then they scatter together. The change
is taken against the slice's last sound image or its last image, whichever is nearer: the volume after a spike is seldom flagged for it,
and a slice that has changed for good is flagged once. At least half of the slices must be sound. A volume that comes after a gap is
compared across the gap.

Fewer than one false alarm in 1000 volumes, and a spike of 5 % of the signal in one slice is caught: see README.md for the noise and the
motion on which that was measured. Raw volumes, not realigned ones: reslicing spreads a spike over its neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image

WINDOW = 60  # volumes of history
FEWEST = 10  # of them before a slice is judged
FACTOR = 8.0
LEAST = 0.15  # natural logarithm: a change 16 % above what was to be expected
ROBUST = 1.4826  # median absolute deviation -> standard deviation of a Gaussian
FEWEST_VOXELS = 50  # of the brain in a slice; smaller ones are not judged
LEARNING = 5  # changes that only make the units
JUMP = 4.0  # units: a larger change counts as this one when the unit is carried on
FAINTEST = 1e-6  # units: the change of an image that came twice, whose logarithm must be a number


@dataclass(frozen=True, eq=False)
class SliceHistory:
    """V brain voxels in Z slices; ``update`` fills the images in place: only the newest state may be used."""

    slices: npt.NDArray[np.intp]  # (V,): each voxel's slice
    sound: Array  # (V,): the last image that was not spoiled, slice by slice
    last: Array  # (V,): the last image
    mean_square: Array  # (V,): of the changes of sound images
    changes: Array  # (up to WINDOW, Z): ln of mean absolute changes; not a number where the slice was spoiled
    volumes: int = 0


def room_for(slices: npt.NDArray[np.intp], number: int) -> SliceHistory:
    """The state before the first volume: ``slices`` (V,) tells each brain voxel's slice, 0 ... ``number`` - 1."""
    return SliceHistory(
        np.array(slices, dtype=np.intp), np.zeros(slices.size), np.zeros(slices.size), np.zeros(slices.size), np.zeros((0, number))
    )


def update(state: SliceHistory, values: Image | Array) -> tuple[SliceHistory, tuple[int, ...]]:
    """The state after the next volume's brain voxels (V,), and the slices that are spoiled in it, ascending.

    Raises
    ------
    ValueError : the number of voxels is another.
    """
    if values.shape != state.sound.shape:
        raise ValueError(f"values of shape {values.shape} came for {state.sound.size} voxels")
    current = np.array(values, dtype=np.float64)
    if not state.volumes:
        state.sound[:] = state.last[:] = current
        return replace(state, volumes=1), ()
    learning = state.volumes <= LEARNING
    change = _log_changes(state, current)
    bad = _excessive(state.changes, change)
    _take_over(state.sound, state.mean_square, current, state.slices, ~bad, np.inf if learning else JUMP * JUMP, 1.0 / state.volumes)
    state.last[:] = current
    changes = state.changes if learning else np.concatenate((state.changes, np.where(bad, np.nan, change)[None]))[-WINDOW:]
    return replace(state, changes=changes, volumes=state.volumes + 1), tuple(int(z) for z in np.flatnonzero(bad))


def warm_up() -> None:
    """Compile the kernels."""
    state = room_for(np.zeros(1, dtype=np.intp), 1)
    for _ in range(2):
        state, _ = update(state, np.ones(1))


def _log_changes(state: SliceHistory, current: Array) -> Array:
    """ln of each slice's mean change (Z,); not a number where too few voxels have a unit."""
    change, voxels = _slice_sums(state.sound, state.last, current, state.mean_square, state.slices, state.changes.shape[1])
    judged = voxels >= FEWEST_VOXELS
    return np.where(judged, np.log(np.maximum(change / np.maximum(voxels, 1), FAINTEST)), np.nan)


def _excessive(history: Array, change: Array) -> npt.NDArray[np.bool_]:
    """Which slices of ``change`` (Z,) stand out against ``history`` (W, Z)."""
    usual = [_median(history[:, z]) if np.isfinite(history[:, z]).sum() >= FEWEST else np.nan for z in range(change.size)]
    past, now = history - usual, change - usual
    past = past - np.array([_median(row) for row in past])[:, None]
    excess = now - _median(now)
    own = np.array([_median(np.abs(past[:, z])) for z in range(change.size)])
    scale = ROBUST * np.maximum(own, _median(np.abs(excess)))
    bad: npt.NDArray[np.bool_] = excess > np.maximum(FACTOR * scale, LEAST)  # false where there is no number
    return bad


def _median(values: Array) -> float:
    """Of those that are numbers; not a number where none is."""
    numbers = values[np.isfinite(values)]
    return float(np.median(numbers)) if numbers.size else np.nan


@kernel
def _slice_sums(
    sound: Array, last: Array, current: Array, mean_square: Array, slices: npt.NDArray[np.intp], number: int
) -> tuple[Array, npt.NDArray[np.intp]]:
    """Of each slice (Z,): sum of the changes in units, from the nearer of the two images before; how many voxels have a unit."""
    from_sound, from_last = np.zeros(number), np.zeros(number)
    voxels = np.zeros(number, dtype=np.intp)
    for v in range(current.size):
        if mean_square[v] > 0.0:
            z, unit = slices[v], math.sqrt(mean_square[v])
            from_sound[z] += abs(current[v] - sound[v]) / unit
            from_last[z] += abs(current[v] - last[v]) / unit
            voxels[z] += 1
    return np.minimum(from_sound, from_last), voxels


@kernel
def _take_over(
    sound: Array, mean_square: Array, current: Array, slices: npt.NDArray[np.intp], taken: npt.NDArray[np.bool_], limit: float, share: float
) -> None:
    """Carry the units on, and make ``current`` the sound image, in the slices that are ``taken`` (Z,)."""
    for v in range(sound.size):
        if taken[slices[v]]:
            square = (current[v] - sound[v]) ** 2
            if square > limit * mean_square[v] > 0.0:
                square = limit * mean_square[v]
            mean_square[v] += share * (square - mean_square[v])
            sound[v] = current[v]
