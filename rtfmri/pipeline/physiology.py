"""Pulse and breathing as the critical path has them: ready columns, and at which moments of a volume they are taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtfmri.pipeline.reference import Standing, voxels_on_run
from rtfmri.pipeline.setup import Setup
from rtfmri.signals.physiology.feed import Used
from rtfmri.signals.physiology.plan import Moments, mid_volume, of_slices
from rtfmri.volume import Volume


@dataclass(frozen=True)
class PhysioColumns:
    """A volume's columns in the order of ``PhysioPlan.names``, and what they rest on, which a replay obeys."""

    columns: tuple[float, ...]
    used: Used


def moments_of(setup: Setup, standing: Standing | None, volume: Volume) -> Moments:
    """When the regions' voxels were measured: in their slices, or at the volume's start where slice timing has brought them there.

    The middle of the volume serves where slice times are not told, or where it is not known yet in which slices the regions lie.
    """
    times_s = volume.slice_times_s
    if times_s is None or len(times_s) != volume.grid.shape[2]:
        return mid_volume(setup.tr_s)
    if setup.study.registration.slice_timing:
        return Moments(np.zeros(1), np.ones(1))
    slices = _slices(setup, standing)
    in_slice = np.bincount(slices, minlength=len(times_s))
    return of_slices(times_s, in_slice.tolist()) if len(slices) else mid_volume(setup.tr_s)


def _slices(setup: Setup, standing: Standing | None) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The slice of each of the regions' voxels on the run's own grid; none before the earlier image is found in the run."""
    if standing is None:
        voxels = [] if setup.earlier is not None else [roi.voxels for roi in setup.rois]
    else:
        voxels = [voxels_on_run(setup, standing, roi) for roi in setup.rois]
    return np.concatenate([np.empty(0, np.intp), *(part[:, 2] for part in voxels)])
