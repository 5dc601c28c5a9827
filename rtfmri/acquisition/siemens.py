"""Siemens mosaics (VA to VE): one file holds one volume as square tiles, left to right, top to bottom.

Orientation: within a tile, columns run along the first direction cosine and rows along the second (LPS, DICOM PS3.3, C.7.6.2). Slices run
along the CSA header's ``SliceNormalVector``, which for sagittal mosaics points against the cross product of the two cosines. Stored is
dcm2niix's order: rows are turned round always; slices, with their times, where the scanner numbered its mosaic from the far end (the first
tile's ``ProtocolSliceNumber`` is then not 0), and only there.

Position: ``ImagePositionPatient`` is where the first pixel would lie if the whole mosaic were one slice about the same centre; half of what
the mosaic is larger than a tile is added back along both cosines.

Volume number: ``AcquisitionNumber``, which the scanner counts from 1 through a run, alike for every echo of a volume. Where a file
lacks it, or where it is 1 in a first-echo file whose ``InstanceNumber`` is not (some archives number every acquisition 1):
``InstanceNumber``.

Slice times: ``MosaicRefAcqTimes`` of the CSA header. Before VB15 there is none, and no multiband: the slices then share the TR evenly, in
the order that the protocol names (``sSliceArray.ucMode``: 1 ascending, 2 descending, 4 interleaved, the second first if even in number),
and leave the pause at its end (``lDelayTimeInTR``, µs) free.
"""

from __future__ import annotations

import math
import re

import numpy as np

from rtfmri.acquisition.csa import CsaHeader, read_csa
from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.errors import VolumeError
from rtfmri.volume import Array, Grid, Image, Volume

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
SKEW = 1e-2  # how far cosines may be off unit length and right angles before they are called damaged


SLICE_MODE = re.compile(rb"sSliceArray\.ucMode\s*=\s*(?:0x)?(\d)\b")  # lines of the protocol
PAUSE_US = re.compile(rb"lDelayTimeInTR\s*=\s*(\d{1,9})\b")


def is_mosaic(header: Header) -> bool:
    """Whether this is a Siemens mosaic."""
    return "SIEMENS" in header.vendor.upper() and "MOSAIC" in header.image_type and not header.enhanced


def volume_index(header: Header) -> int:
    """0-based volume number by the rule above.

    Raises
    ------
    VolumeError : neither number is there, or it is below 1.
    """
    acquisition, instance = header.acquisition_number, header.instance_number
    constant = acquisition == 1 and instance is not None and (header.echo_number or 1) == 1
    number = instance if acquisition is None or constant else acquisition
    if number is None or number < 1:
        raise VolumeError("its header has no volume number")
    return number - 1


def decode_mosaic(image: DicomImage) -> Volume:
    """The volume of one mosaic.

    Raises
    ------
    VolumeError : slice count, orientation, position, spacing or TR are absent or senseless; the message says which.
    """
    header = image.header
    csa = read_csa(header.csa) if header.csa else {}
    slices = _slice_count(header, csa)
    directions = _directions(header, csa)
    backwards = csa.get("ProtocolSliceNumber", (0.0,))[0] > 0
    if not header.tr_s or header.tr_s <= 0:
        raise VolumeError("its header has no repetition time")
    times_s = _slice_times_s(csa, slices, header.tr_s) or _times_by_mode(header, slices, header.tr_s)
    return Volume(
        index=volume_index(header),
        data=_stack(image, slices, backwards),
        grid=_grid(header, slices, directions, backwards),
        tr_s=header.tr_s,
        acquired_s=header.acquired_s,
        slice_times_s=times_s[::-1] if times_s and backwards else times_s,
    )


def _tiles(slices: int) -> int:
    """How many tiles a mosaic of ``slices`` has across, and down."""
    return math.isqrt(slices - 1) + 1


def _slice_count(header: Header, csa: CsaHeader) -> int:
    slices = int(csa.get("NumberOfImagesInMosaic", (0.0,))[0])
    if not csa:
        raise VolumeError(
            "the mosaic has no Siemens (CSA) header to say how its slices lie in space (XA scanners leave it out); "
            "export it as enhanced multi-frame, or slice by slice"
        )
    if slices < 1:
        raise VolumeError("its Siemens (CSA) header does not say how many slices the mosaic holds")
    tiles = _tiles(slices)
    if header.frames != 1 or header.rows % tiles or header.columns % tiles:
        raise VolumeError(f"a mosaic of {header.columns} x {header.rows} pixels cannot hold {slices} slices")
    return slices


