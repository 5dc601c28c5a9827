"""What was done to a file's bytes before it was delivered: other pixels, another series, another scan. Pure."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import numpy as np
import pydicom

from rtfmri.simulate.faults import Change, Delivery
from rtfmri.simulate.series import dicom_time

TIME_LENGTH = len("HHMMSS.ffffff")


def content_of(file: Delivery, rendered: bytes, seed: int = 0) -> bytes:
    """The bytes that a delivery writes, given those of its rendered source."""
    if not file.changes:
        return rendered
    ds = pydicom.dcmread(io.BytesIO(rendered))
    rng = np.random.default_rng([seed, 10, zlib.crc32(file.name.encode())])
    for change in file.changes:
        CHANGES[change](ds, rng)
    _acquired_later(ds, file.later_s)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _other_pixels(ds: pydicom.Dataset, rng: np.random.Generator) -> None:
    """The lowest bits of all pixels at random: nobody can tell it from a measurement."""
    stored = np.frombuffer(ds.PixelData, np.uint16)
    ds.PixelData = (stored ^ rng.integers(0, 16, stored.shape, dtype=np.uint16) * (stored > 0)).tobytes()


def _of_another_series(ds: pydicom.Dataset, rng: np.random.Generator) -> None:
    _renumbered(ds, ds.SeriesNumber + 100)
    ds.ProtocolName = ds.SeriesDescription = "localizer"


def _restarted(ds: pydicom.Dataset, rng: np.random.Generator) -> None:
    _renumbered(ds, ds.SeriesNumber + 1)


def _acquired_later(ds: pydicom.Dataset, by_s: float) -> None:
    """Move every time of day after the study's own."""
    for element in ds.iterall() if by_s else ():
        if element.VR in ("TM", "DT") and element.keyword != "StudyTime":
            day, time = element.value[:-TIME_LENGTH], element.value[-TIME_LENGTH:]
            element.value = day + dicom_time(int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:]) + by_s)


def _rescanned(ds: pydicom.Dataset, rng: np.random.Generator) -> None:
    """Another measurement under the same series."""
    ds.SOPInstanceUID = _another(ds.SOPInstanceUID, int(rng.integers(10_000)))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID


def _renumbered(ds: pydicom.Dataset, number: int) -> None:
    ds.SeriesNumber = number
    ds.SeriesInstanceUID, ds.SOPInstanceUID = _another(ds.SeriesInstanceUID, number), _another(ds.SOPInstanceUID, number)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID


def _another(uid: str, number: int) -> str:
    return f"{uid[:58]}.{number % 10_000}"


CHANGES: dict[Change, Callable[[pydicom.Dataset, np.random.Generator], None]] = {
    "pixels": _other_pixels,
    "other_series": _of_another_series,
    "restarted": _restarted,
    "rescanned": _rescanned,
}
