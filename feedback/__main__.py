"""``python -m feedback --connect tcp://HOST:PORT``: the participant's display, on the stimulus PC or the engine's.

Two processes: this one only watches (``watching.py``), the one below it opens the window (``showing.py``).
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from feedback.options import parsed
from feedback.watching import ENDED, NO_SCREEN, REFUSED, NoScreenError, Teller, kept_alive
from rtfmri.errors import StudyError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 ended as it was told to, 1 could not be kept alive, 2 cannot work so."""
    options = parsed(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if options.connect is None:
        return _refusable(lambda: _gallery(options, stop))
    if options.watched:
        return _watched(options, stop)
    if options.unwatched:
        return _refusable(lambda: _show(options, stop))
    given = sys.argv[1:] if arguments is None else arguments
    command = [sys.executable, "-m", "feedback", *given, "--id", options.id, "--watched"]
    return kept_alive(command, stop, _tell, _say_ready)


def _gallery(options: argparse.Namespace, stop: threading.Event) -> None:
    from feedback.showing import draw_gallery

    print(f"{draw_gallery(options, stop)} pictures in {options.screenshots}.")


def _show(options: argparse.Namespace, stop: threading.Event) -> None:
    from feedback.showing import show  # heavy: not for the process that only watches

    show(options, stop, _say_ready, lambda: None)


def _watched(options: argparse.Namespace, stop: threading.Event) -> int:
    from feedback.showing import show

    teller = Teller(stop)
    return _refusable(lambda: show(options, stop, teller.ready, teller.alive), teller)


def _refusable(do: Callable[[], None], teller: Teller | None = None) -> int:
    try:
        do()
    except StudyError as error:
        if teller is not None and isinstance(error, NoScreenError):
            teller.no_screen(str(error))
            return NO_SCREEN
        _tell(str(error))
        return REFUSED
    except OSError as error:
        _tell(f"{error.filename or 'A file'} cannot be written ({error.strerror}); choose another folder or file.")
        return REFUSED
    return ENDED


def _tell(sentence: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        print(sentence, file=sys.stderr, flush=True)


def _say_ready() -> None:
    print("display ready", flush=True)


if __name__ == "__main__":
    sys.exit(main())
