"""A tiny writer of enhanced multi-frame MR files, an independent witness for our reader: its geometry is written out here anew."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
IDENTITIES = ("Doe^Jane", "MRN-4711", "House^Gregory", "General Hospital", "Secret remark")


@dataclass(frozen=True)
class Multi:
    """The frames to write; ``data`` is (volume, slice, row, column)."""

    data: np.ndarray
    first: int = 1  # temporal position of the first volume
    vendor: str = "Siemens Healthineers"
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)
    corner_mm: tuple[float, float, float] = (-50.0, -40.0, -30.0)  # of the first slice's first pixel, LPS
    voxel_mm: tuple[float, float, float] = (3.0, 3.5, 4.0)  # column to column, row to row, slice to slice
    turned: bool = False  # the scanner counts its slices against the cross product
    tr_ms: float = 1000.0
    order: Sequence[int] | None = None  # of the frames in the file
    shared: bool = False  # what all frames have in common stands in the shared group
    slopes: Sequence[float] | None = None  # of each frame
    slice_times_ms: Sequence[float] | None = None
    temporal: bool = True  # TemporalPositionIndex is there
    undefined: bool = True  # sequences of undefined length

    def position_mm(self, z: int) -> np.ndarray:
        """LPS, of the first pixel of slice ``z``."""
        normal = np.cross(self.row, self.column) * (-1 if self.turned else 1)
        return np.array(self.corner_mm) + normal * self.voxel_mm[2] * z


def multi_of(volumes: int = 2, **changes: Any) -> Multi:
    """A few small volumes whose pixels all differ."""
    data = np.random.default_rng(volumes).permutation(volumes * 5 * 6 * 8).reshape(volumes, 5, 6, 8).astype(np.uint16)
    return Multi(**{"data": data, **changes})


def item(**values: object) -> Dataset:
    """An item of a sequence; a Dataset as a value becomes a sequence of one item."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, [value] if isinstance(value, Dataset) else value)
    return made


def dataset_of(multi: Multi) -> Dataset:
    """The file as a pydicom data set, identities included, in the frames as well."""
    volumes, slices, rows, columns = multi.data.shape
    frames = [(v, z) for v in range(volumes) for z in range(slices)]
    frames = [frames[number] for number in (multi.order if multi.order is not None else range(len(frames)))]
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = ENHANCED_MR, f"1.2.3.8.{multi.first}"
    found.Modality, found.Manufacturer, found.ImageType = "MR", multi.vendor, ["ORIGINAL", "PRIMARY", "M", "NONE"]
    found.PatientName, found.PatientID, found.ReferringPhysicianName, found.InstitutionName = IDENTITIES[:4]
    found.StudyInstanceUID, found.SeriesInstanceUID, found.FrameOfReferenceUID = "1.2.3", "1.2.3.8", "1.2.3.1"
    found.StudyDate, found.AcquisitionDateTime = "20260101", "20260101120000.000000"
    found.SeriesNumber, found.ProtocolName, found.PatientPosition = 8, "bold_xa", "HFS"
    found.AcquisitionNumber = found.InstanceNumber = multi.first
    found.SamplesPerPixel, found.PhotometricInterpretation, found.PixelRepresentation = 1, "MONOCHROME2", 0
    found.BitsAllocated, found.BitsStored, found.HighBit = 16, 16, 15
    found.Rows, found.Columns, found.NumberOfFrames = rows, columns, len(frames)
    pointers = [Tag("StackID"), Tag("InStackPositionNumber"), Tag("TemporalPositionIndex")]
    found.DimensionIndexSequence = [item(DimensionIndexPointer=tag, FunctionalGroupPointer=Tag("FrameContentSequence")) for tag in pointers]
    found.SharedFunctionalGroupsSequence = [_shared(multi)]
    found.PerFrameFunctionalGroupsSequence = [_frame(multi, number, v, z) for number, (v, z) in enumerate(frames)]
    found.PixelData = np.stack([multi.data[v, z] for v, z in frames]).tobytes()
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found[name].is_undefined_length = multi.undefined
    return found


def _common(multi: Multi) -> dict[str, Dataset]:
    measures = item(
        PixelSpacing=[multi.voxel_mm[1], multi.voxel_mm[0]], SliceThickness=multi.voxel_mm[2], SpacingBetweenSlices=multi.voxel_mm[2]
    )
    return {
        "PlaneOrientationSequence": item(ImageOrientationPatient=[f"{value:.10g}" for value in (*multi.row, *multi.column)]),
        "PixelMeasuresSequence": measures,
        "MREchoSequence": item(EffectiveEchoTime=30.0),
    }


def _shared(multi: Multi) -> Dataset:
    timing = item(RepetitionTime=multi.tr_ms, FlipAngle=60)
    doctor = item(ReferringPhysicianName=IDENTITIES[2], PatientID=IDENTITIES[1])
    return item(MRTimingAndRelatedParametersSequence=timing, ReferencedImageSequence=doctor, **(_common(multi) if multi.shared else {}))


def _frame(multi: Multi, number: int, v: int, z: int) -> Dataset:
    time_ms = v * multi.tr_ms + (multi.slice_times_ms[z] if multi.slice_times_ms is not None else 0.0)
    content = item(FrameAcquisitionDateTime=f"202601011200{time_ms / 1000:09.6f}")
    content.StackID, content.InStackPositionNumber, content.FrameComments = "1", z + 1, IDENTITIES[4]
    content.DimensionIndexValues = [1, z + 1, v + multi.first]
    if multi.temporal:
        content.TemporalPositionIndex = v + multi.first
    slope = multi.slopes[number] if multi.slopes is not None else 1
    return item(
        FrameContentSequence=content,
        PlanePositionSequence=item(ImagePositionPatient=[f"{value:.10g}" for value in multi.position_mm(z)]),
        PixelValueTransformationSequence=item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US"),
        MRImageFrameTypeSequence=item(FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"], ComplexImageComponent="MAGNITUDE"),
        ReferencedImageSequence=item(PatientName=IDENTITIES[0], InstitutionName=IDENTITIES[3]),
        **({} if multi.shared else _common(multi)),
    )


def to_bytes(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, implicit: bool = False, little: bool = True) -> bytes:
    """The data set as a DICOM file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return buffer.getvalue()


def multi_bytes(volumes: int = 2, **changes: Any) -> bytes:
    """The file of ``multi_of``."""
    return to_bytes(dataset_of(multi_of(volumes, **changes)))
