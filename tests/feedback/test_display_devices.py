"""The scanner's trigger on a real pseudo-terminal, held keys, pace, sounds and pictures: what the display's devices promise."""

from __future__ import annotations

import hashlib
import os
import pty
import statistics
import threading
import time
import tty
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from display_parts import run_start

from feedback.devices import Boxes, shares
from feedback.here import Here
from feedback.images import with_images
from feedback.keyboard import HOLD_S, HeldKeys, Press
from feedback.options import buttons, parsed, trigger
from feedback.pace import FRAME_S, Pace
from feedback.ports import BOUNCE_S, Line, Share
from feedback.sound import LOUDNESS, RATE_HZ, TONES_HZ, Cues, Samples, samples
from rtfmri.messages import ButtonSettings, DisplaySettings, TrialInfo, TriggerSettings

psychopy = pytest.mark.skipif(find_spec("psychopy") is None, reason="PsychoPy is not installed")


@pytest.fixture(scope="module")
def serial_ports() -> None:
    """PsychoPy's serial devices, loaded here as the window loads PsychoPy first: it warns of its own old parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import psychopy.hardware.serialdevice  # noqa: F401  # loading it is all that is wanted


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@contextmanager
def line(link: Path) -> Iterator[int]:
    """A serial line: what is written to the descriptor comes out of ``link``."""
    scanner, box = pty.openpty()
    tty.setraw(box)
    link.symlink_to(os.ttyname(box))
    try:
        yield scanner
    finally:
        link.unlink()
        os.close(scanner)
        os.close(box)


def sent_and_came(wire: int, boxes: Boxes) -> tuple[list[float], list[float], list[tuple[str, float]]]:
    """A pulse and a press at a time: when they were sent, when the pulses came, the presses."""
    sent_s: list[float] = []
    came_s: list[float] = []
    pressed: list[tuple[str, float]] = []
    for _ in range(15):
        time.sleep(2 * BOUNCE_S)
        sent_s.append(time.monotonic())
        os.write(wire, b"15x")
        until(lambda: bool(came_s.extend(boxes.pulses()) or len(came_s) == len(sent_s)))
        until(lambda: bool(pressed.extend(boxes.presses()) or len(pressed) == len(sent_s)))
    return sent_s, came_s, pressed


@psychopy
@pytest.mark.usefixtures("serial_ports")
def test_pulses_and_presses_of_one_line_are_stamped_when_they_come_and_it_is_read_again_when_it_went_and_came_back(tmp_path: Path) -> None:
    link = tmp_path / "ttyUSB0"
    port = str(link)
    with Boxes(time.monotonic) as boxes:
        boxes.listen_to(TriggerSettings(kind="serial", port=port, code=ord("5")), ButtonSettings(kind="serial", port=port))
        until(lambda: boxes.problems != ())
        (problem,) = boxes.problems
        assert problem.startswith(f"The scanner's trigger and the participant's buttons (serial {link}) cannot be read")
        for _ in range(2):
            with line(link) as wire:
                until(lambda: boxes.problems == ())
                sent_s, came_s, pressed = sent_and_came(wire, boxes)
                pressed_s = [press_s for _, press_s in pressed]
                assert {button for button, _ in pressed} == {"1"}
                for times_s in (came_s, pressed_s):
                    late_s = np.subtract(times_s, sent_s)
                    assert late_s.min() >= 0
                    assert np.median(late_s) < 0.005
            until(lambda: boxes.problems != ())


@psychopy
@pytest.mark.usefixtures("serial_ports")
def test_a_button_box_has_a_line_of_its_own_and_a_line_that_another_reads_is_told(tmp_path: Path) -> None:
    link, alias = tmp_path / "ttyUSB0", tmp_path / "ttyUSB1"
    box = ButtonSettings(kind="serial", port=str(link), left=("\x02",), right=("\xff",))
    with line(link) as wire, Boxes(time.monotonic) as boxes:
        boxes.listen_to(TriggerSettings(), box)
        pressed: set[str] = set()
        until(lambda: bool(os.write(wire, b"\x02x\xff") and (pressed.update(button for button, _ in boxes.presses()) or len(pressed) > 1)))
        assert pressed == {"\x02", "\xff"}
        assert (boxes.kind, boxes.pulses(), boxes.problems) == ("none", (), ())
        alias.symlink_to(link)
        with Boxes(time.monotonic) as others:
            others.listen_to(TriggerSettings(), box.model_copy(update={"port": str(alias)}))
            until(lambda: others.problems != ())
            assert others.problems[0].startswith(f"The participant's buttons (serial {alias}) cannot be read: something else reads it, too")


def heard(share: Share, *came: tuple[bytes, float]) -> list[tuple[str, float]]:
    for sent, now_s in came:
        for byte in sent:
            share.hear(byte, now_s)
    return list(share.taken())


def test_bounces_of_a_line_are_one_pulse_and_of_a_button_one_press_of_each() -> None:
    serial = {"kind": "serial", "port": "COM3"}
    pulses, presses = shares(TriggerSettings(**serial), ButtonSettings(**serial))
    came = (b"121", 0.0), (b"1", BOUNCE_S / 2), (b"555\r\n", 1.0), (b"2", 2.0)
    assert heard(pulses, *came) == [("pulse", 1.0)]  # all bytes that are no button's
    assert heard(presses, *came) == [("1", 0.0), ("2", 0.0), ("2", 2.0)]
    pulses, presses = shares(TriggerSettings(**serial, code=ord("t")), ButtonSettings(**serial))
    assert heard(pulses, (b"15t", 0.0)) == [("pulse", 0.0)]
    pulses, _ = shares(TriggerSettings(**serial), ButtonSettings(kind="serial", port="COM4"))
    assert heard(pulses, (b"1", 0.0)) == [("pulse", 0.0)]
    pulses, presses = shares(TriggerSettings(kind="parallel", port="0x378", code=4), ButtonSettings())
    assert (heard(pulses, (b"\x04", 0.0)), heard(presses, (b"1", 0.0))) == ([("pulse", 0.0)], [])


class Parallel:
    """A parallel port's driver, whose pins a test sets; only faults of a device are made up here, as no machine of ours has one."""

    def __init__(self) -> None:
        self.steps = iter([0] * 3 + [1] * 40 + [0] * 40 + [2] * 40 + [3] * 40)
        self.gone = False

    def read(self) -> bytes:
        time.sleep(0.001)
        if self.gone:
            raise OSError("the port is gone")
        return b"1" if next(self.steps, 0) else b""

    def close(self) -> None:
        raise OSError("cannot be closed either")


