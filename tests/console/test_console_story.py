"""What the console keeps of a run: the story, the series of the charts, and nothing that would unblind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from feeder import ROIS, MadeUp

from rtfmri.console.blinding import veiled
from rtfmri.console.columns import Table, table_and_row
from rtfmri.console.feed import Feed, Place
from rtfmri.console.story import EVENTS_KEPT, Story, after
from rtfmri.messages import Envelope, Fault, Message, Operator, Pause, Picture, VolumeMessage


def told(run: MadeUp, volumes: int) -> list[Envelope]:
    messages: list[Message] = [*run.start(1.0)]
    for index in range(volumes):
        messages += run.volume(index, 2.0 + index)
    return [Envelope(run_uid=run.uid, seq=seq, sent_unix_s=3.0 + seq, message=message) for seq, message in enumerate(messages)]


def story_of(envelopes: list[Envelope]) -> Story:
    story = Story()
    for envelope in envelopes:
        if (kept := veiled(envelope, story.blind)) is not None:
            story = after(story, kept)
    return story


def say(story: Story, *messages: Message) -> Story:
    for message in messages:
        story = after(story, Envelope(run_uid="x", seq=0, sent_unix_s=5.0, message=message))
    return story


def test_a_story_holds_the_newest_of_everything() -> None:
    story = story_of(told(MadeUp(), 400))
    assert story.volume is not None
    assert story.volume.index == 399
    assert story.elapsed_s == 200.0
    assert sum(n for _, n in story.counts) == 400
    assert [fault.code for fault in story.faults] == ["moved"]
    assert story.quality is not None
    assert story.planned == 1200


def test_a_new_run_begins_a_new_story() -> None:
    story = story_of([*told(MadeUp(), 50), *told(MadeUp(run=2), 0)])
    assert story.volume is None
    assert story.start is not None
    assert story.start.entities.run == 2


@pytest.mark.parametrize(
    ("on", "off", "name"), [("pause", "resume", "paused"), ("blank", "unblank", "blanked"), ("card", "uncard", "card")]
)
def test_the_operators_switches_are_known_from_the_record(on: Any, off: Any, name: str) -> None:
    story = say(Story(), Operator(action=on))
    assert getattr(story, name)
    assert not getattr(say(story, Operator(action=off)), name)


def test_the_participants_own_pause_is_another_than_the_operators() -> None:
    story = say(Story(), Pause(display="d", paused=True, pressed_unix_s=1.0))
    assert story.participant_paused
    assert not story.paused


def test_events_are_kept_up_to_a_number() -> None:
    story = say(Story(), *(Fault(code=str(n), severity="info", text="") for n in range(EVENTS_KEPT + 5)))
    assert len(story.events) == EVENTS_KEPT
    assert story.faults[-1].code == str(EVENTS_KEPT + 4)


def test_a_column_that_comes_later_lines_up_with_the_others() -> None:
    table = Table()
    table.append({"index": 0})
    table.append({"index": 1, "psc": 0.5})
    table.append({"index": 2})
    assert table.since(0) == {"index": [0, 1, 2], "psc": [None, 0.5, None]}
    assert table.since(2) == {"index": [2]}


def test_a_volumes_row_has_units_of_the_charts() -> None:
    found = table_and_row(MadeUp().volume(70, 1.0)[0], 9.25)
    assert found is not None
    table, row = found
    assert table == "volumes"
    assert row["sent"] == 9.25
    assert row["rot.y"] == pytest.approx(0.0573, abs=1e-4)  # 0.001 rad in degrees
    assert {f"roi.{name}.psc" for name in ROIS} <= row.keys()


class Browser:
    """What one browser has put together of the pieces that it got."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self._place = feed, Place()
        self._run: int | None = None
        self.columns: dict[str, dict[str, list[Any]]] = {}
        self.pieces: list[str] = []

    def take(self) -> None:
        piece, self._place = self._feed.piece(self._place)
        self.pieces.append(piece)
        told = json.loads(piece)
        if told["run"] != self._run:
            self._run, self.columns = told["run"], {}
        for name, part in told["tables"].items():
            table = self.columns.setdefault(name, {})
            for column in table.keys() | part["columns"].keys():
                before = table.setdefault(column, [None] * part["first"])
                assert len(before) == part["first"]
                before.extend(part["columns"].get(column, [None] * (part["length"] - part["first"])))


def feed_all(feed: Feed, story: Story, envelopes: list[Envelope]) -> Story:
    for envelope in envelopes:
        if (kept := veiled(envelope, story.blind)) is not None:
            story = after(story, kept)
            feed.take(story, kept)
    return story


def test_whole_or_piece_by_piece_a_browser_has_the_same_run() -> None:
    feed, story, envelopes = Feed(), Story(), told(MadeUp(), 120)
    early, late = Browser(feed), Browser(feed)
    for n in range(0, len(envelopes), 7):
        story = feed_all(feed, story, envelopes[n : n + 7])
        early.take()
    late.take()
    assert early.columns == late.columns
    assert late.columns["volumes"]["index"] == list(range(120))


def test_an_increment_is_small_and_the_same_for_all_who_are_at_the_same_place() -> None:
    feed, envelopes = Feed(), told(MadeUp(), 1200)
    story = feed_all(feed, Story(), envelopes[:-3])
    one, other = Browser(feed), Browser(feed)
    one.take()
    other.take()
    feed_all(feed, story, envelopes[-3:])
    one.take()
    other.take()
    assert len(one.pieces[1]) < 1500
    assert one.pieces[1] is other.pieces[1]


def test_another_run_makes_a_browser_begin_anew() -> None:
    feed = Feed()
    browser = Browser(feed)
    story = feed_all(feed, Story(), told(MadeUp(), 10))
    browser.take()
    feed_all(feed, story, told(MadeUp(run=2), 3))
    browser.take()
    assert browser.columns["volumes"]["index"] == [0, 1, 2]


def test_of_a_blind_run_nothing_that_unblinds_gets_into_story_or_feed() -> None:
    run = MadeUp(blind=True)
    envelopes = told(run, 30)
    picture = Picture(index=3, what="regulation", path="/secret/map.png")
    envelopes.append(Envelope(run_uid=run.uid, seq=len(envelopes), sent_unix_s=9.0, message=picture))
    feed = Feed()
    story = feed_all(feed, Story(), envelopes)
    browser = Browser(feed)
    browser.take()
    assert story.shown is None
    assert not story.pictures
    assert isinstance(story.volume, VolumeMessage)
    assert story.volume.feedback is None
    assert story.volume.regulation is None
    assert not story.volume.rois
    assert story.volume.motion is not None
    for words in (*ROIS, "0.4242", "secret"):
        assert words not in browser.pieces[0]
        assert words not in repr(story)
    assert set(browser.columns["quality"]) == {"index", "tsnr.brain", "spikes", "ghost"}
    assert not {"regulation", "value", "score"} & browser.columns["volumes"].keys()
    assert {"fd", "dvars", "trans.x"} <= browser.columns["volumes"].keys()


def test_what_is_not_blind_is_left_as_it_is() -> None:
    for envelope in told(MadeUp(), 10):
        assert veiled(envelope, False) is envelope
