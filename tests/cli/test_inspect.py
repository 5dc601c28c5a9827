"""`rtfmri inspect`: the table at the widths of real terminals, the same as JSON, what the study would take, one series as NIfTI."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from rich.console import Console

from rtfmri.cli.inspecting import shown
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import rendered_files
from rtfmri.volume import SeriesSummary

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
VENDORS = {  # folder of the real data: vendor, kind, matrix, TR, volumes
    "siemens_ve11_mosaic_phantom": ("Siemens", "mosaic", [72, 72, 5], 2.43537, 2),
    "siemens_xa30_enhanced": ("Siemens", "enhanced", [64, 64, 33], 1.0, 8),
    "ge_dv26_epi": ("GE", "slices", [64, 64, 15], 5.0, 10),
    "philips_r511_classic_bold12": ("Philips", "slices", [80, 80, 35], 2.0, 12),
    "uih_r002_vframe_grid": ("United Imaging", "grid", [64, 64, 20], 5.865, 17),
    "canon_v60_classic_dti_3vol": ("Canon", "slices", [80, 80, 40], 10.0, 3),
}
CUT_SHORT = ("philips_r511_classic_bold12",)  # 12 of the 156 volumes that its header plans


@pytest.fixture(scope="module")
def folder(small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run without its 20th volume, and a file that is none."""
    made = tmp_path_factory.mktemp("folder")
    for number, path in enumerate(rendered_files(small_run.folder), start=1):
        if number != 20:
            shutil.copy(path, made / f"{number:04d}.dcm")
    (made / "notes.txt").write_text("no image" * 50)
    return made


@pytest.mark.parametrize("columns", [80, 120])
def test_a_line_a_series_and_below_it_what_is_to_be_said(cli: Cli, folder: Path, columns: int) -> None:
    done = cli("inspect", folder, "--study", SMALL, COLUMNS=str(columns))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["series", "protocol", "scanner", "matrix", "TR", "(s)", "vols", "files", "whole"]
    rows = [line for line in lines if "Siemens mosaic" in line]
    assert len(rows) == 1
    assert rows[0].split()[-3:] == ["63", "63", "no"]
    assert any(line.endswith(": the run") for line in lines)
    assert any("1 volumes missing: 20" in line for line in lines)
    assert any(line == "1 file: ignored: it is no DICOM file" for line in lines)
    assert max(len(line) for line in lines[1:]) <= columns


def test_json_is_for_programs(cli: Cli, folder: Path) -> None:
    done = cli("inspect", folder, "--study", SMALL, "--json")
    run, others = json.loads(done.stdout)
    assert (run["vendor"], run["kind"], run["volumes"], run["files"], run["complete"]) == ("Siemens", "mosaic", 63, 63, False)
    assert run["rule"] == "the run"
    assert (others["series"], others["files"], others["complete"], others["rule"]) == (None, 1, None, None)


def test_what_the_rule_would_not_take_is_told_with_the_reason(cli: Cli, folder: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(SMALL.read_text().replace("bold_nf*", "resting*"))
    done = cli("inspect", folder, "--study", study)
    assert done.returncode == 0, "the masks of the study need not be there yet"
    assert "not the run: it is not the one that the study names" in done.stdout


def test_a_mistake_in_the_study_is_told(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('[study]\nname = ""\n')
    done = cli("inspect", folder, "--study", tmp_path / "study.toml")
    assert done.returncode == 2
    assert "study.name" in done.stderr


def test_a_series_as_nifti_has_zeros_for_what_is_missing(cli: Cli, folder: Path, tmp_path: Path) -> None:
    done = cli("inspect", folder, "--study", SMALL, "--json", "--nifti", tmp_path / "bold.nii.gz")
    assert "1 missing volumes are zero" in done.stderr
    assert json.loads(done.stdout), "what is said of the NIfTI does not spoil the JSON"
    data = np.asanyarray(nibabel.load(tmp_path / "bold.nii.gz").dataobj)
    assert data.shape[3] == 64
    assert [index for index in range(64) if not data[..., index].any()] == [19]


def test_of_several_series_one_must_be_named(cli: Cli, small_run: Rendering, tmp_path: Path, real_data: Path) -> None:
    shutil.copytree(real_data / "ingest" / "siemens_ve11_mosaic_phantom", tmp_path / "a")
    shutil.copytree(real_data / "ingest" / "ge_dv26_epi", tmp_path / "b")
    done = cli("inspect", tmp_path, "--nifti", tmp_path / "x.nii")
    assert done.returncode == 2
    assert "--series: 3, 4" in done.stderr
    assert cli("inspect", tmp_path, "--series", "3", "--nifti", tmp_path / "x.nii").returncode == 0
    assert nibabel.load(tmp_path / "x.nii").shape == (72, 72, 5, 2)


@pytest.mark.parametrize("name", VENDORS)
def test_every_vendor_is_told_as_it_is(cli: Cli, real_data: Path, name: str) -> None:
    (found,) = [entry for entry in json.loads(cli("inspect", real_data / "ingest" / name, "--json").stdout) if entry["series"] is not None]
    assert (found["vendor"], found["kind"], found["shape"], pytest.approx(found["tr_s"]), found["volumes"]) == VENDORS[name]
    assert found["complete"] is (name not in CUT_SHORT)


def test_long_names_of_protocols_are_cut_and_lines_stay_lines() -> None:
    long = SeriesSummary(12345, "a_protocol_name_that_never_ends_" * 5, "United Imaging", "grid", (128, 128, 100), 12.3456, 12345, 123456)
    for width in (80, 120):
        console = Console(width=width, file=io.StringIO(), color_system=None)
        console.print(shown([long, long], width))
        lines = console.file.getvalue().splitlines()
        assert len(lines) == 4
        assert all(len(line.rstrip()) <= width for line in lines)
        assert all("123456" in line and "128x128x100" in line for line in lines[2:])
