"""One volume -> one Siemens mosaic DICOM file, as a scanner up to VE11 writes it.

Slices become tiles, row by row in a square of tiles. Siemens gives ImagePositionPatient as if the whole mosaic were one image around the
first slice's centre, so it lies half a mosaic less half a tile away from the slice's own corner (dcm2niix and nibabel undo it in the same
way). Slice count, normal and times stand in the CSA header (group 0029), format SV10.
"""

from __future__ import annotations

import math
import struct

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from rtfmri.simulate.series import (
    DATE,
    DicomFile,
    Pixels,
    Series,
    add_pixels,
    add_sequence,
    common_header,
    decimal,
    dicom_time,
    directions,
    orientation,
    pixel_spacing,
    slice_corner_mm,
    slice_rows,
    to_bytes,
)
from rtfmri.volume import Grid


def mosaic_name(series_number: int, volume_number: int) -> str:
    """Siemens' real-time export: session, series, volume (1-based)."""
    return f"001_{series_number:06d}_{volume_number:06d}.dcm"


def mosaic_files(pixels: Pixels, series: Series, index: int) -> list[DicomFile]:
    """Volume ``index`` (0-based), uint16 (X, Y, Z) on the series' grid: one file."""
    mosaic = tile(pixels)
    ds = common_header(series, index)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, series.uid("volume", index)
    ds.Manufacturer, ds.SoftwareVersions = "SIEMENS", "syngo MR E11"
    ds.AcquisitionTime = dicom_time(series.acquired_s(index))
    ds.AcquisitionNumber = ds.InstanceNumber = index + 1
    add_sequence(ds, series)
    ds.SequenceName = f"*epfid2d1_{series.grid.shape[0]}"
    _add_geometry(ds, series.grid, mosaic.shape)
    add_pixels(ds, mosaic)
    block = ds.private_block(0x29, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x09, "LO", DATE)
    block.add_new(0x10, "OB", _csa_header(series))
    return [DicomFile(index, mosaic_name(series.number, index + 1), to_bytes(ds))]


def tile(pixels: Pixels) -> Pixels:
    """(X, Y, Z) -> the mosaic's rows and columns; tiles that are left over stay black."""
    nx, ny, nz = pixels.shape
    side = math.ceil(math.sqrt(nz))
    tiles = np.zeros((side * side, ny, nx), np.uint16)
    tiles[:nz] = slice_rows(pixels)
    return tiles.reshape(side, side, ny, nx).transpose(0, 2, 1, 3).reshape(side * ny, side * nx)


def _add_geometry(ds: Dataset, grid: Grid, mosaic_shape: tuple[int, ...]) -> None:
    along_row, along_column, _ = directions(grid)
    vx, vy, vz = grid.voxel_size_mm
    nx, ny, _ = grid.shape
    rows, columns = mosaic_shape
    corner = slice_corner_mm(grid, 0) - along_row * vx * (columns - nx) / 2 - along_column * vy * (rows - ny) / 2
    ds.ImagePositionPatient = [decimal(value) for value in corner]
    ds.ImageOrientationPatient, ds.PixelSpacing = orientation(grid), pixel_spacing(grid)
    ds.SliceThickness = ds.SpacingBetweenSlices = decimal(vz)


def _csa_header(series: Series) -> bytes:
    """The CSA image header: what mosaics cannot do without."""
    normal = directions(series.grid)[2]
    tags = [
        ("NumberOfImagesInMosaic", "US", [str(series.grid.shape[2])], 1),
        ("SliceNormalVector", "FD", [f"{value:.8f}" for value in normal], 3),
        ("MosaicRefAcqTimes", "FD", [f"{1000 * t:.8f}" for t in series.slice_times_s], 0),
        ("PhaseEncodingDirectionPositive", "IS", ["1"], 1),
        ("AcquisitionMatrixText", "SH", [f"{series.grid.shape[0]}*{series.grid.shape[1]}"], 1),
    ]
    head = b"SV10\x04\x03\x02\x01" + struct.pack("<2I", len(tags), 77)
    return head + b"".join(_csa_tag(*tag) for tag in tags)


def _csa_tag(name: str, vr: str, values: list[str], multiplicity: int) -> bytes:
    """One CSA2 element: a 64-byte name, then at least six items of 16 bytes of head and text padded to four bytes."""
    items = values + [""] * (6 - len(values))
    code = {"FD": 4, "IS": 6, "US": 10, "SH": 22}[vr]  # Siemens' own number of the type
    parts = [struct.pack("<64si4s3i", name.encode(), multiplicity, vr.encode(), code, len(items), 77)]
    for item in items:
        text = item.encode() + b"\0" if item else b""
        length = len(text)
        parts.append(struct.pack("<4i", length, length, 77, length) + text + b"\0" * (-length % 4))
    return b"".join(parts)
