"""What goes into the signal stage with each volume, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtfmri.volume import Array, Image


@dataclass(frozen=True)
class Sample:
    """What the pipeline measured of volume ``index`` (0-based)."""

    index: int
    raw: tuple[float, ...] | None  # ROI means in the order of plan.roi_names; None: the volume is missing
    motion: tuple[float, ...] | None = None  # trans_x, trans_y, trans_z in mm, rot_x, rot_y, rot_z in rad
    flagged: bool = False
    paused: bool = False
    tissue: Mapping[str, Array | Image] = field(
        default_factory=dict
    )  # voxel values (V,) of "white_matter" and "csf", the same voxels all along
    physiology: tuple[float, ...] | None = None  # its columns for this volume; None: not there (in time), taken as zero
    decoder: float | None = None  # decoder.project of this volume


@dataclass(frozen=True)
class RoiValue:
    """Scanner units for ``raw`` and ``cleaned``, percent for ``psc`` and its standard error; None where not known."""

    raw: float
    cleaned: float | None = None
    psc: float | None = None
    se: float | None = None


@dataclass(frozen=True)
class Score:
    """The measure over a finished block's window, in its unit; ``block`` is its number in the paradigm's blocks."""

    block: int
    value: float
    se: float | None
    feedback: float
    control_feedback: float | None = None  # of the control combination


@dataclass(frozen=True)
class Reading:
    """What is known after a volume. ``rois`` follow plan.roi_names; they are empty where the volume is missing or a mean is no number.

    ``regulation`` is the regions' weighted difference in percent, whatever the measure; ``value`` and ``score`` are the measure's, in its
    unit (``rtfmri.study.signal.measure_unit``). With the measure ``difference``, value and regulation are the same.
    """

    index: int
    rois: tuple[RoiValue, ...]
    regulation: float | None = None
    regulation_se: float | None = None
    score: float | None = None
    score_se: float | None = None
    score_block: int | None = None
    feedback: float | None = None  # the value in parts of the range, -1 ... 1; None where it is not valid
    settled: bool = False
    why: str = ""  # a sentence for the operator where it is not settled
    value: float | None = None
    value_se: float | None = None
    score_feedback: float | None = None  # the score in parts of the range
    control_feedback: float | None = None  # as ``feedback``, of the control combination
    control_score_feedback: float | None = None
    held: str = ""  # why the measure gave no value although it could have had one: the display holds
    late: bool = False  # a user's function missed its time limit: journal it, a replay must obey
