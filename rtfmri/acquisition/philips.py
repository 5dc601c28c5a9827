"""Philips classic: one file for each slice.

Volume number: ``TemporalPositionIdentifier``, which counts the dynamics from 1. ``InstanceNumber`` does not follow it: it runs through the
dynamics of one slice before it comes to the next. Slices of a volume: Number of Slices MR (2001,xx18).

Values: Philips' floating-point values, (stored x RescaleSlope + RescaleIntercept) / (RescaleSlope x scale slope), with the scale slope from
(2005,xx0E) (Chenevert 2014, doi 10.1016/j.tranon.2014.01.001), in single precision as dcm2niix writes them; without a scale slope, those
that the console displays.

Times: a volume's is its ``AcquisitionTime``; slice times are not said.
"""

from __future__ import annotations

import numpy as np

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.slices import Mark, Slice, mark_of, slice_of


def is_philips_slice(header: Header) -> bool:
    """Whether this is a slice of a Philips scanner."""
    return header.vendor.upper().startswith("PHILIPS") and not header.enhanced


def philips_mark(header: Header) -> Mark:
    """Where the slice belongs, by the rule above.

    Raises
    ------
    VolumeError : it has no place in space, or no number.
    """
    position = header.temporal_position
    return mark_of(header, None if position is None else position - 1, header.private.get("philips_slices"))


def decode_slice(image: DicomImage) -> tuple[Slice, ...]:
    """The slice of one file.

    Raises
    ------
    VolumeError : place, number, voxel size or TR are absent or senseless; the message says which.
    """
    header = image.header
    return (slice_of(header, philips_mark(header), image.pixels(), _scale(header)),)


def _scale(header: Header) -> tuple[float, float] | None:
    """Slope and intercept to floating-point values, in single precision; None: those of the header."""
    scale = np.float32(header.private.get("philips_scale", 0.0))
    slope, intercept = np.float32(header.slope), np.float32(header.intercept)
    with np.errstate(all="ignore"):
        both = slope * scale
        at_zero, at_one = intercept / both, (slope + intercept) / both
        scales = float(at_one - at_zero), float(at_zero)
    return scales if np.isfinite(scales).all() and scales[0] != 0.0 else None
