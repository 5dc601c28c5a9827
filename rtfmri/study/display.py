"""The participant's screen: `[display]`, `[[rating]]`, `[[trial]]`. What a display needs of it travels in ``run_start``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from rtfmri.errors import StudyError
from rtfmri.messages import ButtonSettings, DisplaySettings, Lines, RatingScale, ScreenSettings, TrialInfo, TriggerSettings
from rtfmri.study.section import Section

STRICT = ConfigDict(frozen=True, extra="forbid")
BOX = {"left": ("1",), "right": ("2",), "confirm": ("3",), "pause": ("4",)}  # what a serial box sends where the study says nothing


class Trigger(TriggerSettings):
    model_config = STRICT

    @model_validator(mode="after")
    def _port_is_named(self) -> Trigger:
        if self.kind in ("serial", "parallel") and not self.port:
            raise ValueError(f'a {self.kind} trigger needs its port, such as "COM3", "/dev/ttyUSB0" or "/dev/parport0"')
        return self


class Buttons(ButtonSettings):
    model_config = STRICT

    @model_validator(mode="before")
    @classmethod
    def _bytes_are_characters(cls, given: Any) -> Any:
        """A serial box's bytes may be written as numbers, too."""
        if not isinstance(given, Mapping) or given.get("kind") != "serial":
            return given
        return {**given, **{name: _as_characters(given.get(name, plain)) for name, plain in BOX.items()}}

    @model_validator(mode="after")
    def _buttons_make_sense(self) -> Buttons:
        serial = self.kind == "serial"
        if serial and not self.port:
            raise ValueError('a serial button box needs its port, such as "COM3" or "/dev/ttyUSB0"')
        odd = [name for name in self.all if serial and not _is_byte(name)]
        if odd:
            raise ValueError(f'a serial box sends bytes, and "{odd[0]}" is none; write a character, such as "1", or a number, 0 to 255')
        doubles = _doubles(self.all)
        if doubles:
            what = "byte" if serial else "key"
            raise ValueError(f"the {what} {', '.join(map(_told, doubles))} has two meanings; give each button its own")
        return self

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.left, *self.right, *self.confirm, *self.pause)


class Display(ScreenSettings):
    model_config = STRICT

    trigger: Trigger = Trigger()
    buttons: Buttons = Field(default_factory=Buttons)

    @model_validator(mode="after")
    def _trigger_is_no_button(self) -> Display:
        trigger, buttons = self.trigger, self.buttons
        if trigger.kind == buttons.kind == "keyboard" and trigger.key in buttons.all:
            raise ValueError(f"the key {trigger.key} is the scanner's trigger and a button; the box must send another one")
        if trigger.kind == buttons.kind == "serial" and trigger.port == buttons.port:
            if trigger.baud != buttons.baud:
                bauds = f"{trigger.baud} baud for the trigger, {buttons.baud} for the buttons"
                raise ValueError(f"the trigger and the buttons come over one line, {trigger.port}, and it has one speed: {bauds}")
            if trigger.code is not None and chr(trigger.code) in buttons.all:
                told = _told(chr(trigger.code))
                raise ValueError(f"the byte {told} is the scanner's trigger and a button; the box must send another one")
        return self


class RatingRule(RatingScale):
    model_config = STRICT

    @model_validator(mode="after")
    def _scale_is_one(self) -> RatingRule:
        if self.high <= self.low:
            raise ValueError("high must be above low")
        steps = (self.high - self.low) / self.step
        if steps < 1 or abs(steps - round(steps)) > 1e-6:
            raise ValueError("step must divide the scale from low to high")
        if self.high_alerts is not None and not self.low < self.high_alerts <= self.high:
            raise ValueError("high_alerts must lie on the scale, above low")
        return self


class TrialRule(Section):
    """``text`` by language; where the participant's is not there, English, else the first. ``image``: PNG or JPEG."""

    block: str = Field(min_length=1)
    name: str = ""
    text: dict[str, Lines] = Field(default_factory=dict)
    image: Path | None = None
    s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _shows_something(self) -> TrialRule:
        if not self.text and self.image is None:
            raise ValueError("a trial needs a text or an image")
        return self

    def info(self, language: str, name: str) -> TrialInfo:
        """For the wire, with ``name`` where the study gives none; the image by name and checksum.

        Raises
        ------
        StudyError : the image cannot be read.
        """
        lines = self.text.get(language) or self.text.get("en") or next(iter(self.text.values()), ())
        image, sha256 = ("", "") if self.image is None else (self.image.name, checksum(self.image))
        return TrialInfo(block=self.block, name=self.name or name, lines=lines, image=image, sha256=sha256, s=self.s)


def checksum(image: Path) -> str:
    """SHA-256 of a picture.

    Raises
    ------
    StudyError : it cannot be read.
    """
    try:
        return hashlib.sha256(image.read_bytes()).hexdigest()
    except OSError as error:
        raise StudyError(f"The picture {image} cannot be read ({error.strerror}).") from None


def display_settings(display: Display, ratings: tuple[RatingRule, ...], trials: tuple[TrialRule, ...]) -> DisplaySettings:
    """What ``run_start`` tells a display.

    Raises
    ------
    StudyError : a picture cannot be read.
    """
    numbers: Counter[str] = Counter()
    infos = []
    for trial in trials:
        numbers[trial.block] += 1
        infos.append(trial.info(display.language, f"{trial.block}_{numbers[trial.block]}"))
    return DisplaySettings.model_validate({**display.model_dump(), "ratings": [r.model_dump() for r in ratings], "trials": tuple(infos)})


def misfits(ratings: Sequence[RatingRule], trials: Sequence[TrialRule], blocks_s: Mapping[str, float]) -> list[str]:
    """What does not fit together, a sentence each. ``blocks_s``: the shortest duration of the paradigm's blocks, by name."""
    known = ", ".join(blocks_s)
    said = [f"two ratings have the name {name}; give each its own" for name in _doubles([rating.name for rating in ratings])]
    for rating in ratings:
        absent = [] if rating.at_end else [block for block in rating.blocks if block not in blocks_s]
        if absent or not (rating.at_end or rating.blocks):
            where = ", ".join(absent) or "no block"
            said.append(f"rating {rating.name}: it is asked in {where}, and the paradigm's blocks are {known}; or set at_end = true")
    for block in dict.fromkeys(trial.block for trial in trials):
        if block not in blocks_s:
            said.append(f"trial: there is no block {block}, the paradigm's blocks are {known}")
    for trial in trials:
        if trial.s is not None and trial.s > blocks_s.get(trial.block, trial.s):
            said.append(f"trial {trial.name or trial.block}: it lasts {trial.s:g} s, the block {trial.block} {blocks_s[trial.block]:g} s")
    images = {trial.image for trial in trials if trial.image is not None}
    said += [f"two pictures have the file name {name}; the display tells them by it" for name in _doubles([path.name for path in images])]
    return said


def _doubles(names: Sequence[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _as_characters(names: Any) -> Any:
    if not isinstance(names, list | tuple):
        return names
    return tuple(_as_character(name) if type(name) is int else name for name in names)


def _as_character(number: int) -> str:
    """Its byte; a number that is none as it was written."""
    return chr(number) if 0 <= number <= 255 else str(number)


def _is_byte(name: str) -> bool:
    return len(name) == 1 and ord(name) <= 255


def _told(name: str) -> str:
    """As the operator may have written it."""
    return name if name.isprintable() else str(ord(name))
