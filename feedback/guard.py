"""Nothing that is raised in the display reaches the participant: the operator is told once for each place that it came from."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

MOST_PLACES = 50


class Guard:
    """Runs parts of a frame.

    Parameters
    ----------
    log : what to do with a fault's text, beside the terminal.

    Attributes
    ----------
    problems : sentences for the operator, the latest few.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self.problems: tuple[str, ...] = ()
        self._log = log
        self._told: set[str] = set()

    def __call__(self, part: Callable[[], None]) -> bool:
        """Whether ``part`` did not raise."""
        try:
            part()
        except Exception as error:  # the participant's screen outlives every bug of ours
            self._tell(error)
            return False
        return True

    def _tell(self, error: Exception) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} {last}"
        if place in self._told or len(self._told) >= MOST_PLACES:
            return
        self._told.add(place)
        told = f"The display goes on after an error of its own ({type(error).__name__}: {error}); its terminal and log have the rest."
        self.problems = (*self.problems, told)[-3:]
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        with suppress(OSError):  # the terminal may be gone
            print(f"The display goes on after an error of its own:\n{text}", file=sys.stderr, flush=True)
        with suppress(OSError):  # the log may be what failed
            self._log(text)
