"""Least squares of every voxel on one design, volume by volume: the triangle is shared, each voxel keeps Q'y and its residual's square.

One Givens rotation per column and volume, as in ``glm.py``: it is found once from the design's row and applied to all voxels. Nothing is
squared, inverted or grown, so 10,000 volumes lose no digits and take the memory of one. P columns, V voxels: 8 bytes * V * (P + 3).

Columns in the fit are those of ``glm.solve``: active, and not dependent on those before them. A contrast is first brought to them: the
positive weights keep their sum and so do the negative ones, each shared out among its columns that are in the fit; where one of the two
sides has none, there is no contrast and the map is zero. So "all blocks against rest" is the mean of the blocks so far, in the same unit
at every volume, and "A against B" never turns into "A against rest" while B is to come. ``informative`` also leaves out a block that has
only just begun.

t comes out too large where noise hangs together in time. With ``rho`` above zero design and data are whitened for AR(1) noise of that
correlation between neighbouring volumes, the same in every voxel; gaps count by their length. Whitening is exact, not an approximation:
given the last volume, AR(1) noise does not depend on those before it. At 0, the default, the map is plain least squares.

Sources: Golub & Van Loan, Matrix Computations, 5.1 and 6.5; Friston et al. 2002, NeuroImage 16:484 (a global AR(1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.signals import glm
from rtfmri.signals.glm import Flags
from rtfmri.signals.noise import MINIMUM_DOF
from rtfmri.signals.voxel_kernels import percent_values, rotate_in, t_values, unexplained
from rtfmri.volume import Array, Image


@dataclass(frozen=True, eq=False)
class VoxelFit:
    """Buffers, made once and filled in place by ``absorb``."""

    triangle: Array  # (P, P): R
    rotated: Array  # (P, V): Q'y
    squares: Array  # (V,): residual sum of squares beside all P columns
    sums: Array  # (V,): of the volumes as they came
    last_row: Array  # (P,): of the volume absorbed last, for whitening
    last_values: Array  # (V,)
    absorbed: npt.NDArray[np.intp]  # (1,): how many volumes
    rho: float

    @property
    def volumes(self) -> int:
        return int(self.absorbed[0])


@dataclass(frozen=True, eq=False)
class _Solution:
    """``coefficients`` (P, P) times Q'y is beta, zero outside ``kept``; ``left_out`` (M, P) are unit rows, each the part of Q'y in one
    direction that no column in the fit explains."""

    coefficients: Array
    kept: Flags  # (P,)
    left_out: Array
    dof: int


def room_for(columns: int, voxels: int, rho: float = 0.0) -> VoxelFit:
    """Empty buffers. ``rho``: correlation of the noise of neighbouring volumes, 0 <= rho < 1.

    Raises
    ------
    ValueError : rho is outside its range.
    """
    if not 0.0 <= rho < 1.0:
        raise ValueError(f"rho {rho:g} is no correlation from 0 to 1")
    return VoxelFit(
        triangle=np.zeros((columns, columns)),
        rotated=np.zeros((columns, voxels)),
        squares=np.zeros(voxels),
        sums=np.zeros(voxels),
        last_row=np.zeros(columns),
        last_values=np.zeros(voxels),
        absorbed=np.zeros(1, dtype=np.intp),
        rho=rho,
    )


def absorb(fit: VoxelFit, row: Array, values: Image | Array, gap: int = 1) -> None:
    """Take one volume in: its design row (P,) and voxels (V,). Flagged and missing volumes are simply not absorbed.

    ``gap`` is how many volume numbers lie between this one and the last absorbed (1: none was left out); only whitening needs it.
    A voxel that is not a number once has no map from then on.

    Raises
    ------
    ValueError : sizes differ, or the row holds what is not a number.
    """
    new_row = np.array(row, dtype=np.float64)
    new_values = np.array(values, dtype=np.float64).reshape(-1)
    if new_row.shape != fit.last_row.shape or new_values.shape != fit.sums.shape or not np.isfinite(new_row).all():
        raise ValueError(f"a row {new_row.shape} and {new_values.size} voxels came for {fit.last_row.size} columns and {fit.sums.size}")
    fit.sums[:] += new_values
    if fit.rho > 0.0:
        decay = fit.rho**gap if fit.volumes else 0.0
        whitened = _whiten(new_row, fit.last_row, decay), _whiten(new_values, fit.last_values, decay)
        fit.last_row[:], fit.last_values[:] = new_row, new_values
        new_row, new_values = whitened
    rotate_in(fit.triangle, fit.rotated, fit.squares, new_row, new_values)
    fit.absorbed[0] += 1


def t_map(fit: VoxelFit, contrast: Array, active: Flags) -> Image:
    """t (V,) of ``contrast`` (P,) in the fit on the columns that are ``active`` (P,); zero where it cannot be told.

    That is: with fewer than ``MINIMUM_DOF`` volumes more than columns, without a column for the contrast, and in voxels that do not
    vary or once had no number.
    """
    solution = _solve(fit, active)
    weights = _weights(solution, contrast)
    length = math.sqrt(float((weights * weights).sum()))
    if solution.dof < MINIMUM_DOF or length == 0.0:
        return np.zeros(fit.sums.size, dtype=np.float32)
    t: Image = t_values(fit.rotated, fit.squares, fit.sums, fit.volumes, weights / length, solution.left_out, solution.dof)
    return t


def effect_percent(fit: VoxelFit, contrast: Array, active: Flags | None = None) -> Image:
    """``contrast`` (P,) in percent of each voxel's mean over the volumes absorbed, (V,); zero where there is no such mean or contrast.

    ``active`` as in ``t_map``; None: all columns.
    """
    weights = _weights(_solve(fit, np.ones(contrast.size, dtype=np.bool_) if active is None else active), contrast)
    effect: Image = percent_values(fit.rotated, fit.sums, fit.volumes, weights)
    return effect


def informative(fit: VoxelFit, contrast: Array, active: Flags) -> Array:
    """``contrast`` (P,) without the columns that make it less certain: hand this to ``t_map``.

    A block that has just begun has next to nothing to say, and a mean with it in would throw the map into noise at every onset. So a
    column is left out as long as the contrast over the others has the smaller variance: beside n blocks of variance v each, a new one
    joins once its own is below (2 + 1/n) v. Among equals none is ever left out.
    """
    solution = _solve(fit, active)
    counted = solution.kept & (contrast != 0.0)
    best = shared_out(contrast, counted)
    while best.any():
        fewer = [counted & (np.arange(contrast.size) != column) for column in np.flatnonzero(counted)]
        tries = [(_variance(solution, shares), n) for n, shares in enumerate(shared_out(contrast, some) for some in fewer) if shares.any()]
        if not tries or min(tries)[0] >= _variance(solution, best):
            break
        counted = fewer[min(tries)[1]]
        best = shared_out(contrast, counted)
    return best


def shared_out(contrast: Array, counted: Flags) -> Array:
    """``contrast`` (P,) on the ``counted`` columns (P,) only; each sign keeps its sum, and all is zero where a sign has no column left."""
    shares = np.zeros(contrast.size)
    for side in (contrast > 0.0, contrast < 0.0):
        here = side & counted
        if side.any() and not here.any():
            return np.zeros(contrast.size)
        shares[here] = contrast[here] * (contrast[side].sum() / contrast[here].sum() if here.any() else 0.0)
    return shares


def warm_up() -> None:
    """Compile every kernel, so that no volume waits for it."""
    columns, volumes = 3, 2 * MINIMUM_DOF
    fit = room_for(columns, 4, rho=0.5)
    for index in range(volumes):
        absorb(fit, np.array([1.0, float(index), float(index % 3)]), np.full(4, index % 5, dtype=np.float32))
    contrast, active = np.array([0.0, 0.0, 1.0]), np.array([True, False, True])
    t_map(fit, informative(fit, contrast, active), active)
    effect_percent(fit, contrast)


def _whiten(new: Array, last: Array, decay: float) -> Array:
    whitened: Array = (new - decay * last) / math.sqrt(1.0 - decay * decay)
    return whitened


def _solve(fit: VoxelFit, active: Flags) -> _Solution:
    """The triangle solved for P unit right-hand sides: what any voxel's Q'y is to be multiplied with."""
    size = fit.last_row.size
    observations = glm.room_for(size, size, 1)
    observations.triangle[:size] = np.concatenate((fit.triangle, np.eye(size)), axis=1)
    solved = glm.solve(observations, active, fit.volumes)
    kept = np.zeros(size, dtype=np.bool_)
    kept[solved.kept] = True
    return _Solution(solved.coefficients, kept, unexplained(fit.triangle, solved.coefficients, solved.kept.size), solved.dof)


def _weights(solution: _Solution, contrast: Array) -> Array:
    """What Q'y (P,) of a voxel is weighted with to give its contrast; the variance of that is sigma^2 times the weights' squares, as the
    weights lie in the space of the columns that are kept."""
    shares = shared_out(contrast, solution.kept)
    weights: Array = (solution.coefficients * shares[:, None]).sum(axis=0)
    return weights


def _variance(solution: _Solution, shares: Array) -> float:
    """Of the contrast ``shares`` (P,), in units of the noise's."""
    weights = (solution.coefficients * shares[:, None]).sum(axis=0)
    return float((weights * weights).sum())
