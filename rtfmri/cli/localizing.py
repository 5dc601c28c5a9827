"""``rtfmri localize``: from a recorded run to subject-specific regions and the feedback range of the runs that follow.

The record alone is read; nothing of it is changed. The run goes through the pipeline three times: once as it was, and once with the voxels
that each half of its blocks chose, which gives the values that a participant would have been shown in the other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from rtfmri.cli.recomputing import Recomputed, realigned, recompute, start_of
from rtfmri.engine.materials import read_materials
from rtfmri.errors import StudyError
from rtfmri.pipeline import GridImage, Materials, warm_up
from rtfmri.preparation.localizer import ENDING, Localized, Range, Region
from rtfmri.preparation.localizer_contrast import Asked, asked_contrast, blocks_in, contrast_and_halves
from rtfmri.preparation.localizer_effect import Effect, effect_of, mean_effect, refuse_without_effect, unusable
from rtfmri.preparation.localizer_maps import Maps, voxelwise_maps
from rtfmri.preparation.localizer_picture import Shown, draw_regions
from rtfmri.preparation.localizer_range import FeedbackRange, localizer_range, values_in_blocks
from rtfmri.preparation.localizer_voxels import Chosen, choose_voxels
from rtfmri.record.durable import write_json, write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.references import save_images
from rtfmri.registration import smoothing
from rtfmri.registration.mask import Mask
from rtfmri.signals import voxelwise
from rtfmri.signals.compare import model
from rtfmri.study.signal import measure_unit
from rtfmri.volume import Array, Image


@dataclass(frozen=True)
class Choosing:
    """How voxels are chosen: the largest ``top_percent`` of t after smoothing with ``smooth_fwhm_mm``; grown from the peak if asked."""

    top_percent: float
    contiguous: bool
    smooth_fwhm_mm: float


@dataclass(frozen=True, eq=False)
class Basis:
    """A localizer run gone over: its maps, and which voxels each region may take."""

    gone_over: Recomputed
    asked: Asked
    contrast: Array
    halves: tuple[Array, Array]
    maps: Maps
    anatomical: Mapping[str, Mask]


@dataclass(frozen=True)
class Found:
    """All regions' ``chosen`` voxels, the ``effects`` that they have in blocks that did not choose them, and the range."""

    chosen: Mapping[str, Chosen]
    effects: Mapping[str, Effect]
    range: FeedbackRange


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
    _refuse_blind(run)
    paths = RunPaths(out or run.paths.out, run.entities)
    if _file(paths, ENDING).exists() and not again:
        raise StudyError(f"{run.entities.label} is localized already ({_file(paths, ENDING)}); give --again to do it anew.")
    console = Console()
    materials = read_materials(run.study)
    _warm_up(run.study.registration.order)
    with Console(stderr=True).status("going over the recorded run"):
        basis = _basis(run, materials, names, asked_contrast(run.study, *contrast), choosing)
        found = _found(basis, materials, choosing)
    localized = _write(paths, basis, found, choosing)
    _tell(console, localized, paths)
    return 0


def _refuse_blind(run: RecordedRun) -> None:
    start = start_of(run)
    if start.blind and start.run_kind == "feedback":
        raise StudyError(f"{run.entities.label} is a blind feedback run, whose own values are sealed; localize on a run without feedback.")


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
    maps = voxelwise_maps(design, active, (whole, halves), volumes, gone_over.head, setup.roi_grid, choosing.smooth_fwhm_mm)
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
    values = values_in_blocks(plan, first.messages, others).and_more(values_in_blocks(plan, second.messages, chose_first))
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


