"""The scanner's plan as data: what each fault does to it, and what is left of a file when the plan has been carried out."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.simulate.changes import content_of
from rtfmri.simulate.faults import FAULTS, Fault, Kind
from rtfmri.simulate.flavours import WRITERS, Flavour
from rtfmri.simulate.plan import CUT, PIECES, Action, Rename, Write, plan_scan
from rtfmri.simulate.series import Series
from rtfmri.volume import Grid

TR_S = 2.0
VOLUMES, SLICES = 6, 3
FILES = [(volume, f"v{volume}_s{z}") for volume in range(VOLUMES) for z in range(SLICES)]
CONTENT = {name: bytes([1 + number]) * 1001 for number, (_, name) in enumerate(FILES)}


def plan(*faults: Fault) -> tuple[Action, ...]:
    return plan_scan(FILES, TR_S, faults, seed=1)


def carried_out(actions: Iterable[Action], until_s: float = np.inf) -> dict[str, bytes]:
    """The folder after all actions due by ``until_s``."""
    folder: dict[str, bytearray] = {}
    for action in actions:
        if action.at_s > until_s:
            break
        if isinstance(action, Rename):
            folder[action.name] = folder.pop(action.origin)
            continue
        start, piece = action.piece_of(CONTENT[action.file.source])
        folder.setdefault(action.name, bytearray())[start : start + len(piece)] = piece
    return {name: bytes(content) for name, content in folder.items()}


def of_volume(actions: Iterable[Action], volume: int) -> list[Action]:
    return [action for action in actions if action.file.volume == volume]


def test_without_faults_every_file_is_written_once_in_order_within_its_tr() -> None:
    actions = plan()
    assert [action.name for action in actions] == [name for _, name in FILES]
    assert all(isinstance(action, Write) and action.whole and action.closes for action in actions)
    for action in actions:
        assert action.file.volume * TR_S <= action.at_s < (action.file.volume + 1) * TR_S
    assert carried_out(actions) == CONTENT


@pytest.mark.parametrize("kind", ["slow_write", "slow_copy", "rename", "preallocated"])
def test_a_file_that_is_written_oddly_is_whole_in_the_end_and_not_before(kind: Kind) -> None:
    actions = plan(Fault(kind=kind, volume=2, by_tr=0.5))
    assert carried_out(actions) == CONTENT
    for last in (action for action in of_volume(actions, 2) if action.whole):
        before = carried_out(actions, last.at_s - 1e-9).get(last.name, b"")
        assert before != CONTENT[last.file.source]
        assert last.at_s == pytest.approx(last.file.at_s + 0.5 * TR_S)


def test_a_slow_writer_keeps_the_file_open_and_a_slow_copier_does_not() -> None:
    slow, copied = (of_volume(plan(Fault(kind=kind, volume=2)), 2) for kind in ("slow_write", "slow_copy"))
    assert len(slow) == len(copied) == PIECES * SLICES
    assert sum(action.closes for action in slow if isinstance(action, Write)) == SLICES
    assert all(action.closes for action in copied if isinstance(action, Write))


def test_a_preallocated_file_has_its_length_before_its_bytes() -> None:
    actions = plan(Fault(kind="preallocated", volume=2))
    first = of_volume(actions, 2)[0]
    assert carried_out(actions, first.at_s)[first.name] == bytes(1001)


@pytest.mark.parametrize(("kind", "length"), [("zero_length", 0), ("truncated", round(CUT * 1001))])
def test_one_file_of_the_volume_stays_short(kind: Kind, length: int) -> None:
    folder = carried_out(plan(Fault(kind=kind, volume=2)))
    short = [name for name, content in folder.items() if content != CONTENT[name]]
    assert len(short) == 1
    assert short[0].startswith("v2_")
    assert folder[short[0]] == CONTENT[short[0]][:length]


@pytest.mark.parametrize(("kind", "files"), [("missing_slice", 1), ("missing_volume", SLICES)])
def test_files_that_are_lost_never_come(kind: Kind, files: int) -> None:
    lost = CONTENT.keys() - carried_out(plan(Fault(kind=kind, volume=2)))
    assert len(lost) == files
    assert all(name.startswith("v2_") for name in lost)


def test_a_late_volume_is_late_by_so_many_tr() -> None:
    late = of_volume(plan(Fault(kind="late_volume", volume=2, by_tr=3)), 2)
    assert [action.at_s for action in late] == pytest.approx([action.at_s + 3 * TR_S for action in of_volume(plan(), 2)])


@pytest.mark.parametrize(("kind", "changes"), [("duplicate", ()), ("duplicate_differs", ("pixels",))])
def test_a_duplicate_comes_under_another_name_and_later(kind: Kind, changes: tuple[str, ...]) -> None:
    actions = plan(Fault(kind=kind, volume=2))
    again = [action for action in actions if action.name not in CONTENT]
    assert len(again) == SLICES
    assert {action.file.changes for action in again} == {changes}
    assert [action.at_s for action in again] == pytest.approx([action.at_s + TR_S for action in of_volume(plan(), 2)])


@pytest.mark.parametrize(("kind", "volumes"), [("reorder_slices", {2}), ("reorder_volumes", {2, 3, 4})])
def test_reordering_changes_who_comes_when_and_nothing_else(kind: Kind, volumes: set[int]) -> None:
    actions = plan(Fault(kind=kind, volume=2, by_tr=2))
    assert [action.at_s for action in actions] == [action.at_s for action in plan()]
    moved = {action.file.volume for action, before in zip(actions, plan(), strict=True) if action.name != before.name}
    assert moved == volumes
    assert carried_out(actions) == CONTENT


def test_in_a_stall_nothing_comes_and_then_everything_at_once() -> None:
    actions = plan(Fault(kind="stall", volume=2, by_tr=3))
    times_s = [action.at_s for action in actions]
    assert not [at_s for at_s in times_s if 2 * TR_S <= at_s < 5 * TR_S]
    assert times_s.count(5 * TR_S) == 3 * SLICES + 1  # and the first of the volume that is due then
    assert [action.name for action in actions] == [name for _, name in FILES]


@pytest.mark.parametrize(("kind", "change"), [("restart", "restarted"), ("restart_in_series", "rescanned")])
def test_a_restarted_run_begins_anew(kind: Kind, change: str) -> None:
    actions = plan(Fault(kind=kind, volume=4))
    kept = [action for action in actions if not action.file.scan]
    anew = [action for action in actions if action.file.scan]
    assert {action.file.volume for action in kept} == {0, 1, 2, 3}
    assert {action.file.volume for action in anew} == set(range(VOLUMES))
    assert {action.file.changes for action in anew} == {(change,)}
    assert (anew[0].at_s, anew[0].file.later_s) == (6 * TR_S, 6 * TR_S)


@pytest.mark.parametrize("flavour", WRITERS)
def test_a_restarted_run_is_acquired_later_by_its_own_headers(flavour: Flavour) -> None:
    """Every time of day but the study's, also within functional groups."""
    content = series_bytes(flavour)
    action = plan_scan([(0, "a"), (1, "b")], TR_S, [Fault(kind="restart", volume=1)])[-1]
    before, after = (pydicom.dcmread(io.BytesIO(data)) for data in (content, content_of(action.file, content)))
    assert before.StudyTime == after.StudyTime
    for keyword in ("AcquisitionTime", "AcquisitionDateTime"):
        if keyword in before:
            assert float(after[keyword].value) - float(before[keyword].value) == pytest.approx(3 * TR_S)
    if flavour == "xa_enhanced":
        first, again = (ds.PerFrameFunctionalGroupsSequence[2].FrameContentSequence[0] for ds in (before, after))
        assert float(again.FrameAcquisitionDateTime) - float(first.FrameAcquisitionDateTime) == pytest.approx(3 * TR_S)


