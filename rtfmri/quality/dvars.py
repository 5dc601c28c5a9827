"""DVARS: how much the whole image changed from one volume to the next.

Power et al. 2012 (NeuroImage 59:2142), on the raw volumes, in percent of the mask's mean. The sum runs over the mask in the order of
the array, in float64, on one thread: the same volumes give the same bits.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from rtfmri.errors import VolumeError
from rtfmri.kernels import kernel
from rtfmri.volume import Image

Mask = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)


def dvars_percent(previous: Image, current: Image, mask: Mask) -> float:
    """Root mean square over ``mask`` of current - previous, in percent of the two volumes' mean in it. All arrays (X, Y, Z).

    Raises
    ------
    ValueError : shapes differ or the mask is empty.
    VolumeError : neither volume has signal in the mask, or one holds values that are not numbers.
    """
    if previous.shape != current.shape or mask.shape != current.shape:
        raise ValueError(f"DVARS of {previous.shape}, {current.shape} in a mask {mask.shape}")
    total, squares, count = _sums(_frozen(previous), _frozen(current), _frozen(mask))
    if count == 0:
        raise ValueError("DVARS in an empty mask")
    mean = total / (2 * count)
    if not (mean > 0.0 and math.isfinite(mean + squares)):
        raise VolumeError("The volume holds no signal inside the mask, or values that are not numbers.")
    return 100.0 * math.sqrt(squares / count) / mean


def warm_up() -> None:
    """Compile, or load from the cache, what `dvars_percent` needs: before the run, never in it."""
    volume = np.ones((2, 2, 2), dtype=np.float32)
    dvars_percent(volume, volume, volume > 0)


def _frozen(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """A read-only, contiguous view as one dimension: numba compiles once for writable and read-only volumes."""
    view = np.ascontiguousarray(array).reshape(-1).view()
    view.setflags(write=False)
    return view


@kernel
def _sums(previous: Image, current: Image, mask: Mask) -> tuple[float, float, int]:
    total, squares, count = 0.0, 0.0, 0
    for n in range(mask.size):
        if mask[n]:
            a, b = np.float64(previous[n]), np.float64(current[n])
            total += a + b
            squares += (b - a) * (b - a)
            count += 1
    return total, squares, count
