"""The one fault of an aftercare process that has ended before its time."""

from __future__ import annotations

from rtfmri.messages import Fault

STOPPED = "aftercare_stopped"
TEXT = "The statistical map has stopped; the run, its feedback and its record go on."
ADVICE = "Nothing to do now: the map can be computed from the record after the run."


def stopped(why: str = "") -> Fault:
    return Fault(code=STOPPED, severity="warning", text=TEXT, advice=f"{ADVICE} ({why})" if why else ADVICE)
