"""`rtfmri preview`: a study's author looks at the course; a listener gets all of it, nothing is recorded, mistakes are sentences."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rtfmri.messages import Rating, RunStop
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.returns import ReturnsClient
from rtfmri.stream.subscriber import Subscriber

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
WITHIN_S = 60.0


def test_a_display_of_the_authors_own_gets_the_whole_course_and_nothing_is_recorded(tmp_path: Path) -> None:
    ports = Ports("127.0.0.1", free_base())
    command = [sys.executable, "-m", "rtfmri", "preview", str(SMALL), "--no-display", "--port", str(ports.base), "--speed", "50"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path) as process,
        Subscriber(ports.messages) as subscriber,
        ReturnsClient(ports.messages, "mine") as returns,
    ):
        returns.send(Rating(display="mine", scale="pain", value=7.0, start=1.0, response_s=0.1, asked_unix_s=1.0))
        heard: list[Any] = []
        end_s = time.monotonic() + WITHIN_S
        while not any(isinstance(message, RunStop) for message in heard):
            assert time.monotonic() < end_s, heard[-1:]
            heard += [envelope.message for envelope in subscriber.receive(0.2)]
        said = process.communicate(timeout=WITHIN_S)[0]
    assert process.returncode == 0, said
    assert [message.index for message in heard if message.kind == "volume"] == list(range(64))
    for words in ("self_compassion", "0:16", "64 volumes of 1 s, 1:04 in the scanner", "answer to pain: 7", "nothing was recorded"):
        assert words in said.replace("\n", " "), said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("speed", ["0", "-3", "nan"])
def test_a_speed_that_cannot_be_is_a_sentence(cli: Cli, speed: str) -> None:
    done = cli("preview", SMALL, "--no-display", "--speed", speed)
    assert done.returncode == 2
    assert "--speed is a positive number" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_the_study_is_told_before_anything_opens(cli: Cli, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(SMALL.read_text() + '\n[[rating]]\nname = "pain"\nblocks = ["rat"]\n')
    done = cli("preview", study, "--no-display")
    assert done.returncode == 2
    assert "it is asked in rat" in done.stderr
