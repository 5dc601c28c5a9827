"""The errors that are not bugs.

``StudyError``  refuse to start: the study, a folder, a mask, a port is not as it must be.
``VolumeError`` this file or volume is unusable: say so and go on.
Anything else that is raised is a bug: it ends the run as failed, display neutral, everything recorded.
"""

from __future__ import annotations


class StudyError(Exception):
    """Refuse to start. Each problem is one sentence in the operator's words, with what to do.

    Parameters
    ----------
    problems : one or more sentences; all mistakes of a study file are reported at once.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class VolumeError(Exception):
    """This file or this volume cannot be used; the message says why in the operator's words."""


class IncompleteError(VolumeError):
    """The file ends before its own headers say: wait for the rest of it."""
