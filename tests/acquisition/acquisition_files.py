"""What the acquisition tests share: a tiny writer of Siemens mosaics (an independent witness for our reader), and the real data."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from rtfmri.volume import Grid, Volume

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the scanner data in ../shared/data is not there")

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


def csa_block(tags: dict[str, Sequence[object]], *, kind: int = 2) -> bytes:
    """A CSA header of kind 1 or 2; numbers are written as text, as Siemens does, and each tag has spare items."""
    spare = 2
    first_items = len(next(iter(tags.values()))) + spare
    block = b"SV10\4\3\2\1" if kind == 2 else b""
    block += struct.pack("<II", len(tags), 77)
    for name, values in tags.items():
        block += struct.pack("<64si4siii", name.encode(), len(values), b"FD", 4, len(values) + spare, 77)
        for value in [*(str(value).encode() + b"\0" for value in values), *[b""] * spare]:
            length = len(value)
            lengths = (length, length, 77, length) if kind == 2 else (length + first_items, length, 77, length)
            block += struct.pack("<4i", *lengths) + value + b"\0" * (-length % 4)
    return block


@dataclass(frozen=True)
class Scan:
    """One mosaic to write; ``data`` is (slice, row, column) as the scanner has it."""

    data: np.ndarray
    number: int = 1
    series: int = 7
    uid: str = "1.2.3.7"
    protocol: str = "bold_nf1"
    description: str = "bold_nf1"
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC")
    tr_ms: float = 1000.0
    time: str = "120000.000000"
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0)
    corner_mm: tuple[float, float, float] = (-50.0, -40.0, -30.0)  # of the first tile's first pixel, LPS
    voxel_mm: tuple[float, float, float] = (3.0, 3.5, 4.0)  # column to column, row to row, slice to slice
    slice_times_ms: tuple[float, ...] | None = None
    far_end_first: bool = False
    csa_kind: int = 2
    echo: int = 1


def dataset_of(scan: Scan) -> Dataset:
    """The mosaic as a pydicom data set, identities included."""
    slices, rows, columns = scan.data.shape
    tiles = int(np.ceil(np.sqrt(slices)))
    mosaic = np.zeros((tiles * rows, tiles * columns), dtype=np.uint16)
    for z in range(slices):
        down, across = divmod(z, tiles)
        mosaic[down * rows : (down + 1) * rows, across * columns : (across + 1) * columns] = scan.data[z]
    row, column = np.array(scan.row), np.array(scan.column)
    corner = np.array(scan.corner_mm)
    corner = corner - row * scan.voxel_mm[0] * (tiles - 1) * columns / 2 - column * scan.voxel_mm[1] * (tiles - 1) * rows / 2
    tags: dict[str, Sequence[object]] = {
        "EchoLinePosition": [1],
        "NumberOfImagesInMosaic": [slices],
        "SliceNormalVector": list(scan.normal),
        "ProtocolSliceNumber": [slices - 1 if scan.far_end_first else 0],
    }
    if scan.slice_times_ms is not None:
        tags["MosaicRefAcqTimes"] = list(scan.slice_times_ms)
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = MR_IMAGE, f"1.2.3.{scan.series}.{scan.number}"
    found.Modality, found.Manufacturer, found.ImageType = "MR", "SIEMENS", list(scan.image_type)
    found.PatientName, found.PatientID, found.PatientBirthDate = "Doe^Jane", "MRN-4711", "19700101"
    found.InstitutionName, found.ReferringPhysicianName = "General Hospital", "House^Gregory"
    found.SeriesInstanceUID, found.SeriesNumber = scan.uid, scan.series
    found.ProtocolName, found.SeriesDescription = scan.protocol, scan.description
    found.AcquisitionNumber = found.InstanceNumber = scan.number
    found.AcquisitionTime, found.RepetitionTime, found.EchoNumbers = scan.time, scan.tr_ms, scan.echo
    found.SliceThickness = found.SpacingBetweenSlices = scan.voxel_mm[2]
    found.PixelSpacing = [scan.voxel_mm[1], scan.voxel_mm[0]]
    found.ImagePositionPatient = [f"{value:.10g}" for value in corner]
    found.ImageOrientationPatient = [f"{value:.10g}" for value in (*scan.row, *scan.column)]
    found.Rows, found.Columns = mosaic.shape
    found.SamplesPerPixel, found.PhotometricInterpretation, found.PixelRepresentation = 1, "MONOCHROME2", 0
    found.BitsAllocated, found.BitsStored, found.HighBit = 16, 12, 11
    found.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    found.add_new(0x00291010, "OB", csa_block(tags, kind=scan.csa_kind))
    found.PixelData = mosaic.tobytes()
    return found


def to_bytes(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, implicit: bool = False, little: bool = True) -> bytes:
    """The data set as a DICOM file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return buffer.getvalue()


def scan_of(number: int, **changes: Any) -> Scan:
    """A small scan whose pixels tell its number."""
    data = np.random.default_rng(number).integers(1, 4000, size=(5, 6, 8)).astype(np.uint16)
    seconds = 43200 + number % 3600
    time = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}.000000"
    return replace(Scan(data, number=number, time=time), **changes)


def mosaic_bytes(number: int, **changes: Any) -> bytes:
    """The file of ``scan_of``."""
    return to_bytes(dataset_of(scan_of(number, **changes)))


def tiny_volume(index: int, *, value: float | None = None, tr_s: float = 1.0, size: int = 2, shift_mm: float = 0.0) -> Volume:
    """A volume of a few voxels that tells its index."""
    affine = np.eye(4)
    affine[0, 3] = shift_mm
    data = np.full((size, size, size), index if value is None else value, dtype=np.float32)
    return Volume(index, data, Grid((size, size, size), affine), tr_s, float(index))
