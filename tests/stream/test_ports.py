"""Four ports from one base, and what is said when they cannot be had."""

from __future__ import annotations

import threading

import pytest
import zmq

from rtfmri.errors import StudyError
from rtfmri.stream.control import ControlServer, Reply
from rtfmri.stream.ports import Ports, free_base, is_here
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.returns_server import ReturnsServer


def test_an_address_gives_the_four_ports_and_control_stays_on_loopback() -> None:
    ports = Ports.from_address("tcp://scanner-pc.lab:5560")
    assert (ports.messages, ports.snapshot) == ("tcp://scanner-pc.lab:5560", "tcp://scanner-pc.lab:5561")
    assert (ports.returns, ports.control) == ("tcp://scanner-pc.lab:5562", "tcp://127.0.0.1:5563")


@pytest.mark.parametrize(
    "address", ["", "localhost:5560", "udp://host:5560", "tcp://host", "tcp://host:port", "tcp://a b:5560", "tcp://:5560"]
)
def test_nonsense_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(StudyError, match=r"write tcp://HOST:PORT"):
        Ports.from_address(address)


@pytest.mark.parametrize("base", [0, 80, 1023, 65533, 70000])
def test_a_base_without_room_for_four_ports_is_refused(base: int) -> None:
    with pytest.raises(StudyError, match=f"Port {base} cannot be used"):
        Ports("127.0.0.1", base)


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_a_port_in_use_is_one_sentence_that_names_it_and_leaves_nothing_behind(ports: Ports, offset: int) -> None:
    def start() -> None:
        with (
            Publisher(ports),
            ReturnsServer(ports, lambda message: None, lambda fault: None),
            ControlServer(ports, lambda command: Reply(ok=True, text="")),
        ):
            raise AssertionError("it started")

    before = threading.active_count()
    with zmq.Context() as context, context.socket(zmq.REP) as other:
        other.bind(f"tcp://127.0.0.1:{ports.base + offset}")
        with pytest.raises(StudyError, match=f"Port {ports.base + offset} is already in use: end") as refusal:
            start()
    assert len(refusal.value.problems) == 1
    assert threading.active_count() == before
    with pytest.raises(AssertionError, match="it started"):
        start()


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("localhost", True), ("192.0.2.7", False), ("no.such.host.invalid", False)]
)
def test_only_an_address_of_this_computer_is_here(host: str, here: bool) -> None:
    assert is_here(host) is here


def test_an_address_that_is_not_this_computers_is_refused() -> None:
    with pytest.raises(StudyError, match=r"192\.0\.2\.1 is no address of this computer"), Publisher(Ports("192.0.2.1", free_base())):
        pass


def test_free_ports_can_be_bound(ports: Ports) -> None:
    with zmq.Context() as context:
        sockets = [context.socket(zmq.REP) for _ in range(4)]
        for offset, each in enumerate(sockets):
            each.bind(f"tcp://127.0.0.1:{ports.base + offset}")
            each.close()
