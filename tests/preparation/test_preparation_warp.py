"""The warp: its lattice against plain definitions, and on a head whose place in MNI is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_heads import PEOPLE, SPHERES, KnownHead, known_head
from scipy import ndimage
from scipy.interpolate import BSpline

pytest.importorskip("nilearn", reason="nilearn, which brings the template, is not installed")

from rtfmri.preparation.dropout import lost_signal
from rtfmri.preparation.lattice import Lattice, roughness_gradient
from rtfmri.preparation.rough import rough_start
from rtfmri.preparation.template import load_template
from rtfmri.preparation.tissue import least_stretch, overlap, tissues_of
from rtfmri.preparation.warp import Fit, fit_warp

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


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(8.0, 40.0))
def test_gathering_is_the_transpose_of_the_field(seed: int, spacing_mm: float) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice.over((9, 8, 7), (3.0, 4.0, 5.0), spacing_mm)
    coefficients, field = rng.standard_normal(lattice.shape), rng.standard_normal((9, 8, 7, 3))
    assert (lattice.field(coefficients) * field).sum() == pytest.approx((coefficients * lattice.gathered(field)).sum())


@settings(max_examples=20)
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


def test_a_rough_start_finds_a_head_with_its_chin_up() -> None:
    """A head 30 degrees off begins within a few degrees of where it lies."""
    known = known_head(replace(PEOPLE[1], rot_deg=(30.0, 8.0, -5.0)), GRID_SHAPE, VOXEL_MM)
    matrix = rough_start(known.brain, known.grid, load_template())
    places = np.moveaxis(np.indices(GRID_SHAPE), 0, -1) @ known.grid.affine[:3, :3].T + known.grid.affine[:3, 3]
    off_mm = np.linalg.norm(places @ matrix[:3, :3].T + matrix[:3, 3] - known.mni_mm, axis=-1)
    assert np.median(off_mm[known.brain]) < 12  # it is rigid, and the head is a tenth smaller than MNI's
    turn = np.linalg.lstsq(places[known.brain] - places[known.brain].mean(axis=0), known.mni_mm[known.brain], rcond=None)[0].T
    assert np.allclose(matrix[:3, :3], turn / np.linalg.norm(turn, axis=0), atol=0.15)


def test_lost_signal_is_found_where_it_was_taken_away() -> None:
    known = head()
    lost = lost_signal(known.epi, known.grid, known.brain)
    sinus = np.linalg.norm(known.mni_mm - (0, 38, -20), axis=-1) < 8
    assert lost[sinus & known.brain].mean() > 0.8
    assert lost[known.brain & (known.mni_mm[..., 2] > 10)].mean() < 0.01


def test_tissues_are_told_apart() -> None:
    """With the true map, where the template is nearly sure of a tissue so is the result; the nuisance masks lie in their own tissue."""
    known, template = head(), load_template()
    fit = Fit(known.mni_mm, 900.0 * np.array([1.0, 0.78, 1.45]), 50.0, np.ones(known.grid.shape), 1.0)
    tissues = tissues_of(known.epi, fit, template)
    prior = [ndimage.map_coordinates(part, template.index_of(known.mni_mm), order=1) for part in template.tissue]
    assert overlap(tissues.brain, known.brain) > 0.97
    assert np.median(tissues.grey[prior[0] > 0.8]) > 0.8
    assert np.median(tissues.white[prior[1] > 0.9]) > 0.8
    assert tissues.white_matter.sum() > 200
    assert np.median(prior[1][tissues.white_matter]) > 0.9
    assert np.median(prior[2][tissues.csf]) > 0.5


def test_a_fold_is_seen() -> None:
    places = np.moveaxis(np.indices((10, 10, 10)), 0, -1) * 3.0
    affine, everywhere = np.diag([3.0, 3.0, 3.0, 1.0]), np.ones((10, 10, 10), dtype=np.bool_)
    assert least_stretch(places * 0.9, affine, everywhere) == pytest.approx(0.729)
    folded = places.copy()
    folded[5, :, :, 0] -= 9.0
    assert least_stretch(folded, affine, everywhere) < 0


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
