"""Four ports in a row, from one base: messages, snapshot, returns, control.

The rule: control is always on the loopback interface, wherever the others are bound.
"""

from __future__ import annotations

import re
import secrets
import socket
from dataclasses import dataclass

from rtfmri.errors import StudyError

LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"tcp://(?P<host>[A-Za-z0-9*](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):(?P<base>\d{1,5})")


@dataclass(frozen=True)
class Ports:
    """Where one session is reached.

    Parameters
    ----------
    bind : host name or IPv4 address; ``*`` is every interface of this computer (for the engine only).
    base : the port of the messages, 1024 ... 65532; the other three follow it.

    Raises
    ------
    StudyError : ``base`` leaves no room for four ports.
    """

    bind: str
    base: int

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65532:
            raise StudyError(f"Port {self.base} cannot be used: choose one from 1024 to 65532; the three after it are used too.")

    @classmethod
    def from_address(cls, address: str) -> Ports:
        """``tcp://HOST:PORT`` as a display is told it.

        Raises
        ------
        StudyError : it is no such address.
        """
        match = _ADDRESS.fullmatch(address.strip())
        if match is None:
            raise StudyError(f"{address!r} is no address of a session: write tcp://HOST:PORT, for example tcp://192.168.0.10:5560.")
        return cls(match["host"], int(match["base"]))

    @property
    def messages(self) -> str:
        return f"tcp://{self.bind}:{self.base}"

    @property
    def snapshot(self) -> str:
        return f"tcp://{self.bind}:{self.base + 1}"

    @property
    def returns(self) -> str:
        return f"tcp://{self.bind}:{self.base + 2}"

    @property
    def control(self) -> str:
        return f"tcp://{LOOPBACK}:{self.base + 3}"


def is_here(host: str) -> bool:
    """Whether ``host`` is this computer: only an address of its own can be bound. May wait for the name to be looked up."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def free_base() -> int:
    """A base whose four ports are free on loopback now; below the range from which the system takes ports for outgoing connections."""
    while True:
        base = 20_000 + 4 * secrets.randbelow(3_000)
        if all(_is_free(port) for port in range(base, base + 4)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
