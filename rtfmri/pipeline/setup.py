"""What is fixed for a run once its first volume has confirmed TR and grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.messages import RunKind
from rtfmri.paradigm import DUMMY, Block, planned_volumes, volumes_of
from rtfmri.pipeline.places import Places, placed, tissue_voxels
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.measures.decoder import Decoder, decoder_from_map
from rtfmri.signals.physiology.plan import plan_physiology
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.signals.rois import RoiVoxels, roi_from_mask
from rtfmri.study import Study
from rtfmri.volume import Grid, Image, Volume


@dataclass(frozen=True, eq=False)
class GridImage:
    """An image on a grid, as it was read from a mask or reference file."""

    data: Image
    grid: Grid


@dataclass(frozen=True, eq=False)
class DecoderMap:
    """A decoder's weight map as read, and what the JSON beside it says."""

    name: str
    weights: GridImage
    sidecar: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Materials:
    """What a run needs beside its study: masks of regions and tissues by name, and the image of an earlier run or session that they lie on
    (None: they lie on this run's own grid)."""

    masks: dict[str, GridImage]
    earlier: GridImage | None = None
    tissue: dict[str, GridImage] = field(default_factory=dict)
    decoder: DecoderMap | None = None
    inputs: SignalInputs = field(default_factory=SignalInputs)
    voxel_weights: dict[str, GridImage] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Setup:
    """All that is fixed once the first volume has confirmed TR and grid. Regions lie on ``roi_grid``: the run's or the earlier image's."""

    study: Study
    run_kind: RunKind
    grid: Grid
    tr_s: float
    blocks: tuple[Block, ...]
    planned: int
    rois: tuple[RoiVoxels, ...]
    roi_grid: Grid
    places: Places
    plan: SignalPlan
    decoder: Decoder | None
    earlier: GridImage | None

    @property
    def order(self) -> int:
        """Of the spline that samples the voxels."""
        return self.study.registration.order

    def is_dummy(self, index: int) -> bool:
        first = self.blocks[0]
        return first.role == DUMMY and index in volumes_of(first, self.tr_s)


def fix(study: Study, run_kind: RunKind, materials: Materials, first: Volume) -> Setup:
    """Fix everything that waits for TR and grid.

    Raises
    ------
    StudyError : TR is not the expected one, a mask lies on another grid, a region is too small.
    """
    expected_s = study.acquisition.tr_s
    if expected_s is not None and abs(first.tr_s - expected_s) > 1e-3:
        raise StudyError(
            f"The scanner's TR is {first.tr_s:g} s, the study expects {expected_s:g} s; correct acquisition.tr_s or the protocol."
        )
    roi_grid = materials.earlier.grid if materials.earlier else first.grid
    rois = tuple(_roi(study, name, materials, roi_grid) for name in materials.masks)
    blocks = study.blocks(first.tr_s)
    planned = planned_volumes(blocks, first.tr_s)
    decoder = _decoder(study, materials.decoder, roi_grid)
    inputs = replace(materials.inputs, decoder=decoder, physiology_columns=_physiology_columns(study))
    plan = plan_signal(study, blocks, first.tr_s, planned, inputs)
    tissue = {name: tissue_voxels(name, mask.data, mask.grid, roi_grid) for name, mask in materials.tissue.items()}
    places = placed(rois, tissue, decoder)
    return Setup(study, run_kind, first.grid, first.tr_s, blocks, planned, rois, roi_grid, places, plan, decoder, materials.earlier)


def _physiology_columns(study: Study) -> int:
    """How many come with each volume: the source decides nothing of it."""
    rule = study.physiology
    return 0 if rule is None else plan_physiology(rule, rule.rate_hz, ()).size


def _decoder(study: Study, given: DecoderMap | None, grid: Grid) -> Decoder | None:
    if given is None:
        return None
    weights = given.weights.data.astype(np.float64)
    return decoder_from_map(given.name, weights, given.weights.grid, grid, given.sidecar, study.signal.nuisance)


def _roi(study: Study, name: str, materials: Materials, grid: Grid) -> RoiVoxels:
    rule = next(roi for roi in study.roi if roi.name == name)
    source = rule.mask.name if rule.mask else ""
    mask, weights = materials.masks[name], materials.voxel_weights.get(name)
    voxels = roi_from_mask(name, rule.weight, mask.data, mask.grid, grid, source, None if weights is None else weights.data)
    return replace(voxels, provisional=rule.is_provisional)
