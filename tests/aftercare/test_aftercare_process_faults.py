"""What goes wrong beside the engine: aftercare killed, hung, orphaned, on a full disk, with a record cut short. Always one fault."""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from aftercare_runs import Run, a_run
from aftercare_watching import LIMIT_S, in_step, maps_of, of_kind, process_of, until

from rtfmri.aftercare import naming
from rtfmri.aftercare.client import Aftercare
from rtfmri.aftercare.stopping import TEXT


def test_a_killed_process_is_one_fault_and_the_engine_goes_on(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        for index in in_step(run, care, delivered):
            if index == 20:
                process_of(care).kill()
                break
        until(lambda: of_kind(delivered, "fault"))
        for notice in run.notices[21:]:
            care.volume(notice)
        assert care.wait(LIMIT_S)
        care.finish()
    assert [message.text for message in of_kind(delivered, "fault")] == [TEXT]


def test_a_process_that_cannot_be_started_is_the_same_one_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered: list = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Aftercare(delivered.append) as care:
        care.begin(run.job)
        care.volume(run.notices[5])
        care.finish()
        assert care.wait(LIMIT_S)
    assert [message.text for message in of_kind(delivered, "fault")] == [TEXT]


def test_an_error_within_the_process_is_the_same_one_fault(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        care.begin(run.job)
        care.volume(type(run.notices[0])(5, run.notices[5].transform, (1.0,), True))  # a row of another design
        assert care.wait(LIMIT_S)
    assert [message.text for message in of_kind(delivered, "fault")] == [TEXT]
    assert "ValueError" in of_kind(delivered, "fault")[0].advice


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can fill another process's disk")
def test_a_full_disk_is_one_fault_and_the_quality_goes_on(run: Run) -> None:
    delivered: list = []
    with Aftercare(delivered.append) as care:
        for index in in_step(run, care, delivered):
            if index == 20:
                resource.prlimit(process_of(care).pid, resource.RLIMIT_FSIZE, (1000, 1000))
        care.finish()
        assert care.wait(LIMIT_S)
    (fault,) = of_kind(delivered, "fault")
    assert "cannot be written" in fault.text
    assert of_kind(delivered, "quality")[-1].index == run.notices[-1].index
    assert maps_of(run) == {}
    assert [path.name for path in run.job.folder.rglob("*part*")] == []


def test_a_record_that_is_cut_short_is_one_fault_and_the_map_holds_the_rest(tmp_path: Path) -> None:
    run, delivered = a_run(tmp_path), []
    run.write_raw(volumes=60)
    with Aftercare(delivered.append) as care:
        care.begin(run.job)
        for notice in run.notices:
            care.volume(notice)
        until(lambda: [m for m in of_kind(delivered, "fault") if m.code == "voxels_lost"])
        care.finish()
        assert care.wait(LIMIT_S)
    lost = [m for m in of_kind(delivered, "fault") if m.code == "voxels_lost"]
    assert [m.index for m in lost] == [60]
    about = json.loads(naming.sidecar(naming.statmap(run.job.folder, run.job.label, "regulate", "t")).read_text())
    assert about["VolumesInMap"] == sum(notice.usable for notice in run.notices[:60])


def test_a_process_that_hangs_holds_up_no_volume_and_is_ended(run: Run) -> None:
    with Aftercare(lambda message: None) as care:
        process = process_of(care)
        process.suspend()
        care.begin(run.job)
        began_s = time.monotonic()
        for _ in range(100):
            for notice in run.notices:  # in all far more than a pipe holds
                care.volume(notice)
        assert time.monotonic() - began_s < 2.0
    assert not process.is_running()


ENGINE = """
import pickle, sys, time
from rtfmri.aftercare.client import Aftercare
job, notices = pickle.load(open(sys.argv[1], "rb"))
with Aftercare(lambda message: None) as care:
    print(care._process.pid, flush=True)
    care.begin(job)
    for notice in notices:
        care.volume(notice)
    if sys.argv[2] == "finish":
        care.finish()
    else:
        time.sleep(60)
"""


@pytest.mark.parametrize("end", ["finish", "killed"])
def test_the_process_outlives_an_engine_that_finished_and_ends_with_one_that_was_killed(run: Run, tmp_path: Path, end: str) -> None:
    handed = tmp_path / "job.pickle"
    handed.write_bytes(pickle.dumps((run.job, run.notices)))
    command = [sys.executable, "-c", ENGINE, str(handed), end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        process = psutil.Process(int(engine.stdout.readline()))
        if end == "killed":
            until(lambda: list(run.job.folder.glob("figures/*.png")))
            os.kill(engine.pid, signal.SIGKILL)
        engine.wait(LIMIT_S)
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert len(maps_of(run)) == (3 if end == "finish" else 0)
    assert [path.name for path in run.job.folder.rglob("*") if path.suffix not in (".png", ".gz", ".json") and path.is_file()] == []
