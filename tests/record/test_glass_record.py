"""What was on the participant's glass, on the scanner's time: latency of each volume, questions, trials, pauses, ``_stim.tsv.gz``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_makers import TR_S, a_study, a_volume, confirmed, enveloped, record_run, run_start, volume_message
from test_record_tables import rows_of

from rtfmri.messages import DisplayReport, DisplaySettings, Envelope, Pause, Rating, Shown, TrialInfo
from rtfmri.record.clocks import clocks_of
from rtfmri.record.events import events
from rtfmri.record.glass import glass_summary, scanner_to_glass
from rtfmri.record.journal import read_journal
from rtfmri.record.nf_series import nf_series
from rtfmri.record.outputs import write_outputs, write_setting
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.stim import RATE_HZ, STATES, stim

ENGINE_ZERO = 1_700_000_000.1  # by the arrival times of ``volume_message``, whose quickest export took 0.1 s
TRUE_ZERO = ENGINE_ZERO - 0.1
AHEAD_S = 40.0  # the display's clock is so much ahead of the engine's
VOLUMES = [volume_message(index) for index in range(9)]


def on_display(t_s: float) -> float:
    """A moment of the scanner's time on the display's clock."""
    return TRUE_ZERO + t_s + AHEAD_S


def flip(t_s: float, index: int | None, value: float | None = None, state: str = "fresh", **fields: Any) -> Shown:
    said = {"clock_offset_s": -AHEAD_S, "clock_error_s": 0.002, **fields}
    return Shown(display="mri", index=index, state=state, value=value, flip_unix_s=on_display(t_s), **said)


def report(zero_from: str | None = None, **fields: Any) -> DisplayReport:
    zero = on_display(0.0) if zero_from == "trigger" else None
    said = {"software": "rtfmri 1", "schema_version": "1.2", "sent_unix_s": on_display(-5.0), "zero_unix_s": zero, **fields}
    return DisplayReport(display="mri", zero_from=zero_from, **said)


def run(*messages: Any, start: Any = None) -> list[Envelope]:
    return list(enveloped([start or run_start(), confirmed(), *VOLUMES, *messages]))


def shown_two() -> list[Shown]:
    """The values of two volumes, 0.3 and 0.5 s after the ends of their acquisitions."""
    return [flip(4 * TR_S + 0.3, 3, 0.25), flip(5 * TR_S + 0.5, 4, -0.5)]


def test_with_a_trigger_the_latency_is_between_two_times_of_one_clock() -> None:
    unmeasured = [flip.model_copy(update={"clock_offset_s": None, "clock_error_s": None}) for flip in shown_two()]
    found = scanner_to_glass(run(report("trigger"), *unmeasured))
    assert {index: (round(each.ms), each.rests_on, each.error_ms) for index, each in found.items()} == {
        3: (300, "trigger", None),
        4: (500, "trigger", None),
    }


def test_without_a_trigger_it_counts_from_the_soonest_volume_and_has_the_clocks_error() -> None:
    found = scanner_to_glass(run(report("volumes"), *shown_two()))
    assert [round(each.ms) for each in found.values()] == [200, 400], "the quickest export's 0.1 s is not in it"
    assert {(each.rests_on, each.error_ms) for each in found.values()} == {("volumes", 2.0)}
    assert scanner_to_glass(run(*(flip.model_copy(update={"clock_offset_s": None}) for flip in shown_two()))) == {}, "never measured"


def test_a_trigger_that_the_volumes_overruled_is_not_believed() -> None:
    found = scanner_to_glass(run(report("trigger", zero_unix_s=on_display(3.0)), *shown_two(), report("volumes")))
    assert {each.rests_on for each in found.values()} == {"volumes"}


def test_a_display_that_was_started_again_keeps_the_zero_that_its_trigger_gave() -> None:
    found = scanner_to_glass(run(report("trigger", frames=600), *shown_two(), report("volumes", frames=2)))
    assert {(round(each.ms), each.rests_on) for each in found.values()} == {(300, "trigger"), (500, "trigger")}


def test_the_summary_says_what_it_rests_on() -> None:
    summary = glass_summary(run(report("trigger"), *shown_two()))
    assert summary is not None
    assert (round(summary.ms.p50), summary.ms.n, summary.rests_on) == (400, 2, ("trigger",))
    assert "p50 400 ms" in summary.words
    assert "pulses" in summary.words
    assert glass_summary(run()) is None


def test_a_drifting_clock_is_followed_by_the_zero_and_the_offset_measured_nearest() -> None:
    late = flip(7 * TR_S, 6, 0.1, zero_unix_s=on_display(0.050))
    clocks = clocks_of(run(report("trigger"), flip(0.0, None, state="neutral", zero_unix_s=on_display(0.0)), late), TR_S)
    moment = clocks.of_display("mri", late.flip_unix_s, 0.0)
    assert moment is not None
    assert moment.t_s == pytest.approx(7 * TR_S - 0.050, abs=1e-5)


def test_the_latency_stands_in_the_volumes_row() -> None:
    rows = rows_of(nf_series(run(report("volumes"), *shown_two())))
    assert [row["scanner_to_glass_rests_on"] for row in rows][2:6] == ["n/a", "volumes", "volumes", "n/a"]
    assert float(rows[3]["scanner_to_glass_ms"]) == pytest.approx(200, abs=0.01)
    assert float(rows[3]["scanner_to_glass_error_ms"]) == 2.0


@pytest.mark.parametrize(
    ("said", "rests_on", "early_s", "error"),
    [
        ([report("trigger")], "trigger", 0.0, "n/a"),
        ([report("volumes", clock_offset_s=-AHEAD_S, clock_error_s=0.004)], "volumes", 0.1, "0.004"),
    ],
)
def test_questions_and_pauses_have_the_participants_own_times(said: list[Any], rests_on: str, early_s: float, error: str) -> None:
    answers = [
        Rating(display="mri", scale="pain", value=3.0, start=5.0, response_s=2.5, asked_unix_s=on_display(11.0), block=2),
        Rating(display="mri", scale="effort", value=None, start=5.0, response_s=None, asked_unix_s=on_display(16.0)),
        Pause(display="mri", paused=True, pressed_unix_s=on_display(3.0)),
        Pause(display="mri", paused=False, pressed_unix_s=on_display(4.5)),
    ]
    rows = {row["trial_type"]: row for row in rows_of(events(run(*said, *answers))) if row["role"] in ("rating", "pause")}
    onsets = {name: float(row["onset"]) for name, row in rows.items()}
    assert onsets == pytest.approx({"pause": 3.0 - early_s, "rating_pain": 11.0 - early_s, "rating_effort": 16.0 - early_s}, abs=1e-5)
    assert {(row["onset_rests_on"], row["onset_error"]) for row in rows.values()} == {(rests_on, error)}
    assert float(rows["pause"]["duration"]) == pytest.approx(1.5, abs=1e-5)
    assert (rows["rating_pain"]["value"], rows["rating_effort"]["value"], rows["rating_effort"]["duration"]) == ("3.0", "n/a", "n/a")
    assert "after the last block" in rows["rating_effort"]["note"]


def test_trials_are_events_from_flip_to_flip_and_name_their_picture() -> None:
    trials = (
        TrialInfo(block="rest", name="alone", image="alone.png", sha256="ab" * 32),
        TrialInfo(block="rest", name="kind", lines=("a",)),
    )
    start = run_start().model_copy(update={"display": DisplaySettings(trials=trials, distance_mm=1300)})
    flips = [
        flip(3.0, None, state="neutral", trial="alone", block=1),
        flip(4.0, None, state="held", trial="alone", block=1),
        flip(6.0, None, state="neutral", trial="kind", block=1),
        flip(8.0, None, state="neutral", trial="", block=2),
        flip(9.0, None, state="rating", trial="pain", block=3),
        flip(12.0, None, state="neutral", trial="alone", block=4),
    ]
    seen = run(report("trigger", refresh_hz=59.9, size_px=(1280, 720)), *flips, start=start)
    rows = [row for row in rows_of(events(seen)) if row["role"] == "trial"]
    assert [(row["trial"], row["stim_file"]) for row in rows] == [
        ("alone", "abababababab/alone.png"),
        ("kind", "n/a"),
        ("alone", "abababababab/alone.png"),
    ]
    assert [round(float(row["onset"]), 3) for row in rows] == [3.0, 6.0, 12.0]
    assert [row["duration"] for row in rows][2] == "n/a"
    assert [round(float(row["duration"]), 3) for row in rows[:2]] == [3.0, 2.0]
    presentation = events(seen).sidecar["StimulusPresentation"]
    assert presentation == {
        "SoftwareName": "rtfmri",
        "SoftwareVersion": "1",
        "ScreenRefreshRate": 59.9,
        "ScreenResolution": (1280, 720),
        "ScreenDistance": 1.3,
    }


def test_the_stim_file_holds_what_was_on_the_glass_at_every_moment(tmp_path: Path) -> None:
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0)])
    flips = [
        flip(1.0, None, None, "neutral", block=0),
        *shown_two(),
        flip(14.0, 4, -0.5, "held", block=2),
        flip(16.0, None, None, "new_word"),
    ]
    write_outputs(paths, run(report("trigger"), *flips))
    sidecar = json.loads(paths.stim.with_name(paths.stim.name.replace(".tsv.gz", ".json")).read_text())
    assert sidecar["Columns"] == ["value", "state", "volume", "block"]
    assert (sidecar["StartTime"], sidecar["SamplingFrequency"]) == (0.0, RATE_HZ)
    assert set(sidecar["Columns"]) <= sidecar.keys()
    lines = gzip.decompress(paths.stim.read_bytes()).decode().splitlines()
    assert len(lines) == 1 + int(9 * TR_S * RATE_HZ)
    rows = np.array([[float("nan") if cell == "n/a" else float(cell) for cell in line.split("\t")] for line in lines])

    def at(t_s: float) -> list[float]:
        return rows[round(t_s * RATE_HZ)].tolist()

    assert np.isnan(at(0.5)).all(), "before the first flip nothing is known"
    np.testing.assert_equal(at(2.0), [np.nan, STATES["neutral"][0], np.nan, 0])
    np.testing.assert_equal(at(4 * TR_S + 0.34), [0.25, STATES["fresh"][0], 4, np.nan])
    np.testing.assert_equal(at(14.02), [-0.5, STATES["held"][0], 5, 2])
    np.testing.assert_equal(at(16.5), [np.nan, 99, np.nan, np.nan])
    assert set(sidecar["state"]["Levels"]) >= {str(int(code)) for code in rows[~np.isnan(rows[:, 1]), 1]}


def test_a_run_without_a_display_has_no_stim_file(tmp_path: Path) -> None:
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0)])
    assert stim(read_journal(paths.journal)) is None
    assert not paths.stim.exists()


def test_pictures_lie_in_the_datasets_stimuli_and_the_recorded_study_finds_them_anywhere(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "alone.png").write_bytes(b"a picture")
    trial = [{"block": "rest", "image": "alone.png"}]
    study = a_study(lab, trial=trial, rating=[{"name": "pain", "blocks": ["rest"]}])
    paths = record_run(tmp_path / "out", study, [a_volume(0)])
    write_setting(paths, study)
    (copy,) = (paths.out / "stimuli").rglob("*.png")
    assert (copy.name, copy.read_bytes()) == ("alone.png", b"a picture")
    recorded = json.loads(paths.study.read_text())
    assert str(lab) not in paths.study.read_text()
    assert recorded["trial"][0]["image"].endswith("/alone.png")
    moved = tmp_path / "elsewhere"
    paths.out.rename(moved)
    again = RecordedRun.open(moved).study
    assert again.display_settings() == study.display_settings()
