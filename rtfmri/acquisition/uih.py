"""United Imaging: a grid ("VFRAME"): one file holds one volume as tiles, left to right, top to bottom, as square a grid as it can be.

The private sequence (0065,xx51) has an item for each slice, in the order of the tiles, with its position and time; their number is
(0065,xx50). Volume number: ``InstanceNumber``, which counts from 1.
"""

from __future__ import annotations

import math
from dataclasses import replace

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import UIH_FRAMES, Header, RawValues, seconds_since_midnight
from rtfmri.acquisition.slices import mark_of, slice_of, volume_of
from rtfmri.errors import VolumeError
from rtfmri.volume import Volume


def is_grid(header: Header) -> bool:
    """Whether this is a United Imaging grid."""
    return header.vendor.upper().startswith("UIH") and "VFRAME" in header.image_type and not header.enhanced


def volume_index(header: Header) -> int:
    """0-based volume number.

    Raises
    ------
    VolumeError : there is none, or it is below 1.
    """
    if header.instance_number is None or header.instance_number < 1:
        raise VolumeError("its header has no volume number")
    return header.instance_number - 1


def decode_grid(image: DicomImage) -> tuple[Volume, ...]:
    """The volume of one grid.

    Raises
    ------
    VolumeError : slice count, positions, spacing or TR are absent or senseless; the message says which.
    """
    header, index = image.header, volume_index(image.header)
    items = [RawValues(item) for item in image.elements.items_of(UIH_FRAMES)]
    if not items or (slices := header.private.get("uih_slices", len(items))) != len(items):
        raise VolumeError(f"its private header describes {len(items)} slices of {slices if items else 'a grid'}")
    across = math.isqrt(len(items) - 1) + 1
    down = -(-len(items) // across)
    if header.frames != 1 or header.columns % across or header.rows % down:
        raise VolumeError(f"a grid of {header.columns} x {header.rows} pixels cannot hold {len(items)} slices")
    columns, rows = header.columns // across, header.rows // down
    pixels = image.pixels().reshape(down, rows, across, columns).transpose(0, 2, 1, 3).reshape(-1, rows, columns)
    pieces = []
    for tile, item in zip(pixels, items, strict=False):
        of_tile = replace(header, position_mm=item.numbers("ImagePositionPatient"), acquired_s=_time_s(item))
        pieces.append(slice_of(of_tile, mark_of(of_tile, index), tile))
    return (volume_of(pieces, index),)


def _time_s(item: RawValues) -> float | None:
    return seconds_since_midnight(item.text("AcquisitionTime"))
