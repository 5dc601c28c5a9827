"""What goes to the participant's display and comes back from it. Times of a display are its own clock, unix seconds.

``DisplaySettings`` travels in ``RunStart``, so no configuration file lies on the stimulus PC. Texts are lists of lines, by language.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from rtfmri.messages.base import Part

Flip = Literal["none", "x", "y", "180"]
Lines = tuple[str, ...]


class TriggerSettings(Part):
    """The scanner's pulse, as the stimulus PC receives it."""

    kind: Literal["none", "keyboard", "serial", "parallel"] = "none"  # none: the volume messages alone set the clock
    key: str = "5"  # keyboard: the key that the interface box sends
    port: str = ""  # serial: COM3, /dev/ttyUSB0; parallel: /dev/parport0, 0x378
    baud: int = Field(default=115_200, gt=0)
    code: int | None = Field(default=None, ge=0, le=255)  # serial: the byte; parallel: the bits. None: any
    offset: int = Field(default=0, ge=0)  # pulses before the first exported volume's
    every: int = Field(default=1, ge=1)  # pulses for each volume


class ButtonSettings(Part):
    """The participant's buttons: names of keys, or the bytes of a serial box, each as a character (byte 49 is "1", byte 2 "\\x02").

    No ``confirm``: the place at the end of the time is the answer.
    """

    kind: Literal["keyboard", "serial"] = "keyboard"
    port: str = ""  # serial: COM3, /dev/ttyUSB0; it may be the trigger's
    baud: int = Field(default=115_200, gt=0)
    left: tuple[str, ...] = ("1", "left")
    right: tuple[str, ...] = ("2", "right")
    confirm: tuple[str, ...] = ("3", "return")
    pause: tuple[str, ...] = ("4", "p")
    debounce_s: float = Field(default=0.15, ge=0)


class RatingScale(Part):
    """One question with a slider. ``question`` and ``ends`` by language; where empty, the display has its own words for ``name``."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    low: float = 0.0
    high: float = 10.0
    step: float = Field(default=1.0, gt=0)
    s: float = Field(default=8.0, gt=0)  # time to answer; a block that is shorter is shared among its questions
    blocks: tuple[str, ...] = ("rate",)  # asked in blocks of these names
    at_end: bool = False  # asked once, after the last block instead
    question: dict[str, Lines] = Field(default_factory=dict)
    ends: dict[str, tuple[str, str]] = Field(default_factory=dict)
    numbers: bool = False  # the numbers of the steps stand below the slider
    high_alerts: float | None = None  # an answer from here on is put before the operator at once


class TrialInfo(Part):
    """What is to be read or looked at in one block, in place of the block's words. Trials of one block name are taken in this order."""

    block: str
    name: str = ""
    lines: Lines = ()
    image: str = ""  # a file's name; the display looks for it in its folder of images
    sha256: str = ""
    s: float | None = None  # None: as long as the block; else the block holds as many as fit


class ScreenSettings(Part):
    """How the screen is used.

    ``screen_width_mm`` and ``distance_mm`` (eye to screen, along the mirror's path) make sizes known in degrees of visual angle.
    """

    feedback: Literal["continuous", "intermittent"] = "intermittent"
    view: str = "circle"  # circle, thermometer, line, or a lab's own by name
    language: str = "en"
    flip: Flip = "none"
    size: float = Field(default=1.0, ge=0.5, le=1.5)
    screen_width_mm: float | None = Field(default=None, gt=0)
    distance_mm: float | None = Field(default=None, gt=0)
    cues: bool = False  # a soft sound at the beginning of each block
    trigger: TriggerSettings = TriggerSettings()
    buttons: ButtonSettings = ButtonSettings()
    wording: dict[str, dict[str, Lines]] = Field(default_factory=dict)  # by language and key, such as "block.mindfulness"


class DisplaySettings(ScreenSettings):
    """All that a display needs to know for a run beside its blocks."""

    ratings: tuple[RatingScale, ...] = ()
    trials: tuple[TrialInfo, ...] = ()


class Shown(Part):
    """What was on the glass from this flip on."""

    kind: Literal["shown"] = "shown"
    display: str
    index: int | None  # the volume behind the value; None where no value was shown
    state: str
    value: float | None
    flip_unix_s: float
    clock_offset_s: float | None = None  # engine's clock minus the display's, measured over the returns socket
    clock_error_s: float | None = None
    block: int | None = None
    trial: str = ""  # name of the trial or of the question that was on the glass
    zero_unix_s: float | None = None  # time zero of the run as the display has it


class Rating(Part):
    """The answer to one question."""

    kind: Literal["rating"] = "rating"
    display: str
    scale: str
    value: float | None  # None: no answer in time
    start: float
    response_s: float | None
    asked_unix_s: float
    block: int | None = None  # None: after the last block


class Pause(Part):
    """The participant's own pause begins or ends."""

    kind: Literal["pause"] = "pause"
    display: str
    paused: bool
    pressed_unix_s: float


class DisplayReport(Part):
    """How a display is: sent when it connects, when something changed, and every ten seconds."""

    kind: Literal["display"] = "display"
    display: str
    software: str
    schema_version: str
    sent_unix_s: float
    size_px: tuple[int, int] | None = None
    refresh_hz: float | None = None
    frames: int = 0
    dropped_frames: int = 0
    view: str = ""
    language: str = ""
    flip: Flip = "none"
    trigger: str = "none"
    pulses: int = 0  # seen since the run was armed; before that, since the display was started
    pulse_unix_s: float | None = None  # the last one
    zero_unix_s: float | None = None  # time zero of the run
    zero_from: Literal["trigger", "volumes"] | None = None
    problems: tuple[str, ...] = ()  # sentences for the operator
    clock_offset_s: float | None = None
    clock_error_s: float | None = None


FromDisplay: TypeAlias = Shown | Rating | Pause | DisplayReport  # what may come back: it can be recorded, it cannot command
