"""A whole blind study, run by the engine: nothing in the clear tells who was shown what, and the key opens everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nacl.public import PrivateKey
from sham_runs import everything, volumes_of, with_control

from rtfmri.errors import StudyError
from rtfmri.messages import VolumeMessage, encode
from rtfmri.sham.blinding import all_clear, all_opened, blinded, clear, opened, sealed_size
from rtfmri.sham.yoke import yoke_of

Lab = Any
BLINDED = ("own", "yoked", "control_roi")
OWN_WORDS = ('"tpj"', "dlpfc", "yoked", "control_roi", "standard error", "baseline", '"control":"')


def own_of(lab: Lab, condition: str) -> list[VolumeMessage]:
    return [opened(message, lab.key) for message in volumes_of(lab.runs[condition])]


def test_every_condition_keeps_the_same_own_values(lab: Lab) -> None:
    runs = [
        [m.model_dump(exclude={"timing", "control", "feedback", "validity", "why", "control_feedback"}) for m in own_of(lab, c)]
        for c in lab.runs
    ]
    assert all(run == runs[0] for run in runs)
    assert [message.own_feedback for message in own_of(lab, "none")] == [message.feedback for message in own_of(lab, "own")]
    assert sum(message.own_feedback is not None for message in own_of(lab, "none")) > 15


def test_own_is_shown_what_it_measured(lab: Lab) -> None:
    for message in own_of(lab, "own"):
        assert (message.feedback, message.validity, message.control) == (message.own_feedback, message.own_validity, "own")


def test_yoked_is_shown_the_other_values_at_the_same_volume_numbers(lab: Lab) -> None:
    source = {message.index: message.feedback for message in volumes_of(lab.source)}
    shown = {m.index: m.feedback for m in own_of(lab, "yoked") if m.feedback is not None}
    assert len(shown) > 15
    assert all(value == source[index] for index, value in shown.items() if source[index] is not None)
    assert shown != {m.index: m.feedback for m in own_of(lab, "own") if m.feedback is not None}


def test_control_roi_is_shown_the_other_combination(lab: Lab) -> None:
    for message in own_of(lab, "control_roi"):
        expected = with_control(message.model_copy(update={"feedback": message.own_feedback}), {"tpj": 1.0}, lab.study).control_feedback
        assert message.feedback == (expected if message.own_feedback is not None else None)
    assert any(message.feedback is not None for message in own_of(lab, "control_roi"))


def test_none_is_shown_nothing(lab: Lab) -> None:
    assert {message.feedback for message in volumes_of(lab.runs["none"])} == {None}


def test_what_moved_or_was_lost_is_held_in_every_condition_alike(lab: Lab) -> None:
    for number in (45, 46, 50):
        said = {json.dumps(clear(volumes_of(run)[number]).model_dump(mode="json", exclude={"timing"})) for run in lab.runs.values()}
        assert len(said) == 1, number
    assert [volumes_of(lab.runs["yoked"])[n].validity for n in (45, 46, 50)] == ["held", "held", "missing"]


def test_a_volume_that_the_other_run_lost_shows_no_trace(lab: Lab) -> None:
    assert volumes_of(lab.source)[30].validity == "missing"
    own, yoked = volumes_of(lab.runs["own"])[30], volumes_of(lab.runs["yoked"])[30]
    assert (own.validity, own.why, own.flagged) == (yoked.validity, yoked.why, yoked.flagged)


def test_only_the_shown_values_differ_between_the_conditions_in_the_clear(lab: Lab) -> None:
    def without_value(condition: str) -> list[dict[str, Any]]:
        return [clear(m).model_dump(exclude={"timing", "feedback"}) for m in volumes_of(lab.runs[condition])]

    own = without_value("own")
    for condition in BLINDED[1:]:
        settling = [n for n, (a, b) in enumerate(zip(own, without_value(condition), strict=True)) if a != b]
        assert all(volumes_of(lab.runs[condition])[n].validity == "settling" for n in settling), settling
        assert len(settling) <= 8, "the other run settled a little later"


def test_no_byte_of_record_or_wire_tells_the_condition(lab: Lab) -> None:
    for condition, run in lab.runs.items():
        wire = b"\n".join(encode(envelope) for envelope in run.envelopes if isinstance(envelope.message, VolumeMessage))
        files = everything(run.paths)
        for word in ("yoked", "control_roi", "tpj_alone", "sub-01"):
            assert not [place for place, content in files.items() if word.encode() in content], (condition, word)
        assert not [word for word in OWN_WORDS if word.encode() in wire], condition
        tables = b"".join(content for name, content in files.items() if name.endswith("_timeseries.tsv"))
        for message in own_of(lab, condition):
            assert not [value for value in secret_numbers(message) if value.encode() in wire + tables], (condition, message.index)


def secret_numbers(message: VolumeMessage) -> list[str]:
    """Own values as they would be written, where they are long enough not to be met by chance and are not what is shown."""
    readings = [value for reading in message.rois.values() for value in (reading.raw, reading.cleaned, reading.psc, reading.se)]
    own = [*readings, message.regulation, message.regulation_se, message.score, message.score_se, message.own_feedback]
    return [repr(value) for value in own if value != message.feedback and len(repr(value)) > 8]


def test_names_and_lengths_of_files_are_the_same_in_every_condition(lab: Lab) -> None:
    boxes = {len(message.sealed or "") for run in lab.runs.values() for message in volumes_of(run)}
    assert len(boxes) == 1
    records = [everything(run.paths) for run in lab.runs.values()]
    assert len({frozenset(record) for record in records}) == 1
    assert len({len(record[name]) for record in records for name in record if name.endswith("_allocation.json")}) == 1
    lines = {
        c: [len(clear(m).model_copy(update={"feedback": None}).model_dump_json(exclude={"timing"})) for m in volumes_of(lab.runs[c])]
        for c in BLINDED
    }
    settled = [n for n in range(64) if len({volumes_of(lab.runs[c])[n].validity for c in BLINDED}) == 1]
    assert all(lines[c][n] == lines["own"][n] for c in BLINDED for n in settled)


def test_sealed_fields_fit_into_a_box_of_one_length(lab: Lab) -> None:
    size = sealed_size(2)
    for message in own_of(lab, "yoked"):
        assert len(message.model_dump_json().encode()) < size


def test_without_the_key_nothing_opens(lab: Lab) -> None:
    message = volumes_of(lab.runs["own"])[20]
    with pytest.raises(StudyError, match="does not open"):
        opened(message, PrivateKey.generate())
    text = message.sealed or ""
    changed = message.model_copy(update={"sealed": ("A" if text[100] != "A" else "B").join((text[:100], text[101:]))})
    with pytest.raises(StudyError, match="changed"):
        opened(changed, lab.key)
    with pytest.raises(StudyError, match="changed"):
        opened(message.model_copy(update={"sealed": "no box at all"}), lab.key)
    with pytest.raises(StudyError, match="another volume"):
        opened(message.model_copy(update={"index": 21}), lab.key)


def test_a_message_is_sealed_once(lab: Lab) -> None:
    with pytest.raises(ValueError, match="once"):
        blinded(volumes_of(lab.runs["own"])[20], lab.key.public_key, 2560)


def test_a_run_opens_and_closes_as_a_whole(lab: Lab) -> None:
    envelopes = lab.runs["yoked"].envelopes
    assert {e.message.control for e in all_opened(envelopes, lab.key) if isinstance(e.message, VolumeMessage)} == {"yoked"}
    assert {e.message.sealed for e in all_clear(envelopes) if isinstance(e.message, VolumeMessage)} == {None}
    assert yoke_of(all_clear(envelopes)) == yoke_of(envelopes), "what was shown is in the clear"
