"""A display as it is run, and an engine's real end of the stream, for tests with processes, windows and sockets."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from display_parts import run_start, volume

from rtfmri.messages import BlockInfo, DisplayReport, Envelope, FromDisplay, Message, RunStart, Shown
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.returns_server import ReturnsServer

Heard = TypeVar("Heard", bound=FromDisplay)
PATIENCE_S = 60.0
TR_S = 0.2
BLOCKS = (
    BlockInfo(name="rest", onset_s=0.0, duration_s=2.0, role="rest"),
    BlockInfo(name="self_compassion", onset_s=2.0, duration_s=600.0, role="regulate"),
)
START: RunStart = run_start(tr_s=TR_S, blocks=BLOCKS, stale_after_s=1.0, pause_after_s=3.0)


class Engine:
    """The stream's real end: what is told is published; what the display says back is kept."""

    def __init__(self, ports: Ports, told: tuple[Envelope, ...] = ()) -> None:
        self.returned: queue.Queue[FromDisplay] = queue.Queue()
        self.told = told
        self._ports = ports

    @contextmanager
    def running(self) -> Iterator[Engine]:
        with ExitStack() as stack:
            self._publisher = stack.enter_context(Publisher(self._ports))
            self.returns = stack.enter_context(ReturnsServer(self._ports, self.returned.put, lambda _fault: None))
            self._publisher.open_run("run-a", self.told)
            yield self

    def tell(self, *messages: Message) -> None:
        for message in messages:
            envelope = Envelope(run_uid="run-a", seq=len(self.told), sent_unix_s=time.time(), message=message)
            self._publisher.publish(envelope)
            self.told = (*self.told, envelope)

    def scan(self, indices: range, value: float, until: Callable[[Shown], bool] = lambda _: False) -> Shown | None:
        """One volume every TR; ends at the first thing shown that fulfils ``until``."""
        begin_s = time.monotonic()
        for number, index in enumerate(indices):
            block = 0 if index * TR_S < 2.0 else 1
            self.tell(volume(index, value, block=block, condition=BLOCKS[block].name))
            found = self.heard(Shown, until, begin_s + (number + 1) * TR_S)
            if found is not None:
                return found
        return None

    def wait_for(self, until: Callable[[Shown], bool]) -> Shown:
        return self.wait_for_a(Shown, until)

    def wait_for_report(self, until: Callable[[DisplayReport], bool]) -> DisplayReport:
        return self.wait_for_a(DisplayReport, until)

    def wait_for_a(self, kind: type[Heard], until: Callable[[Heard], bool] = lambda _: True) -> Heard:
        found = self.heard(kind, until, time.monotonic() + PATIENCE_S)
        assert found is not None, "the display did not say it in time"
        return found

    def heard(self, kind: type[Heard], until: Callable[[Heard], bool], deadline_s: float) -> Heard | None:
        while True:
            try:
                message = self.returned.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                return None
            if isinstance(message, kind) and until(message):
                return message


@contextmanager
def display(ports: Ports, environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The display's process, once it has said that it is ready."""
    command = [sys.executable, "-m", "feedback", "--connect", ports.messages, "--size", "640x480", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        guard = threading.Timer(PATIENCE_S, process.kill)
        guard.start()
        assert process.stdout.readline() == "display ready\n", process.communicate()[1]
        guard.cancel()
        yield process
    finally:
        guard.cancel()
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Look again and again, as nothing tells that a file grew; fails after ``PATIENCE_S`` or when the display is gone."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
