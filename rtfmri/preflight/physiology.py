"""Whether belt and pulse oximeter are heard, where the study wants them. A session that runs has their port to itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rtfmri.errors import StudyError
from rtfmri.messages import Fault
from rtfmri.preflight.check import Check
from rtfmri.stream.physio import PhysioReceiver
from rtfmri.study.physiology import Physiology

LISTEN_S = 0.6


@dataclass(frozen=True)
class Heard:
    """``samples`` in ``LISTEN_S``, of these ``columns``; ``problem``: why nobody could listen, or what came instead."""

    samples: int = 0
    columns: tuple[str, ...] = ()
    problem: str = ""
    session_has_it: bool = False


def listen_for_physiology(rule: Physiology, session_runs: bool) -> Heard | None:
    """None where nothing is to come live."""
    if rule.address is None:
        return None
    if session_runs and rule.socket == "pull":
        return Heard(session_has_it=True)
    try:
        with PhysioReceiver(rule.address, _ignored, rule.socket) as receiver:
            time.sleep(LISTEN_S)
            batches = receiver.take()
            problem = receiver.why_rejected
    except StudyError as error:
        return Heard(problem=str(error))
    return Heard(sum(batch.size for batch in batches), tuple(batches[-1].columns) if batches else (), problem)


def _ignored(_fault: Fault) -> None:
    """What is wrong is read from the receiver afterwards."""


def physiology_check(rule: Physiology, heard: Heard) -> Check:
    name, where = "pulse and breathing", rule.address
    if heard.session_has_it:
        return Check(name, "unknown", "The session listens for them; its run says when they stop.")
    if heard.problem:
        return Check(name, "failed", heard.problem, "Start the belt's program, and compare its address with [physiology].")
    if not heard.samples:
        return Check(name, "warning", f"Nothing was heard on {where} in {LISTEN_S:g} s.", "Start the belt's program; it sends there.")
    wanted = [column for column in (rule.cardiac, rule.respiratory, rule.trigger) if column not in heard.columns]
    rate_hz = heard.samples / LISTEN_S
    if wanted:
        text = f"{rate_hz:.0f} samples a second, but no column {', '.join(wanted)}."
        return Check(name, "warning", text, "Name the columns in [physiology] as the program sends them.")
    return Check(name, "ok", f"About {rate_hz:.0f} samples a second of {', '.join(heard.columns)}.")
