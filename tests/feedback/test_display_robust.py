"""The display under what happens in a session: killed, without a screen, without the keyboard, with rubbish on the wire."""

from __future__ import annotations

import os
import pty
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from display_parts import volume
from display_running import PATIENCE_S, START, Engine, display, lines_of, wait_until
from display_screen import Hands, Screen

from feedback.keys import PAUSE_SILENT_S
from rtfmri.messages import ButtonSettings, Operator, Pause, Shown, TriggerSettings
from rtfmri.stream.ports import Ports, free_base

pytestmark = [pytest.mark.display, pytest.mark.skipif(find_spec("psychopy") is None, reason="PsychoPy is not installed")]


@pytest.fixture(scope="module")
def own_screen() -> Iterator[Screen]:
    with Screen() as screen:
        yield screen


def child_of(watcher: int) -> psutil.Process:
    """The process below the one that watches: it has the window."""
    return psutil.Process(watcher).children()[0]


def regulating(shown: Shown) -> bool:
    return shown.state == "fresh" and shown.block == 1


def test_a_display_that_is_killed_or_loses_its_screen_comes_back_in_the_right_block(own_screen: Screen, tmp_path: Path) -> None:
    ports = Ports("127.0.0.1", free_base())
    with Engine(ports).running() as engine, display(ports, own_screen.environment, "--id", "mri") as process:
        engine.tell(START)
        assert engine.scan(range(200), 0.5, regulating) is not None
        child_of(process.pid).kill()
        index = engine.told[-1].message.index + 1  # type: ignore[union-attr]
        back = engine.scan(range(index, index + 300), -0.5, lambda shown: regulating(shown) and shown.value == -0.5)
        assert back is not None
        assert back.display == "mri"
        own_screen.die()
        own_screen.start()
        index = engine.told[-1].message.index + 1  # type: ignore[union-attr]
        again = engine.scan(range(index, index + 300), 0.25, lambda shown: regulating(shown) and shown.value == 0.25)
        assert again is not None
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert out == ""
    assert "SIGKILL" in err
    assert "Traceback" not in err


def test_the_window_ends_with_the_process_that_watches_it(own_screen: Screen, ports: Ports) -> None:
    with display(ports, own_screen.environment) as process:
        child = child_of(process.pid)
        process.kill()
        child.wait(PATIENCE_S)


def test_keys_trigger_focus_and_the_way_out(own_screen: Screen, ports: Ports) -> None:
    """The scanner's 5 sets the clock, p pauses, another window takes the keyboard and gives it back, Escape twice ends it."""
    start = START.model_copy(update={"display": START.display.model_copy(update={"trigger": TriggerSettings(kind="keyboard", key="5")})})
    with Engine(ports).running() as engine, display(ports, own_screen.environment) as process, ExitStack() as stack:
        hands = Hands(own_screen.name)
        stack.callback(hands.close)
        hands.click_on_the_display()
        engine.tell(start)
        engine.wait_for(lambda shown: shown.state == "waiting")
        hands.press("5")
        report = engine.wait_for_report(lambda report: report.zero_from == "trigger")
        assert (report.trigger, report.pulses, report.problems) == ("keyboard 5", 1, ())
        hands.press("p")
        assert engine.wait_for_a(Pause).paused
        hands.focus_another_window()
        assert "click on it" in engine.wait_for_report(lambda report: bool(report.problems)).problems[0]
        hands.press("p")
        assert engine.heard(Pause, lambda _: True, 0.0) is None
        hands.click_on_the_display()
        engine.wait_for_report(lambda report: not report.problems)
        time.sleep(2.0 * PAUSE_SILENT_S)
        hands.press("p")
        assert not engine.wait_for_a(Pause).paused
        hands.press("Escape")
        hands.press("Escape")
        assert process.wait(PATIENCE_S) == 0


def test_rubbish_a_flood_and_a_lost_serial_box_leave_the_course_right(own_screen: Screen, tmp_path: Path) -> None:
    ports, log = Ports("127.0.0.1", free_base()), tmp_path / "glass.jsonl"
    scanner, box = pty.openpty()
    tty.setraw(box)
    options = ("--log", str(log), "--trigger", f"serial:{os.ttyname(box)}", "--unwatched")
    buttons = ButtonSettings(kind="serial", port=os.ttyname(box))  # one line for both
    with display(ports, own_screen.environment, *options) as process:
        rubbish(ports)
        with Engine(ports).running() as engine:
            engine.tell(START.model_copy(update={"display": START.display.model_copy(update={"buttons": buttons})}))
            engine.wait_for(lambda shown: shown.state == "waiting")
            wait_until(lambda: engine.wait_for_report(lambda _: True).trigger.startswith("serial"), process)
            for paused in (True, False):
                os.write(scanner, b"4")
                assert engine.wait_for_a(Pause).paused is paused
                time.sleep(2.0 * PAUSE_SILENT_S)
            os.write(scanner, b"5")
            assert engine.wait_for_report(lambda report: report.zero_from == "trigger").pulses == 1
            engine.scan(range(12), 0.5)
            engine.tell(*[Operator(action="mark")] * 3_000, volume(12, 0.75, block=1))
            engine.wait_for(lambda shown: shown.index == 12)
            os.close(box)
            os.close(scanner)
            told = engine.wait_for_report(lambda report: bool(report.problems))
            assert "serial" in told.problems[0]
            assert told.zero_from == "trigger"  # the clock runs on
            assert engine.scan(range(13, 300), -0.25, lambda shown: shown.value == -0.25) is not None
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    fresh: list[dict[str, Any]] = [line for line in lines_of(log) if line["state"] == "fresh"]
    assert {line["block"] for line in fresh} == {1}
    assert [line["index"] for line in fresh] == sorted({line["index"] for line in fresh})


def rubbish(ports: Ports) -> None:
    """What no engine says, on both sockets that a display listens to."""
    context = zmq.Context()
    with context, context.socket(zmq.PUB) as live, context.socket(zmq.ROUTER) as snapshot:
        live.bind(ports.messages)
        snapshot.bind(ports.snapshot)
        assert snapshot.poll(int(PATIENCE_S * 1_000))
        for _ in range(3):
            if not snapshot.poll(2_000):
                break
            sender, *_ = snapshot.recv_multipart()
            for frames in ([b"\xff\x00"], [b"{}", b"[]"], [b'{"run_uid": 3}'] * 9):
                snapshot.send_multipart([sender, *frames])
            for _ in range(300):
                live.send_multipart([b"rtfmri/1/volume", b"\x00\xff{]"])
                live.send_multipart([b"rtfmri/1/run_start", b'{"run_uid":"x","seq":0,"sent_unix_s":1e400,"message":{}}'])
                live.send(b"rtfmri/1/")
