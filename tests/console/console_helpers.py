"""A console as a real process, and a real browser to look at it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feeder import Feeder, MadeUp
from playwright.sync_api import Browser, Page

from rtfmri.messages import Message
from rtfmri.stream.ports import Ports

UP_WITHIN_S = 60.0


@dataclass(frozen=True)
class Console:
    """A console that serves ``address``; ``process`` is its own."""

    address: str
    process: subprocess.Popen[str]


class Engine:
    """Context manager: a made-up engine that can be stopped and started again, and tells one made-up run after another."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._runs = 0

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        self._feeder = Feeder(self.ports)
        self._feeder.__enter__()

    def stop(self) -> None:
        self._feeder.__exit__(None)

    def run(self, published: int, **more: Any) -> MadeUp:
        """Begin a new run (``more`` as in ``MadeUp``) and publish its first ``published``."""
        self._runs += 1
        run = MadeUp(run=self._runs, uid=f"made-up-{self._runs}", **more)
        self._feeder.open(run)
        self.go_on(run, 0, published)
        return run

    def go_on(self, run: MadeUp, first: int, beyond: int, pace_s: float = 0.0) -> None:
        for _ in self._feeder.volumes(run, first, beyond, pace_s):
            pass

    def say(self, *messages: Message) -> None:
        self._feeder.say(*messages)


DRAWN = "document.addEventListener('rtfmri-drawn', e => { window.drawn = e.detail; window.drawnMs = performance.now(); })"


def open_page(browser: Browser, console: Console, path: str = "", **options: Any) -> Page:
    """A page of the console in a browser session of its own; ``window.drawn`` tells what its charts show."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, **options)
    page.add_init_script(DRAWN)
    page.goto(console.address + path)
    return page


def wait_drawn(page: Page, index: int, timeout_s: float = 20.0) -> None:
    """Until the charts show volume ``index``."""
    page.wait_for_function("wanted => window.drawn?.index === wanted", arg=index, timeout=1e3 * timeout_s)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_console(ports: Ports, *more: str, folder: Path, web_port: int | None = None) -> Iterator[Console]:
    """A console that listens at ``ports``, started in ``folder`` and ended after the block."""
    web_port = web_port or free_port()
    command = [sys.executable, "-m", "rtfmri", "console", "--no-open", "--connect", ports.messages, "--web-port", str(web_port), *more]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NICEGUI"))}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait_until_served(web_port, process)
        yield Console(f"http{'s' if '--cert' in more else ''}://127.0.0.1:{web_port}/", process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait_until_served(web_port: int, process: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < until_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", web_port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the console did not come up: {process.communicate(timeout=5) if process.poll() is not None else 'too slow'}")


def status_of(address: str, headers: dict[str, str] | None = None, data: bytes | None = None) -> int:
    """The status that a plain request gets."""
    request = urllib.request.Request(address, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
