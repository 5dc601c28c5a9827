"""The cumulative least-squares fit: one Givens rotation per column and volume, in a fixed amount of memory.

``Observations`` hold the volumes and the triangle R with Q'y beside it (square-root information: nothing is ever squared or inverted,
so 10,000 volumes lose no digits). ``solve`` gives the coefficients of the volumes so far. A column that depends on those before it
(a block still to come, the first volumes) is left out of the fit and its coefficient is zero; the fitted values are those of the
full least-squares problem.

P columns, K regions, N volumes of room. Arrays are column by column, (P, N), so that the loops over volumes run along memory. Only plain
loops: no BLAS, the same bits every time. Source: Golub & Van Loan, Matrix Computations, 5.1 and 6.5; Miller 1992, AS 274.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.volume import Array

Flags = npt.NDArray[np.bool_]
LAGS = 12  # how far apart in volumes the noise is followed; rho ** 12 is 0.07 at rho 0.8
RHO_STEP = 0.1  # of the grid of whitened problems
NEGLIGIBLE = 1e-7  # of a column's own length: what is left of it beside the columns before it


@dataclass(frozen=True, eq=False)
class Observations:
    """Buffers, made once and filled in place. ``lags[k - 1]`` is X'D_kX, where D_k marks the pairs of volumes that are k apart."""

    columns: Array  # (P, N): design rows of the volumes that came; zero where none did
    values: Array  # (K, N)
    used: Flags  # (N,): in the fit
    triangle: Array  # (P + 1, P + K): R with Q'y beside it; the last row is where a volume comes in
    sums: Array  # (P + K,) over the volumes in the fit
    lags: Array  # (LAGS, P, P)
    whitened: Array  # (G, P + 1, P + K): a triangle for each rho of the prewhitening's grid (``prewhiten.py``); G is 0 without it


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients (P, K) of ``volumes`` volumes; ``kept`` are the columns in the fit, ``factor`` their triangle."""

    coefficients: Array
    kept: npt.NDArray[np.intp]  # (R,)
    factor: Array  # (R, R)
    volumes: int
    rho: float = 0.0  # of the noise that the fit was whitened for

    @property
    def dof(self) -> int:
        return self.volumes - len(self.kept)


def room_for(columns: int, regions: int, volumes: int, rhos: int = 0) -> Observations:
    """Empty buffers; all the memory that a run's fit will ever take. ``rhos``: how many whitened problems are kept beside it."""
    return Observations(
        columns=np.zeros((columns, volumes)),
        values=np.zeros((regions, volumes)),
        used=np.zeros(volumes, dtype=np.bool_),
        triangle=np.zeros((columns + 1, columns + regions)),
        sums=np.zeros(columns + regions),
        lags=np.zeros((LAGS, columns, columns)),
        whitened=np.zeros((rhos, columns + 1, columns + regions)),
    )


def note(observations: Observations, index: int, row: Array, values: Array) -> None:
    """Store volume ``index``: its design row (P,) and region means (K,). It is not in the fit yet."""
    observations.columns[:, index] = row
    observations.values[:, index] = values


def absorb(observations: Observations, index: int) -> None:
    """Take the stored volume ``index`` into the fit. Volumes are absorbed in ascending order, each once."""
    row = np.concatenate((observations.columns[:, index], observations.values[:, index]))
    _absorb_whitened(observations.whitened, observations.columns, observations.values, observations.used, index)
    observations.used[index] = True
    observations.sums[:] += row
    _add_lags(observations.lags, observations.columns, observations.used, index)
    observations.triangle[-1] = row
    _rotate_in(observations.triangle)


def absorb_again(observations: Observations) -> None:
    """Fit the volumes in the fit anew, after some of their columns were filled in later."""
    indices = np.flatnonzero(observations.used)
    for buffer in (observations.used, observations.triangle, observations.sums, observations.lags, observations.whitened):
        buffer[...] = 0
    for index in indices:
        absorb(observations, int(index))


def solve(observations: Observations, active: Flags, volumes: int) -> Fit:
    """Least-squares fit of the ``volumes`` volumes absorbed so far on the columns that are ``active`` (P,)."""
    coefficients, kept, factor = _solve(observations.triangle, active)
    return Fit(coefficients, kept, factor, volumes)


def solve_further(observations: Observations, active: Flags, volumes: int, step: int, penalties: Array) -> Fit:
    """As ``solve`` for AR(1) noise with rho of ``step`` times RHO_STEP, and with ``penalties`` (P,): the sum of squares has
    (penalty * coefficient)^2 of each column beside it, as if a row with the penalty in that column alone had been measured as zero."""
    triangle = (observations.whitened[step] if step else observations.triangle).copy()
    _rotate_penalties_in(triangle, np.where(active, penalties, 0.0))
    coefficients, kept, factor = _solve(triangle, active)
    return Fit(coefficients, kept, factor, volumes, RHO_STEP * step)