@given(
    st.lists(st.builds(Fault, kind=st.sampled_from(sorted(FAULTS)), volume=st.integers(0, 8), by_tr=st.floats(0.1, 4))), st.integers(0, 9)
)
def test_any_faults_make_a_plan_in_order_of_time_and_the_same_one_again(faults: list[Fault], seed: int) -> None:
    actions = plan_scan(FILES, TR_S, faults, seed=seed)
    assert [action.at_s for action in actions] == sorted(action.at_s for action in actions)
    assert actions == plan_scan(FILES, TR_S, faults, seed=seed)
    carried_out(actions)


def series_bytes(flavour: Flavour) -> bytes:
    """The first file of a run."""
    series = Series(Grid((8, 8, 3), np.diag([-3.0, 3, 3, 1])), 1.0, (0.0, 0.3, 0.6), "bold", 7, 1, 4)
    pixels = np.random.default_rng(0).integers(100, 4000, (8, 8, 3)).astype(np.uint16)
    return WRITERS[flavour](pixels, series, 0)[0].content


@pytest.mark.parametrize("flavour", WRITERS)
def test_other_pixels_leave_the_header_alone(flavour: Flavour) -> None:
    content = series_bytes(flavour)
    [action] = plan_scan([(0, "a")], 1.0, [Fault(kind="corrupt_pixels", volume=0)])
    before, after = (pydicom.dcmread(io.BytesIO(data)) for data in (content, content_of(action.file, content)))
    assert before.PixelData != after.PixelData
    del before.PixelData, after.PixelData
    assert before == after


@pytest.mark.parametrize("flavour", WRITERS)
@pytest.mark.parametrize(("kind", "protocol"), [("other_series", "localizer"), ("restart", "bold")])
def test_another_series_says_so_and_keeps_its_pixels(kind: Kind, protocol: str, flavour: Flavour) -> None:
    content = series_bytes(flavour)
    action = plan_scan([(0, "a")], 1.0, [Fault(kind=kind, volume=0)])[-1]
    before, after = (pydicom.dcmread(io.BytesIO(data)) for data in (content, content_of(action.file, content)))
    assert before.PixelData == after.PixelData
    assert (after.ProtocolName, after.SeriesNumber == before.SeriesNumber) == (protocol, False)
    assert after.SeriesInstanceUID != before.SeriesInstanceUID
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
