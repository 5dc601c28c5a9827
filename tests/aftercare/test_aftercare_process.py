"""The aftercare process as it runs beside the engine: calm and overloaded."""

from __future__ import annotations

import gzip
import json
import os
import struct
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from aftercare_runs import DATA_OFFSET, SHAPE, TR_S, Run, with_folder
from aftercare_watching import LIMIT_S, in_step, maps_of, of_kind, process_of, until

from rtfmri.aftercare import core, naming
from rtfmri.aftercare.__main__ import NICENESS
from rtfmri.aftercare.client import Aftercare
from rtfmri.aftercare.files import PICTURES
from rtfmri.aftercare.job import RawFile
from rtfmri.aftercare.raw_reader import RawReader


@pytest.fixture(scope="module")
def followed(calm: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list]:
    """A calm run, its maps written."""
    run, delivered = with_folder(calm, tmp_path_factory.mktemp("calm") / "derivatives"), []
    with Aftercare(delivered.append) as care:
        for _ in in_step(run, care, delivered):
            pass
        care.finish()
        assert care.wait(LIMIT_S)
    return run, delivered


def test_a_calm_run_tells_quality_and_pictures_and_no_fault(followed) -> None:
    run, delivered = followed
    assert of_kind(delivered, "fault") == []
    there = [notice.index for notice in run.notices if run.images[notice.index] is not None]
    assert [message.index for message in of_kind(delivered, "quality")] == there
    pictures = of_kind(delivered, "picture")
    assert {message.what for message in pictures} == {"regulate", "regulate_planes"}
    assert len(pictures) >= 2 * (len(there) // 2 - 3)
    kept = sorted(run.job.folder.glob("figures/*"))
    assert len(kept) == 2 * PICTURES
    assert kept[-1].read_bytes().startswith(b"\x89PNG")


def test_the_maps_of_the_process_are_the_cores_own(followed) -> None:
    run, _ = followed
    state = core.begin(run.job)
    for image, notice in zip(run.images, run.notices, strict=True):
        state, _ = core.step(state, run.job, image, notice, 0)
    last, maps = run.notices[-1].index, maps_of(run)
    assert maps["regulate_stat-t_statmap.nii.gz"].tobytes() == core.t_maps(state, run.job, last)["regulate"].tobytes()
    assert maps["regulate_stat-effect_statmap.nii.gz"].tobytes() == core.effect_maps(state, run.job, last)["regulate"].tobytes()
    assert maps["brain_stat-tsnr_statmap.nii.gz"].tobytes() == core.tsnr_image(state, run.job).tobytes()
    path = naming.statmap(run.job.folder, run.job.label, "regulate", "t")
    np.testing.assert_allclose(nib.load(path).affine, run.job.reference_grid.affine, atol=1e-5)
    about = json.loads(naming.sidecar(path).read_text())
    assert about["VolumesInMap"] == state.fit.volumes
    assert about["Contrast"] == "push + pull > rest"
    assert len(about["Regressors"]) == len(run.job.plan.design)
    assert about["Regressors"][0] == "constant"
    assert about["Regressors"][-2:] == ["task_1_push", "task_2_pull"]


def test_the_realigned_run_holds_each_volume_at_its_number(followed) -> None:
    run, _ = followed
    path = naming.realigned(run.job.folder, run.job.label)
    image = nib.load(path)
    assert image.shape == (*SHAPE, len(run.notices))
    assert image.header.get_zooms()[3] == pytest.approx(TR_S)
    voxels, about = np.asarray(image.dataobj), json.loads(naming.sidecar(path).read_text())
    assert about["VolumesNotRealigned"] == [0, 1, 2, 40]
    assert [n for n in range(voxels.shape[3]) if not voxels[..., n].any()] == [0, 1, 2, 40]
    resliced = core.step(core.begin(run.job), run.job, run.images[60], run.notices[60], 0)[1].resliced
    np.testing.assert_array_equal(voxels[..., 60], resliced)


def test_overload_sheds_with_faults_and_leaves_the_same_maps(run: Run, followed) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        care.begin(run.job)
        took_s = []
        for notice in run.notices:
            began_s = time.thread_time()
            care.volume(notice)
            took_s.append(time.thread_time() - began_s)
        until(lambda: [m for m in of_kind(delivered, "fault") if m.code == "map_shed"])
        until(lambda: of_kind(delivered, "quality"))
        care.finish()
        assert care.wait(LIMIT_S)
    assert [m.code for m in of_kind(delivered, "fault")][:3] == ["pictures_shed", "quality_shed", "map_shed"]
    assert len(of_kind(delivered, "quality")) < len(run.notices) / 2
    assert sorted(took_s)[len(took_s) // 2] < 50e-6
    calm, own = maps_of(followed[0]), maps_of(run)
    assert calm.keys() == own.keys()
    assert all(calm[name].tobytes() == own[name].tobytes() for name in calm)


def test_memory_does_not_grow_with_the_volumes(calm: Run, tmp_path: Path) -> None:
    run, delivered = with_folder(calm, tmp_path), []
    with Aftercare(delivered.append) as care:
        sizes = {}
        for index in in_step(run, care, delivered):
            if index in (30, len(run.notices) - 1):
                sizes[index] = process_of(care).memory_info().rss
    first, last = sizes.values()
    assert last - first < 4e6  # 60 volumes of this run are 1 MB; a leak of pictures would be more


def test_nothing_is_delivered_after_finish(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        care.begin(run.job)
        for notice in run.notices:
            care.volume(notice)
        care.finish()
        before = len(delivered)
        assert care.wait(LIMIT_S)
    assert len(delivered) == before
    assert len(maps_of(run)) == 3


def test_it_gives_way_to_others_and_closing_without_finish_ends_it_without_maps_or_faults(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        for index in in_step(run, care, delivered):
            if index == 10:
                break
        process = process_of(care)
        assert process.nice() == min(19, os.nice(0) + NICENESS)
    assert not process.is_running()
    assert of_kind(delivered, "fault") == []
    assert maps_of(run) == {}


def test_a_run_that_never_had_a_reference_ends_without_a_word(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        for notice in run.notices[:3]:
            care.volume(notice)
        care.finish()
        assert care.wait(LIMIT_S)
    assert delivered == []
    assert maps_of(run) == {}


def test_a_reader_that_comes_after_the_run_reads_the_compressed_record(calm: Run, tmp_path: Path) -> None:
    content = bytearray(calm.job.raw.path.read_bytes())
    content[108:112] = struct.pack("<f", float(DATA_OFFSET))
    raw = RawFile(tmp_path / "raw_bold.nii", 0, calm.job.raw.grid)  # the growing file's offset is another
    raw.compressed.write_bytes(gzip.compress(bytes(content), 1))
    reader = RawReader(raw)
    for index in (3, 4, 70):
        np.testing.assert_array_equal(reader.read(index), calm.images[index])
    assert reader.read(len(calm.images)) is None
    reader.close()
    assert RawReader(RawFile(tmp_path / "none.nii", 0, raw.grid)).read(0) is None
