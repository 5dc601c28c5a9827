"""One volume -> one Siemens mosaic DICOM file, as a scanner up to VE11 writes it.

Voxels (x, y, z) in the storage order of ``rtfmri/volume.py`` become tiles: column = x, row = Y - 1 - y, slices row by row in a square of
tiles. DICOM positions are LPS mm. Siemens gives ImagePositionPatient as if the whole mosaic were one image around the first slice's
centre, so it lies half a mosaic less half a tile away from the slice's own corner (dcm2niix and nibabel undo it in the same way).
Slice count, normal and times stand in the CSA header (group 0029), format SV10. Nobody was scanned: there is nothing to identify.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from rtfmri.volume import Array, Grid

Pixels = npt.NDArray[np.uint16]
STORED_BITS = 12
MAX_PIXEL = 2**STORED_BITS - 1
DATE = "20250102"
START_S = 10 * 3600.0  # the first volume's acquisition, in seconds since midnight
ECHO_TIME_MS, FLIP_DEG = 30.0, 62.0
TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Series:
    """What all files of the run share."""

    grid: Grid
    tr_s: float
    slice_times_s: tuple[float, ...]
    protocol: str
    number: int
    seed: int

    def uid(self, *parts: object) -> str:
        """The same words give the same UID."""
        return str(generate_uid(entropy_srcs=["rtfmri simulate", str(self.seed), str(self.number), *map(str, parts)]))


def file_name(series_number: int, volume_number: int) -> str:
    """Siemens' real-time export: session, series, volume (1-based)."""
    return f"001_{series_number:06d}_{volume_number:06d}.dcm"


def write_mosaic(path: Path, pixels: Pixels, series: Series, index: int) -> None:
    """Write volume ``index`` (0-based): uint16 (X, Y, Z) on the series' grid."""
    mosaic = tile(pixels)
    dataset = _header(series, index)
    _add_geometry(dataset, series.grid, mosaic.shape)
    dataset.Rows, dataset.Columns = mosaic.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, STORED_BITS, STORED_BITS - 1, 0
    dataset.PixelData = mosaic.astype("<u2").tobytes()
    block = dataset.private_block(0x29, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x09, "LO", DATE)
    block.add_new(0x10, "OB", _csa_header(series))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def tile(pixels: Pixels) -> Pixels:
    """(X, Y, Z) -> the mosaic's rows and columns; tiles that are left over stay black."""
    nx, ny, nz = pixels.shape
    side = math.ceil(math.sqrt(nz))
    tiles = np.zeros((side * side, ny, nx), np.uint16)
    tiles[:nz] = pixels[:, ::-1, :].transpose(2, 1, 0)
    return tiles.reshape(side, side, ny, nx).transpose(0, 2, 1, 3).reshape(side * ny, side * nx)


def _header(series: Series, index: int) -> Dataset:
    acquired_s = START_S + index * series.tr_s
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, series.uid("volume", index)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = _time(START_S - 60)
    ds.AcquisitionTime, ds.ContentTime = _time(acquired_s), _time(acquired_s + series.tr_s)
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "MR", "SIEMENS", "Simulated"
    ds.SeriesDescription = ds.ProtocolName = series.protocol
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "PHANTOM", "PHANTOM", "", "O"
    ds.BodyPartExamined, ds.PatientPosition = "BRAIN", "HFS"
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "EP", "SK", "FS", "2D"
    ds.SequenceName = f"*epfid2d1_{series.grid.shape[0]}"
    ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = series.tr_s * 1000, ECHO_TIME_MS, FLIP_DEG
    ds.MagneticFieldStrength, ds.SoftwareVersions = 3, "syngo MR E11"
    ds.InPlanePhaseEncodingDirection = "COL"
    ds.AcquisitionMatrix = [series.grid.shape[0], 0, 0, series.grid.shape[1]]
    ds.StudyInstanceUID, ds.SeriesInstanceUID = series.uid("study"), series.uid("series")
    ds.FrameOfReferenceUID, ds.StudyID = series.uid("frame"), "1"
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = series.number, index + 1, index + 1
    return ds


def _add_geometry(ds: Dataset, grid: Grid, mosaic_shape: tuple[int, ...]) -> None:
    along_row, along_column, _ = _directions(grid)
    vx, vy, vz = grid.voxel_size_mm
    nx, ny, _ = grid.shape
    corner = TO_LPS * (grid.affine @ [0, ny - 1, 0, 1])[:3]  # DICOM's first pixel of the first slice
    rows, columns = mosaic_shape
    corner = corner - along_row * vx * (columns - nx) / 2 - along_column * vy * (rows - ny) / 2
    ds.ImagePositionPatient = [_decimal(value) for value in corner]
    ds.ImageOrientationPatient = [_decimal(value) for value in (*along_row, *along_column)]
    ds.PixelSpacing = [_decimal(vy), _decimal(vx)]
    ds.SliceThickness = ds.SpacingBetweenSlices = _decimal(vz)


def _directions(grid: Grid) -> tuple[Array, Array, Array]:
    """Unit vectors in LPS: along a row (column index grows), along a column (row index grows), slice normal."""
    sizes = grid.voxel_size_mm
    x, y, z = (TO_LPS * grid.affine[:3, axis] / sizes[axis] for axis in range(3))
    return x, -y, z


def _decimal(value: float) -> str:
    """A DICOM decimal string: at most 16 characters."""
    return f"{round(float(value), 9):.10g}"


def _time(seconds: float) -> str:
    """Seconds since midnight as DICOM's HHMMSS.ffffff."""
    microseconds = round(seconds * 1e6)
    whole, fraction = divmod(microseconds, 1_000_000)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{fraction:06d}"


def _csa_header(series: Series) -> bytes:
    """The CSA image header: what mosaics cannot do without."""
    normal = _directions(series.grid)[2]
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
