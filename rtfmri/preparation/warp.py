"""From each voxel of an image to its place in MNI: a smooth warp under which the template's tissues explain the image.

Model: ``image(x) = gain(x) * sum_k mean_k * tissue_k(m(x)) + noise`` with ``m(x) = start(x) + u(x)``, u a cubic B-spline field. Means are
fitted with the warp, so the contrast of the image (T2*, T1, any echo time) need not be known, and gain varies over centimetres only.
EPI distortion is part of u. Least squares with Cauchy weights (dropout, vessels and scalp do not pull) and a prior on the field's
curvature; Gauss-Newton from heavily to lightly smoothed images. (Ashburner & Friston 1999, Human Brain Mapping 7:254: the same idea
with cosines.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse.linalg import LinearOperator, cg

from rtfmri.preparation.lattice import Lattice, roughness_gradient
from rtfmri.preparation.template import Template
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid, Image

SPACING_MM = 16.0  # of the field's knots; 12 to 24 mm place regions as well
CURVATURE_MM = 4.0  # prior standard deviation of the knots' Laplacian; 4 to 16 mm place regions as well
Levels = tuple[tuple[float, int], ...]  # FWHM of smoothing in mm, steps
LEVELS: Levels = ((12.0, 5), (8.0, 5), (5.0, 5), (3.0, 6))
NO_WARP: Levels = ((3.0, 0),)  # contrast and gain only
FIT_MM = 3.0  # finer images are thinned to about this while the warp is fitted
GAIN_MM = 25.0  # standard deviation of the gain's smoothing
POINT_MM = 4.0  # FWHM of an image before smoothing, for how many independent values it holds
CAUCHY = 2.5  # residual, in standard deviations, that counts half
FWHM = 2.355  # in standard deviations
_CG_STEPS, _CG_TOLERANCE = 20, 1e-2


@dataclass(frozen=True, eq=False)
class Fit:
    """``mni_mm`` (X, Y, Z, 3): where each voxel lies in MNI; ``means`` (3,) of grey, white and fluid, of the ``noise``, and the ``gain``.

    ``correlation``: of the image and what the tissues say, where the fit was made.
    """

    mni_mm: Array
    means: Array
    noise: float
    gain: Array
    correlation: float


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is fixed on one level: smoothed image, tissues (3, ...) and where to compare; ``density``: independent values a voxel."""

    image: Array
    valid: Mask
    start: Array
    tissue: Array
    template: Template
    lattice: Lattice
    density: float


@dataclass(frozen=True, eq=False)
class _View:
    """How the model stands at one warp: residual, its weight and the slope of the model (per mm), all on the grid."""

    means: Array
    noise: float
    model: Array
    residual: Array
    weight: Array
    slope: Array


def fit_warp(image: Image, grid: Grid, valid: Mask, start: Array, template: Template, levels: Levels = LEVELS) -> Fit:
    """The warp that explains ``image`` (X, Y, Z) within ``valid``, beginning at ``start`` (X, Y, Z, 3) mm of MNI.

    The image may hold any units; outside the head it should be zero. Deterministic but for the order of sums in BLAS.
    """
    steps = _thinning(grid)
    thin = tuple(slice(None, None, step) for step in steps)
    whole = Lattice.over(grid.shape, grid.voxel_size_mm, SPACING_MM)
    lattice = whole.thinned(steps)
    scale = float(np.median(image[valid & (image > 0)]))
    coefficients, gain = np.zeros(lattice.shape), np.ones(grid.shape)
    for fwhm_mm, count in levels:
        smooth = ndimage.gaussian_filter(image / scale / gain, [fwhm_mm / FWHM / mm for mm in grid.voxel_size_mm], mode="nearest")
        tissue = np.stack([ndimage.gaussian_filter(part, fwhm_mm / FWHM / template.step_mm) for part in template.tissue])
        sizes = np.multiply(grid.voxel_size_mm, steps)
        density = min(1.0, float(np.prod(sizes)) / (fwhm_mm**2 + POINT_MM**2) ** 1.5)
        problem = _Problem(smooth[thin], valid[thin], start[thin], tissue, template, lattice, density)
        for _ in range(count):
            coefficients = coefficients + _step(problem, coefficients)
        view = _view(problem, coefficients)
        gain = gain * _enlarged(_smooth_ratio(problem, view, sizes), gain.shape, steps)
    seen = problem.valid
    correlation = float(np.corrcoef(view.model[seen], (view.model + view.residual)[seen])[0, 1])
    return Fit(start + whole.field(coefficients), view.means * scale, view.noise * scale, gain, correlation)


