"""The allocation from its CSV to the run that it is opened for; every mistake at once, and none that tells a condition at arm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey
from sham_runs import CONSENT, CONTROL_REGION, sham_study

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, VolumeMessage
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allocation import Allocation, Entry, open_allocation, public_key_of, sealed_allocation
from rtfmri.sham.allot import allot, key_for
from rtfmri.sham.boxes import KEY_VARIABLE, key_at_hand, load_key, save_new_key
from rtfmri.sham.keeping import as_kept, keep, kept_allocation
from rtfmri.sham.making import allocate
from rtfmri.sham.rows import read_rows
from rtfmri.study import Study, parse_study

Lab = Any
KEY = PrivateKey.generate()
VOLUME = VolumeMessage(index=20, condition="rest", block=1, validity="ok", feedback=0.5, regulation=0.5, control_feedback=-0.5)


def a_volume_with_a_value(lab: Lab) -> VolumeMessage:
    """Of a number at which the yoked run was shown something."""
    index = next(message.index for message in lab.runs["yoked"].messages if message.feedback is not None)
    return VOLUME.model_copy(update={"index": index})


def not_recorded(source: str) -> RecordedRun:
    raise StudyError(f"{source} holds no recorded run.")


def test_every_mistake_of_a_table_is_told_at_once_with_its_line() -> None:
    table = (
        "sub,ses,run,condition,source,region\n"
        "01,,,own,,\n"
        "01,,,yoked,elsewhere,\n"
        "02,,,joked,,\n"
        "03,,,yoked,,\n"
        "04,,,control_roi,,\n"
        "Frau Müller,,,own,,\n"
        "05,,zero,own,,\n"
        "06,,,own,elsewhere,\n"
    )
    with pytest.raises(StudyError) as caught:
        allocate(table, not_recorded, KEY)
    said = "\n".join(caught.value.problems)
    for words in (
        "Line 3: sub 01 is already in line 2",
        "Line 3: the source elsewhere is not recorded",
        "Line 4: there is no condition 'joked'; write one of own, yoked, control_roi, none",
        "Line 5: yoked needs a source",
        "Line 6: control_roi needs a region",
        "Line 7: sub 'Frau Müller'",
        "Line 8: run 'zero' is no run number",
        "Line 9: a source belongs to yoked only, not to own",
    ):
        assert words in said
    assert len(caught.value.problems) == 8


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "the column sub, condition is needed"),
        ("sub,group\n01,own\n", "there is no column group"),
        ("sub,sub,condition\n", "a column is there twice"),
        ("sub,condition\n", "has no row"),
        ("sub,condition\n07," + "x" * 200_000, "no table"),
    ],
)
def test_a_table_without_its_columns_says_which(table: str, said: str) -> None:
    assert said in " ".join(read_rows(table)[1])


pieces = st.sampled_from(
    ["sub", "condition", "run", "ses", "own", "yoked", "07", "0", "9" * 5000, ",", ";", "\t", "\n", "\r", '"', " ", "\0"]
)


@given(st.lists(pieces, max_size=30).map("".join) | st.lists(pieces, max_size=20).map(lambda rest: "sub,condition,run\n" + "".join(rest)))
def test_no_table_whatever_ends_in_anything_but_rows_and_sentences(text: str) -> None:
    rows, problems = read_rows(text)
    assert rows or problems
    assert all(row.line > 1 for row in rows)


def test_tables_of_spreadsheets_are_read() -> None:
    rows, problems = read_rows("\ufeffCondition;Sub;Ses\r\nOwn;sub-07;ses-02\r\n;;\r\n")
    assert problems == []
    assert [(row.entry.sub, row.entry.ses, row.entry.condition) for row in rows] == [("07", "02", "own")]


def test_the_most_specific_row_counts() -> None:
    rows, problems = read_rows("sub,ses,run,condition\n07,,,own\n07,02,,none\n07,02,3,own\n")
    assert problems == []
    allocation = Allocation(entries=tuple(row.entry for row in rows))
    found = [allocation.entry(Entities(sub="07", ses=ses, run=run)) for ses, run in (("01", 3), ("02", 1), ("02", 3))]
    assert found == [rows[0].entry, rows[1].entry, rows[2].entry]
    assert allocation.entry(Entities(sub="08")) is None


def test_a_source_of_another_paradigm_or_of_the_same_participant_is_refused(source_run: RecordedRun, small_study: Study) -> None:
    longer = small_study.model_copy(update={"signal": small_study.signal.model_copy(update={"range_percent": 2.0})})
    for study, sub, said in ((longer, "02", "its range is 1 %, not 2 %"), (small_study, "01", "the participant's own run")):
        with pytest.raises(StudyError, match=said):
            allocate(f"sub,condition,source\n{sub},yoked,there\n", lambda source: source_run, KEY, study)


def test_a_sham_run_is_no_source_and_a_sealed_one_must_be_opened_to_know(lab: Lab) -> None:
    table = "sub,condition,source\n09,yoked,there\n"
    with pytest.raises(StudyError, match="itself shown values that were not its own"):
        allocate(table, lambda source: lab.runs["yoked"], lab.key)
    with pytest.raises(StudyError, match="sealed with another key"):
        allocate(table, lambda source: lab.runs["own"], KEY)
    assert allocate(table, lambda source: lab.runs["own"], lab.key).entries[0].source == lab.runs["own"].entities.label


def test_a_region_that_the_study_lacks_is_told_when_it_is_sealed(small_study: Study) -> None:
    with pytest.raises(StudyError, match="no control region motor; it has tpj_alone"):
        allocate("sub,condition,region\n01,control_roi,motor\n", not_recorded, KEY, sham_study(small_study))


def test_a_sealed_file_tells_nothing_and_opens_to_the_same(lab: Lab) -> None:
    assert lab.study.control.allocation is not None
    content = lab.study.control.allocation.read_bytes()
    assert b"yoked" not in content
    assert bytes(public_key_of(lab.study.control.allocation)) == bytes(lab.key.public_key)
    allocation = open_allocation(lab.study.control.allocation, lab.key)
    assert [entry.condition for entry in allocation.entries] == ["own", "yoked", "control_roi", "none"]
    swapped = tuple(
        entry.model_copy(update={"condition": "own", "yoke": (), "source": None, "region": None}) for entry in allocation.entries
    )
    assert len(sealed_allocation(allocation.model_copy(update={"entries": swapped}), lab.key.public_key)) == len(content)


def test_a_wrong_key_or_a_file_of_another_kind_is_refused_in_a_sentence(lab: Lab, tmp_path: Path) -> None:
    assert lab.study.control.allocation is not None
    with pytest.raises(StudyError, match="another key"):
        open_allocation(lab.study.control.allocation, KEY)
    for name, content in {"text": "sub,condition", "json": "[1]", "half": '{"public_key": "00"}'}.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(StudyError, match="no sealed allocation"):
            open_allocation(tmp_path / name, KEY)
    with pytest.raises(StudyError, match="check the path"):
        open_allocation(tmp_path / "absent", KEY)


def test_keys_are_private_and_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lab.key"
    save_new_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert bytes(load_key(path)) == bytes(KEY)
    with pytest.raises(StudyError, match="never overwritten"):
        save_new_key(path, KEY)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert key_at_hand(None) is None
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    found = key_at_hand(None)
    assert found is not None
    assert bytes(found) == bytes(KEY)
    path.chmod(0o644)
    with pytest.raises(StudyError, match="chmod 600"):
        load_key(path)
    for content in ("rtfmri-sealing-key-1 00\n", "rtfmri-sealing-key-1 xyz\n", "a letter\n", ""):
        path.chmod(0o600)
        path.write_text(content)
        with pytest.raises(StudyError, match="is no key"):
            load_key(path)


def test_a_key_is_looked_for_only_where_there_is_something_to_open(
    lab: Lab, small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "absent"))
    assert key_for(small_study) is None
    with pytest.raises(StudyError, match="cannot be read"):
        key_for(lab.study)
    save_new_key(tmp_path / "lab.key", lab.key)
    named = lab.study.model_copy(update={"control": lab.study.control.model_copy(update={"key": tmp_path / "lab.key"})})
    assert bytes(key_for(named) or b"") == bytes(lab.key)


def test_without_an_allocation_messages_are_what_the_pipeline_made(small_study: Study) -> None:
    plain = allot(small_study, Entities(sub="01"), None)
    assert plain.to_wire(VOLUME) is VOLUME
    assert (plain.kept, plain.blind, plain.weights) == (None, False, {})


def test_open_studies_keep_both_values_in_the_clear(lab: Lab) -> None:
    study = lab.study.model_copy(update={"control": lab.study.control.model_copy(update={"blind": False})})
    sent = allot(study, Entities(sub="04"), lab.key).to_wire(VOLUME)
    assert (sent.control, sent.feedback, sent.own_feedback, sent.regulation, sent.sealed) == ("control_roi", -0.5, 0.5, 0.5, None)


def test_what_is_refused_at_arm_is_refused_of_everybody_in_the_same_words(lab: Lab, tmp_path: Path) -> None:
    slower = lab.study.model_copy(update={"acquisition": lab.study.acquisition.model_copy(update={"tr_s": 2.0})})
    lacking = lab.study.model_copy(update={"control": lab.study.control.model_copy(update={"regions": {}})})
    for study, key, said in (
        (slower, lab.key, "does not fit this study: its TR is 1 s, not 2 s"),
        (lacking, lab.key, "control regions that the study does not have"),
        (lab.study, KEY, "another key"),
        (lab.study, None, "There is no key"),
    ):
        words = set()
        for sub in ("02", "03", "04", "05"):
            with pytest.raises(StudyError, match=said) as caught:
                allot(study, Entities(sub=sub), key)
            words.add(str(caught.value))
        assert len(words) == 1


def test_a_participant_without_a_row_is_refused(lab: Lab) -> None:
    with pytest.raises(StudyError, match="sub-99_ses-01_task-nf_run-01 is not in the sealed allocation"):
        allot(lab.study, Entities(sub="99"), lab.key)


def test_the_record_of_a_run_opens_to_its_own_row_only(lab: Lab, tmp_path: Path) -> None:
    kept = {}
    for sub in ("02", "03", "04", "05"):
        kept[sub] = allot(lab.study, Entities(sub=sub), lab.key).kept or b""
        path = tmp_path / f"{sub}.sealed"
        path.write_bytes(kept[sub])
        assert [entry.sub for entry in open_allocation(path, lab.key).entries] == [sub]
        record = lab.study.model_copy(update={"control": lab.study.control.model_copy(update={"allocation": path})})
        volume = a_volume_with_a_value(lab)
        shown = [allot(study, Entities(sub=sub), lab.key).to_wire(volume).feedback for study in (lab.study, record)]
        assert shown[0] == shown[1]
        assert (shown[0] is None) == (sub == "05")
    assert len({len(content) for content in kept.values()}) == 1


def test_a_resumed_run_goes_on_with_the_allocation_that_it_began_with(lab: Lab) -> None:
    run = lab.runs["yoked"]
    before = kept_allocation(run.paths).read_bytes()
    keep(run.paths, allot(lab.study, run.entities, lab.key))
    assert kept_allocation(run.paths).read_bytes() == before
    kept = as_kept(lab.study, run.paths)
    assert kept.control.allocation == kept_allocation(run.paths)
    volume = a_volume_with_a_value(lab)
    shown = [allot(study, run.entities, lab.key).to_wire(volume).feedback for study in (kept, lab.study)]
    assert shown == [run.messages[volume.index].feedback] * 2
    assert as_kept(lab.study, lab.source.paths) is lab.study


def test_a_replay_without_the_key_shows_what_was_shown_and_stays_blind(lab: Lab) -> None:
    live = [message for message in lab.runs["yoked"].messages if message.feedback is not None][:3]
    again = allot(lab.study, Entities(sub="03"), None, recorded=live)
    for message in live:
        sent = again.to_wire(VOLUME.model_copy(update={"index": message.index}))
        assert sent.feedback == message.feedback
        assert sent.regulation is None
        assert sent.sealed is not None


def test_the_weights_that_are_computed_beside_the_own_ones(lab: Lab) -> None:
    own = {"dlpfc": 0.5, "tpj": -0.5}
    found = {sub: allot(lab.study, Entities(sub=sub), lab.key).weights for sub in ("02", "03", "04", "05")}
    assert found == {"02": own, "03": own, "04": {"dlpfc": 0.0, "tpj": 1.0}, "05": own}


def test_a_study_with_an_allocation_must_name_its_consent_and_tr(lab: Lab, small_study: Study) -> None:
    plain = json.loads(lab.study.model_dump_json())
    plain["control"] |= {"consent": " ", "regions": {"x": {"motor": 1.0}}}
    plain["acquisition"]["tr_s"] = None
    plain["signal"] |= {"range_from": "adaptive", "measure": {"kind": "z"}}
    with pytest.raises(StudyError) as caught:
        parse_study(plain, Path("/"))
    said = str(caught.value)
    for words in (
        "control.consent",
        "debriefing",
        "acquisition.tr_s",
        "signal.range_from is adaptive",
        "control.regions.x: there is no roi motor",
    ):
        assert words in said


def test_a_study_without_an_allocation_needs_neither(small_study: Study) -> None:
    assert small_study.control.misfits(frozenset(), None, small_study.signal.model_copy(update={"range_from": "adaptive"})) == []
    assert sham_study(small_study).control.consent == CONSENT
    assert sham_study(small_study).control.regions == CONTROL_REGION


def test_an_entry_of_another_session_does_not_hold() -> None:
    assert not Entry(sub="01", ses="02", condition="own").holds_for(Entities(sub="01", ses="01"))
