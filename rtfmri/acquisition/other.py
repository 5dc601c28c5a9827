"""Any other vendor (Canon, Toshiba, United Imaging without grids): one file for each slice, by DICOM's own elements.

Volume number: ``TemporalPositionIdentifier``, which counts from 1; where it is absent or stands still, ``InstanceNumber``, which counts
through the slices of all volumes. How many slices a volume has is learned (stack.py). Slice times are not said.
"""

from __future__ import annotations

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.slices import Mark, Slice, mark_of, slice_of


def is_plain_slice(header: Header) -> bool:
    """Whether this is a classic file with one image."""
    return not header.enhanced and header.frames == 1 and "MOSAIC" not in header.image_type and "VFRAME" not in header.image_type


def plain_mark(header: Header) -> Mark:
    """Where the slice belongs, by the rule above.

    Raises
    ------
    VolumeError : it has no place in space, or no number.
    """
    position = header.temporal_position
    return mark_of(header, None if position is None else position - 1)


def decode_slice(image: DicomImage) -> tuple[Slice, ...]:
    """The slice of one file.

    Raises
    ------
    VolumeError : place, number, voxel size or TR are absent or senseless; the message says which.
    """
    return (slice_of(image.header, plain_mark(image.header), image.pixels()),)
