"""Siemens mosaics against two witnesses: our own tiny writer, whose geometry is written out anew here, and dcm2niix on all files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from acquisition_files import SHARED, csa_block, dataset_of, mosaic_bytes, needs_shared, scan_of, to_bytes

from rtfmri.acquisition.csa import read_csa
from rtfmri.acquisition.files import read
from rtfmri.acquisition.siemens import decode_mosaic, volume_index
from rtfmri.errors import VolumeError
from rtfmri.volume import Grid, Volume

with warnings.catch_warnings():  # nibabel calls its DICOM readers experimental when they are imported
    warnings.simplefilter("ignore")
    from nibabel.nicom import csareader

TILT = (0.0, 0.8, 0.6)  # column direction of an oblique slice; its normal is (0, -0.6, 0.8)
ORIENTATIONS: dict[str, dict[str, Any]] = {
    "axial": {},
    "oblique": {"column": TILT, "normal": (0.0, -0.6, 0.8)},
    "coronal": {"column": (0.0, 0.0, -1.0), "normal": (0.0, 1.0, 0.0)},
    "sagittal, numbered against the cross product": {"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, -1.0), "normal": (1.0, 0.0, 0.0)},
    "numbered from the far end": {"normal": (0.0, 0.0, -1.0), "far_end_first": True},
}
REAL = (
    "siemens_vb13_mosaic",
    "siemens_vb17_mosaic_ax",
    "siemens_vb17_mosaic_sag",
    "siemens_vb17_mosaic_cor",
    "siemens_vd13_mosaic",
    "siemens_vd13_mosaic_reversed_numbering",
    "siemens_ve11_mosaic_phantom",
    "siemens_ve11_mosaic_rtcloud",
)


def decoded(data: bytes) -> Volume:
    return decode_mosaic(read(data))


def dcm2niix(folder: Path, out: Path) -> tuple[Any, dict[str, Any]]:
    """The NIfTI image and the sidecar that dcm2niix makes of ``folder``."""
    tool = Path(sys.executable).with_name("dcm2niix")
    command = str(tool) if tool.exists() else shutil.which("dcm2niix")
    if command is None:
        pytest.skip("dcm2niix is not installed")
    out.mkdir()
    subprocess.run([command, "-z", "n", "-f", "found", "-o", str(out), str(folder)], check=True, capture_output=True, timeout=60)
    return nibabel.load(out / "found.nii"), json.loads((out / "found.json").read_text())


def assert_same(volumes: list[Volume], image: Any) -> None:
    expected = np.asarray(image.dataobj)
    expected = expected if expected.ndim == 4 else expected[..., None]
    assert expected.shape[3] == len({volume.index for volume in volumes})
    for volume in volumes:
        assert np.array_equal(volume.data, expected[..., volume.index].astype(np.float32))
        assert volume.grid.difference_mm(Grid(volume.grid.shape, np.array(image.affine, dtype=np.float64))) < 1e-3


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_voxel_lies_where_the_scanner_put_it(name: str) -> None:
    scan = scan_of(2, **ORIENTATIONS[name])
    volume = decoded(to_bytes(dataset_of(scan)))
    slices, rows, columns = scan.data.shape
    for z, r, c in [(0, 0, 0), (slices - 1, 0, 0), (0, rows - 1, 0), (0, 0, columns - 1), (2, 3, 4)]:
        lps = np.array(scan.corner_mm) + np.array(scan.row) * scan.voxel_mm[0] * c
        lps = lps + np.array(scan.column) * scan.voxel_mm[1] * r + np.array(scan.normal) * scan.voxel_mm[2] * z
        stored = np.linalg.inv(volume.grid.affine) @ np.array([-lps[0], -lps[1], lps[2], 1.0])
        x, y, k = np.rint(stored[:3]).astype(int)
        assert np.abs(stored[:3] - [x, y, k]).max() < 1e-6
        assert volume.data[x, y, k] == scan.data[z, r, c]


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_written_mosaics_agree_with_dcm2niix(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "dicoms"
    folder.mkdir()
    files = [mosaic_bytes(number, **ORIENTATIONS[name]) for number in (1, 2)]
    for number, data in enumerate(files):
        (folder / f"{number}.dcm").write_bytes(data)
    image, _ = dcm2niix(folder, tmp_path / "out")
    assert_same([decoded(data) for data in files], image)


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_mosaics_agree_with_dcm2niix(name: str, tmp_path: Path) -> None:
    folder = SHARED / "ingest" / name
    image, sidecar = dcm2niix(folder, tmp_path / "out")
    volumes = [decoded(path.read_bytes()) for path in sorted(folder.iterdir())]
    assert_same(volumes, image)
    assert volumes[0].tr_s == pytest.approx(sidecar["RepetitionTime"], abs=1e-6)
    times_s = volumes[0].slice_times_s
    if times_s is not None:  # VB13 does not report any; dcm2niix then computes them from the protocol
        assert np.allclose(times_s, sidecar["SliceTiming"], atol=0.003)  # one clock tick of 2.5 ms apart from volume to volume


@needs_shared
@pytest.mark.real_data
def test_the_recorded_run_agrees_with_dcm2niix(tmp_path: Path) -> None:
    folder = tmp_path / "dicoms"
    folder.mkdir()
    for path in sorted((SHARED / "siemens_mosaic_bold" / "dicoms").iterdir())[:4]:
        shutil.copy(path, folder)
    image, sidecar = dcm2niix(folder, tmp_path / "out")
    volumes = [decoded(path.read_bytes()) for path in sorted(folder.iterdir())]
    assert_same(volumes, image)
    assert np.allclose(volumes[0].slice_times_s, sidecar["SliceTiming"], atol=0.001)


@needs_shared
@pytest.mark.real_data
def test_masks_and_reference_of_the_recorded_run_lie_on_its_grid() -> None:
    volume = decoded((SHARED / "siemens_mosaic_bold" / "dicoms" / "001_000007_000006.dcm").read_bytes())
    reference = nibabel.load(SHARED / "siemens_mosaic_bold" / "reference_epi.nii.gz")
    assert volume.index == 5
    assert np.array_equal(volume.data, np.asarray(reference.dataobj, dtype=np.float32))
    for name in ("reference_epi", "roi_left", "roi_right"):
        image = nibabel.load(SHARED / "siemens_mosaic_bold" / f"{name}.nii.gz")
        assert volume.grid.difference_mm(Grid(image.shape, np.array(image.affine))) < 1e-2


@needs_shared
@pytest.mark.real_data
def test_all_encodings_of_one_volume_that_can_be_decoded_are_the_same() -> None:
    folder = SHARED / "ingest" / "siemens_vb17_nine_transfer_syntaxes"
    expected, agreeing = decoded((folder / "1.dcm").read_bytes()), 0
    for path in sorted(folder.iterdir()):
        try:
            volume = decoded(path.read_bytes())
        except VolumeError as error:
            assert "cannot be decoded" in str(error)  # noqa: PT017  (which encodings can be depends on the plug-ins)
            continue
        assert np.array_equal(volume.data, expected.data)
        assert volume.grid.difference_mm(expected.grid) < 1e-9
        agreeing += 1
    assert agreeing >= 5


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_our_csa_reader_agrees_with_nibabels(name: str) -> None:
    block = read(sorted((SHARED / "ingest" / name).iterdir())[0].read_bytes()).header.csa
    theirs = csareader.read(block)["tags"]
    ours = read_csa(block)
    assert ours["NumberOfImagesInMosaic"][0] > 1
    for keyword, values in ours.items():
        assert list(values) == [float(value) for value in theirs[keyword]["items"]]


@pytest.mark.parametrize("kind", [1, 2])
def test_both_kinds_of_csa_header_are_read(kind: int) -> None:
    block = csa_block({"First": [1, 2, 3], "NumberOfImagesInMosaic": [36], "SliceNormalVector": [0.5, -0.25, 1e-3]}, kind=kind)
    assert read_csa(block) == {"NumberOfImagesInMosaic": (36.0,), "SliceNormalVector": (0.5, -0.25, 1e-3)}
    if kind == 2:  # nibabel takes the lengths of CSA1 from the second tag, SPM, as we do, from the first
        assert csareader.read(block)["tags"]["SliceNormalVector"]["items"] == [0.5, -0.25, 1e-3]
    assert np.array_equal(decoded(mosaic_bytes(1, csa_kind=kind)).data, decoded(mosaic_bytes(1)).data)


@pytest.mark.parametrize("end", [0, 6, 15, 90, 200])
def test_a_damaged_csa_header_is_a_volume_error(end: int) -> None:
    block = csa_block({"NumberOfImagesInMosaic": [36], "SliceNormalVector": [0, 0, 1]})
    with pytest.raises(VolumeError, match="CSA"):
        read_csa(block[:end])


def test_slice_times_are_seconds_and_turn_round_with_the_slices() -> None:
    times_ms = (0.0, 400.0, 200.0, 600.0, 800.0)
    assert decoded(mosaic_bytes(1, slice_times_ms=times_ms)).slice_times_s == (0.0, 0.4, 0.2, 0.6, 0.8)
    turned = mosaic_bytes(1, slice_times_ms=times_ms, far_end_first=True, normal=(0.0, 0.0, -1.0))
    assert decoded(turned).slice_times_s == (0.8, 0.6, 0.2, 0.4, 0.0)


@pytest.mark.parametrize("times_ms", [None, (0.0, 1.0), (0.0, 400.0, 200.0, 600.0, 5000.0)])
def test_slice_times_that_make_no_sense_are_not_known(times_ms: tuple[float, ...] | None) -> None:
    assert decoded(mosaic_bytes(1, slice_times_ms=times_ms)).slice_times_s is None


def test_the_scale_of_the_header_is_applied() -> None:
    scaled = dataset_of(scan_of(1))
    scaled.RescaleSlope, scaled.RescaleIntercept = "0.5", "-10"
    assert np.array_equal(decoded(to_bytes(scaled)).data, decoded(mosaic_bytes(1)).data * np.float32(0.5) - np.float32(10))


@pytest.mark.parametrize(
    ("acquisition", "instance", "echo", "index"),
    [(4, 4, 1, 3), (4, 8, 2, 3), (None, 4, 1, 3), (1, 4, 1, 3), (1, 2, 2, 0), (7, None, 1, 6)],
)
def test_the_volume_number_is_the_acquisition_number_or_else_the_instance_number(
    acquisition: int | None, instance: int | None, echo: int, index: int
) -> None:
    dataset = dataset_of(scan_of(1))
    dataset.AcquisitionNumber, dataset.InstanceNumber, dataset.EchoNumbers = acquisition, instance, echo
    assert volume_index(read(to_bytes(dataset)).header) == index


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"normal": ()}, "how its slices lie"),
        ({"normal": (1.0, 0.0, 0.0)}, "right angle"),
        ({"column": (0.7, 0.7, 0.0)}, "right angle"),
        ({"tr_ms": 0.0}, "repetition time"),
        ({"voxel_mm": (3.0, 3.0, 0.0)}, "voxel size"),
        ({"number": 0}, "volume number"),
    ],
)
def test_a_mosaic_that_lacks_what_is_needed_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    with pytest.raises(VolumeError, match=words):
        decoded(mosaic_bytes(**{"number": 1, **change}))


def test_a_mosaic_without_its_csa_header_is_refused_with_the_reason() -> None:
    bare = dataset_of(scan_of(1))
    del bare[0x00290010], bare[0x00291010]
    with pytest.raises(VolumeError, match="CSA"):
        decoded(to_bytes(bare))


def test_a_count_of_slices_that_does_not_fit_is_refused() -> None:
    wrong = dataset_of(scan_of(1))
    wrong[0x00291010].value = csa_block({"NumberOfImagesInMosaic": [17], "SliceNormalVector": [0, 0, 1]})
    with pytest.raises(VolumeError, match="cannot hold 17 slices"):
        decoded(to_bytes(wrong))
