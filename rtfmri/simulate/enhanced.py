"""One volume -> one enhanced multi-frame DICOM file, as Siemens' syngo XA writes an EPI run: a frame for each slice.

What all frames share (TR, echo train, flip angle) stands in SharedFunctionalGroupsSequence, the rest frame by frame (position, orientation,
pixel measures, times, the index within stack and time); there is no position, TR or AcquisitionTime at the top (DICOM PS3.3, A.36.2 and
C.7.6.16). AcquisitionNumber and InstanceNumber count volumes from 1; so does each frame's TemporalPositionIndex.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage

from rtfmri.simulate.series import (
    DATE,
    ECHO_TIME_MS,
    FLIP_DEG,
    DicomFile,
    Pixels,
    Series,
    add_pixels,
    common_header,
    decimal,
    dicom_time,
    orientation,
    pixel_spacing,
    slice_corner_mm,
    slice_rows,
    to_bytes,
)

DIMENSIONS = (Tag("StackID"), Tag("InStackPositionNumber"), Tag("TemporalPositionIndex"))
FRAME_CONTENT = Tag("FrameContentSequence")
FRAME_TYPE = ["ORIGINAL", "PRIMARY", "M", "NONE"]


def enhanced_name(series_number: int, volume_number: int) -> str:
    """Session, series, volume (1-based), as the real-time export to a share."""
    return f"001_{series_number:06d}_{volume_number:06d}.dcm"


def enhanced_files(pixels: Pixels, series: Series, index: int) -> list[DicomFile]:
    """Volume ``index`` (0-based), uint16 (X, Y, Z) on the series' grid: one file."""
    ds = common_header(series, index)
    del ds.AcquisitionDate
    ds.ImageType = FRAME_TYPE
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedMRImageStorage, series.uid("volume", index)
    ds.AcquisitionDateTime = _date_time(series.acquired_s(index))
    ds.Manufacturer, ds.SoftwareVersions = "Siemens Healthineers", "syngo MR XA30"
    ds.PulseSequenceName, ds.EchoPulseSequence, ds.EchoPlanarPulseSequence = f"*epfid2d1_{series.grid.shape[0]}", "GRADIENT", "YES"
    ds.PixelPresentation, ds.ComplexImageComponent, ds.AcquisitionContrast = "MONOCHROME", "MAGNITUDE", "UNKNOWN"
    ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "DISTORTED", "NONE"
    ds.AcquisitionNumber = ds.InstanceNumber = index + 1
    ds.SpacingBetweenSlices = decimal(series.grid.voxel_size_mm[2])
    ds.AcquisitionContextSequence = Sequence([])
    ds.DimensionOrganizationSequence, ds.DimensionIndexSequence = _dimensions(series)
    ds.NumberOfFrames = series.grid.shape[2]
    ds.SharedFunctionalGroupsSequence = Sequence([_shared(series)])
    ds.PerFrameFunctionalGroupsSequence = Sequence([_frame(series, index, z) for z in range(series.grid.shape[2])])
    add_pixels(ds, slice_rows(pixels))
    return [DicomFile(index, enhanced_name(series.number, index + 1), to_bytes(ds))]


def _dimensions(series: Series) -> tuple[Sequence, Sequence]:
    uid = series.uid("dimensions")
    indices = [_item(DimensionOrganizationUID=uid, DimensionIndexPointer=tag, FunctionalGroupPointer=FRAME_CONTENT) for tag in DIMENSIONS]
    return Sequence([_item(DimensionOrganizationUID=uid)]), Sequence(indices)


def _shared(series: Series) -> Dataset:
    nx, ny, _ = series.grid.shape
    timing = _item(RepetitionTime=decimal(series.tr_s * 1000), EchoTrainLength=ny, FlipAngle=FLIP_DEG)
    encoding = _item(InPlanePhaseEncodingDirection="COLUMN", MRAcquisitionFrequencyEncodingSteps=nx)
    encoding.MRAcquisitionPhaseEncodingStepsInPlane = ny
    return _item(MRTimingAndRelatedParametersSequence=Sequence([timing]), MRFOVGeometrySequence=Sequence([encoding]))


def _frame(series: Series, index: int, z: int) -> Dataset:
    """The functional groups of slice ``z``."""
    grid = series.grid
    thickness = decimal(grid.voxel_size_mm[2])
    at = _date_time(series.acquired_s(index) + series.slice_times_s[z])
    content = _item(FrameAcquisitionDateTime=at, FrameReferenceDateTime=at, FrameAcquisitionDuration=series.tr_s * 1000)
    content.StackID, content.InStackPositionNumber, content.TemporalPositionIndex = "1", z + 1, index + 1
    content.FrameAcquisitionNumber, content.DimensionIndexValues = index + 1, [1, z + 1, index + 1]
    frame_type = _item(FrameType=FRAME_TYPE, PixelPresentation="MONOCHROME", ComplexImageComponent="MAGNITUDE")
    groups = {
        "MREchoSequence": _item(EffectiveEchoTime=ECHO_TIME_MS),
        "MRImageFrameTypeSequence": frame_type,
        "FrameContentSequence": content,
        "PlanePositionSequence": _item(ImagePositionPatient=[decimal(value) for value in slice_corner_mm(grid, z)]),
        "PlaneOrientationSequence": _item(ImageOrientationPatient=orientation(grid)),
        "PixelMeasuresSequence": _item(SliceThickness=thickness, SpacingBetweenSlices=thickness, PixelSpacing=pixel_spacing(grid)),
        "PixelValueTransformationSequence": _item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US"),
    }
    frame = _item(**{name: Sequence([item]) for name, item in groups.items()})
    private = Dataset()
    after_start_s = index * series.tr_s + series.slice_times_s[z]
    private.private_block(0x21, "SIEMENS MR SDI 02", create=True).add_new(0x04, "DS", decimal(after_start_s))
    frame.private_block(0x21, "SIEMENS MR SDI 02", create=True).add_new(0xFE, "SQ", Sequence([private]))
    return frame


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _date_time(seconds: float) -> str:
    return DATE + dicom_time(seconds)
