"""How every socket of ours is set up.

The rule: no socket may grow without bound, keep a process from ending, or wait for a peer. So each has a finite high-water mark in both
directions, a largest message that it takes, and a finite linger. A peer whose power went never closes its connection, and the other end
would listen to it for ever; TCP keepalive and a limit on unacknowledged data end it after some seconds. Not ZMTP's heartbeats: with them
libzmq 4.3.5 aborts the process when a peer dies whose messages had filled their queue (libzmq issue 4364).
"""

from __future__ import annotations

import errno
import math
from dataclasses import dataclass
from typing import TypeAlias

import zmq

from rtfmri.errors import StudyError

Socket: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"

KEEPALIVE_IDLE_S = 2
KEEPALIVE_EVERY_S = 1
KEEPALIVE_PROBES = 3
UNACKNOWLEDGED_MS = 5_000
RECONNECT_MS = 100
RECONNECT_MAX_MS = 1_000
CONNECT_WITHIN_MS = 1_000  # the system itself would ask after 1, 3, 7, 15, 31 s: too seldom for a cable that is put in again


@dataclass(frozen=True)
class Limits:
    """What one socket may cost.

    ``high_water``: messages kept for and from each peer; ROUTER and XPUB drop what is beyond it. ``max_bytes``: a peer that sends a larger
    frame is disconnected. ``linger_ms``: how long closing waits for what is not yet sent.
    """

    high_water: int
    max_bytes: int
    linger_ms: int


def listen(context: Context, kind: int, address: str, limits: Limits) -> Socket:
    """A socket bound to ``address``.

    Raises
    ------
    StudyError : the port is in use or the address is not this computer's.
    """
    made = _socket(context, kind, limits)
    try:
        made.bind(address)
    except zmq.ZMQError as error:
        made.close(linger=0)
        raise _refusal(address, error) from None
    return made


def connect(context: Context, kind: int, address: str, limits: Limits, *, queue_when_away: bool = True) -> Socket:
    """A socket that connects to ``address``, now or when somebody answers there, and again whenever the connection is lost.

    Parameters
    ----------
    queue_when_away : keep what is sent, up to the mark, until somebody answers; otherwise the socket is not writable until then.
    """
    made = _socket(context, kind, limits)
    made.setsockopt(zmq.IMMEDIATE, not queue_when_away)
    made.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    made.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    made.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_WITHIN_MS)
    made.connect(address)
    return made


def milliseconds(seconds: float) -> int:
    """For ``poll``: rounded up, so that a wait that is nearly over does not become a busy loop; 0 where the moment has passed."""
    return max(0, math.ceil(seconds * 1000))


def _socket(context: Context, kind: int, limits: Limits) -> Socket:
    made = context.socket(kind)
    made.set_hwm(limits.high_water)
    made.setsockopt(zmq.MAXMSGSIZE, limits.max_bytes)
    made.setsockopt(zmq.LINGER, limits.linger_ms)
    made.setsockopt(zmq.TCP_KEEPALIVE, 1)
    made.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S)
    made.setsockopt(zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_EVERY_S)
    made.setsockopt(zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_PROBES)
    made.setsockopt(zmq.TCP_MAXRT, UNACKNOWLEDGED_MS)
    return made


def _refusal(address: str, error: zmq.ZMQError) -> StudyError:
    host, port = address.removeprefix("tcp://").rsplit(":", 1)
    if error.errno == errno.EADDRINUSE:
        return StudyError(
            f"Port {port} is already in use: end the other rtfmri session on this computer, or choose another port in the study file."
        )
    if error.errno == errno.EACCES:
        return StudyError(f"Port {port} may not be opened by this user: choose another port in the study file.")
    return StudyError(f"{host} is no address of this computer: write one of its own, or * for all of them, as the study's bind.")
