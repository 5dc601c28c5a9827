"""One volume's aftercare: reslice, quality, smoothing, the voxelwise fit and its maps. Pure: no file, clock, process or thread.

The rules. Indices ascend. Spiked slices and the ghost are sought in the raw volume, everything else in the realigned one. Only usable
volumes (not flagged, paused, dummy or missing) with a known head position enter the tSNR and the map; jumping voxels and pictures
take every volume whose position is known. A brain voxel for which one volume of the map had no data, because the head moved it out of the
field of view, has neither tSNR nor map from then on; its neighbours are smoothed with the reference's value in its place.

What is smoothed is the difference from the reference, to which the smoothed reference is added again: the same, as smoothing is linear, but
float32 rounds the changes and not the level, which is a hundred times larger (README.md has what that brings).

``lag`` only decides what is told and drawn (``shedding.py``); the fit's and the tSNR map's sums are the same at any lag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from rtfmri.aftercare.job import AftercareJob, Notice
from rtfmri.aftercare.shedding import is_shed
from rtfmri.messages import Quality
from rtfmri.quality import ghost, slice_spikes, spikes, tsnr
from rtfmri.registration import interpolation, reslice, smoothing
from rtfmri.rigid import RigidTransform
from rtfmri.signals import voxelwise
from rtfmri.signals.contrast import contrast_vector, default_contrast
from rtfmri.study.aftercare import ContrastRule
from rtfmri.volume import Array, Image

BRAIN = "brain"
Voxels = npt.NDArray[np.intp]  # numbers in the C-ordered volume


@dataclass(frozen=True, eq=False)
class Contrast:
    rule: ContrastRule
    weights: Array  # (P,)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What stays the same over the run. ``brain`` (V,) and ``rois`` are voxel numbers, ``smoothed`` (V,) is the reference, smoothed."""

    brain: Voxels
    smoothed: Array
    rois: tuple[Voxels, ...]
    smoothing: smoothing.Smoothing
    ghost: ghost.GhostRegions | None
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True, eq=False)
class Realigned:
    """``image`` and its ``difference`` from the reference, both (X, Y, Z); where there are no data the one is 0 and so is the other.

    ``brain`` (V,) are the values with the reference's in their place, ``lost`` the numbers (of V) of those without data.
    """

    image: Image
    difference: Image
    brain: Array
    lost: Voxels


@dataclass(frozen=True, eq=False)
class State:
    """After the volumes so far. Its arrays are filled in place: only the newest state may be used."""

    prepared: Prepared
    fit: voxelwise.VoxelFit
    brain_tsnr: tsnr.RunningTsnr  # of the brain's voxels
    roi_tsnr: tsnr.RunningTsnr  # of the regions' means
    jumps: spikes.Jumps
    slices: slice_spikes.SliceHistory


@dataclass(frozen=True, eq=False)
class Results:
    """``resliced`` (X, Y, Z) on the reference's grid, where the position was known; ``maps`` (X, Y, Z) of t, where ``drawn`` over it."""

    resliced: Image | None = None
    quality: Quality | None = None
    drawn: bool = False
    maps: dict[str, Image] = field(default_factory=dict)


def begin(job: AftercareJob) -> State:
    """The state before the first volume.

    Raises
    ------
    StudyError : a contrast names a block that the run does not have.
    """
    study, shape = job.study, job.reference_grid.shape
    brain = np.flatnonzero(job.mask)
    smooth = smoothing.prepare_smoothing(job.mask, study.aftercare.smooth_fwhm_mm, job.reference_grid.voxel_size_mm)
    rules = study.contrast or tuple(rule for rule in (default_contrast(study),) if rule is not None)
    prepared = Prepared(
        brain=brain,
        smoothed=smoothing.smooth_with(job.reference, smooth).reshape(-1)[brain].astype(np.float64),
        rois=tuple(np.ravel_multi_index(tuple(voxels.T), shape) for voxels in job.rois.values()),
        smoothing=smooth,
        ghost=ghost.ghost_regions(job.mask),
        contrasts=tuple(Contrast(rule, contrast_vector(job.plan, job.blocks, rule)) for rule in rules),
    )
    return State(
        prepared=prepared,
        fit=voxelwise.room_for(len(job.plan.design), brain.size),
        brain_tsnr=tsnr.room_for(brain.size),
        roi_tsnr=tsnr.room_for(len(prepared.rois)),
        jumps=spikes.room_for(brain.size),
        slices=slice_spikes.room_for(brain % shape[2], shape[2]),
    )


def warm_up(order: int = 3) -> None:
    """Compile, or load from the cache, every kernel that a volume needs."""
    interpolation.warm_up(order)
    reslice.warm_up(order)
    for part in (smoothing, voxelwise, tsnr, spikes, slice_spikes, ghost):
        part.warm_up()


