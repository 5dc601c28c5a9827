"""Leading components of a tissue's voxels, causally: spatial weights are learned once from the first rest and then stay as they are.

An offline aCompCor (Behzadi et al. 2007, NeuroImage 37:90-101) takes the whole run's covariance. Here the volumes of the first rest give
the weights: each voxel less its mean and linear trend, divided by its standard deviation; the leading eigenvectors of the volumes'
covariance; a voxel's weight is its projection on one of them. Every volume's columns - those learned from included - are that same
weighting of its voxels, so the regressors mean one thing throughout the run, need V numbers of memory each, and cost one pass over the
voxels. What changes its place in the tissue later in the run is not followed; weights of an earlier run of the session may be given
instead.

Subspace iteration on the (T, T) covariance: no LAPACK, the same bits every time. Its start is fixed, so the result is deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image

ITERATIONS = 60


@dataclass(frozen=True, eq=False)
class Components:
    """A volume's columns are ``weights`` (c, V) times (its voxel values - ``mean`` (V,))."""

    mean: Array
    weights: Array


def learn(values: Array, count: int) -> Components:
    """The ``count`` leading components of ``values`` (T volumes, V voxels); those that T volumes cannot tell apart have zero weights."""
    mean = values.sum(axis=0) / len(values)
    left = _detrended(values - mean)
    spread = np.sqrt((left * left).sum(axis=0) / max(1, len(values) - 2))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9 * np.abs(mean))
    standard = np.ascontiguousarray(left * scale)
    courses = _leading(_covariance(standard), min(count, max(1, len(values) - 2)))
    weights = np.zeros((count, values.shape[1]))
    for number, course in enumerate(courses):
        weights[number] = (standard * course[:, None]).sum(axis=0) * scale / values.shape[1]
    return Components(mean, weights)


def project(components: Components, values: Array | Image) -> Array:
    """The columns (c,) of a volume with these voxel values (V,)."""
    columns: Array = _project(components.weights, components.mean, np.asarray(values, dtype=np.float64))
    return columns


def _detrended(centred: Array) -> Array:
    """(T, V) less each voxel's linear trend."""
    x = np.arange(len(centred)) - 0.5 * (len(centred) - 1)
    slope = (centred * x[:, None]).sum(axis=0) / max(1.0, float((x * x).sum()))
    detrended: Array = centred - x[:, None] * slope
    return detrended


@kernel
def _project(weights: Array, mean: Array, values: Array) -> Array:
    columns = np.zeros(weights.shape[0])
    for number in range(weights.shape[0]):
        for voxel in range(values.size):
            columns[number] += weights[number, voxel] * (values[voxel] - mean[voxel])
    return columns


@kernel
def _covariance(standard: Array) -> Array:
    """(T, T) of the rows of (T, V)."""
    size = standard.shape[0]
    covariance = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = 0.0
            for voxel in range(standard.shape[1]):
                total += standard[i, voxel] * standard[j, voxel]
            covariance[i, j] = covariance[j, i] = total / standard.shape[1]
    return covariance


@kernel
def _leading(covariance: Array, count: int) -> Array:
    """The ``count`` leading eigenvectors (count, T), by subspace iteration with Gram-Schmidt."""
    size = covariance.shape[0]
    vectors = np.zeros((count, size))
    for c in range(count):
        for i in range(size):
            vectors[c, i] = np.cos(np.pi * (c + 1) * (i + 0.5) / size)  # any start that is not orthogonal to what is sought
    for _ in range(ITERATIONS):
        turned = np.zeros((count, size))
        for c in range(count):
            for i in range(size):
                for j in range(size):
                    turned[c, i] += covariance[i, j] * vectors[c, j]
        _orthonormalise(turned)
        vectors = turned
    return vectors


@kernel
def _orthonormalise(rows: Array) -> None:
    for c in range(rows.shape[0]):
        for before in range(c):
            along = 0.0
            for i in range(rows.shape[1]):
                along += rows[c, i] * rows[before, i]
            for i in range(rows.shape[1]):
                rows[c, i] -= along * rows[before, i]
        length = 0.0
        for i in range(rows.shape[1]):
            length += rows[c, i] * rows[c, i]
        length = np.sqrt(length)
        for i in range(rows.shape[1]):
            rows[c, i] = rows[c, i] / length if length > 1e-12 else 0.0
