"""A file is taken when it is whole and an MR image; and nothing that tells who was scanned is taken with it."""

from __future__ import annotations

import dataclasses
import io
import pickle

import numpy as np
import pydicom
import pytest
from acquisition_files import SHARED, dataset_of, mosaic_bytes, needs_shared, scan_of, to_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import seconds_since_midnight
from rtfmri.acquisition.siemens import decode_mosaic
from rtfmri.errors import IncompleteError, VolumeError

WHOLE = mosaic_bytes(3)
IDENTITIES = (b"Doe", b"Jane", b"MRN-4711", b"19700101", b"General Hospital", b"House")


def element_ends(data: bytes) -> list[int]:
    """Where each element of a file begins, from an independent reading."""
    found = pydicom.dcmread(io.BytesIO(data))
    return sorted({0, 1, 100, 128, 130, 132, *(found.get_item(tag).value_tell - 8 for tag in found.keys())})  # noqa: SIM118


def test_a_whole_file_is_read() -> None:
    header = read(WHOLE).header
    assert (header.series, header.acquisition_number, header.tr_s) == ("series 7 'bold_nf1'", 3, 1.0)
    assert header.acquired_s == 43203.0


@pytest.mark.parametrize("end", element_ends(WHOLE))
def test_a_file_that_ends_at_any_element_is_incomplete(end: int) -> None:
    with pytest.raises(IncompleteError):
        read(WHOLE[:end])


@given(end=st.integers(0, len(WHOLE) - 1))
@settings(max_examples=300)
def test_a_file_cut_anywhere_is_incomplete(end: int) -> None:
    with pytest.raises(IncompleteError):
        read(WHOLE[:end])


@pytest.mark.parametrize("end", range(5, 1001, 199))
def test_a_compressed_file_cut_anywhere_is_incomplete(end: int) -> None:
    dataset = dataset_of(scan_of(1))
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    data = to_bytes(dataset, pydicom.uid.RLELossless)
    assert np.array_equal(read(data).pixels(), read(mosaic_bytes(1)).pixels())
    with pytest.raises(IncompleteError):
        read(data[:-end])


@given(at=st.integers(132, len(WHOLE) - 1), value=st.integers(0, 255))
@settings(max_examples=300)
def test_a_flipped_byte_gives_a_volume_of_the_same_shape_or_a_volume_error(at: int, value: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] = value
    try:
        volume = decode_mosaic(read(bytes(damaged)))
    except VolumeError:
        return
    assert volume.data.size <= 2 * read(WHOLE).pixels().size


def test_zeros_where_the_file_was_only_preallocated_are_incomplete() -> None:
    with pytest.raises(IncompleteError):
        read(bytes(len(WHOLE)))


@pytest.mark.parametrize("data", [b"", b"\0" * 40])
def test_an_empty_file_is_incomplete(data: bytes) -> None:
    with pytest.raises(IncompleteError):
        read(data)


@pytest.mark.parametrize("data", [b"not an image, but a note " * 20, b"<xml>" * 200, b"x" * 128 + b"NOPE"])
def test_a_text_file_is_no_dicom(data: bytes) -> None:
    with pytest.raises(VolumeError, match="no DICOM file"):
        read(data)


def test_a_report_is_no_mr_image() -> None:
    report = dataset_of(scan_of(1))
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
    del report.PixelData
    with pytest.raises(VolumeError, match="no MR image"):
        read(to_bytes(report))


def test_more_pixels_than_there_can_be_are_refused() -> None:
    absurd = dataset_of(scan_of(1))
    absurd.Rows = absurd.Columns = 65535
    with pytest.raises(VolumeError, match="number of pixels"):
        read(to_bytes(absurd))


def test_fewer_pixels_than_rows_and_columns_ask_for_are_refused() -> None:
    short = dataset_of(scan_of(1))
    short.Rows = short.Rows * 2
    with pytest.raises(VolumeError, match="fewer pixels"):
        read(to_bytes(short))


@pytest.mark.parametrize(
    ("syntax", "implicit", "little"),
    [
        (pydicom.uid.ExplicitVRLittleEndian, False, True),
        (pydicom.uid.ImplicitVRLittleEndian, True, True),
        (pydicom.uid.ExplicitVRBigEndian, False, False),
        (pydicom.uid.DeflatedExplicitVRLittleEndian, False, True),
    ],
)
def test_every_native_encoding_gives_the_same_header_and_pixels(syntax: str, implicit: bool, little: bool) -> None:
    dataset = dataset_of(scan_of(3))
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    image = read(to_bytes(dataset, syntax, implicit=implicit, little=little))
    expected = read(WHOLE)
    assert dataclasses.replace(image.header, blocks={}) == dataclasses.replace(expected.header, blocks={})
    assert np.array_equal(image.pixels(), expected.pixels())


def test_no_identity_survives_reading() -> None:
    assert all(identity in WHOLE for identity in IDENTITIES)
    image = read(WHOLE)
    kept = pickle.dumps(image)
    assert not any(identity in kept for identity in IDENTITIES)


@needs_shared
def test_a_real_truncated_file_is_incomplete() -> None:
    data = next((SHARED / "ingest" / "negative_truncated").iterdir()).read_bytes()
    with pytest.raises(IncompleteError):
        read(data)


@pytest.mark.parametrize(("text", "seconds"), [("010203.5", 3723.5), ("235959", 86399.0), ("01:02:03", 3723.0), ("", None), ("12", None)])
def test_times_are_seconds_since_midnight(text: str, seconds: float | None) -> None:
    assert seconds_since_midnight(text) == seconds
