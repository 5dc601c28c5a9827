"""The states of a run and the steps between them: a table, and one function that refuses what is not in it.

The rule: a session is idle until a run is armed; an armed run ends exactly once, as completed, stopped, silent or failed.
"""

from __future__ import annotations

from enum import Enum


class RunState(str, Enum):
    IDLE = "idle"  # no run; `arm` opens one
    ARMED = "armed"  # run_start is out, waiting for the first volume
    RUNNING = "running"
    ENDED = "ended"  # run_stop is out


class Event(str, Enum):
    ARM = "arm"
    FIRST_VOLUME = "first_volume"
    LAST_PLANNED_VOLUME = "last_planned_volume"
    STOP = "stop"  # the operator's word, or the end of a recorded source
    SILENCE = "silence"  # nothing came for a minute
    FAILURE = "failure"  # a bug, or a source that cannot go on
    DISARM = "disarm"  # back to idle, ready for the next run


TRANSITIONS: dict[tuple[RunState, Event], RunState] = {
    (RunState.IDLE, Event.ARM): RunState.ARMED,
    (RunState.ARMED, Event.FIRST_VOLUME): RunState.RUNNING,
    (RunState.ARMED, Event.STOP): RunState.ENDED,
    (RunState.ARMED, Event.FAILURE): RunState.ENDED,
    (RunState.RUNNING, Event.LAST_PLANNED_VOLUME): RunState.ENDED,
    (RunState.RUNNING, Event.STOP): RunState.ENDED,
    (RunState.RUNNING, Event.SILENCE): RunState.ENDED,
    (RunState.RUNNING, Event.FAILURE): RunState.ENDED,
    (RunState.ENDED, Event.DISARM): RunState.IDLE,
}


class IllegalStep(Exception):
    """A step that the table does not hold: a bug of the caller."""


def advance(state: RunState, event: Event) -> RunState:
    """The state after ``event``.

    Raises
    ------
    IllegalStep : the table has no such step.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalStep(f"a run that is {state.value} cannot take the step {event.value}") from None
