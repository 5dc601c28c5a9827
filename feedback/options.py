"""The command line of ``python -m feedback``. Imports nothing heavy: a mistake is told at once."""

from __future__ import annotations

import argparse
import os
import re
import socket
from pathlib import Path
from typing import Any, NoReturn

PARALLEL = re.compile(r"/dev/parport\d+|0[xX][0-9A-Fa-f]+")


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options; ends the program with exit code 2 and a sentence where they make no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.connect is None and options.screenshots is None:
        parser.error("say which engine with --connect tcp://HOST:PORT (or --screenshots FOLDER alone, for pictures of every state)")
    return options


def window_size(options: argparse.Namespace) -> tuple[int, int] | None:
    """Pixels; None for the whole screen."""
    fullscreen = options.size is None if options.fullscreen is None else options.fullscreen
    return None if fullscreen else options.size or (1024, 768)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, as for every other mistake."""
        self.exit(2, f"{message}; --help tells what there is.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m feedback",
        description="The participant's display. It needs nothing but the engine's address: blocks, words, trigger and flip come with it.",
        epilog="Escape twice within a second ends the display, F1 shows the set-up card. It can be started, killed and restarted at any "
        "time during a run. Exit codes: 0 ended as it was told to, 1 it could not be kept alive, 2 it cannot work so; a sentence says why.",
    )
    add = parser.add_argument
    add("--connect", metavar="tcp://HOST:PORT", help="the engine's address")
    where = parser.add_argument_group("the window").add_argument
    where("--screen", type=int, default=0, metavar="N", help="which screen, counted from 0")
    where("--fullscreen", action=argparse.BooleanOptionalAction, help="take the whole screen (default, unless --size is given)")
    where("--windowed", action="store_false", dest="fullscreen", help="the same as --no-fullscreen")
    where("--size", type=_pixels, metavar="WxH", help="size of the window in pixels, such as 1024x768")
    study = parser.add_argument_group("instead of what the study says").add_argument
    study("--flip", choices=("none", "x", "y", "180"), help="turn the picture for the mirror")
    study("--trigger", type=trigger, metavar="KIND", help="none, keyboard:KEY, serial:PORT[:BAUD] or parallel:ADDRESS")
    study(
        "--buttons", type=buttons, metavar="KIND", help="keyboard or serial:PORT[:BAUD]; which button means what stays the study's affair"
    )
    study("--pause-key", action="append", metavar="KEY", default=[], help="a pause key beside the study's; may be given more than once")
    lab = parser.add_argument_group("what lies on this computer").add_argument
    lab("--images", type=Path, metavar="FOLDER", help="the pictures of the study's trials, by name")
    lab("--views", type=Path, metavar="FILE.py", help="a lab's own views of the value")
    record = parser.add_argument_group("records").add_argument
    record("--id", type=_name, default=f"{socket.gethostname()[:50]}-{os.getpid()}", help="the display's name in the record")
    record("--log", type=Path, metavar="FILE", help="append what was on the glass when, as JSON lines")
    record("--screenshots", type=Path, metavar="FOLDER", help="keep a picture of each look, at most 40; without --connect, of every state")
    record("--exit-at-end", action="store_true", help="end a few seconds after the run")
    record(
        "--unwatched", action="store_true", help="without the process that starts the display again when it was killed or lost its screen"
    )
    record("--watched", action="store_true", help=argparse.SUPPRESS)  # what the watching process gives the one below it
    return parser


def trigger(text: str) -> dict[str, Any]:
    """Fields of ``TriggerSettings``."""
    kind, _, rest = text.partition(":")
    if kind == "none" and not rest:
        return {"kind": kind}
    if kind == "keyboard":
        return {"kind": kind, "key": rest or "5"}
    if kind == "serial" and rest:
        return _line(rest)
    if kind == "parallel" and PARALLEL.fullmatch(rest):
        return {"kind": kind, "port": rest}
    raise argparse.ArgumentTypeError(
        "write it as none, keyboard:5, serial:/dev/ttyUSB0 or serial:COM3:115200, parallel:/dev/parport0 or parallel:0x378"
    )


def buttons(text: str) -> dict[str, Any]:
    """Fields of ``ButtonSettings``."""
    kind, _, rest = text.partition(":")
    if text == "keyboard":
        return {"kind": kind}
    if kind == "serial" and rest:
        return _line(rest)
    raise argparse.ArgumentTypeError("write it as keyboard, serial:/dev/ttyUSB0 or serial:COM3:115200")


def _line(text: str) -> dict[str, Any]:
    """A serial port and, where it is given, its baud rate."""
    port, _, baud = text.rpartition(":")
    known = port and baud.isdigit() and int(baud) > 0
    return {"kind": "serial", "port": port, "baud": int(baud)} if known else {"kind": "serial", "port": text}


def _pixels(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 200 and int(height) >= 200):
        raise argparse.ArgumentTypeError("write it as WIDTHxHEIGHT in pixels, such as 1024x768")
    return int(width), int(height)


def _name(text: str) -> str:
    if not 1 <= len(text) <= 64:
        raise argparse.ArgumentTypeError("a display's name has 1 to 64 characters")
    return text
