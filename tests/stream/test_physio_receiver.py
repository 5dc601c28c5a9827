"""The receiver with real sockets: both kinds, rubbish, floods, and memory that stays bounded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import zmq
from stream_helpers import until

from rtfmri.errors import StudyError
from rtfmri.messages import Fault
from rtfmri.stream.physio import KEPT_S, PhysioReceiver
from rtfmri.stream.physio_rows import Rows, all_placed
from rtfmri.stream.physio_wire import PhysioBatch
from rtfmri.stream.ports import Ports


@contextmanager
def a_program(kind: int, address: str, bind: bool = False) -> Iterator["zmq.Socket[bytes]"]:
    """A belt's program."""
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(address) if bind else socket.connect(address)
        yield socket


def as_json(first: int, size: int = 20, rate_hz: float = 400.0) -> bytes:
    samples = list(range(first, first + size))
    return json.dumps({"first": first, "time_s": 10 + first / rate_hz, "rate_hz": rate_hz, "cardiac": samples}).encode()


class Collected:
    """All batches of a receiver."""

    def __init__(self, receiver: PhysioReceiver) -> None:
        self._receiver = receiver
        self.batches: list[PhysioBatch] = []

    def __len__(self) -> int:
        self.batches += self._receiver.take()
        return len(self.batches)


def test_batches_that_are_pushed_come_in_order(ports: Ports):
    with PhysioReceiver(ports.messages, lambda fault: None) as receiver, a_program(zmq.PUSH, ports.messages) as program:
        for n in range(100):
            program.send(as_json(20 * n))
        got = Collected(receiver)
        assert until(lambda: len(got) == 100)
    _, rows, why = all_placed(Rows(("cardiac", "respiratory", "trigger"), 400.0), got.batches)
    assert why == ""
    np.testing.assert_array_equal(rows[:, 0], range(2000))


def test_a_program_that_publishes_is_heard_whenever_it_comes(ports: Ports):
    with PhysioReceiver(ports.messages, lambda fault: None, socket="sub") as receiver:
        for _ in range(2):
            with a_program(zmq.PUB, ports.messages, bind=True) as program:
                got = Collected(receiver)

                def heard(program=program, got=got) -> bool:
                    program.send(as_json(0))
                    return len(got) > 0

                assert until(heard)


def test_rubbish_is_told_once_and_what_follows_is_heard(ports: Ports):
    faults: list[Fault] = []
    with PhysioReceiver(ports.messages, faults.append) as receiver, a_program(zmq.PUSH, ports.messages) as program:
        for rubbish in (b"", b"hello", b"\x00" * 5000, b"{}", json.dumps({"first": 1}).encode()):
            program.send(rubbish)
            program.send_multipart([rubbish] * 5)
        program.send(as_json(0))
        got = Collected(receiver)
        assert until(lambda: len(got) == 1)
        assert receiver.rejected == 10
        assert receiver.why_rejected
    assert [fault.code for fault in faults] == ["physio_garbage"]


def test_two_minutes_are_kept_where_nobody_takes_them(ports: Ports):
    with PhysioReceiver(ports.messages, lambda fault: None) as receiver, a_program(zmq.PUSH, ports.messages) as program:
        for n in range(200):
            program.send(as_json(400 * n, 400))
        program.send(b"the end")
        assert until(lambda: receiver.rejected == 1)
        batches = receiver.take()
    assert len(batches) == KEPT_S
    assert batches[-1].first == 400 * 199


def test_of_single_samples_only_so_many_are_kept(ports: Ports, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rtfmri.stream.physio.MOST_BATCHES", 100)
    with PhysioReceiver(ports.messages, lambda fault: None) as receiver, a_program(zmq.PUSH, ports.messages) as program:
        for n in range(300):
            program.send(as_json(n, 1, 1e5))
        program.send(b"the end")
        assert until(lambda: receiver.rejected == 1)
        assert [batch.first for batch in receiver.take()] == list(range(200, 300))


def test_a_port_in_use_is_a_sentence(ports: Ports):
    with (
        PhysioReceiver(ports.messages, lambda fault: None),
        pytest.raises(StudyError, match="already in use"),
        PhysioReceiver(ports.messages, lambda fault: None),
    ):
        pass


def test_it_ends_at_once_with_and_without_anybody_there(ports: Ports):
    for kind in ("pull", "sub"):
        with PhysioReceiver(ports.messages, lambda fault: None, socket=kind) as receiver:
            assert receiver.take() == []
