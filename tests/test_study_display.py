"""`[display]`, `[[rating]]` and `[[trial]]`: what a study may say of the participant's screen, and what a mistake is told as."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from rtfmri.errors import StudyError
from rtfmri.study import Study, load_study, parse_study

PARADIGM = {"cycle": [{"block": "rest", "s": 30}, {"block": "read", "s": 20}, {"block": "rate", "s": 10}], "repeat": 2}
BASE: dict[str, Any] = {"study": {"name": "screen"}, "paradigm": PARADIGM}
PAIN = {"name": "pain", "high_alerts": 8}
BOX = {"kind": "serial", "port": "COM3"}


def study_of(folder: Path = Path(), **sections: Any) -> Study:
    return parse_study({**BASE, "roi": [{"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": 1.0}], **sections}, folder)


def told(**sections: Any) -> str:
    with pytest.raises(StudyError) as caught:
        study_of(**sections)
    return " | ".join(caught.value.problems)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"display": {"view": 3}}, "display.view"),
        ({"display": {"size": 2.0}}, "display.size"),
        ({"display": {"flip": 180}}, "display.flip"),
        ({"display": {"colour": "red"}}, "display.colour: there is no such setting"),
        ({"display": {"trigger": {"kind": "serial"}}}, "display.trigger: a serial trigger needs its port"),
        ({"display": {"trigger": {"kind": "keyboard", "key": "1"}}}, "the key 1 is the scanner's trigger and a button"),
        ({"display": {"buttons": {"left": ["b"], "right": ["b"]}}}, "the key b has two meanings"),
        ({"display": {"buttons": {"kind": "serial"}}}, "display.buttons: a serial button box needs its port"),
        (
            {"display": {"buttons": {**BOX, "left": ["left"]}}},
            'sends bytes, and "left" is none; write a character, such as "1", or a number',
        ),
        ({"display": {"buttons": {**BOX, "left": [49], "right": ["1"]}}}, "the byte 1 has two meanings"),
        ({"display": {"buttons": {**BOX, "left": [256]}}}, '"256" is none'),
        (
            {"display": {"buttons": BOX, "trigger": {**BOX, "baud": 9600}}},
            "one line, COM3, and it has one speed: 9600 baud for the trigger",
        ),
        ({"display": {"buttons": {**BOX, "left": [2]}, "trigger": {**BOX, "code": 2}}}, "the byte 2 is the scanner's trigger and a button"),
        ({"rating": [{"name": "Pain"}]}, "rating.1.name"),
        ({"rating": [{"name": "pain", "low": 5, "high": 5}]}, "high must be above low"),
        ({"rating": [{"name": "pain", "step": 3}]}, "step must divide the scale"),
        ({"rating": [{"name": "pain", "high_alerts": 11}]}, "high_alerts must lie on the scale"),
        ({"rating": [PAIN, PAIN]}, "two ratings have the name pain"),
        ({"rating": [{"name": "pain", "blocks": ["rat"]}]}, "it is asked in rat, and the paradigm's blocks are rest, read, rate"),
        ({"rating": [{"name": "pain", "blocks": []}]}, "it is asked in no block"),
        ({"trial": [{"block": "raed", "text": {"en": ["a"]}}]}, "there is no block raed, the paradigm's blocks are rest, read, rate"),
        ({"trial": [{"block": "read"}]}, "a trial needs a text or an image"),
        ({"trial": [{"block": "read", "text": {"en": ["a"]}, "s": 30}]}, "it lasts 30 s, the block read 20 s"),
        ({"trial": [{"block": "read", "image": "nowhere.png"}]}, "trial 1.image: nowhere.png is not there"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(sections: dict[str, Any], words: str) -> None:
    assert words in told(**sections)


def test_mistakes_of_several_sections_are_told_at_once() -> None:
    said = told(
        display={"flip": "upside", "trigger": {"kind": "serial"}},
        rating=[{"name": "pain", "step": 3}],
        trial=[{"block": "read"}],
    )
    assert all(words in said for words in ("display.flip", "display.trigger", "rating.1", "trial.1"))
    said = told(
        rating=[{"name": "pain", "blocks": ["a"]}, {"name": "calm", "blocks": ["b"]}],
        trial=[{"block": "c", "text": {"en": ["x"]}}],
        signal={"nuisance": ["physiology"]},
    )
    assert all(words in said for words in ("rating pain", "rating calm", "no block c", "[physiology]"))


def test_pictures_are_found_beside_the_study_file_and_travel_by_name_and_checksum(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "alone.png").write_bytes(b"a picture")
    trials = [{"block": "read", "image": "pictures/alone.png"}, {"block": "read", "name": "late", "text": {"de": ["spät"], "en": ["late"]}}]
    settings = study_of(tmp_path, trial=trials, display={"language": "de"}).display_settings()
    first, second = settings.trials
    assert (first.name, first.image, first.sha256) == ("read_1", "alone.png", hashlib.sha256(b"a picture").hexdigest())
    assert (second.name, second.lines, second.image) == ("late", ("spät",), "")


def test_two_pictures_of_one_file_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(folder.encode())
    with pytest.raises(StudyError, match=r"two pictures have the file name 1\.png"):
        study_of(tmp_path, trial=[{"block": "read", "image": "a/1.png"}, {"block": "read", "image": "b/1.png"}])


def test_ratings_and_trigger_reach_the_display_and_read_back_as_they_were() -> None:
    study = study_of(
        rating=[PAIN, {"name": "effort", "at_end": True, "question": {"en": ["How much effort was it?"]}}],
        display={"trigger": {"kind": "serial", "port": "COM3", "code": 5, "offset": 2}, "buttons": {"left": ["b"], "right": ["y"]}},
    )
    settings = study.display_settings()
    assert [(scale.name, scale.at_end, scale.high_alerts) for scale in settings.ratings] == [("pain", False, 8.0), ("effort", True, None)]
    assert (settings.trigger.port, settings.trigger.code, settings.trigger.offset, settings.buttons.left) == ("COM3", 5, 2, ("b",))
    assert parse_study(study.resolved(), Path()).display_settings() == settings


def test_a_serial_box_on_the_triggers_line_reaches_the_display_as_characters() -> None:
    study = study_of(display={"trigger": {**BOX, "code": 53}, "buttons": {**BOX, "left": ["a", 1], "right": [2, 255], "confirm": []}})
    buttons = study.display_settings().buttons
    assert (buttons.left, buttons.right, buttons.confirm, buttons.pause) == (("a", "\x01"), ("\x02", "\xff"), (), ("4",))
    assert parse_study(study.resolved(), Path()).display_settings().buttons == buttons


@pytest.mark.parametrize("name", ["example_study.toml", "demo_study.toml"])
def test_the_studies_that_come_with_the_program_ask(name: str) -> None:
    settings = load_study(Path(__file__).parents[1] / "sim_data" / name).display_settings()
    assert settings.ratings
