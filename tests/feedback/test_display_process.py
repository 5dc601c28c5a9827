"""``python -m feedback`` as it is run: a process, a real window, real sockets, and an engine that comes, dies and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from display_parts import run_stop, volume
from display_running import PATIENCE_S, START, Engine, display, lines_of, wait_until

from rtfmri.messages import Shown
from rtfmri.stream.ports import Ports

pytestmark = [pytest.mark.display, pytest.mark.skipif(find_spec("psychopy") is None, reason="PsychoPy is not installed")]


def warm_pixels(path: Path) -> int:
    from PIL import Image  # comes with PsychoPy

    pixels = Image.open(path).convert("RGB").tobytes()
    return sum(red > 180 and blue < 110 for red, blue in zip(pixels[::3], pixels[2::3], strict=True))


def test_a_run_is_shown_reported_logged_and_ends_with_thanks(screen: dict[str, str], ports: Ports, tmp_path: Path) -> None:
    log, album = tmp_path / "glass.jsonl", tmp_path / "pictures"
    options = ("--id", "mri", "--log", str(log), "--screenshots", str(album), "--exit-at-end")
    with Engine(ports).running() as engine, display(ports, screen, *options) as process:
        engine.tell(START)
        engine.wait_for(lambda shown: shown.state == "waiting")
        wait_until(lambda: any("waiting" in path.name for path in album.iterdir()), process)
        assert "mri" in engine.returns.displays(time.time())
        fresh: set[int | None] = set()

        def enough(shown: Shown) -> bool:
            fresh.update({shown.index} if shown.state == "fresh" else ())
            return len(fresh) >= 5 and any("fresh" in path.name for path in album.iterdir())

        assert engine.scan(range(200), 0.5, enough) is not None
        engine.tell(run_stop())
        ended = engine.wait_for(lambda shown: shown.state == "ended")
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert ended.clock_offset_s == pytest.approx(0.0, abs=0.1)
    shown = lines_of(log)
    assert len({line["index"] for line in shown if line["state"] == "fresh"}) >= 5
    assert all(line["block_name"] == "self_compassion" and line["value"] == 0.5 for line in shown if line["state"] == "fresh")
    flips = [line["flip_unix_s"] for line in shown]
    assert flips == sorted(flips)
    pictures = {path.stem.partition("_")[2]: path for path in sorted(album.iterdir())}
    assert set(pictures) >= {"waiting", "rest_neutral", "self_compassion_fresh", "ended"}
    assert warm_pixels(pictures["self_compassion_fresh"]) > 0
    assert warm_pixels(pictures["rest_neutral"]) == warm_pixels(pictures["ended"]) == 0


def test_when_the_engine_dies_the_display_rests_then_pauses_and_comes_back(screen: dict[str, str], ports: Ports, tmp_path: Path) -> None:
    log = tmp_path / "glass.jsonl"
    with display(ports, screen, "--log", str(log)) as process:
        with Engine(ports).running() as first:
            first.tell(START)
            assert first.scan(range(10, 200), 0.5, lambda shown: shown.state == "fresh") is not None
        wait_until(lambda: {"stale", "paused"} <= {line["state"] for line in lines_of(log)}, process)
        with Engine(ports, first.told).running() as second:
            second.tell(START.model_copy(update={"resumed": True}))
            came_back = second.scan(range(200, 400), -0.5, lambda shown: shown.index is not None and shown.index >= 200)
    assert came_back is not None
    assert (came_back.state, came_back.value) == ("fresh", -0.5)


def test_a_display_that_is_started_in_the_middle_of_a_run_shows_the_newest_value_first(screen: dict[str, str], ports: Ports) -> None:
    with Engine(ports).running() as engine:
        engine.tell(START, *(volume(index, 0.2, block=int(index >= 10)) for index in range(800)))
        scanning = threading.Thread(target=engine.scan, args=(range(800, 1000), 0.3, lambda shown: shown.value == 0.3))
        scanning.start()
        with display(ports, screen):
            scanning.join(PATIENCE_S)
            assert not scanning.is_alive()
    assert all(shown.value == 0.3 for shown in engine.returned.queue if isinstance(shown, Shown) and shown.state == "fresh")


@pytest.mark.parametrize(("number", "home"), [(signal.SIGTERM, "/nonexistent"), (signal.SIGINT, None)])
def test_a_signal_ends_it_cleanly_and_a_home_that_cannot_be_written_does_not_matter(
    screen: dict[str, str], ports: Ports, number: signal.Signals, home: str | None
) -> None:
    environment = {name: value for name, value in screen.items() if name not in ("HOME", "MPLCONFIGDIR")}
    with display(ports, {**environment, "HOME": home} if home else environment) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--connect", "tcp://127.0.0.1:5560"], "xvfb libgl1-mesa-dri libglu1-mesa"),
        (["--connect", "somewhere"], "tcp://HOST:PORT"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(arguments: list[str], words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-m", "feedback", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


def test_a_screen_that_is_not_there_is_refused(screen: dict[str, str], ports: Ports) -> None:
    command = [sys.executable, "-m", "feedback", "--connect", ports.messages, "--size", "640x480", "--screen", "9"]
    done = subprocess.run(command, env=screen, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "There is no screen 9" in done.stderr
