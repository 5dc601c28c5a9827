"""One volume in every encoding: the same header and the same voxels."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from acquisition_files import SHARED, dataset_of, mosaic_bytes, needs_shared, scan_of, to_bytes
from enhanced_files import dataset_of as enhanced_dataset_of
from enhanced_files import multi_bytes, multi_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from rtfmri.acquisition.compressed import PLUGINS
from rtfmri.acquisition.enhanced import decode_enhanced
from rtfmri.acquisition.files import read
from rtfmri.acquisition.siemens import decode_mosaic
from rtfmri.errors import IncompleteError, VolumeError

NINE = SHARED / "ingest" / "siemens_vb17_nine_transfer_syntaxes"
NATIVE = {
    ExplicitVRLittleEndian: (False, True),
    ImplicitVRLittleEndian: (True, True),
    ExplicitVRBigEndian: (False, False),
    DeflatedExplicitVRLittleEndian: (False, True),
}
COMPRESSED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
PIXELS = np.random.default_rng(1).integers(1, 4000, size=(5, 40, 36)).astype(np.uint16)  # JPEG 2000's encoder wants 32 or more
FRAMES = np.stack([PIXELS, PIXELS[::-1]])


def compressed(dataset, syntax: str) -> bytes:
    """The data set, packed by pydicom's encoders."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(syntax, generate_instance_uid=False)
    return to_bytes(dataset, syntax)


def native(dataset, syntax: str) -> bytes:
    implicit, little = NATIVE[syntax]
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    return to_bytes(dataset, syntax, implicit=implicit, little=little)


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("name", [f"{number}.dcm" for number in range(2, 10)])
def test_a_real_volume_is_the_same_in_each_of_nine_encodings(name: str) -> None:
    expected = decode_mosaic(read((NINE / "1.dcm").read_bytes()))
    found = decode_mosaic(read((NINE / name).read_bytes()))
    assert np.array_equal(found.data, expected.data)
    assert found.grid.difference_mm(expected.grid) < 1e-9
    assert (found.index, found.tr_s, found.acquired_s) == (expected.index, expected.tr_s, expected.acquired_s)


@pytest.mark.parametrize("syntax", [*NATIVE, *COMPRESSED])
def test_a_mosaic_is_the_same_in_every_encoding(syntax: str) -> None:
    pack = native if syntax in NATIVE else compressed
    found, expected = (
        decode_mosaic(read(pack(dataset_of(scan_of(3, data=PIXELS)), syntax))),
        decode_mosaic(read(mosaic_bytes(3, data=PIXELS))),
    )
    assert np.array_equal(found.data, expected.data)
    assert found.grid.difference_mm(expected.grid) < 1e-9
    assert (found.index, found.tr_s, found.acquired_s) == (expected.index, expected.tr_s, expected.acquired_s)


@pytest.mark.parametrize("syntax", [*NATIVE, *COMPRESSED])
def test_a_multi_frame_file_is_the_same_in_every_encoding(syntax: str) -> None:
    pack = native if syntax in NATIVE else compressed
    found, expected = (
        decode_enhanced(read(pack(enhanced_dataset_of(multi_of(2, data=FRAMES)), syntax))),
        decode_enhanced(read(multi_bytes(2, data=FRAMES))),
    )
    assert all(np.array_equal(one.data, other.data) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("syntax", [*NATIVE, *COMPRESSED])
@given(part=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30)
def test_a_file_cut_anywhere_is_incomplete_in_every_encoding(syntax: str, part: float) -> None:
    data = _whole(syntax)
    with pytest.raises(IncompleteError):
        read(data[: int(part * len(data))])


def _whole(syntax: str, made: dict[str, bytes] = {}) -> bytes:  # noqa: B006  (made once for all examples)
    if syntax not in made:
        made[syntax] = (native if syntax in NATIVE else compressed)(dataset_of(scan_of(1, data=PIXELS)), syntax)
    return made[syntax]


@pytest.mark.parametrize("syntax", PLUGINS)
def test_every_plug_in_is_installed(syntax: str) -> None:
    assert PLUGINS[syntax] in get_decoder(syntax).available_plugins


def test_an_encoding_that_is_not_known_is_refused_by_name() -> None:
    dataset = dataset_of(scan_of(1, data=PIXELS))
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(VolumeError, match="JPEG Baseline"):
        read(to_bytes(dataset, JPEGBaseline8Bit)).pixels()


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_compressed_pixels_of_another_size_than_the_header_says_are_refused(syntax: str) -> None:
    image = copy.copy(dataset_of(scan_of(1, data=PIXELS)))
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.compress(syntax, generate_instance_uid=False)
    image.Rows, image.Columns = image.Columns + 3, image.Rows - 3
    with pytest.raises(VolumeError, match="compressed pixels"):
        read(to_bytes(image, syntax)).pixels()


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_whose_meta_information_tells_another_encoding_is_read(implicit: bool) -> None:
    data = native(dataset_of(scan_of(1, data=PIXELS)), ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
    told, other = (b"1.2.840.10008.1.2\0\0\0", b"1.2.840.10008.1.2.1\0")[:: 1 if implicit else -1]
    lied = data.replace(told[: 18 if implicit else 20], other[: 18 if implicit else 20], 1)
    assert np.array_equal(read(lied).pixels(), read(data).pixels())