def step(state: State, job: AftercareJob, image: Image | None, notice: Notice, lag: int) -> tuple[State, Results]:
    """The state after one volume number, and what came of it. ``image`` (X, Y, Z) as recorded, None: missing."""
    if image is None:
        return state, Results()
    realigned = None if notice.transform is None else _realign(job, state.prepared, image, notice.transform)
    if realigned is not None and notice.usable:
        state = _absorb(state, job, realigned, notice)
    quality = None
    if not is_shed("quality", lag):
        state, quality = _judge(state, job, image, realigned, notice.index)
    if realigned is None:
        return state, Results(quality=quality)
    drawn = notice.index % job.study.aftercare.every == 0 and not is_shed("pictures", lag)
    return state, Results(realigned.image, quality, drawn, t_maps(state, job, notice.index) if drawn else {})


def t_maps(state: State, job: AftercareJob, index: int) -> dict[str, Image]:
    """t of each contrast (X, Y, Z) with the columns that are in the model at volume ``index``; 0 where it cannot be told yet."""
    return _maps(state, job, index, voxelwise.t_map)


def effect_maps(state: State, job: AftercareJob, index: int) -> dict[str, Image]:
    """Each contrast (X, Y, Z) in percent of the voxel's mean; otherwise as ``t_maps``."""
    return _maps(state, job, index, voxelwise.effect_percent)


def tsnr_image(state: State, job: AftercareJob) -> Image:
    """tSNR of the realigned, unsmoothed brain (X, Y, Z); 0 where it cannot be told."""
    return on_grid(state, job, tsnr.tsnr_map(state.brain_tsnr))


def without_contrasts(job: AftercareJob) -> AftercareJob:
    """The job with the default contrast in place of the study's own."""
    return replace(job, study=job.study.model_copy(update={"contrast": ()}))


def on_grid(state: State, job: AftercareJob, values: Image) -> Image:
    """The brain's voxels (V,) in their volume (X, Y, Z), 0 elsewhere."""
    image = np.zeros(job.reference_grid.shape, dtype=np.float32)
    image.reshape(-1)[state.prepared.brain] = np.nan_to_num(values)
    return image


def _maps(
    state: State, job: AftercareJob, index: int, statistic: Callable[[voxelwise.VoxelFit, Array, npt.NDArray[np.bool_]], Image]
) -> dict[str, Image]:
    active = job.plan.active_from <= index
    maps = {}
    for contrast in state.prepared.contrasts:
        weights = voxelwise.informative(state.fit, contrast.weights, active)
        maps[contrast.rule.name] = on_grid(state, job, statistic(state.fit, weights, active))
    return maps


def _realign(job: AftercareJob, prepared: Prepared, image: Image, transform: RigidTransform) -> Realigned:
    order, grid = job.study.aftercare.order, job.reference_grid
    resliced = reslice.reslice(interpolation.prefilter(image, order), grid, transform, job.raw.grid, order)
    there = reslice.covered(grid, transform, job.raw.grid)
    difference = np.where(there, resliced - job.reference, np.float32(0.0))
    brain = difference.reshape(-1)[prepared.brain].astype(np.float64) + job.reference.reshape(-1)[prepared.brain]
    return Realigned(resliced, difference, brain, np.flatnonzero(~there.reshape(-1)[prepared.brain]))


def _absorb(state: State, job: AftercareJob, realigned: Realigned, notice: Notice) -> State:
    """Take a usable volume into the map and the tSNR; never left out."""
    prepared = state.prepared
    smoothed = prepared.smoothed + smoothing.smooth_with(realigned.difference, prepared.smoothing).reshape(-1)[prepared.brain]
    plain = realigned.brain.copy()
    smoothed[realigned.lost] = plain[realigned.lost] = np.nan  # no map and no tSNR from now on
    voxelwise.absorb(state.fit, np.array(notice.row), smoothed)
    changes, level = realigned.difference.reshape(-1), job.reference.reshape(-1)
    regions = np.array([float((changes[roi].astype(np.float64) + level[roi]).mean()) if roi.size else 0.0 for roi in prepared.rois])
    return replace(
        state,
        brain_tsnr=tsnr.update(state.brain_tsnr, notice.index, plain),
        roi_tsnr=tsnr.update(state.roi_tsnr, notice.index, regions),
    )


def _judge(state: State, job: AftercareJob, image: Image, realigned: Realigned | None, index: int) -> tuple[State, Quality]:
    prepared = state.prepared
    slices, spoiled = slice_spikes.update(state.slices, image.reshape(-1)[prepared.brain])
    jumps, jumped = (state.jumps, None) if realigned is None else spikes.update(state.jumps, realigned.brain)
    quality = Quality(
        index=index,
        tsnr=_told_tsnr(state, tuple(job.rois)),
        spike_percent=jumped,
        spike_slices=spoiled,
        ghost_percent=None if prepared.ghost is None else ghost.ghost_percent(prepared.ghost, image),
        volumes=state.fit.volumes,
    )
    return replace(state, slices=slices, jumps=jumps), quality


def _told_tsnr(state: State, names: tuple[str, ...]) -> dict[str, float]:
    """Of the brain its voxels' median, of each region its mean's; those that can be told."""
    brain = tsnr.median(state.brain_tsnr)
    told = {BRAIN: brain} if brain is not None else {}
    regions = tsnr.tsnr_map(state.roi_tsnr)
    return told | {name: float(value) for name, value in zip(names, regions, strict=True) if value > 0.0}
