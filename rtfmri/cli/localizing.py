"""``rtfmri localize``: from a recorded run to subject-specific regions and the feedback range of the runs that follow.

The record alone is read; nothing of it is changed. The run goes through the pipeline three times: once as it was, and once with the voxels
that each half of its blocks chose, which gives the values that a participant would have been shown in the other half.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from rtfmri.cli.localize_outputs import Basis, Choosing, Found, file_of, tell, write
from rtfmri.cli.recomputing import Recomputed, always_covered, realigned, recompute, refuse_blind
from rtfmri.engine.materials import read_materials
from rtfmri.errors import StudyError
from rtfmri.pipeline import GridImage, Materials, warm_up
from rtfmri.preparation.localizer import ENDING
from rtfmri.preparation.localizer_contrast import Asked, asked_contrast, blocks_in, contrast_and_halves
from rtfmri.preparation.localizer_effect import Effect, effect_of, mean_effect, refuse_without_effect, unusable
from rtfmri.preparation.localizer_maps import voxelwise_maps
from rtfmri.preparation.localizer_range import localizer_range, values_in_blocks
from rtfmri.preparation.localizer_voxels import Chosen, choose_voxels
from rtfmri.record.layout import RunPaths
from rtfmri.record.recorded import RecordedRun
from rtfmri.registration import smoothing
from rtfmri.registration.mask import Mask
from rtfmri.signals import voxelwise
from rtfmri.signals.compare import model
from rtfmri.volume import Array, Image


def localize(
    source: Path,
    names: tuple[str, ...],
    contrast: tuple[str | None, tuple[str, ...], tuple[str, ...]],
    choosing: Choosing,
    out: Path | None,
    again: bool,
) -> int:
    """Localize, write, say what was found. ``contrast``: the name of one, or blocks on either side.

    Raises
    ------
    StudyError : the run cannot be used for it, a region has too few voxels or no effect, or it was done before and not ``again``.
    """
    run = RecordedRun.open(source)
    refuse_blind(run)
    paths = RunPaths(out or run.paths.out, run.entities)
    if file_of(paths, ENDING).exists() and not again:
        raise StudyError(f"{run.entities.label} is localized already ({file_of(paths, ENDING)}); give --again to do it anew.")
    console = Console()
    materials = read_materials(run.study)
    _warm_up(run.study.registration.order)
    with Console(stderr=True).status("going over the recorded run"):
        basis = _basis(run, materials, names, asked_contrast(run.study, *contrast), choosing)
        found = _found(basis, materials, choosing)
    localized = write(paths, basis, found, choosing)
    tell(console, localized, paths)
    return 0


def _warm_up(order: int) -> None:
    warm_up(order)
    smoothing.warm_up()
    voxelwise.warm_up()


def _basis(run: RecordedRun, materials: Materials, names: tuple[str, ...], asked: Asked, choosing: Choosing) -> Basis:
    known = [roi.name for roi in run.study.roi]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StudyError(f"--roi {', '.join(unknown)}: the study has no such region; its regions are {', '.join(known)}.")
    gone_over = recompute(run, materials)
    setup = gone_over.setup
    whole, halves = contrast_and_halves(setup.plan, setup.blocks, asked)
    flagged = sum(message.flagged for message in gone_over.messages)
    received = sum(message.validity != "missing" for message in gone_over.messages)
    problems = unusable(setup.plan, gone_over.used, flagged, received, whole)
    if problems:
        raise StudyError(*problems)
    volumes = realigned(gone_over, setup.roi_grid, gone_over.session)
    design, active = gone_over.state.signal.observations.columns, setup.plan.active_from < gone_over.count
    head = gone_over.head & always_covered(gone_over, setup.roi_grid, gone_over.session)
    maps = voxelwise_maps(design, active, (whole, halves), volumes, head, setup.roi_grid, choosing.smooth_fwhm_mm)
    anatomical = {roi.name: _mask_of(roi.voxels, setup.roi_grid.shape) for roi in setup.rois if not names or roi.name in names}
    return Basis(gone_over, asked, whole, halves, maps, anatomical)


def _mask_of(voxels: npt.NDArray[np.intp], shape: tuple[int, int, int]) -> Mask:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[tuple(voxels.T)] = True
    return mask


def _found(basis: Basis, materials: Materials, choosing: Choosing) -> Found:
    """Choose by all blocks; measure what such voxels do in blocks that did not choose them. All regions' problems at once."""
    chosen = _chosen(basis.maps.t, basis, choosing)
    plan = basis.gone_over.setup.plan
    first, second = (_with_voxels_of(basis, materials, half, choosing) for half in (0, 1))
    chose_first = blocks_in(plan, basis.halves[0])
    others = frozenset(score.block for score in plan.scores) - chose_first
    shown = (values_in_blocks(plan.signal, plan.scores, *part) for part in ((first.messages, others), (second.messages, chose_first)))
    values = next(shown).and_more(next(shown))
    effects: dict[str, Effect] = {}
    problems: list[str] = []
    for name in basis.anatomical:
        number = plan.roi_names.index(name)
        halves = (_effect(first, basis.halves[1], number), _effect(second, basis.halves[0], number))
        try:
            effects[name] = refuse_without_effect(name, basis.asked.words, mean_effect(*halves))
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(*problems)
    return Found(chosen, effects, localizer_range(values, plan.full_range))


def _chosen(t: Image, basis: Basis, choosing: Choosing) -> dict[str, Chosen]:
    chosen: dict[str, Chosen] = {}
    problems: list[str] = []
    for name, region in basis.anatomical.items():
        try:
            chosen[name] = choose_voxels(name, t, region, choosing.top_percent, choosing.contiguous)
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(*problems)
    return chosen


def _with_voxels_of(basis: Basis, materials: Materials, half: int, choosing: Choosing) -> Recomputed:
    """The run with the voxels that one half of its blocks chose."""
    grid = basis.gone_over.setup.roi_grid
    chosen = _chosen(basis.maps.halves[half], basis, choosing)
    masks = {name: GridImage(each.mask.astype(np.float32), grid) for name, each in chosen.items()}
    return recompute(basis.gone_over.run, replace(materials, masks={**materials.masks, **masks}))


def _effect(gone_over: Recomputed, contrast: Array, region: int) -> Effect | None:
    plan = gone_over.setup.plan
    return effect_of(plan, model(plan, gone_over.state.signal.observations, gone_over.count), contrast, region)
