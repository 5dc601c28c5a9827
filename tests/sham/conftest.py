"""A source of yoked values, an allocation of all four conditions, and the same volumes run under each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from nacl.public import PrivateKey
from sham_runs import record, sham_study, under

from rtfmri.messages import Entities
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allocation import sealed_allocation
from rtfmri.sham.allot import allot
from rtfmri.sham.making import allocate
from rtfmri.study import Study
from rtfmri.volume import Missing, Volume

PARTICIPANTS = {"02": "own", "03": "yoked", "04": "control_roi", "05": "none"}
MOVED, LOST = 45, 50
TABLE = "sub,condition,source,region\n02,own,,\n03,yoked,source,\n04,control_roi,,tpj_alone\n05,none,,\n"


@dataclass(frozen=True)
class Lab:
    """A blind study: its key and its runs by condition."""

    key: PrivateKey
    study: Study
    source: RecordedRun
    runs: dict[str, RecordedRun]


@pytest.fixture(scope="session")
def other_volumes(small_volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    """Another participant's: the same head with another time course."""
    noise = np.random.default_rng(7).normal(0.0, 0.004, size=len(small_volumes))
    return tuple(
        replace(volume, data=(volume.data * (1.0 + wave)).astype(np.float32)) for volume, wave in zip(small_volumes, noise, strict=True)
    )


@pytest.fixture(scope="session")
def own_items(small_volumes: tuple[Volume, ...]) -> tuple[Volume | Missing, ...]:
    """The participant's: the head moves once, and one volume is lost."""
    items: list[Volume | Missing] = list(small_volumes)
    items[MOVED] = replace(small_volumes[MOVED], data=np.roll(small_volumes[MOVED].data, 1, axis=1))
    items[LOST] = Missing(LOST, "it never came")
    return tuple(items)


@pytest.fixture(scope="session")
def source_run(tmp_path_factory: pytest.TempPathFactory, small_study: Study, other_volumes: tuple[Volume, ...]) -> RecordedRun:
    """A run that was shown its own values; volume 30 was lost."""
    items = [Missing(30, "lost") if volume.index == 30 else volume for volume in other_volumes]
    return record(tmp_path_factory.mktemp("lab") / "source", small_study, "01", items)


@pytest.fixture(scope="session")
def lab(
    tmp_path_factory: pytest.TempPathFactory, small_study: Study, source_run: RecordedRun, own_items: tuple[Volume | Missing, ...]
) -> Lab:
    key, folder = PrivateKey.generate(), tmp_path_factory.mktemp("blind")
    allocation = allocate(TABLE, lambda source: source_run, key, sham_study(small_study))
    sealed: Path = folder / "allocation.sealed"
    sealed.write_bytes(sealed_allocation(allocation, key.public_key))
    study = sham_study(small_study, allocation=sealed)
    own = record(folder / "own", small_study, "02", own_items)
    runs = {
        condition: under(allot(study, Entities(sub=sub, task=study.task), key), own, study, folder / "out", sub)
        for sub, condition in PARTICIPANTS.items()
    }
    return Lab(key, study, source_run, runs)