def residuals(observations: Observations, fit: Fit, count: int) -> Array:
    """What the fit leaves, (K, count); zero at volumes that are not in it."""
    left: Array = _residuals(observations.columns, observations.values, observations.used, fit.coefficients, count)
    return left


@kernel
def _add_lags(lags: Array, columns: Array, used: Flags, t: int) -> None:
    """What volume ``t`` brings to X'D_kX, from each predecessor that is in the fit."""
    size = columns.shape[0]
    now = columns[:, t].copy()
    for k in range(1, min(t, lags.shape[0]) + 1):
        if not used[t - k]:
            continue
        before = columns[:, t - k].copy()
        for i in range(size):
            for j in range(size):
                lags[k - 1, i, j] += before[i] * now[j] + now[i] * before[j]


@kernel
def _absorb_whitened(whitened: Array, columns: Array, values: Array, used: Flags, t: int) -> None:
    """Bring volume ``t`` into every whitened triangle: its innovation after the last volume in the fit, over the innovation's spread."""
    size = columns.shape[0]
    before = t - 1
    while before >= 0 and not used[before]:
        before -= 1
    for step in range(whitened.shape[0]):
        along = (RHO_STEP * step) ** (t - before) if before >= 0 else 0.0
        unit = 1.0 / math.sqrt(1.0 - along * along)
        last = whitened[step, size]
        for j in range(size):
            last[j] = unit * (columns[j, t] - along * columns[j, before])
        for k in range(values.shape[0]):
            last[size + k] = unit * (values[k, t] - along * values[k, before])
        _rotate_in(whitened[step])


@kernel
def _turn(work: Array, above: int, below: int, j: int) -> None:
    """Rotate two rows from column ``j`` on, so that ``work[below, j]`` becomes zero."""
    if work[below, j] == 0.0:
        return
    length = math.hypot(work[above, j], work[below, j])
    cos = work[above, j] / length
    sin = work[below, j] / length
    for k in range(j, work.shape[1]):
        upper = work[above, k]
        work[above, k] = cos * upper + sin * work[below, k]
        work[below, k] = cos * work[below, k] - sin * upper


@kernel
def _rotate_in(triangle: Array) -> None:
    """Bring the last row into the triangle above it; only the row's residual is left there, which nothing reads."""
    size = triangle.shape[0] - 1
    for j in range(size):
        _turn(triangle, j, size, j)


@kernel
def _rotate_penalties_in(triangle: Array, penalties: Array) -> None:
    for j in range(penalties.size):
        if penalties[j] != 0.0:
            triangle[-1] = 0.0
            triangle[-1, j] = penalties[j]
            _rotate_in(triangle)


@kernel
def _echelon(work: Array, active: Flags) -> npt.NDArray[np.intp]:
    """Make ``work`` (P, P + K), a triangle, triangular over the active columns that are not negligible; returns those columns."""
    size = work.shape[0]
    kept = np.empty(size, np.intp)
    rank = 0
    for j in range(size):
        if not active[j]:
            continue
        length = 0.0
        for i in range(size):
            length = math.hypot(length, work[i, j])
        for i in range(rank + 1, j + 1):  # rows that a column left out above has set free
            _turn(work, rank, i, j)
        if abs(work[rank, j]) > NEGLIGIBLE * length:
            kept[rank] = j
            rank += 1
    return kept[:rank].copy()


@kernel
def _solve(triangle: Array, active: Flags) -> tuple[Array, npt.NDArray[np.intp], Array]:
    size = triangle.shape[0] - 1
    regions = triangle.shape[1] - size
    work = triangle[:size].copy()
    kept = _echelon(work, active)
    rank = kept.size
    factor = np.zeros((rank, rank))
    for i in range(rank):
        for j in range(i, rank):
            factor[i, j] = work[i, kept[j]]
    coefficients = np.zeros((size, regions))
    for k in range(regions):
        for i in range(rank - 1, -1, -1):
            rest = work[i, size + k]
            for j in range(i + 1, rank):
                rest -= factor[i, j] * coefficients[kept[j], k]
            coefficients[kept[i], k] = rest / factor[i, i]
    return coefficients, kept, factor


@kernel
def _residuals(columns: Array, values: Array, used: Flags, coefficients: Array, count: int) -> Array:
    left = values[:, :count].copy()
    for k in range(left.shape[0]):
        for j in range(columns.shape[0]):
            coefficient = coefficients[j, k]
            if coefficient != 0.0:
                for t in range(count):
                    left[k, t] -= coefficient * columns[j, t]
        for t in range(count):
            if not used[t]:
                left[k, t] = 0.0
    return left
