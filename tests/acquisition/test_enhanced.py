"""Enhanced multi-frame files: against dcm2niix on every real one, and against our own tiny writer, whose geometry is written out anew."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from acquisition_files import SHARED, needs_shared, scan_of
from acquisition_files import dataset_of as mosaic_dataset_of
from enhanced_files import IDENTITIES, dataset_of, item, multi_bytes, multi_of, to_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_same, converted
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from rtfmri.acquisition.enhanced import decode_enhanced, volume_index
from rtfmri.acquisition.files import read
from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.acquisition.series import why_not
from rtfmri.acquisition.vendors import decode
from rtfmri.errors import VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Grid, Missing, Volume

INGEST = SHARED / "ingest"
# which file or files, and how many volumes each holds
REAL = {
    "siemens_xa10_enhanced/*": 1,
    "siemens_xa30_enhanced/*": 1,
    "canon_v61_enhanced_dti/*": 13,
    "noisepix_philips_enhanced_fmri/*.dcm": 4,
    "philips_r32_enhanced_balls/DICOM/T2_.dcm": 2,
    "philips_r32_enhanced_balls/DICOM/T2_-interleaved.dcm": 2,
}
GEOMETRIES: dict[str, dict[str, Any]] = {
    "axial": {},
    "oblique": {"column": (0.0, 0.8, 0.6)},
    "coronal": {"column": (0.0, 0.0, -1.0)},
    "sagittal": {"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, -1.0)},
    "numbered from the far end": {"turned": True},
    "one slice": {"data": np.arange(2 * 6 * 8, dtype=np.uint16).reshape(2, 1, 6, 8)},
}


def decoded(data: bytes) -> tuple[Volume, ...]:
    return decode_enhanced(read(data))


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("pattern", REAL)
def test_real_series_agree_with_dcm2niix(pattern: str, tmp_path: Path) -> None:
    source = tmp_path / "dicoms"
    source.mkdir()
    pieces = []
    for path in sorted(INGEST.glob(pattern)):
        shutil.copy(path, source)
        pieces.append(decode(read(path.read_bytes())))
    ((image, sidecar),) = converted(source, tmp_path / "out")
    assert {len(volumes) for volumes in pieces} == {REAL[pattern]}
    assert_same([volume for volumes in pieces for volume in volumes], image, sidecar)


@needs_shared
@pytest.mark.real_data
def test_times_of_a_real_xa_run_are_one_tr_apart() -> None:
    times_s = [decoded(path.read_bytes())[0].acquired_s for path in sorted((INGEST / "siemens_xa30_enhanced").iterdir())]
    assert np.allclose(np.diff(times_s), 1.0)


@needs_shared
@pytest.mark.real_data
def test_times_of_a_real_philips_run_are_one_tr_apart() -> None:
    volumes = decoded(next((INGEST / "noisepix_philips_enhanced_fmri").glob("*.dcm")).read_bytes())
    assert np.allclose(np.diff([volume.acquired_s for volume in volumes]), 3.0)


@needs_shared
@pytest.mark.real_data
def test_a_philips_run_lies_where_its_scanner_put_the_nifti() -> None:
    """The scanner's file has its rows the other way round, and values on the scale of the display."""
    theirs = nibabel.load(INGEST / "noisepix_philips_enhanced_fmri" / "truth" / "001_ground_truth.nii.gz")
    stored = np.asarray(theirs.dataobj)[:, ::-1]
    for volume in decoded(next((INGEST / "noisepix_philips_enhanced_fmri").glob("*.dcm")).read_bytes()):
        assert np.corrcoef(volume.data.ravel(), stored[..., volume.index].ravel())[0, 1] > 1 - 1e-9
        turned = np.array(theirs.affine, dtype=np.float64) @ np.array([[1, 0, 0, 0], [0, -1, 0, 63], [0, 0, 1, 0], [0, 0, 0, 1.0]])
        assert volume.grid.difference_mm(Grid(volume.grid.shape, turned)) < 0.01


@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_voxel_lies_where_the_scanner_put_it(name: str) -> None:
    multi = multi_of(**GEOMETRIES[name])
    for v, volume in enumerate(decoded(to_bytes(dataset_of(multi)))):
        for z, r, c in np.ndindex(multi.data.shape[1:]):
            lps = multi.position_mm(z) + np.array(multi.row) * multi.voxel_mm[0] * c + np.array(multi.column) * multi.voxel_mm[1] * r
            stored = np.linalg.inv(volume.grid.affine) @ np.array([-lps[0], -lps[1], lps[2], 1.0])
            x, y, k = np.rint(stored[:3]).astype(int)
            assert np.abs(stored[:3] - [x, y, k]).max() < 1e-6
            assert volume.data[x, y, k] == multi.data[v, z, r, c]


