"""Philips PAR/REC against dcm2niix, and against the enhanced DICOM of the same measurement."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from acquisition_files import SHARED, needs_shared
from oracle import assert_same, converted

from rtfmri.acquisition.enhanced import decode_enhanced
from rtfmri.acquisition.files import read
from rtfmri.acquisition.parrec import read_parrec, volumes_of_pair
from rtfmri.acquisition.recorded import read_recording
from rtfmri.errors import IncompleteError, StudyError, VolumeError
from rtfmri.study import Acquisition
from rtfmri.volume import EndOfSource, Missing, SourceFault, SourceItem, Volume

pytestmark = [needs_shared, pytest.mark.real_data]

BALLS = SHARED / "ingest" / "philips_r32_enhanced_balls"
NAMES = ("T2_", "T2_-interleaved")


def pair(name: str = "T2_") -> tuple[str, bytes]:
    return (BALLS / "PARREC" / f"{name}.PAR").read_text("latin-1"), (BALLS / "PARREC" / f"{name}.REC").read_bytes()


def image_lines(par: str) -> list[str]:
    """The lines that describe an image each."""
    return [line for line in par.splitlines() if re.match(r"\s*\d", line)]


def dump(folder: Path, dynamics: tuple[int, ...], renumbered: bool) -> None:
    """One PAR/REC pair for each volume, as a real-time dump writes them; ``renumbered``: each says dynamic scan 1."""
    par, rec = pair()
    lines = image_lines(par)
    size = len(rec) // len(lines)
    for dynamic in dynamics:
        kept, pixels = [], b""
        for line in lines:
            columns = line.split()
            if int(columns[2]) == dynamic:
                pixels += rec[int(columns[6]) * size :][:size]
                columns[6], columns[2] = str(len(kept)), "1" if renumbered else columns[2]
                kept.append(" ".join(columns))
        head = [line for line in par.splitlines() if line not in lines]
        (folder / f"Dump-{dynamic:04d}.par").write_text("\n".join([*head, *kept, ""]), "latin-1")
        (folder / f"Dump-{dynamic:04d}.rec").write_bytes(pixels)


def volumes(items: list[SourceItem]) -> list[Volume]:
    return [item for item in items if isinstance(item, Volume)]


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_agrees_with_dcm2niix(name: str, tmp_path: Path) -> None:
    source = tmp_path / "pair"
    source.mkdir()
    for suffix in ("PAR", "REC"):
        shutil.copy(BALLS / "PARREC" / f"{name}.{suffix}", source)
    *found, end = read_parrec(source / f"{name}.PAR")
    assert isinstance(end, EndOfSource)
    ((image, sidecar),) = converted(source, tmp_path / "out")
    assert_same(found, image, sidecar)


@pytest.mark.parametrize("orientation", [1, 2, 3])
@pytest.mark.parametrize("towards", [1, -1])
def test_every_slice_orientation_agrees_with_dcm2niix(orientation: int, towards: int, tmp_path: Path) -> None:
    """The columns of the real lines, with TRA, SAG or COR in their place; positions then go along another axis, either way."""
    source = tmp_path / "pair"
    source.mkdir()
    par, rec = pair()
    axis = {1: 20, 2: 21, 3: 19}[orientation]  # of the position (ap, fh, rl) that runs from slice to slice
    for line in image_lines(par):
        columns = line.split()
        columns[25] = str(orientation)
        columns[16:19] = ["0.00"] * 3
        columns[19:22] = ["0.00"] * 3
        columns[axis] = f"{towards * 12.33 * (int(columns[0]) - 5.5):.3f}"
        par = par.replace(line, " ".join(columns), 1)
    par = re.sub(r"(Angulation midslice.*:).*", r"\1   0.000  0.000  0.000", par)
    par = re.sub(r"(Off Centre midslice.*:).*", r"\1   0.000  0.000  0.000", par)
    (source / "a.PAR").write_text(par, "latin-1")
    (source / "a.REC").write_bytes(rec)
    ((image, sidecar),) = converted(source, tmp_path / "out")
    assert_same(volumes(list(read_parrec(source / "a.PAR"))), image, sidecar)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_agrees_with_the_dicom_file_of_the_same_measurement(name: str) -> None:
    """PAR rounds its scale to five digits, and its places to a hundredth of a millimetre."""
    dicom = decode_enhanced(read((BALLS / "DICOM" / f"{name}.dcm").read_bytes()))
    for one, other in zip(volumes(list(read_parrec(BALLS / "PARREC" / f"{name}.REC"))), dicom, strict=True):
        assert np.allclose(one.data, other.data, rtol=1e-5)
        assert one.grid.difference_mm(other.grid) < 0.03
        assert (one.index, one.tr_s) == (other.index, pytest.approx(other.tr_s, abs=1e-6))


@pytest.mark.parametrize("renumbered", [False, True])
def test_a_dump_of_one_pair_for_each_volume_is_the_same_run(renumbered: bool, tmp_path: Path) -> None:
    dump(tmp_path, (1, 2), renumbered)
    expected = volumes(list(read_parrec(BALLS / "PARREC" / "T2_.PAR")))
    found = volumes(list(read_parrec(tmp_path)))
    assert [volume.index for volume in found] == [0, 1]
    assert all(np.array_equal(one.data, other.data) for one, other in zip(found, expected, strict=True))


def test_a_pair_without_its_rec_is_missing_and_said_so(tmp_path: Path) -> None:
    dump(tmp_path, (1, 2), renumbered=False)
    (tmp_path / "Dump-0001.rec").unlink()
    items = list(read_parrec(tmp_path))
    assert [item.code for item in items if isinstance(item, SourceFault)] == ["unreadable"]
    assert [type(item) for item in items if isinstance(item, Volume | Missing)] == [Missing, Volume]


def test_a_rec_that_ends_too_early_is_incomplete() -> None:
    par, rec = pair()
    with pytest.raises(IncompleteError):
        volumes_of_pair(par.encode("latin-1"), rec[:-1])


@pytest.mark.parametrize(("change", "words"), [(("2000.000", "0.000"), "repetition time"), ((" 80   80 ", " 80  x80 "), "PAR file")])
def test_a_par_that_makes_no_sense_is_refused_with_the_reason(change: tuple[str, str], words: str) -> None:
    par, rec = pair()
    with pytest.raises(VolumeError, match=words):
        volumes_of_pair(par.replace(*change).encode("latin-1"), rec)


def test_a_slice_that_is_lacking_is_refused() -> None:
    par, rec = pair()
    with pytest.raises(VolumeError, match="9 slices"):
        volumes_of_pair(par.replace(image_lines(par)[3] + "\n", "", 1).encode("latin-1"), rec)


def test_where_there_is_no_par_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="PAR"):
        read_parrec(tmp_path / "none.PAR")
    with pytest.raises(StudyError, match="PAR"):
        read_parrec(tmp_path)


def test_no_identity_leaves_a_par_file() -> None:
    par, rec = pair()
    found = volumes_of_pair(par.replace("05aug14test", "Doe^Jane").encode("latin-1"), rec)
    assert "Doe" not in repr(found)


def test_a_recording_is_read_whatever_it_is(tmp_path: Path) -> None:
    par, enhanced = tmp_path / "par", tmp_path / "enhanced"
    par.mkdir()
    enhanced.mkdir()
    dump(par, (1, 2), renumbered=False)
    shutil.copy(BALLS / "DICOM" / "T2_.dcm", enhanced)
    for source in (par, BALLS / "PARREC" / "T2_.REC", enhanced):
        assert [volume.index for volume in volumes(list(read_recording(source, Acquisition())))] == [0, 1]
    (nifti,) = (BALLS / "NIFTI").glob("T2_.nii.gz")
    assert [volume.index for volume in volumes(list(read_recording(nifti, Acquisition())))] == [0, 1]
