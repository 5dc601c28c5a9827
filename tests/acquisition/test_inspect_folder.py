"""What a folder holds: a line for each series, whatever the vendor, and never who was scanned."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from acquisition_files import SHARED, mosaic_bytes, needs_shared, scan_of

from rtfmri.acquisition.inspect import list_series, write_nifti
from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.errors import StudyError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Volume


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dicoms"
    made.mkdir()
    for number in (1, 2, 4):
        (made / f"7_{number}.dcm").write_bytes(mosaic_bytes(number))
        moco = ("ORIGINAL", "PRIMARY", "M", "ND", "MOCO", "MOSAIC")
        (made / f"8_{number}.dcm").write_bytes(mosaic_bytes(number, series=8, uid="1.8", description="MoCoSeries", image_type=moco))
    localizer = {"series": 1, "uid": "1.1", "protocol": "localizer", "description": "localizer"}
    (made / "1.dcm").write_bytes(mosaic_bytes(1, image_type=("ORIGINAL", "PRIMARY", "M"), **localizer))
    (made / "note.txt").write_text("a note " * 40)
    (made / "cut.dcm").write_bytes(mosaic_bytes(3)[:-9])
    return made


def test_every_series_is_listed_with_what_is_to_be_known(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    localizer, raw, moco, *others = list_series(folder, SeriesRule(protocol="bold*"), lambda done, total: seen.append((done, total)))
    assert (raw.number, raw.protocol, raw.vendor, raw.kind) == (7, "bold_nf1", "Siemens", "mosaic")
    assert (raw.shape, raw.tr_s, raw.volumes, raw.files, raw.usable) == ((8, 6, 5), 1.0, 3, 3, True)
    assert raw.note == "1 volumes missing: 3"
    assert raw.extra == {"rule": "the run", "complete": "no"}
    assert "motion-corrected" in moco.extra["rule"]
    assert (localizer.kind, localizer.shape, localizer.volumes) == ("slices", (24, 18, 1), 1)
    assert localizer.extra == {"rule": "it is not the one that the study names", "complete": "yes"}
    assert [other.note for other in others] == ["ignored: it ends before its header says", "ignored: it is no DICOM file"]
    assert seen == [(done, 9) for done in range(1, 10)]


def test_a_damaged_series_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(mosaic_bytes(1, normal=()))
    (series,) = list_series(tmp_path)
    assert not series.usable
    assert "how its slices lie" in series.note


@pytest.mark.parametrize(("which", "series"), [(7, 7), (8, 8), (SeriesRule(protocol="bold*"), 7)])
def test_a_series_becomes_a_4d_nifti_with_its_gaps_as_zeros(folder: Path, tmp_path: Path, which: int | SeriesRule, series: int) -> None:
    missing = write_nifti(folder, which, tmp_path / "out.nii.gz")
    image = nibabel.load(tmp_path / "out.nii.gz")
    assert [gap.index for gap in missing] == [2]
    assert image.shape == (8, 6, 5, 4)
    assert image.header.get_zooms() == pytest.approx((3.0, 3.5, 4.0, 1.0))
    data = np.asarray(image.dataobj)
    assert not data[..., 2].any()
    assert np.array_equal(data[..., 3], scan_of(4).data.transpose(2, 1, 0)[:, ::-1, :])
    rule = SeriesRule(number=series, moco=series == 8)
    first = next(item for item in read_dicoms(folder, rule, Acquisition()) if isinstance(item, Volume))
    assert np.allclose(image.affine, first.grid.affine, atol=1e-4)


def test_a_series_that_is_not_there_or_a_place_that_cannot_be_written_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no series 99"):
        write_nifti(folder, 99, tmp_path / "out.nii")
    with pytest.raises(StudyError, match="cannot be written"):
        write_nifti(folder, 7, tmp_path / "nowhere" / "out.nii")
    with pytest.raises(StudyError, match="cannot be written"):
        write_nifti(folder, 7, tmp_path / "out.jpeg")


def test_nothing_listed_tells_who_was_scanned(folder: Path) -> None:
    said = repr(list_series(folder, SeriesRule()))
    assert not any(identity in said for identity in ("Doe", "MRN-4711", "19700101", "Hospital", "House", "1.2.3.7"))


@needs_shared
@pytest.mark.real_data
def test_every_vendors_series_are_named() -> None:
    vendors = {series.vendor for series in list_series(SHARED / "ingest") if series.number is not None}
    assert vendors == {"Siemens", "GE", "Philips", "United Imaging", "Canon"}