def _write(paths: RunPaths, basis: Basis, found: Found, choosing: Choosing) -> Localized:
    localized = _localized(paths, basis, found, choosing)
    grid, image = basis.gone_over.setup.roi_grid, basis.gone_over.image
    statistic = _file(paths, f"_desc-{basis.asked.rule.name.replace('_', '')}Localizer_stat-t_statmap.nii.gz")
    images = {localized.masks[name]: chosen.mask.astype(np.float32) for name, chosen in found.chosen.items()}
    save_images({**images, localized.reference_path: image.data, statistic: basis.maps.t}, grid)
    shown = tuple(Shown(found.chosen[name], basis.anatomical[name], _words(name, localized.regions[name])) for name in found.chosen)
    title = f"{localized.run}   {localized.contrast}   look: in the brain, in the region, on the right side?"
    try:
        write_whole(_picture(paths), [draw_regions(grid, image.data, basis.maps.t, shown, title)])
        write_json(_file(paths, ENDING), localized.as_json())  # last: it is there only when everything is
    except OSError as error:
        raise StudyError(f"{error.filename or paths.folder} cannot be written ({error.strerror}); free some space.") from None
    return localized


def _localized(paths: RunPaths, basis: Basis, found: Found, choosing: Choosing) -> Localized:
    gone_over, signal = basis.gone_over, basis.gone_over.setup.study.signal
    affine = gone_over.setup.roi_grid.affine
    return Localized(
        folder=paths.folder,
        run=paths.entities.label,
        contrast=basis.asked.words,
        reference=_file(paths, "_desc-localizer_boldref.nii.gz").name,
        settings={
            "top_percent": choosing.top_percent,
            "contiguous": choosing.contiguous,
            "smooth_fwhm_mm": choosing.smooth_fwhm_mm,
            "volumes_used": int(gone_over.used.sum()),
            "volumes_flagged": sum(message.flagged for message in gone_over.messages),
            "volumes_planned": gone_over.setup.planned,
        },
        regions={name: _region(paths, name, found.chosen[name], found.effects[name], affine) for name in found.chosen},
        range=Range(
            full=found.range.full,
            unit=measure_unit(signal),
            measure=signal.measure.kind,
            quartile=found.range.quartile,
            values=found.range.values,
            why=found.range.why,
        ),
    )


def _region(paths: RunPaths, name: str, chosen: Chosen, effect: Effect, affine: Array) -> Region:
    x, y, z = (float((affine[row, :3] * np.array(chosen.peak)).sum() + affine[row, 3]) for row in range(3))
    anatomical = paths.roi_masks((name,))[name].name
    return Region(
        mask=anatomical.replace("_mask.nii.gz", "Localized_mask.nii.gz"),
        voxels=chosen.voxels,
        of_voxels=chosen.of_voxels,
        share=round(chosen.voxels / chosen.of_voxels, 4),
        threshold_t=chosen.threshold_t,
        mean_t=chosen.mean_t,
        peak_t=chosen.peak_t,
        peak_mm=(round(x, 2), round(y, 2), round(z, 2)),
        effect_percent=effect.percent,
        effect_se_percent=effect.se or 0.0,
    )


def _file(paths: RunPaths, ending: str) -> Path:
    return paths.folder / f"{paths.entities.label}{ending}"


def _picture(paths: RunPaths) -> Path:
    return _file(paths, "_desc-localizer_picture.png")


def _words(name: str, region: Region) -> str:
    return (
        f"{name}: {region.voxels} of {region.of_voxels} voxels, t from {region.threshold_t:.1f} to {region.peak_t:.1f}, "
        f"effect {region.effect_percent:+.2f} ± {region.effect_se_percent:.2f} % in blocks that did not choose them"
    )


def _tell(console: Console, localized: Localized, paths: RunPaths) -> None:
    console.print(f"{localized.run}: {localized.contrast}, {localized.settings['volumes_used']} volumes used.", soft_wrap=True)
    for name, region in localized.regions.items():
        console.print(f"  {_words(name, region)}.", soft_wrap=True, highlight=False)
    found = localized.range
    console.print(f"Feedback range: {found.full:.3g} {found.unit} ({found.why}).", soft_wrap=True)
    console.print("This run chose the voxels: do not use it to test the effect in them.", soft_wrap=True)
    console.print(f"Look at {_picture(paths)} before these regions are used.", soft_wrap=True)
