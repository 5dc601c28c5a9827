"""``core.step`` against the same computed offline, all at once, by scipy and numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aftercare_runs import SHAPE, a_run, a_study
from scipy import ndimage

from rtfmri.aftercare import core
from rtfmri.errors import StudyError
from rtfmri.rigid import RigidTransform

FWHM_PER_SIGMA = np.sqrt(8 * np.log(2))
PUSH_PULL = {"name": "push_pull", "plus": ["push"], "minus": ["pull"]}


def follow(run, lags=None):
    state, results = core.begin(run.job), []
    for n, (image, notice) in enumerate(zip(run.images, run.notices, strict=True)):
        state, result = core.step(state, run.job, image, notice, 0 if lags is None else lags[n])
        results.append(result)
    return state, results


def offline_reslice(image, grid, transform):
    """float64, mirrored cubic spline; 0 beyond the outermost voxel centres."""
    voxels = np.indices(SHAPE).reshape(3, -1)
    moved = np.linalg.inv(grid.affine) @ transform.matrix @ grid.affine @ np.vstack((voxels, np.ones(voxels.shape[1])))
    values = ndimage.map_coordinates(image.astype(np.float64), moved[:3], order=3, mode="mirror")
    there = np.all((moved[:3] >= -1e-6) & (moved[:3] <= np.array(SHAPE)[:, None] - 1 + 1e-6), axis=0)
    return np.where(there, values, 0.0).reshape(SHAPE), there.reshape(SHAPE)


def offline_smooth(image, mask, grid, fwhm_mm):
    sigma = [fwhm_mm / FWHM_PER_SIGMA / size for size in grid.voxel_size_mm]
    blurred, weight = (ndimage.gaussian_filter(np.where(mask, part, 0.0), sigma, mode="constant") for part in (image, mask.astype(float)))
    return np.where(mask, blurred / np.where(mask, weight, 1.0), 0.0)


def offline_maps(run, weights, results=None, fwhm_mm=6.0):
    """t and percent (X, Y, Z) by least squares on all usable volumes, and tSNR with a line taken out; 0 where a volume had no data.

    From the ``results``' resliced volumes where they are given, else resliced by scipy.
    """
    job, usable = run.job, [n for n in run.notices if n.usable and n.transform is not None]
    plain, smooth, always = [], [], job.mask.copy()
    for notice in usable:
        resliced, there = offline_reslice(run.images[notice.index], job.reference_grid, notice.transform)
        resliced = resliced if results is None else results[notice.index].resliced.astype(np.float64)
        filled = np.where(there, resliced, job.reference)
        plain.append(filled[job.mask])
        smooth.append(offline_smooth(filled, job.mask, job.reference_grid, fwhm_mm)[job.mask])
        always &= there
    design, y = np.array([notice.row for notice in usable]), np.array(smooth)
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    dof = len(design) - np.linalg.matrix_rank(design)
    sigma2 = ((y - design @ beta) ** 2).sum(axis=0) / dof
    effect = weights @ beta
    t = effect / np.sqrt(sigma2 * (weights @ np.linalg.pinv(design.T @ design) @ weights))
    line = np.array([[1.0, notice.index] for notice in usable])
    values = np.array(plain)
    left = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
    tsnr = values.mean(axis=0) / np.sqrt((left**2).sum(axis=0) / (len(line) - 2))
    maps = []
    for values in (t, 100 * effect / y.mean(axis=0), tsnr):
        image = np.zeros(SHAPE)
        image[job.mask] = values
        maps.append(np.where(always, image, 0.0))
    return maps


def offline_tsnr_of(run, results, name):
    """Of the mean over a region, a line taken out."""
    usable = [notice.index for notice in run.notices if notice.usable]
    values = np.array([results[index].resliced[tuple(run.job.rois[name].T)].astype(float).mean() for index in usable])
    return values.mean() / np.sqrt(((values - np.polyval(np.polyfit(usable, values, 1), usable)) ** 2).sum() / (len(usable) - 2))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    return a_run(tmp_path_factory.mktemp("core"), a_study([PUSH_PULL]))


@pytest.fixture(scope="module")
def followed(run):
    return follow(run)


def test_maps_are_those_of_an_offline_fit_without_the_flagged_and_missing_volumes(run, followed) -> None:
    state, results = followed
    last = run.notices[-1].index
    t, effect, tsnr = offline_maps(run, state.prepared.contrasts[0].weights)
    assert state.fit.volumes == sum(notice.usable for notice in run.notices) < len(run.notices) - 6
    assert np.abs(t).max() > 3
    own = core.t_maps(state, run.job, last)["push_pull"]
    np.testing.assert_array_equal(results[-1].maps["push_pull"], own)
    np.testing.assert_allclose(own, offline_maps(run, state.prepared.contrasts[0].weights, results)[0], atol=1e-5, rtol=0)
    np.testing.assert_allclose(own, t, atol=5e-5, rtol=0)  # volumes are resliced in float32
    np.testing.assert_allclose(core.effect_maps(state, run.job, last)["push_pull"], effect, atol=1e-5, rtol=0)
    np.testing.assert_allclose(core.tsnr_image(state, run.job), tsnr, rtol=1e-4)


def test_a_voxel_that_left_the_field_of_view_has_no_map_and_its_neighbours_keep_theirs(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    far = RigidTransform((0.0, 0.0, 17.0), (0.0, 0.0, 0.0))
    run.notices[50] = replace(run.notices[50], transform=far)
    state, results = follow(run)
    t = core.t_maps(state, run.job, run.notices[-1].index)["regulate"]
    offline, _, tsnr = offline_maps(run, state.prepared.contrasts[0].weights, results)
    lost = run.job.mask & (tsnr == 0)
    assert 20 < lost.sum() < run.job.mask.sum() / 2
    assert not t[lost].any()
    assert not core.tsnr_image(state, run.job)[lost].any()
    np.testing.assert_allclose(t, offline, atol=1e-5, rtol=0)


def test_the_final_maps_are_the_same_bits_whatever_was_shed(run, followed) -> None:
    calm, _ = followed
    hurried, results = follow(run, lags=np.random.default_rng(0).integers(0, 20, len(run.images)))
    last = run.notices[-1].index
    for maps in (core.t_maps, core.effect_maps):
        assert maps(calm, run.job, last)["push_pull"].tobytes() == maps(hurried, run.job, last)["push_pull"].tobytes()
    assert core.tsnr_image(calm, run.job).tobytes() == core.tsnr_image(hurried, run.job).tobytes()
    assert any(result.quality is None for result in results)
    assert any(result.quality is not None and not result.drawn for result in results)


def test_pictures_come_every_so_many_volumes_and_never_without_a_position(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_study(every=4))
    _, results = follow(run)
    drawn = [n for n, result in enumerate(results) if result.drawn]
    assert drawn == [n for n in range(0, len(results), 4) if run.notices[n].transform is not None]
    assert all(set(results[n].maps) == {"regulate"} for n in drawn)


def test_nothing_comes_of_a_missing_volume(run, followed) -> None:
    _, results = followed
    assert run.images[40] is None
    assert results[40].quality is None
    assert results[40].resliced is None


def test_quality_tells_tsnr_and_a_spike_where_it_was(tmp_path: Path) -> None:
    run = a_run(tmp_path, missing=(), flagged=())
    run.images[60] = run.images[60].copy()
    run.images[60][:, :, 6] += 300 * (np.indices(SHAPE[:2])[0] % 2)
    _, results = follow(run)
    told = [result.quality for result in results]
    assert told[-1].index == len(results) - 1
    assert 30 < told[-1].tsnr["brain"] < 70
    assert told[-1].tsnr["left_hand"] == pytest.approx(offline_tsnr_of(run, results, "left_hand"), rel=1e-4)
    assert told[-1].volumes == len(results) - run.job.plan.dummies
    assert told[60].spike_slices == (6,)
    assert told[60].spike_percent > 3 * np.median([quality.spike_percent or 0 for quality in told]) + 3


def test_a_contrast_of_unknown_blocks_is_refused_and_can_be_done_without(run) -> None:
    job = replace(run.job, study=a_study([{"name": "lift", "plus": ["lift"]}]))
    with pytest.raises(StudyError, match="no regulation block 'lift'"):
        core.begin(job)
    assert [contrast.rule.name for contrast in core.begin(core.without_contrasts(job)).prepared.contrasts] == ["regulate"]
