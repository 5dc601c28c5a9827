"""The warp: its lattice against plain definitions, and on a head whose place in MNI is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_heads import PEOPLE, SPHERES, KnownHead, known_head
from scipy.interpolate import BSpline

pytest.importorskip("nilearn", reason="nilearn, which brings the template, is not installed")

from rtfmri.preparation.lattice import Lattice, roughness_gradient
from rtfmri.preparation.template import load_template
from rtfmri.preparation.warp import fit_warp

GRID_SHAPE, VOXEL_MM = (48, 50, 27), (4.5, 4.5, 4.5)


@cache
def head() -> KnownHead:
    return known_head(PEOPLE[1], GRID_SHAPE, VOXEL_MM)


def test_the_lattice_is_a_cubic_b_spline() -> None:
    lattice = Lattice.over((30, 20, 10), (2.0, 3.0, 4.0), 12.0)
    knots = np.arange(-3, lattice.shape[0] + 1) * 1.0
    for knot in range(lattice.shape[0]):
        one = BSpline.basis_element(knots[knot : knot + 5], extrapolate=False)
        expected = np.nan_to_num(one(np.arange(30) * 2.0 / 12.0))
        assert lattice.bases[0][:, knot] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(8.0, 40.0))
def test_gathering_is_the_transpose_of_the_field(seed: int, spacing_mm: float) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice.over((9, 8, 7), (3.0, 4.0, 5.0), spacing_mm)
    coefficients, field = rng.standard_normal(lattice.shape), rng.standard_normal((9, 8, 7, 3))
    assert (lattice.field(coefficients) * field).sum() == pytest.approx((coefficients * lattice.gathered(field)).sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_roughness_is_symmetric_and_nowhere_negative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 6, 5, 7, 3))
    assert (a * roughness_gradient(b)).sum() == pytest.approx((b * roughness_gradient(a)).sum())
    assert (a * roughness_gradient(a)).sum() > 0


def test_a_thinned_lattice_is_the_same_field() -> None:
    lattice = Lattice.over((12, 11, 10), (1.5, 1.5, 2.0), 9.0)
    coefficients = np.random.default_rng(1).standard_normal(lattice.shape)
    assert lattice.thinned((2, 3, 1)).field(coefficients) == pytest.approx(lattice.field(coefficients)[::2, ::3])


def test_the_warp_finds_the_head_from_an_affine_start() -> None:
    """From the best affine there is, 3 to 5 mm off, to under 2 mm where regions lie, in an EPI with distortion and dropout."""
    known = head()
    places = np.moveaxis(np.indices(GRID_SHAPE), 0, -1) @ known.grid.affine[:3, :3].T + known.grid.affine[:3, 3]
    inside = np.c_[places[known.brain], np.ones(int(known.brain.sum()))]
    matrix = np.linalg.lstsq(inside, known.mni_mm[known.brain], rcond=None)[0]
    start = places @ matrix[:3] + matrix[3]
    valid = np.asarray(known.epi > 60)
    fit = fit_warp(np.where(known.brain, known.epi, 0).astype(np.float32), known.grid, valid, start, load_template())

    def rms_mm(mni: np.ndarray) -> float:
        return float(np.sqrt(((mni - known.mni_mm)[known.brain] ** 2).sum(axis=-1).mean()))

    assert rms_mm(fit.mni_mm) < 0.65 * rms_mm(start)
    for centre in SPHERES.values():
        near = np.linalg.norm(known.mni_mm - centre, axis=-1) < 8
        assert np.linalg.norm((fit.mni_mm - known.mni_mm)[near].mean(axis=0)) < 2
    grey, white, fluid = fit.means
    assert white < grey < fluid  # the contrast is the image's own; it was not told
