"""Opening blind runs: the audit line first, the tables beside the blinded ones, and a chain in which tampering shows."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from rtfmri.errors import StudyError
from rtfmri.messages import RunStop, VolumeMessage
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.verify import compare
from rtfmri.sham.audit import append, hash_of, read_chain
from rtfmri.sham.blinding import all_opened, blinded, sealed_size
from rtfmri.sham.replaying import ONLY_CLEAR, compare_passes
from rtfmri.sham.unblinding import AUDIT, Who, audit_of, blind_runs, unblind, unblinded_table

Lab = Any
WHO = Who("A. Statistician", "primary analysis", clock=lambda: datetime(2026, 3, 1, 12, tzinfo=timezone.utc))


@pytest.fixture
def dataset(lab: Lab, tmp_path: Path) -> Path:
    """A copy of the blind study's records, which a test may open."""
    out = tmp_path / "out"
    shutil.copytree(lab.runs["own"].paths.out, out)
    return out


def test_a_dataset_is_opened_with_conditions_and_own_values(lab: Lab, dataset: Path) -> None:
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    runs = blind_runs(dataset)
    assert len(unblind(runs, lab.key, WHO)) == 4
    for run in runs:
        table = [line.split("\t") for line in unblinded_table(run.paths).read_text().splitlines()]
        columns = dict(zip(table[0], zip(*table[1:], strict=True), strict=True))
        assert len(columns["number"]) == 64
        assert {"regulation", "tpj_psc", "control", "own_feedback", "own_validity"} <= columns.keys()
        assert any(value != "n/a" for value in columns["regulation"])
        about = json.loads(unblinded_table(run.paths).with_suffix(".json").read_text())
        assert set(columns["control"]) == {about["ControlCondition"]}
        if about["ControlCondition"] == "yoked":
            assert about["ControlSource"].startswith("sub-01")
            assert columns["feedback"] != columns["own_feedback"]
    assert {path: path.read_bytes() for path in before} == before, "nothing that was recorded is touched"


def test_each_opening_adds_a_line_that_says_who_when_why_and_what(lab: Lab, dataset: Path) -> None:
    unblind(blind_runs(dataset), lab.key, WHO)
    (one,) = [run for run in blind_runs(dataset) if run.entities.sub == "03"]
    unblind([one], lab.key, Who("B", "second look"))
    chain = audit_of(dataset)
    assert chain.problems == ()
    first, second = chain.lines
    assert (first["number"], first["by"], first["reason"], first["when"]) == (
        1,
        "A. Statistician",
        "primary analysis",
        "2026-03-01T12:00:00+00:00",
    )
    assert (second["number"], second["by"], list(second["runs"])) == (2, "B", [one.entities.label])
    assert first["software"].startswith("rtfmri ")
    assert len(first["runs"]) == 4


def test_the_line_is_on_the_disk_before_anything_is_opened(lab: Lab, dataset: Path) -> None:
    runs = blind_runs(dataset)
    target = unblinded_table(runs[0].paths)
    target.mkdir()  # the table cannot be written
    with pytest.raises(StudyError, match="cannot be written"):
        unblind(runs, lab.key, WHO)
    assert len(audit_of(dataset).lines) == 1


def test_a_wrong_key_leaves_no_line_and_opens_nothing(dataset: Path) -> None:
    with pytest.raises(StudyError, match="sealed with another key; nothing was opened"):
        unblind(blind_runs(dataset), PrivateKey.generate(), WHO)
    assert not (dataset / AUDIT).exists()


@pytest.mark.parametrize("who", [Who(" ", "reason"), Who("name", "")])
def test_nobody_opens_without_a_name_and_a_reason(lab: Lab, dataset: Path, who: Who) -> None:
    with pytest.raises(StudyError, match="Say who"):
        unblind(blind_runs(dataset), lab.key, who)


def test_a_run_that_goes_on_is_not_opened(lab: Lab, dataset: Path) -> None:
    journal = blind_runs(dataset)[0].paths.journal
    journal.write_text("".join(line for line in journal.read_text().splitlines(keepends=True) if '"run_stop"' not in line))
    assert not any(isinstance(e.message, RunStop) for e in RecordedRun.open(journal).envelopes)
    with pytest.raises(StudyError, match="is not over; nothing was opened"):
        blind_runs(dataset)