@pytest.mark.parametrize("name", [name for name in GEOMETRIES if name != "one slice"])
def test_written_files_agree_with_dcm2niix(name: str, tmp_path: Path) -> None:
    source = tmp_path / "dicoms"
    source.mkdir()
    data = multi_bytes(3, **GEOMETRIES[name])
    (source / "all.dcm").write_bytes(data)
    ((image, sidecar),) = converted(source, tmp_path / "out")
    assert_same(decoded(data), image, sidecar)


@given(order=st.permutations(range(15)), shared=st.booleans(), undefined=st.booleans())
@settings(max_examples=40)
def test_frames_may_lie_in_any_order_in_the_file(order: list[int], shared: bool, undefined: bool) -> None:
    expected = decoded(multi_bytes(3))
    found = decoded(multi_bytes(3, order=order, shared=shared, undefined=undefined))
    assert [volume.index for volume in found] == [0, 1, 2]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.data, other.data)
        assert one.grid.difference_mm(other.grid) < 1e-9
        assert (one.tr_s, one.acquired_s) == (1.0, other.acquired_s)


@pytest.mark.parametrize(("syntax", "implicit", "little"), [(ImplicitVRLittleEndian, True, True), (ExplicitVRBigEndian, False, False)])
def test_the_encoding_of_the_header_does_not_matter(syntax: str, implicit: bool, little: bool) -> None:
    dataset = dataset_of(multi_of(2))
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    for one, other in zip(decoded(to_bytes(dataset, syntax, implicit=implicit, little=little)), decoded(multi_bytes(2)), strict=True):
        assert np.array_equal(one.data, other.data)
        assert (one.index, one.tr_s, one.acquired_s) == (other.index, other.tr_s, other.acquired_s)


def test_each_frame_is_rescaled_as_it_says() -> None:
    slopes = [0.5 + 0.25 * number for number in range(10)]
    plain, scaled = decoded(multi_bytes(2)), decoded(multi_bytes(2, slopes=slopes))
    for v in range(2):
        assert np.array_equal(scaled[v].data, plain[v].data * np.array(slopes[5 * v : 5 * v + 5], dtype=np.float32))


def test_slice_times_follow_the_slices() -> None:
    times_ms = (0.0, 400.0, 200.0, 600.0, 800.0)
    first, second = decoded(multi_bytes(2, slice_times_ms=times_ms))
    assert first.slice_times_s == pytest.approx((0.0, 0.4, 0.2, 0.6, 0.8))
    assert (first.acquired_s, second.acquired_s) == pytest.approx((43200.0, 43201.0))
    (turned,) = decoded(multi_bytes(1, slice_times_ms=times_ms, turned=True))
    assert turned.slice_times_s == pytest.approx((0.8, 0.6, 0.2, 0.4, 0.0))
    assert decoded(multi_bytes(1))[0].slice_times_s is None


@pytest.mark.parametrize(
    ("vendor", "temporal", "acquisition", "instance", "index"),
    [
        ("Siemens", 4, 4, 4, 3),
        ("Siemens", 4, 1, 1, 3),
        ("Siemens", 1, 4, 4, 3),  # counted anew in every file
        ("Siemens", 1, 1, 4, 3),
        ("Siemens", None, 4, 4, 3),
        ("Philips Medical Systems", 4, 901, 1, 3),  # its AcquisitionNumber is the series'
        ("Philips Medical Systems", 1, 901, 1, 0),
        ("CANON_MEC", None, 1, 4, 3),
    ],
)
def test_the_volume_number_is_the_temporal_position_or_else_the_vendors(
    vendor: str, temporal: int | None, acquisition: int, instance: int, index: int
) -> None:
    dataset = dataset_of(multi_of(1, first=temporal or 1, temporal=temporal is not None, vendor=vendor))
    dataset.AcquisitionNumber, dataset.InstanceNumber = acquisition, instance
    image = read(to_bytes(dataset))
    assert volume_index(image.header) == index
    assert [volume.index for volume in decode_enhanced(image)] == [index]


