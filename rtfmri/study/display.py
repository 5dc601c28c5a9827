"""The participant's screen: `[display]`, `[[rating]]`, `[[trial]]`. What a display needs of it travels in ``run_start``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ConfigDict, Field, model_validator

from rtfmri.errors import StudyError
from rtfmri.messages import ButtonSettings, DisplaySettings, Lines, RatingScale, ScreenSettings, TrialInfo, TriggerSettings
from rtfmri.study.section import Section

STRICT = ConfigDict(frozen=True, extra="forbid")


class Trigger(TriggerSettings):
    model_config = STRICT

    @model_validator(mode="after")
    def _port_is_named(self) -> Trigger:
        if self.kind in ("serial", "parallel") and not self.port:
            raise ValueError(f'a {self.kind} trigger needs its port, such as "COM3", "/dev/ttyUSB0" or "/dev/parport0"')
        return self


class Buttons(ButtonSettings):
    model_config = STRICT

    @model_validator(mode="after")
    def _keys_are_distinct(self) -> Buttons:
        keys = [*self.left, *self.right, *self.confirm, *self.pause]
        doubles = sorted({key for key in keys if keys.count(key) > 1})
        if doubles:
            raise ValueError(f"the key {', '.join(doubles)} has two meanings; give each button its own")
        return self


class Display(ScreenSettings):
    model_config = STRICT

    trigger: Trigger = Trigger()
    buttons: Buttons = Buttons()

    @model_validator(mode="after")
    def _trigger_is_no_button(self) -> Display:
        buttons = self.buttons
        if self.trigger.kind == "keyboard" and self.trigger.key in (*buttons.left, *buttons.right, *buttons.confirm, *buttons.pause):
            raise ValueError(f"the key {self.trigger.key} is the scanner's trigger and a button; the box must send another one")
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
