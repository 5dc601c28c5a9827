"""What `rtfmri localize` leaves beside the run: masks, reference, t-map, picture, and the JSON that later runs are armed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from rtfmri.cli.recomputing import Recomputed
from rtfmri.errors import StudyError
from rtfmri.preparation.localizer import ENDING, Localized, Range, Region
from rtfmri.preparation.localizer_contrast import Asked
from rtfmri.preparation.localizer_effect import Effect
from rtfmri.preparation.localizer_maps import Maps
from rtfmri.preparation.localizer_picture import Shown, draw_regions
from rtfmri.preparation.localizer_range import FeedbackRange
from rtfmri.preparation.localizer_voxels import Chosen
from rtfmri.record.durable import write_json, write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.record.references import save_images
from rtfmri.registration.mask import Mask
from rtfmri.study.signal import measure_unit
from rtfmri.volume import Array


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


def write(paths: RunPaths, basis: Basis, found: Found, choosing: Choosing) -> Localized:
    localized = _localized(paths, basis, found, choosing)
    grid, image = basis.gone_over.setup.roi_grid, basis.gone_over.image
    statistic = file_of(paths, f"_desc-{basis.asked.rule.name.replace('_', '')}Localizer_stat-t_statmap.nii.gz")
    images = {localized.masks[name]: chosen.mask.astype(np.float32) for name, chosen in found.chosen.items()}
    save_images({**images, localized.reference_path: image.data, statistic: basis.maps.t}, grid)
    shown = tuple(Shown(found.chosen[name], basis.anatomical[name], _words(name, localized.regions[name])) for name in found.chosen)
    title = f"{localized.run}   {localized.contrast}   filled: chosen, by t; outlined: the anatomical region"
    try:
        write_whole(_picture(paths), [draw_regions(grid, image.data, basis.maps.t, shown, title)])
        write_json(file_of(paths, ENDING), localized.as_json())  # last: it is there only when everything is
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
        reference=file_of(paths, "_desc-localizer_boldref.nii.gz").name,
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


def file_of(paths: RunPaths, ending: str) -> Path:
    return paths.folder / f"{paths.entities.label}{ending}"


def _picture(paths: RunPaths) -> Path:
    return file_of(paths, "_desc-localizer_picture.png")


def _words(name: str, region: Region) -> str:
    return (
        f"{name}: {region.voxels} of {region.of_voxels} voxels, t from {region.threshold_t:.1f} to {region.peak_t:.1f}, "
        f"effect {region.effect_percent:+.2f} ± {region.effect_se_percent:.2f} % in blocks that did not choose them"
    )


def tell(console: Console, localized: Localized, paths: RunPaths) -> None:
    console.print(f"{localized.run}: {localized.contrast}, {localized.settings['volumes_used']} volumes used.", soft_wrap=True)
    for name, region in localized.regions.items():
        console.print(f"  {_words(name, region)}.", soft_wrap=True, highlight=False)
    found = localized.range
    console.print(f"Feedback range: {found.full:.3g} {found.unit} ({found.why}).", soft_wrap=True)
    console.print("This run chose the voxels: do not use it to test the effect in them.", soft_wrap=True)
    console.print(f"Look at {_picture(paths)} before these regions are used.", soft_wrap=True)
