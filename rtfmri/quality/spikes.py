"""Voxels that jump: the share of the brain whose change since the last volume is far outside what the same voxel does otherwise.

Each voxel has its own scale, as vessels and edges scatter several times more than white matter: the running root mean square of its
changes, in which a jump counts as ``JUMP`` scales and no more. A median absolute deviation would need each voxel's history (V * W values);
held back like this the plain running mean is as safe against single spikes, exact for Gaussian noise to 0.1 %, and takes two numbers a
voxel. Changes, not values, are judged: drift and the BOLD response are slow and do not count, and the noise's autocorrelation is in the
scale.

Of Gaussian noise 0.006 % of the voxels jump once the scales are settled (0.05 % after 30 volumes, 0.01 % after 150). A single bad volume
makes two jumps, there and back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image

JUMP = 4.0  # scales
FEWEST = 10  # changes before a scale can judge


@dataclass(frozen=True, eq=False)
class Jumps:
    """After ``volumes`` volumes of V voxels; ``update`` fills the arrays in place: only the newest state may be used."""

    previous: Array  # (V,)
    mean_square: Array  # (V,): of the changes
    volumes: int = 0


def room_for(voxels: int) -> Jumps:
    """The state before the first volume."""
    return Jumps(np.zeros(voxels), np.zeros(voxels))


def update(state: Jumps, values: Image | Array) -> tuple[Jumps, float | None]:
    """The state after the next volume's brain voxels (V,), and the percentage that jumped; None before ``FEWEST`` changes.

    Raises
    ------
    ValueError : the number of voxels is another.
    """
    if values.shape != state.previous.shape:
        raise ValueError(f"values of shape {values.shape} came for {state.previous.size} voxels")
    volumes = state.volumes + 1
    if not state.volumes:
        state.previous[:] = values
        return replace(state, volumes=volumes), None
    judged = state.volumes > FEWEST
    limit = JUMP * JUMP if judged else np.inf
    jumped = _jumped(state.previous, state.mean_square, np.array(values, dtype=np.float64), limit, 1.0 / state.volumes)
    return replace(state, volumes=volumes), 100.0 * jumped / values.size if judged else None


def warm_up() -> None:
    """Compile the kernel."""
    state = room_for(1)
    for _ in range(2):
        state, _ = update(state, np.zeros(1))


@kernel
def _jumped(previous: Array, mean_square: Array, values: Array, limit: float, share: float) -> int:
    jumped = 0
    for v in range(values.size):
        square = (values[v] - previous[v]) ** 2
        if square > limit * mean_square[v]:
            square = limit * mean_square[v]
            jumped += 1
        mean_square[v] += share * (square - mean_square[v])
        previous[v] = values[v]
    return jumped