def _directions(header: Header, csa: CsaHeader) -> Array:
    """3x3 (LPS), its columns the unit vectors along a row, down a column, and from tile to tile."""
    normal = csa.get("SliceNormalVector", ())
    if len(header.orientation) != 6 or len(header.position_mm) != 3 or len(normal) != 3:
        raise VolumeError("the mosaic does not say how its slices lie in space; export it with its position and CSA header")
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    across = np.cross(row, column)
    lengths = [float(np.sqrt((vector * vector).sum())) for vector in (row, column, across)]
    along = float((across * np.array(normal)).sum())
    if max(abs(length - 1.0) for length in lengths) > SKEW or abs(abs(along) - 1.0) > SKEW:
        raise VolumeError("the mosaic's direction cosines are no right angle to each other")
    return np.stack([row, column, across if along > 0 else -across], axis=1)


def _grid(header: Header, slices: int, directions: Array, backwards: bool) -> Grid:
    spacing = header.pixel_spacing_mm
    if len(spacing) != 2 or min(spacing) <= 0 or not header.slice_spacing_mm or header.slice_spacing_mm <= 0:
        raise VolumeError("its header has no voxel size")
    tiles = _tiles(slices)
    columns, rows = header.columns // tiles, header.rows // tiles
    steps = directions * np.array([spacing[1], spacing[0], header.slice_spacing_mm])  # mm per column, row and tile
    larger = np.array([header.columns - columns, header.rows - rows]) / 2.0
    origin = np.array(header.position_mm) + (steps[:, :2] * larger).sum(axis=1)
    origin = origin + steps[:, 1] * (rows - 1)  # stored rows begin at DICOM's last
    signs = np.array([1.0, -1.0, 1.0])
    if backwards:
        origin, signs[2] = origin + steps[:, 2] * (slices - 1), -1.0
    affine = np.eye(4)
    affine[:3, :3] = LPS_TO_RAS[:, None] * steps * signs
    affine[:3, 3] = LPS_TO_RAS * origin
    return Grid((columns, rows, slices), affine)


def _stack(image: DicomImage, slices: int, backwards: bool) -> Image:
    """Tiles to (column, row turned round, slice), rescaled."""
    mosaic = image.pixels()
    tiles = _tiles(slices)
    rows, columns = mosaic.shape[0] // tiles, mosaic.shape[1] // tiles
    stacked = mosaic.reshape(tiles, rows, tiles, columns).transpose(0, 2, 1, 3).reshape(-1, rows, columns)[:slices]
    ordered = stacked[::-1, ::-1, :] if backwards else stacked[:, ::-1, :]
    slope, intercept = image.header.slope, image.header.intercept
    if (slope, intercept) != (1.0, 0.0):
        ordered = ordered * slope + intercept
    return ordered.transpose(2, 1, 0).astype(np.float32, order="C")


def _slice_times_s(csa: CsaHeader, slices: int, tr_s: float) -> tuple[float, ...] | None:
    """Seconds since the volume's first slice, in the mosaic's order; None where absent or senseless (too few, or longer than a TR)."""
    times_ms = csa.get("MosaicRefAcqTimes", ())
    if len(times_ms) != slices or max(times_ms) - min(times_ms) > tr_s * 1000.0:
        return None
    return tuple((time_ms - min(times_ms)) / 1000.0 for time_ms in times_ms)


def _times_by_mode(header: Header, slices: int, tr_s: float) -> tuple[float, ...] | None:
    """Seconds since the volume's first slice, from the order alone; None where it is not one of the three."""
    protocol = header.blocks.get("csa_series", b"")
    found, pause_us = SLICE_MODE.search(protocol), PAUSE_US.search(protocol)
    busy_s = tr_s - (int(pause_us[1]) / 1e6 if pause_us else 0.0)
    odd_first = slices % 2
    orders = {
        b"1": range(slices),
        b"2": range(slices - 1, -1, -1),
        b"4": [*range(1 - odd_first, slices, 2), *range(odd_first, slices, 2)],
    }
    order = orders.get(found[1]) if found else None
    if order is None or busy_s <= 0:
        return None
    turns = {place: turn for turn, place in enumerate(order)}
    return tuple(turns[place] * busy_s / slices for place in range(slices))
