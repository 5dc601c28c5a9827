"""``python -m feedback --connect tcp://HOST:PORT``: the participant's display, on the stimulus PC or the engine's."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from feedback.log import Album, GlassLog
from feedback.loop import Loop, steady_clock
from feedback.psychopy_window import PsychopyWindow
from feedback.state import DisplayState
from rtfmri.errors import StudyError
from rtfmri.stream.returns import ReturnsClient
from rtfmri.stream.subscriber import Subscriber

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Open the window and show what the engine says; the exit code."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        _show(options, stop)
    except StudyError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"{error.filename or 'A file'} cannot be written ({error.strerror}); choose another folder or file.", file=sys.stderr)
        return REFUSED
    return 0


def _show(options: argparse.Namespace, stop: threading.Event) -> None:
    state = DisplayState(options.id, tuple(options.pause_key or ("p",)))
    clock = steady_clock()
    with ExitStack() as stack:
        ear = stack.enter_context(Subscriber(options.connect))
        mouth = stack.enter_context(ReturnsClient(options.connect, options.id, clock))
        log, album = stack.enter_context(GlassLog(options.log)), Album(options.screenshots)
        glass = stack.enter_context(PsychopyWindow(_size(options), options.screen))
        loop = Loop(state, glass, ear, mouth, log, album, flip=options.flip, exit_at_end=options.exit_at_end, stop=stop, clock=clock)
        loop.run(ready=lambda: print("display ready", flush=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m feedback",
        description="The participant's display. It needs nothing but the engine's address: blocks, words and flip come with the run.",
        epilog="The participant's pause key works at any time. Escape twice within a second ends the display.",
    )
    add = parser.add_argument
    add("--connect", required=True, metavar="tcp://HOST:PORT", help="the engine's address")
    add("--screen", type=int, default=0, metavar="N", help="which screen, counted from 0")
    add("--fullscreen", action=argparse.BooleanOptionalAction, help="take the whole screen (default, unless --size is given)")
    add("--windowed", action="store_false", dest="fullscreen", help="the same as --no-fullscreen")
    add("--size", type=_pixels, metavar="WxH", help="size of the window in pixels, such as 1024x768")
    add("--flip", choices=("none", "x", "y", "180"), help="turn the picture for the mirror (default: as the study says)")
    add("--pause-key", action="append", metavar="KEY", help="the participant's pause key (default: p); may be given more than once")
    add("--id", type=_name, default=f"{socket.gethostname()[:50]}-{os.getpid()}", help="the display's name in the record")
    add("--log", type=Path, metavar="FILE", help="append what was on the glass when, as JSON lines")
    add("--screenshots", type=Path, metavar="FOLDER", help="keep a picture of each look, at most 40")
    add("--exit-at-end", action="store_true", help="end a few seconds after the run")
    return parser


def _pixels(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 200 and int(height) >= 200):
        raise argparse.ArgumentTypeError("write it as WIDTHxHEIGHT in pixels, such as 1024x768")
    return int(width), int(height)


def _name(text: str) -> str:
    if not 1 <= len(text) <= 64:
        raise argparse.ArgumentTypeError("a display's name has 1 to 64 characters")
    return text


def _size(options: argparse.Namespace) -> tuple[int, int] | None:
    """None for the whole screen."""
    fullscreen = options.size is None if options.fullscreen is None else options.fullscreen
    return None if fullscreen else options.size or (1024, 768)


if __name__ == "__main__":
    sys.exit(main())