def test_a_dataset_without_blind_runs_is_refused(lab: Lab) -> None:
    with pytest.raises(StudyError, match="no run whose values are sealed"):
        blind_runs(lab.source.paths.out)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


@given(
    tampering=st.sampled_from(["removed", "changed", "swapped", "inserted", "cut", "garbage"]),
    place=st.integers(0, 2),
    reasons=st.lists(st.text(max_size=20), min_size=4, max_size=4),
)
def test_any_tampering_inside_the_chain_is_found(
    tmp_path_factory: pytest.TempPathFactory, tampering: str, place: int, reasons: list[str]
) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    for reason in reasons:
        append(path, {"reason": reason})
    lines = lines_of(path)
    assert read_chain("".join(lines)).problems == ()
    if tampering == "removed":
        del lines[place]
    elif tampering == "changed":
        lines[place] = lines[place].replace('"reason": "', '"reason": "not ')
    elif tampering == "swapped":
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    elif tampering == "inserted":
        forged = {"number": place + 1, "reason": "forged", "previous": json.loads(lines[place])["previous"]}
        lines.insert(place, json.dumps({**forged, "hash": hash_of(forged)}) + "\n")
    elif tampering == "cut":
        lines[-1] = lines[-1][:-10]
    else:
        lines[place] = "no line at all\n"
    assert read_chain("".join(lines)).problems


def test_a_broken_chain_stops_the_next_opening(lab: Lab, dataset: Path) -> None:
    runs = blind_runs(dataset)
    unblind(runs, lab.key, WHO)
    unblind(runs, lab.key, WHO)
    path = dataset / AUDIT
    path.write_text(lines_of(path)[1])
    with pytest.raises(StudyError, match="Nothing was opened"):
        unblind(runs, lab.key, WHO)


def test_a_table_whose_line_was_cut_off_the_end_shows(lab: Lab, dataset: Path) -> None:
    unblind(blind_runs(dataset), lab.key, WHO)
    (dataset / AUDIT).write_text("")
    assert any("was opened under a line that the audit does not hold" in problem for problem in audit_of(dataset).problems)


def test_two_passes_over_a_blind_run_are_compared_whole_with_the_key(lab: Lab) -> None:
    live, again = lab.runs["yoked"].envelopes, closed_again(lab)
    assert compare(live, again).identical is False, "encryption is never twice the same"
    result, words = compare_passes(live, again, lab.key)
    assert result.identical
    assert words == ("All values of all 64 volumes are bit-identical.",)


def test_without_the_key_only_the_clear_is_compared_and_that_is_said(lab: Lab) -> None:
    result, words = compare_passes(lab.runs["yoked"].envelopes, closed_again(lab), None)
    assert result.identical
    assert words == ("What is in the clear of all 64 volumes is bit-identical.", ONLY_CLEAR)


def test_a_difference_in_the_box_is_found_with_the_key_only(lab: Lab) -> None:
    live, again = lab.runs["yoked"].envelopes, closed_again(lab, regulation=1.5)
    assert compare_passes(live, again, None)[0].identical
    result, words = compare_passes(live, again, lab.key)
    assert result.by_field.keys() == {"regulation"}
    assert "64 of 64 volumes differ." in words


def test_a_difference_in_the_clear_is_found_without_the_key(lab: Lab) -> None:
    live, again = lab.runs["yoked"].envelopes, closed_again(lab, dvars_percent=99.0)
    result, words = compare_passes(live, again, None)
    assert not result.identical
    assert words[-1] == ONLY_CLEAR
    assert all("regulation" not in word or word == ONLY_CLEAR for word in words)


def test_runs_that_are_not_blind_are_compared_as_ever(lab: Lab) -> None:
    plain = lab.source.envelopes
    result, words = compare_passes(plain, plain, None)
    assert (result, words) == (compare(plain, plain), compare(plain, plain).words)


def closed_again(lab: Lab, **changes: Any) -> tuple[Any, ...]:
    opened = all_opened(lab.runs["yoked"].envelopes, lab.key)
    return tuple(
        e.model_copy(update={"message": blinded(e.message.model_copy(update=changes), lab.key.public_key, sealed_size(2))})
        if isinstance(e.message, VolumeMessage)
        else e
        for e in opened
    )
