"""What the files of a simulated run share, whichever vendor writes them.

Voxels (x, y, z) in the storage order of ``rtfmri/volume.py``: column = x, row = Y - 1 - y. DICOM positions are LPS mm, of the centre of the
first pixel. Nobody was scanned: there is nothing to identify.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

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
    """What all files of the run share; ``volumes`` is how many the protocol plans."""

    grid: Grid
    tr_s: float
    slice_times_s: tuple[float, ...]
    protocol: str
    number: int
    seed: int
    volumes: int

    def uid(self, *parts: object) -> str:
        """The same words give the same UID."""
        return str(generate_uid(entropy_srcs=["rtfmri simulate", str(self.seed), str(self.number), *map(str, parts)]))

    def acquired_s(self, index: int) -> float:
        """When volume ``index`` (0-based) was acquired, in seconds since midnight."""
        return START_S + index * self.tr_s


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A file as the scanner would write it: ``volume`` is 0-based, ``name`` relative to the export folder, with slashes."""

    volume: int
    name: str
    content: bytes


def common_header(series: Series, index: int) -> Dataset:
    """Patient, study, series and protocol of volume ``index``; what tells it apart as an instance comes from the vendor's file."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = dicom_time(START_S - 60)
    ds.ContentTime = dicom_time(series.acquired_s(index) + series.tr_s)
    ds.Modality, ds.ManufacturerModelName = "MR", "Simulated"
    ds.SeriesDescription = ds.ProtocolName = series.protocol
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "PHANTOM", "PHANTOM", "", "O"
    ds.BodyPartExamined, ds.PatientPosition = "BRAIN", "HFS"
    ds.MRAcquisitionType, ds.MagneticFieldStrength = "2D", 3
    ds.StudyInstanceUID, ds.SeriesInstanceUID = series.uid("study"), series.uid("series")
    ds.FrameOfReferenceUID, ds.StudyID, ds.SeriesNumber = series.uid("frame"), "1", series.number
    return ds


def add_sequence(ds: Dataset, series: Series) -> None:
    """The pulse sequence, in the elements that all but enhanced files use."""
    nx, ny, _ = series.grid.shape
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "EP", "SK", "FS"
    ds.RepetitionTime, ds.EchoTime, ds.EchoNumbers, ds.FlipAngle = decimal(series.tr_s * 1000), ECHO_TIME_MS, 1, FLIP_DEG
    ds.InPlanePhaseEncodingDirection, ds.AcquisitionMatrix = "COL", [nx, 0, 0, ny]


def add_pixels(ds: Dataset, pixels: npt.NDArray[np.generic], bits_stored: int = STORED_BITS) -> None:
    """(rows, columns) or (frames, rows, columns), 16 bits each, signed or not as the array is."""
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits_stored, bits_stored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()


def slice_rows(pixels: Pixels) -> Pixels:
    """(X, Y, Z) -> (slice, row, column), as DICOM's images lie."""
    return pixels[:, ::-1, :].transpose(2, 1, 0)


def directions(grid: Grid) -> tuple[Array, Array, Array]:
    """Unit vectors in LPS: along a row (column index grows), along a column (row index grows), slice normal."""
    sizes = grid.voxel_size_mm
    x, y, z = (TO_LPS * grid.affine[:3, axis] / sizes[axis] for axis in range(3))
    return x, -y, z


def slice_corner_mm(grid: Grid, z: int) -> Array:
    """DICOM's first pixel of slice ``z``, LPS."""
    corner: Array = TO_LPS * (grid.affine @ [0, grid.shape[1] - 1, z, 1])[:3]
    return corner


def orientation(grid: Grid) -> list[str]:
    """ImageOrientationPatient."""
    along_row, along_column, _ = directions(grid)
    return [decimal(value) for value in (*along_row, *along_column)]


def pixel_spacing(grid: Grid) -> list[str]:
    """PixelSpacing: from row to row, from column to column."""
    vx, vy, _ = grid.voxel_size_mm
    return [decimal(vy), decimal(vx)]


def decimal(value: float) -> str:
    """A DICOM decimal string: at most 16 characters."""
    return f"{round(float(value), 9):.10g}"


def dicom_time(seconds: float) -> str:
    """Seconds since midnight as DICOM's HHMMSS.ffffff."""
    microseconds = round(seconds * 1e6)
    whole, fraction = divmod(microseconds, 1_000_000)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{fraction:06d}"


def to_bytes(ds: Dataset) -> bytes:
    """The data set as a DICOM file, explicit little endian."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