def test_a_port_that_vanishes_is_told_and_tried_again() -> None:
    ports: list[Parallel] = []

    def opened() -> Parallel:
        if len(ports) == 1:
            ports.append(Parallel())
            raise PermissionError("no rights")
        ports.append(Parallel())
        return ports[-1]

    pulses = Share(str)
    with Line("The scanner's trigger (parallel /dev/parport0)", opened, time.monotonic, pulses) as port:
        until(lambda: bool(pulses.taken()))
        ports[0].gone = True
        until(lambda: "the port is gone" in port.problem)
        until(lambda: "no rights" in port.problem)
        until(lambda: port.problem == "")
        until(lambda: bool(pulses.taken()))


@psychopy
def test_a_parallel_port_counts_rising_edges_of_its_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    from psychopy import parallel

    from feedback.ports import ParallelPort

    levels = iter([0, 1, 1, 0, 1, 2, 3])

    class Driver:
        def __init__(self, address: object) -> None:
            assert address == 0x378

        def readData(self) -> int:
            return next(levels)

    monkeypatch.setattr(parallel, "ParallelPort", Driver)
    port = ParallelPort("0x378", 1)
    assert [port.read() for _ in range(6)] == [b"\x01", b"", b"", b"\x01", b"", b"\x01"]


def test_without_a_trigger_there_are_no_pulses_and_no_problem() -> None:
    with Boxes(time.monotonic) as boxes:
        boxes.listen_to(TriggerSettings(), ButtonSettings())
        assert (boxes.kind, boxes.pulses(), boxes.presses(), boxes.problems) == ("none", (), (), ())


def test_a_key_is_one_press_and_then_held_until_it_comes_up_or_the_window_loses_the_keyboard() -> None:
    keys = HeldKeys()
    keys.pressed("right")
    keys.pressed("right")  # the keyboard's own repeat
    assert keys.taken(0.0) == (Press("right"),)
    assert keys.taken(HOLD_S / 2) == ()
    assert keys.taken(HOLD_S) == (Press("right", repeated=True),)
    keys.released("right")
    assert keys.taken(2 * HOLD_S) == ()
    keys.pressed("left")
    keys.released("left")  # shorter than a frame
    assert keys.taken(1.0) == (Press("left"),)
    keys.pressed("left")
    keys.taken(2.0)
    keys.released_all()
    assert keys.taken(2.0 + HOLD_S) == ()


@pytest.mark.parametrize(
    ("screen_hz", "glass_hz"), [(None, 60.0), (60.0, 60.0), (59.94, 59.94), (120.0, 60.0), (144.0, 48.0), (75.0, 37.5)]
)
def test_frames_keep_up_with_the_screen_and_are_never_more_than_sixty_a_second(screen_hz: float | None, glass_hz: float) -> None:
    pace, now_s, flips_s = Pace(0.0, screen_hz), 0.0, []
    for _ in range(400):
        now_s = max(now_s, pace.due_s)
        began_s, now_s = now_s, now_s + 0.004
        drawn_s = now_s
        if screen_hz is not None:
            now_s = (np.floor(now_s * screen_hz) + 1) / screen_hz  # the flip waits for the refresh
        pace = pace.flipped(began_s, drawn_s, now_s)
        flips_s.append(now_s)
    assert statistics.median(np.diff(flips_s)) == pytest.approx(1.0 / glass_hz)
    assert pace.dropped == 0


