"""Pulse and breathing in a run: what the operator is told, and the same bits live, in replay, and after a crash."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.engine.materials import read_materials
from rtfmri.engine.opening import opened
from rtfmri.engine.outlet import Clocks
from rtfmri.engine.physiology import recorded_origin
from rtfmri.engine.replay import decisions_of, replay
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Envelope, Fault, RunStop, VolumeMessage, comparable
from rtfmri.pipeline import begin
from rtfmri.pipeline.physiology import moments_of
from rtfmri.record.outputs import finish_record
from rtfmri.record.physio import PhysioRecord, read_physio, write_physio
from rtfmri.record.physio_run import uses_of
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.blinding import all_clear
from rtfmri.stream.physio_wire import PhysioBatch
from rtfmri.study import Study
from rtfmri.study.physiology import Physiology
from rtfmri.volume import Arrival, EndOfSource, Grid, Missing, Volume

CLOCKS = Clocks(unix=time.time, monotonic=time.monotonic, performance=time.perf_counter)
RATE_HZ, TR_S, BEFORE_S, DELAY_S, BELTS_CLOCK_S = 100.0, 1.0, 12.5, 0.4, 5000.0
BATCH = 10
VOLUMES = 46
ODD = 7  # lies on another grid; with it the belt's first twenty seconds are complete, which fix what is usual
FALLEN_S = BEFORE_S + 36.0  # the belt's cable is out


def body(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Pulse and breathing that wander."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    rng = np.random.default_rng(11)
    pulse = np.sin(np.pi * (1.1 * t + 0.3 * np.sin(0.35 * t))) ** 8
    breath = np.sin(2 * np.pi * (0.27 * t + 0.15 * np.sin(0.2 * t))) * (1 + 0.3 * np.sin(0.11 * t))
    return pulse + 0.02 * rng.standard_normal(len(t)), breath + 0.02 * rng.standard_normal(len(t))


@dataclass
class ABelt:
    """A belt's program as the engine has it: what was sent between two times, by the test's clock."""

    now_s: float = 0.0
    sent: int = 0

    def take(self) -> list[PhysioBatch]:
        pulse, breath = body(BEFORE_S + VOLUMES * TR_S + 10.0)
        batches = []
        while (end_s := (self.sent + BATCH) / RATE_HZ) <= self.now_s:
            place = slice(self.sent, self.sent + BATCH)
            columns = {"cardiac": pulse[place]} | ({"respiratory": breath[place]} if end_s <= FALLEN_S else {})
            batches.append(PhysioBatch(1000 + self.sent, BELTS_CLOCK_S + self.sent / RATE_HZ, RATE_HZ, columns, end_s + 0.01))
            self.sent += BATCH
        return batches


def at_scanner(volumes: Sequence[Volume]) -> Iterator[Volume]:
    """The volumes as they arrive, one of them unusable."""
    turned = volumes[0].grid.affine.copy()
    turned[0, 3] += 5.0
    for volume in volumes[:VOLUMES]:
        arrival = Arrival(BEFORE_S + (volume.index + 1) * TR_S + DELAY_S, 0.0)
        grid = Grid(volume.grid.shape, turned) if volume.index == ODD else volume.grid
        yield replace(volume, arrival=arrival, grid=grid)


def with_body(study: Study, **rule: Any) -> Study:
    signal = study.signal.model_copy(update={"nuisance": (*study.signal.nuisance, "physiology")})
    section = Physiology.model_validate({"rate_hz": RATE_HZ, **rule})
    return study.model_copy(update={"signal": signal, "physiology": section})


def live(study: Study, out: Path, volumes: Iterable[Volume], belt: ABelt, ends: bool = True) -> RecordedRun:
    """A live run by the engine; one that does not end is left as a crash leaves it."""
    with opened(study, Entities(sub="01", task=study.task), out, lambda envelope: None, CLOCKS, belt=belt) as run:
        run.run.open(run.resumed)
        for volume in volumes:
            if volume.index < run.first_index:
                continue
            belt.now_s = volume.arrival.noticed_unix_s + 0.02
            run.run.take(volume)
        if ends:
            run.run.take(EndOfSource("the scanner has stopped"))
    return RecordedRun.open(run.paths.journal)


def again(study: Study, out: Path, items: Iterable[Volume | Missing], obeyed: RecordedRun | None) -> RecordedRun:
    """A replay."""
    journal: tuple[Envelope, ...] = () if obeyed is None else obeyed.envelopes
    origin = recorded_origin(study, obeyed)
    with opened(study, Entities(sub="01", task=study.task), out, lambda envelope: None, CLOCKS, journal, belt=origin) as run:
        replay(run.run, items, decisions_of(journal), lambda volume: None)
    return RecordedRun.open(run.paths.journal)


def values(run: RecordedRun) -> list[dict[str, Any]]:
    return [comparable(message) for message in run.messages]


def faults(run: RecordedRun) -> list[str]:
    return [e.message.code for e in run.envelopes if isinstance(e.message, Fault)]


@pytest.fixture(scope="module")
def study(small_study: Study) -> Study:
    return with_body(small_study)


@pytest.fixture(scope="module")
def volumes(small_volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    return tuple(at_scanner(small_volumes))


@pytest.fixture(scope="module")
def run(study: Study, volumes: tuple[Volume, ...], tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    """A live run whose belt falls off, its record finished."""
    recorded = live(study, tmp_path_factory.mktemp("live"), volumes, ABelt())
    finish_record(recorded.paths)
    return recorded


def test_a_belt_that_falls_off_is_told_once_and_the_values_go_on(run: RecordedRun) -> None:
    assert faults(run) == ["volume_unusable", "physio_respiratory"]
    assert [message.index for message in run.messages] == list(range(VOLUMES))
    assert [message.index for message in run.messages if message.physio_samples is None] == [ODD]
    assert [message.validity for message in run.messages[-3:]] == ["ok"] * 3
    zeros = {message.physio_zero_s for message in run.messages if message.physio_zero_s is not None}
    assert min(zeros) == pytest.approx(BEFORE_S + DELAY_S, abs=0.05)


def test_the_record_holds_every_sample_as_bids_and_no_growing_file(run: RecordedRun) -> None:
    record = read_physio(run.paths.physio)
    pulse, breath = body(BEFORE_S + VOLUMES * TR_S + 10.0)
    n = len(record.samples)
    assert n >= max(message.physio_samples or 0 for message in run.messages)
    np.testing.assert_array_equal(record.column("cardiac"), pulse[:n])
    known = ~np.isnan(record.column("respiratory"))
    np.testing.assert_array_equal(record.column("respiratory")[known], breath[:n][known])
    assert known.sum() == round(FALLEN_S * RATE_HZ)
    assert record.start_s == pytest.approx(-(BEFORE_S + DELAY_S), abs=0.05)
    left = {path.name for path in run.paths.raw_folder.iterdir() if "physio" in path.name}
    assert left == {run.paths.physio.name, run.paths.physio.name.replace(".tsv.gz", ".json")}


def test_what_a_replay_obeys_is_in_the_clear_in_a_blind_study(run: RecordedRun) -> None:
    assert uses_of(all_clear(run.envelopes)) == uses_of(run.envelopes)


def test_a_replay_of_the_record_has_the_same_bits(run: RecordedRun, tmp_path: Path) -> None:
    replayed = again(run.study, tmp_path, run.volumes(), run)
    assert values(replayed) == values(run)
    assert replayed.paths.physio.read_bytes() == run.paths.physio.read_bytes()


def test_a_run_that_is_cut_off_goes_on_with_the_values_it_would_have_had(
    run: RecordedRun, study: Study, volumes: tuple[Volume, ...], tmp_path: Path
) -> None:
    belt = ABelt()
    cut = live(study, tmp_path, volumes[:30], belt, ends=False)
    assert not any(isinstance(e.message, RunStop) for e in cut.envelopes)
    resumed = live(study, tmp_path, volumes, belt)
    assert values(resumed) == values(run)
    assert faults(resumed) == faults(run)
    finish_record(resumed.paths)
    assert read_physio(resumed.paths.physio).samples.tobytes() == read_physio(run.paths.physio).samples.tobytes()


def test_columns_are_taken_when_the_regions_slices_were_measured(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    first = small_volumes[4]
    setup, state = begin(small_study, "feedback", read_materials(small_study), first)
    times_s = np.array(first.slice_times_s)
    inside = [np.asarray(nibabel.load(roi.mask).dataobj) >= 0.5 for roi in small_study.roi]
    voxels_in_slice = sum(mask.sum(axis=(0, 1)) for mask in inside)
    moments = moments_of(setup, state.standing, first)
    for after_s, share in zip(moments.after_s, moments.shares, strict=True):
        assert share == pytest.approx(voxels_in_slice[times_s == after_s].sum() / voxels_in_slice.sum())
    assert moments.shares.sum() == pytest.approx(1.0)
    assert moments_of(setup, state.standing, replace(first, slice_times_s=None)).after_s.tolist() == [0.5]
    timed = small_study.registration.model_copy(update={"slice_timing": True})
    at_start = replace(setup, study=small_study.model_copy(update={"registration": timed}))
    assert moments_of(at_start, state.standing, first).after_s.tolist() == [0.0]


def test_samples_that_a_power_cut_lost_stop_no_run(study: Study, volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    belt = ABelt()
    cut = live(study, tmp_path, volumes[:12], belt, ends=False)
    growing = cut.paths.physio_growing
    growing.write_bytes(growing.read_bytes()[: -5 * 8 * 3 - 4])
    resumed = live(study, tmp_path, volumes[:14], belt)
    assert [message.index for message in resumed.messages] == list(range(14))
    finish_record(resumed.paths)
    pulse, _ = body(60.0)
    kept = read_physio(resumed.paths.physio).column("cardiac")
    known = ~np.isnan(kept)
    assert (~known).sum() in (5, 6)
    np.testing.assert_array_equal(kept[known], pulse[: len(kept)][known])


def test_samples_that_are_gone_are_noticed_before_a_replay(run: RecordedRun, tmp_path: Path) -> None:
    short = read_physio(run.paths.physio)
    entities = run.entities
    paths = type(run.paths)(tmp_path, entities)
    write_physio(paths.physio, replace(short, samples=short.samples[:-100]))
    with pytest.raises(StudyError, match="fewer samples than the run used"):
        recorded_origin(run.study, RecordedRun(paths, run.envelopes))


def test_a_file_of_another_program_serves_a_run_that_was_never_live(
    small_study: Study, small_volumes: tuple[Volume, ...], tmp_path: Path
) -> None:
    pulse, breath = body(BEFORE_S + VOLUMES * TR_S)
    files = [tmp_path / f"sub-x_recording-{name}_physio.tsv.gz" for name in ("pulse", "belt")]
    write_physio(files[0], PhysioRecord(RATE_HZ, -BEFORE_S, ("cardiac",), pulse[:, None]))
    write_physio(files[1], PhysioRecord(RATE_HZ / 2, -BEFORE_S, ("respiratory",), breath[::2, None]))
    study = with_body(small_study, files=files)
    first = again(study, tmp_path / "first", small_volumes[:30], None)
    assert [message.physio_zero_s for message in first.messages] == [BEFORE_S] * 30
    assert faults(first) == []
    from_record = again(first.study, tmp_path / "second", first.volumes(), first)
    assert values(from_record) == values(first)
    deaf = again(with_body(small_study), tmp_path / "third", small_volumes[:30], None)
    assert deaf.messages[-1].physio_samples is None
    assert deaf.messages[-1].rois["dlpfc"].raw == first.messages[-1].rois["dlpfc"].raw
    assert deaf.messages[-1].rois["dlpfc"].cleaned != first.messages[-1].rois["dlpfc"].cleaned


def test_a_belt_that_never_speaks_is_told_once(study: Study, volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    class Silent(ABelt):
        def take(self) -> list[PhysioBatch]:
            return []

    silent = live(study, tmp_path, volumes[:6], Silent())
    assert faults(silent) == ["physio_silent"]
    finish_record(silent.paths)
    assert not silent.paths.physio.exists()


def test_a_belt_of_another_rate_is_refused_once_with_both_rates(study: Study, volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    other = with_body(study, rate_hz=250.0)
    refused = live(other, tmp_path, volumes[:4], ABelt())
    (told,) = [e.message for e in refused.envelopes if isinstance(e.message, Fault) and e.message.code == "physio_refused"]
    assert "100 samples a second, the study says 250" in told.text


def test_without_the_section_a_belt_changes_nothing(small_study: Study, small_volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    usable = [replace(volume, arrival=Arrival(volume.index + 20.0, 0.0)) for volume in small_volumes[:20]]
    without = again(small_study, tmp_path / "without", usable, None)
    beside = live(small_study, tmp_path / "beside", usable, ABelt())
    assert values(beside) == values(without)
    assert not any("physio" in path.name for path in beside.paths.raw_folder.iterdir())
    assert VolumeMessage.model_validate(values(beside)[-1]).physio_samples is None
