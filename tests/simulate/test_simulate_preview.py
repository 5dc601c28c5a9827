"""The course of a study with made-up values: whole, in order, marked, and as many times as quick as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtfmri.messages import RunStart, RunStop, VolumeMessage
from rtfmri.paradigm import Block, block_number_of
from rtfmri.simulate.preview import HELD, LEAD_S, LEAST_WAIT_S, MADE_UP, Timed, course_of, preview
from rtfmri.study import Study, parse_study

STUDY: dict[str, Any] = {
    "study": {"name": "compassion"},
    "acquisition": {"tr_s": 2.0, "dummies": 3},
    "roi": [{"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": 1.0}],
    "paradigm": {
        "cycle": [
            {"block": "rest", "s": 30},
            {"block": "kindness", "s": 40},
            {"block": "wait", "s": 8},
            {"block": "show", "s": 6},
            {"block": "rate", "s": 10},
        ],
        "repeat": 2,
    },
    "run": [{"kind": "no_feedback"}, {"kind": "feedback"}],
    "rating": [{"name": "pain", "s": 5}, {"name": "effort", "at_end": True, "s": 20}],
    "trial": [{"block": "kindness", "text": {"en": ["Say what you need."]}, "s": 20}],
    "display": {"trigger": {"kind": "serial", "port": "COM3"}, "buttons": {"kind": "serial", "port": "COM3", "left": [2], "confirm": []}},
}


def study_of(**sections: Any) -> Study:
    return parse_study({**STUDY, **sections}, Path())


def shown(speed: float = 10.0, **sections: Any) -> list[Timed]:
    return list(preview(course_of(study_of(**sections), speed), "preview_1", 1000.0))


def start_of(timed: list[Timed]) -> RunStart:
    assert isinstance(timed[0].message, RunStart)
    return timed[0].message


def volumes_of(timed: list[Timed]) -> list[VolumeMessage]:
    return [each.message for each in timed if isinstance(each.message, VolumeMessage)]


def test_every_volume_comes_once_in_order_between_one_start_and_one_stop() -> None:
    timed = shown()
    assert [volume.index for volume in volumes_of(timed)] == list(range(start_of(timed).planned_volumes or 0))
    assert isinstance(timed[-1].message, RunStop)
    assert len(timed) == len(volumes_of(timed)) + 2
    moments = [each.at_s for each in timed]
    assert moments == sorted(moments)


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_all_times_of_the_course_are_divided_by_the_speed(speed: float) -> None:
    timed = shown(speed)
    start = start_of(timed)
    assert start.tr_s == 2.0 / speed
    assert [scale.s for scale in start.display.ratings] == [5 / speed, 20 / speed]
    assert start.display.trials[0].s == 20 / speed
    assert start.blocks[-1].onset_s + start.blocks[-1].duration_s == pytest.approx((6 + 2 * 94) / speed)
    assert timed[-1].at_s - LEAD_S >= (6 + 2 * 94 + 20) / speed
    assert start.stale_after_s == max(LEAST_WAIT_S, 5.0 / speed)


def test_a_display_finds_each_volume_in_the_block_that_it_is_said_to_be_of() -> None:
    timed = shown()
    start = start_of(timed)
    blocks = tuple(Block(b.name, b.onset_s, b.duration_s, b.role) for b in start.blocks)
    assert [volume.block for volume in volumes_of(timed)] == [
        block_number_of(blocks, volume.index, start.tr_s or 0.0) for volume in volumes_of(timed)
    ]


def test_everything_says_that_it_is_made_up_and_awaits_neither_trigger_nor_button_box() -> None:
    timed = shown()
    start = start_of(timed)
    assert ("preview" in start.study, start.entities.sub, "preview" in start.software) == (True, "preview", True)
    assert {volume.why for volume in volumes_of(timed)} == {MADE_UP}
    assert start.display.trigger.kind == "none"
    buttons = start.display.buttons
    assert (buttons.kind, "left" in buttons.left, buttons.confirm) == ("keyboard", True, ())


def test_values_stay_in_the_range_and_go_up_with_the_practice() -> None:
    volumes = volumes_of(shown(display={"feedback": "continuous"}))
    by_block: dict[str, list[float]] = {}
    for volume in volumes:
        if volume.feedback is not None:
            by_block.setdefault(volume.condition or "", []).append(volume.feedback)
    assert all(-1 <= value <= 1 for values in by_block.values() for value in values)
    assert sum(by_block["kindness"]) / len(by_block["kindness"]) > 0.3 + sum(by_block["rest"]) / len(by_block["rest"])
    assert "dummy" not in by_block
    assert sum(volume.validity == "held" for volume in volumes) == HELD, "the look of a held value is part of the course"


def test_an_intermittent_course_has_one_value_for_each_practice_from_the_wait_on() -> None:
    volumes = volumes_of(shown())
    assert {volume.condition for volume in volumes if volume.feedback is not None} == {"wait", "show"}
    assert len({volume.feedback for volume in volumes if volume.feedback is not None}) == 2


def test_a_study_without_feedback_runs_shows_no_value() -> None:
    timed = shown(run=[{"kind": "transfer"}])
    assert start_of(timed).run_kind == "transfer"
    assert {volume.feedback for volume in volumes_of(timed)} == {None}