def test_a_frame_that_came_late_is_counted_and_not_made_up_for() -> None:
    pace = Pace(0.0).flipped(0.0, 0.001, 0.0).flipped(0.02, 0.021, FRAME_S).flipped(0.1, 0.101, 0.1)
    assert (pace.frames, pace.dropped) == (3, 1)
    assert pace.due_s >= 0.1


@pytest.mark.parametrize("cue", TONES_HZ)
def test_a_sound_is_soft_begins_and_ends_in_silence_and_has_no_click(cue: str) -> None:
    sound = samples(cue)  # type: ignore[arg-type]
    assert abs(sound[0]) + abs(sound[-1]) < 1e-12
    assert 0.02 < np.abs(sound).max() <= 2 * LOUDNESS
    assert np.abs(np.diff(sound)).max() < 0.03
    assert len(sound) / RATE_HZ < 3.0


def test_without_a_sound_card_the_operator_is_told_and_nobody_waits() -> None:
    def no_card(_sound: Samples, _rate_hz: int) -> None:
        raise OSError("Error querying device -1")

    with Cues(no_card) as cues:
        cues.try_card()
        until(lambda: "has no sound" in cues.problem)


def test_sounds_are_played_in_a_thread_and_those_that_would_come_late_are_left_out() -> None:
    playing, go_on, heard = threading.Event(), threading.Event(), []

    def card(sound: Samples, _rate_hz: int) -> None:
        heard.append(len(sound))
        playing.set()
        go_on.wait(10.0)

    with Cues(card) as cues:
        cues.play("rest")
        playing.wait(10.0)
        for _ in range(5):
            cues.play("other")  # comes back while the card is still playing
        assert len(heard) == 1
        go_on.set()
        until(lambda: len(heard) == 2)
    assert heard == [len(samples("rest")), len(samples("other"))]


def test_pictures_that_are_missing_or_others_are_told_and_their_words_stand_in(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(b"good")
    (tmp_path / "other.png").write_bytes(b"another one")
    names = ("good.png", "other.png", "missing.png", "../../etc/passwd")
    checksum = hashlib.sha256(b"good").hexdigest()
    trials = (
        *(TrialInfo(block="show", lines=("Words",), image=name, sha256=checksum) for name in names),
        TrialInfo(block="show", lines=("A",)),
    )
    run = run_start(display=DisplaySettings(trials=trials))
    shown, problems = with_images(run, tmp_path)
    assert [trial.image for trial in shown.display.trials] == [str(tmp_path / "good.png"), "", "", "", ""]
    assert len(problems) == 3
    without, problems = with_images(run, None)
    assert not any(trial.image for trial in without.display.trials)
    assert len(problems) == 1


def test_the_trigger_of_the_command_line() -> None:
    assert TriggerSettings(**trigger("keyboard:t")).key == "t"
    assert trigger("serial:/dev/pts/3") == {"kind": "serial", "port": "/dev/pts/3"}
    assert trigger("serial:COM3:9600") == {"kind": "serial", "port": "COM3", "baud": 9600}
    assert trigger("parallel:0x378") == {"kind": "parallel", "port": "0x378"}


def test_the_buttons_of_the_command_line_keep_the_studys_meanings() -> None:
    assert buttons("keyboard") == {"kind": "keyboard"}
    study = ButtonSettings(kind="serial", port="COM3", left=("a",), debounce_s=0.3)
    here = Here(buttons=ButtonSettings(**buttons("serial:/dev/ttyUSB1:9600")))
    fitted, _ = here.fitted(run_start(display=DisplaySettings(buttons=study)), 4 / 3)
    assert fitted.display.buttons == study.model_copy(update={"port": "/dev/ttyUSB1", "baud": 9600})


@pytest.mark.parametrize(("override", "code"), [("serial:/dev/ttyUSB1", 53), ("parallel:0x378", None)])
def test_the_trigger_of_the_command_line_keeps_which_pulses_count(override: str, code: int | None) -> None:
    study = TriggerSettings(kind="serial", port="COM3", code=53, offset=2, every=3)
    here = Here(trigger=TriggerSettings(**trigger(override)))
    fitted = here.fitted(run_start(display=DisplaySettings(trigger=study)), 4 / 3)[0].display.trigger
    assert (fitted.offset, fitted.every, fitted.code) == (2, 3, code)
    assert fitted.port == override.partition(":")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--connect", "tcp://x:5560", "--trigger", "serial"],
        ["--connect", "a", "--size", "5x5"],
        ["--connect", "a", "--buttons", "usb"],
        ["--no"],
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(arguments)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
