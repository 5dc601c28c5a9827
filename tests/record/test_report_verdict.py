"""The quality verdict: which grade, for which reason, of any run."""

from __future__ import annotations

import pytest
from record_makers import enveloped
from report_makers import a_run, around, blocks, confirmed, run_start, run_stop, volumes

from rtfmri.messages import DisplayReport, Fault, Motion, Published, VolumeMessage
from rtfmri.record.verdict import GRADES, Verdict, verdict


def of(topic, found: Verdict):
    return [finding for finding in found.findings if finding.topic == topic]


def changed(change) -> tuple:
    """A run whose volumes ``change`` has gone over."""
    messages = [change(m) if isinstance(m, VolumeMessage) else m for m in volumes()]
    return enveloped([run_start(), confirmed(), *messages, *around(), run_stop()])


def test_a_run_within_all_limits_is_good():
    found = verdict(a_run())
    assert found.grade == "good"
    assert found.sentence == "Good: nothing stands out in volumes, motion, signal, speed and display."
    assert {finding.topic for finding in found.findings} == {"run", "volumes", "motion", "signal", "speed", "display", "faults"}


def test_the_grade_is_the_worst_finding_and_the_sentence_gives_its_reasons():
    found = verdict(enveloped([run_start(), confirmed(), *volumes()[:100]]))
    assert found.grade == max((finding.grade for finding in found.findings), key=GRADES.index) == "poor"
    assert found.sentence.startswith("Poor: the run was cut off after ")


@pytest.mark.parametrize(("share", "grade"), [(0.05, "good"), (0.15, "caution"), (0.25, "poor")])
def test_more_than_a_fifth_of_unusable_volumes_is_poor(share, grade):
    def flag(volume):
        return volume.model_copy(update={"flagged": True, "validity": "held"}) if volume.index % 20 < 20 * share else volume

    assert of("volumes", verdict(changed(flag)))[0].grade == grade


def test_a_volume_that_is_flagged_and_held_counts_once():
    found = verdict(a_run())
    assert "3 (1.3%)" in of("volumes", found)[0].sentence  # two flagged and held, one missing


def test_motion_that_goes_with_the_task_is_told():
    regulating = {number for number, block in enumerate(blocks()) if block.role == "regulate"}

    def move(volume):
        fd_mm = 0.3 if volume.block in regulating else 0.1
        return volume.model_copy(update={"motion": Motion(trans_mm=(0, 0, 0), rot_rad=(0, 0, 0), fd_mm=fd_mm)})

    found = of("motion", verdict(changed(move)))
    assert [finding.grade for finding in found] == ["good", "caution"]
    assert "0.30 mm during regulation and 0.10 mm at rest" in found[1].sentence


@pytest.mark.parametrize(("total_ms", "grade"), [(100.0, "good"), (600.0, "caution"), (1200.0, "poor")])
def test_speed_is_judged_against_the_tr(total_ms, grade):
    messages = [m.model_copy(update={"latency_ms": {"total": total_ms}}) if isinstance(m, Published) else m for m in volumes()]
    found = verdict(enveloped([run_start(), confirmed(), *messages, run_stop()]))
    assert of("speed", found)[0].grade == grade


def test_a_display_that_never_reported_is_told_and_so_are_dropped_frames():
    silent = verdict(enveloped([run_start(), confirmed(), *volumes(), run_stop()]))
    assert "No display reported" in of("display", silent)[0].sentence
    report = DisplayReport(display="d", software="s", schema_version="1.2", sent_unix_s=0, frames=1000, dropped_frames=50)
    dropping = verdict(enveloped([run_start(), confirmed(), *volumes(), *around(), report, run_stop()]))
    assert of("display", dropping)[1].grade == "caution"


def test_a_run_computed_from_a_recording_is_not_blamed_for_having_no_display():
    found = verdict(enveloped([run_start(), confirmed(), *(m for m in volumes() if not isinstance(m, Published)), run_stop()]))
    assert of("display", found) == of("speed", found) == []
    assert "computed from a recording" in of("run", found)[1].sentence
    assert found.sentence == "Good: nothing stands out in volumes, motion and signal."  # what was not measured is not praised


@pytest.mark.parametrize(
    ("status", "kept", "grade"),
    [("completed", 400, "good"), ("stopped", 400, "caution"), ("silent", 400, "caution"), ("failed", 400, "poor"), ("stopped", 60, "poor")],
)
def test_how_the_run_ended_is_judged(status, kept, grade):
    envelopes = enveloped([run_start(), confirmed(), *volumes()[:kept], run_stop(exit_status=status)])
    assert of("run", verdict(envelopes))[0].grade == grade


def test_an_error_in_the_run_asks_for_care():
    fault = Fault(code="disk", severity="error", text="The disk is full.")
    assert of("faults", verdict((*a_run(), *enveloped([fault]))))[0].grade == "caution"


@pytest.mark.parametrize("envelopes", [(), enveloped([run_start()]), enveloped([run_start(), run_stop(exit_status="failed")])])
def test_a_run_without_a_volume_is_poor(envelopes):
    assert verdict(envelopes).sentence == "Poor: not one volume came."


def test_a_blind_run_is_judged_as_the_same_run_in_the_clear():
    assert verdict(a_run(blind=True)).findings == verdict(a_run()).findings


def test_how_large_the_regulation_was_is_no_part_of_it():
    def less(volume):
        return volume.model_copy(update={"regulation": 0.0, "value": 0.0, "score": 0.0 if volume.score is not None else None})

    assert verdict(changed(less)) == verdict(a_run())


def test_the_sentence_of_a_spoiled_run_stays_short():
    def spoil(volume):
        far = Motion(trans_mm=(0, 0, 0), rot_rad=(0, 0, 0), fd_mm=0.4)
        return volume.model_copy(update={"flagged": True, "validity": "held", "motion": far})

    found = verdict(changed(spoil))
    assert found.sentence.startswith("Poor: 100.0% of the volumes cannot be used; the head moved by 0.40 mm a volume on average; ")
    assert len(found.sentence) < 200