def test_the_magnitude_counts_of_a_file_with_phase() -> None:
    dataset = dataset_of(multi_of(2))
    for frame in dataset.PerFrameFunctionalGroupsSequence[5:]:
        frame.MRImageFrameTypeSequence[0].ComplexImageComponent = "PHASE"
        frame.FrameContentSequence[0].TemporalPositionIndex = 1
    (volume,) = decoded(to_bytes(dataset))
    assert np.array_equal(volume.data, decoded(multi_bytes(2))[0].data)


def test_the_first_echo_counts_of_a_file_with_several() -> None:
    dataset = dataset_of(multi_of(2))
    for frame in dataset.PerFrameFunctionalGroupsSequence[:5]:
        frame.MREchoSequence[0].EffectiveEchoTime = 45.0
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.FrameContentSequence[0].TemporalPositionIndex = 1
    (volume,) = decoded(to_bytes(dataset))
    assert np.array_equal(volume.data, decoded(multi_bytes(2))[1].data)


def _drop(dataset: Any, number: int) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[number]
    dataset.NumberOfFrames -= 1
    dataset.PixelData = dataset.PixelData[: -dataset.Rows * dataset.Columns * 2]


def _again(dataset: Any) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.FrameContentSequence[0].TemporalPositionIndex = 1


def _miscount(dataset: Any) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[0]


def _without(name: str) -> Any:
    def change(dataset: Any) -> None:
        for frame in (*dataset.SharedFunctionalGroupsSequence, *dataset.PerFrameFunctionalGroupsSequence):
            frame.pop(name, None)

    return change


def _bend(dataset: Any) -> None:
    dataset.PerFrameFunctionalGroupsSequence[2].PlaneOrientationSequence = [item(ImageOrientationPatient=[0, 1, 0, 1, 0, 0])]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dataset: _drop(dataset, 2), "equal distances"),
        (_again, "twice at one time"),
        (_miscount, "holds 10 frames, but describes 9"),
        (_without("PlanePositionSequence"), "lies in space"),
        (_without("PlaneOrientationSequence"), "lies in space"),
        (_without("PixelMeasuresSequence"), "voxel size"),
        (_without("MRTimingAndRelatedParametersSequence"), "repetition time"),
        (_bend, "orientation"),
        (lambda dataset: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), "mosaic"),
    ],
)
def test_a_file_that_makes_no_volume_is_refused_with_the_reason(change: Any, words: str) -> None:
    dataset = dataset_of(multi_of(2))
    change(dataset)
    with pytest.raises(VolumeError, match=words):
        decoded(to_bytes(dataset))


@pytest.mark.parametrize("undefined", [True, False])
def test_no_identity_survives_reading_at_any_depth(undefined: bool) -> None:
    data = multi_bytes(2, undefined=undefined)
    assert all(identity.encode() in data for identity in IDENTITIES)
    image = read(data)
    kept = pickle.dumps((image, decode_enhanced(image)))
    assert not any(identity.encode() in kept for identity in IDENTITIES)


@pytest.mark.parametrize(
    ("planar", "component", "reason"),
    [("YES", "MAGNITUDE", None), ("NO", "MAGNITUDE", "it is not echo-planar"), ("YES", "PHASE", "it holds phase, not magnitude")],
)
def test_the_run_is_chosen_by_what_the_frames_say(planar: str, component: str, reason: str | None) -> None:
    dataset = dataset_of(multi_of(1))
    dataset.EchoPlanarPulseSequence = planar
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.MRImageFrameTypeSequence[0].ComplexImageComponent = component
    assert why_not(read(to_bytes(dataset)).header, SeriesRule()) == reason


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "volumes"), [("siemens_xa10_enhanced", 18), ("noisepix_philips_enhanced_fmri", 4)])
def test_a_recorded_run_comes_out_whole_and_in_order(folder: str, volumes: int) -> None:
    rule = SeriesRule()
    items = list(read_dicoms(INGEST / folder, rule, Acquisition(series=rule)))
    assert [item.index for item in items if isinstance(item, Volume | Missing)] == list(range(volumes))
    assert not any(isinstance(item, Missing) for item in items)


def test_a_mosaic_from_xa_which_lacks_its_orientation_is_refused_with_the_reason() -> None:
    mosaic = mosaic_dataset_of(scan_of(1))
    mosaic.SoftwareVersions = "syngo MR XA60"
    del mosaic[0x00290010], mosaic[0x00291010]
    with pytest.raises(VolumeError, match=r"XA scanners leave it out.*enhanced multi-frame"):
        decode(read(to_bytes(mosaic)))
