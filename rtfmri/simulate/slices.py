"""One volume -> one classic MR file for each slice, as GE and Philips write EPI runs.

GE (DV): ``p*/e*/s*/i*.MRDC.n``; InstanceNumber runs slice by slice through all volumes; the files of a volume come in no order; the slice
count stands in ImagesInAcquisition and in GEMS_RELA_01 (0021,xx4F); every AcquisitionTime is the series' own; pixels are signed.

Philips (R5 classic): InstanceNumber runs volume by volume through a slice before it comes to the next, so its order is not spatial; the
volume is TemporalPositionIdentifier; the counts stand in NumberOfTemporalPositions and Philips Imaging DD 001 (2001,xx18). Displayed =
stored x RescaleSlope; measured ("precise") = stored / scale slope (2005,xx0E), which is what dcm2niix gives.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from rtfmri.simulate.series import (
    START_S,
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

PHILIPS_RESCALE, PHILIPS_SCALE = 1.6, 0.5  # displayed per stored; stored per measured


def ge_files(pixels: Pixels, series: Series, index: int) -> list[DicomFile]:
    """Volume ``index`` (0-based), uint16 (X, Y, Z): a file for each slice, in the arbitrary order in which GE exports them."""
    slices = series.grid.shape[2]
    order = np.random.default_rng([series.seed, 8, index]).permutation(slices)
    return [_ge_file(slice_rows(pixels)[z], series, index, int(z)) for z in order]


def _ge_file(image: Pixels, series: Series, index: int, z: int) -> DicomFile:
    slices, number = series.grid.shape[2], index * series.grid.shape[2] + z + 1
    ds = _slice_header(series, index, z)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "EPI", "NONE"]
    ds.Manufacturer, ds.SoftwareVersions = "GE MEDICAL SYSTEMS", ["27", "LX", "MR Software release:DV26.0"]
    ds.AcquisitionTime = dicom_time(START_S)
    ds.AcquisitionNumber, ds.InstanceNumber = 1, number
    ds.NumberOfTemporalPositions, ds.ImagesInAcquisition = series.volumes, slices
    ds.StackID, ds.InStackPositionNumber = "1", z + 1
    acquired = ds.private_block(0x19, "GEMS_ACQU_01", create=True)
    acquired.add_new(0x9C, "LO", "epiRT")
    acquired.add_new(0x9E, "LO", "EPI")
    acquired.add_new(0xF2, "SS", series.volumes)
    ds.private_block(0x21, "GEMS_RELA_01", create=True).add_new(0x4F, "SS", slices)
    ds.private_block(0x25, "GEMS_SERS_01", create=True).add_new(0x07, "SL", slices)
    ds.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", 0)  # magnitude
    add_pixels(ds, image.astype(np.int16), 16)
    folder = f"p{series.seed % 1000 + 1}/e{series.seed % 1000 + 2}/s{series.number}"
    return DicomFile(index, f"{folder}/i{100000 + number}.MRDC.{number}", to_bytes(ds))


def philips_files(pixels: Pixels, series: Series, index: int) -> list[DicomFile]:
    """Volume ``index`` (0-based), uint16 (X, Y, Z): a file for each slice, from the first to the last."""
    return [_philips_file(image, series, index, z) for z, image in enumerate(slice_rows(pixels))]


def _philips_file(image: Pixels, series: Series, index: int, z: int) -> DicomFile:
    ds = _slice_header(series, index, z)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
    ds.Manufacturer, ds.SoftwareVersions = "Philips Medical Systems", ["5.1.1", "5.1.1.0"]
    ds.AcquisitionTime = dicom_time(series.acquired_s(index))
    ds.AcquisitionNumber, ds.InstanceNumber = series.number // 100 + 1, z * series.volumes + index + 1
    ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = index + 1, series.volumes
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", decimal(PHILIPS_RESCALE), "normalized"
    imaging = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    imaging.add_new(0x08, "IS", 1)  # cardiac phase
    imaging.add_new(0x0A, "IS", z + 1)
    imaging.add_new(0x18, "SL", series.grid.shape[2])
    imaging.add_new(0x81, "IS", series.volumes)
    scaling = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    scaling.add_new(0x0D, "FL", 0.0)
    scaling.add_new(0x0E, "FL", PHILIPS_SCALE)
    scaling.add_new(0x11, "CS", "M")
    add_pixels(ds, image)
    return DicomFile(index, f"MR.{ds.SOPInstanceUID}", to_bytes(ds))


def _slice_header(series: Series, index: int, z: int) -> Dataset:
    """What both vendors say of slice ``z``."""
    grid = series.grid
    ds = common_header(series, index)
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, series.uid("volume", index, "slice", z)
    add_sequence(ds, series)
    corner = slice_corner_mm(grid, z)
    ds.ImagePositionPatient = [decimal(value) for value in corner]
    ds.ImageOrientationPatient, ds.PixelSpacing = orientation(grid), pixel_spacing(grid)
    ds.SliceThickness = ds.SpacingBetweenSlices = decimal(grid.voxel_size_mm[2])
    ds.SliceLocation = decimal(float(corner @ directions(grid)[2]))
    return ds