def _thinning(grid: Grid) -> tuple[int, int, int]:
    x, y, z = (max(1, round(FIT_MM / mm)) for mm in grid.voxel_size_mm)
    return x, y, z


def _step(problem: _Problem, coefficients: Array) -> Array:
    """One Gauss-Newton step: the normal equations are never written out, conjugate gradients only apply them."""
    view = _view(problem, coefficients)
    lattice, stiffness = problem.lattice, CURVATURE_MM**-2
    precision = view.weight * problem.density / view.noise**2

    def normal(flat: Array) -> Array:
        change = flat.reshape(lattice.shape)
        along = precision * (view.slope * lattice.field(change)).sum(axis=-1)
        return (lattice.gathered(view.slope * along[..., None]) + stiffness * roughness_gradient(change)).ravel()

    pull = lattice.gathered(view.slope * (precision * view.residual)[..., None]) - stiffness * roughness_gradient(coefficients)
    size = coefficients.size
    found, _ = cg(LinearOperator((size, size), matvec=normal, dtype=np.float64), pull.ravel(), maxiter=_CG_STEPS, rtol=_CG_TOLERANCE)
    return np.asarray(found).reshape(lattice.shape)


def _view(problem: _Problem, coefficients: Array) -> _View:
    at = problem.template.index_of((problem.start + problem.lattice.field(coefficients))[problem.valid])
    parts = np.stack([ndimage.map_coordinates(part, at, order=1) for part in problem.tissue], axis=1)
    values = problem.image[problem.valid]
    means, noise, weights = _robust_means(parts, values)
    mixed = np.tensordot(means, problem.tissue, 1)
    slopes = [ndimage.map_coordinates(slope, at, order=1) for slope in np.gradient(mixed, problem.template.step_mm)]
    signs = np.sign(np.diag(problem.template.affine)[:3])
    model, residual, weight = (_on_grid(v, problem.valid) for v in (parts @ means, values - parts @ means, weights))
    return _View(means, noise, model, residual, weight, _on_grid(np.stack(slopes, axis=1) * signs, problem.valid))


def _robust_means(parts: Array, values: Array) -> tuple[Array, float, Array]:
    """Means (3,) of the tissues, residual standard deviation (from its median) and Cauchy weights (N,)."""
    weights = np.ones(len(values))
    for _ in range(3):
        root = np.sqrt(weights)
        means = np.linalg.lstsq(parts * root[:, None], values * root, rcond=None)[0]
        residual = values - parts @ means
        noise = max(1.4826 * float(np.median(np.abs(residual))), 1e-6)
        weights = 1 / (1 + (residual / (CAUCHY * noise)) ** 2)
    return means, noise, weights


def _smooth_ratio(problem: _Problem, view: _View, sizes_mm: npt.NDArray[np.floating]) -> Array:
    """What the image is larger than the model by, over centimetres; 1 far from the head."""
    sigma = [GAIN_MM / mm for mm in sizes_mm]
    weight = view.weight * problem.valid
    shown = ndimage.gaussian_filter(weight * (view.model + view.residual) * view.model, sigma)
    expected = ndimage.gaussian_filter(weight * view.model**2, sigma)
    return np.asarray((shown + 1e-6) / (expected + 1e-6))


def _on_grid(values: Array, valid: Mask) -> Array:
    grid = np.zeros(valid.shape + values.shape[1:])
    grid[valid] = values
    return grid


def _enlarged(smooth: Array, shape: tuple[int, ...], steps: tuple[int, int, int]) -> Array:
    """A thinned smooth image at every voxel again."""
    if steps == (1, 1, 1):
        return smooth
    at = np.meshgrid(*(np.arange(n) / step for n, step in zip(shape, steps, strict=True)), indexing="ij")
    return np.asarray(ndimage.map_coordinates(smooth, at, order=1, mode="nearest"))
