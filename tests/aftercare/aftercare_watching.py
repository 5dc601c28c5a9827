"""Watching an aftercare process from a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import nibabel as nib
import numpy as np
import psutil
from aftercare_runs import Run

from rtfmri.aftercare.client import Aftercare

LIMIT_S = 60.0


def until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        time.sleep(0.01)


def in_step(run: Run, care: Aftercare, delivered: list) -> Iterator[int]:
    """Volume after volume, the next when the last was judged: never a lag."""
    care.begin(run.job)
    for notice in run.notices:
        care.volume(notice)
        if run.images[notice.index] is not None:
            until(lambda index=notice.index: any(m.kind == "quality" and m.index == index for m in delivered))
        yield notice.index


def of_kind(delivered: list, kind: str) -> list:
    return [message for message in delivered if message.kind == kind]


def maps_of(run: Run) -> dict[str, np.ndarray]:
    paths = sorted(run.job.folder.glob("*_statmap.nii.gz"))
    return {path.name.split("_desc-")[1]: np.asarray(nib.load(path).dataobj) for path in paths}


def process_of(care: Aftercare) -> psutil.Process:
    return psutil.Process(care._process.pid)
