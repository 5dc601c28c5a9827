"""What displays send back, over real sockets, and what a display that misbehaves costs."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
import zmq
from stream_helpers import envelope, shown, until

from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport, Fault, Pause, Rating, RunStop, Shown, encode, encode_return
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.returns import ReturnsClient
from rtfmri.stream.returns_server import BURST, FLOOD, GARBAGE, LONGEST_PROBLEM, MOST_PROBLEMS, MOST_REPORTED, ReturnsServer


class Ear:
    """A server and what it delivered; its clock is ``ahead_s`` ahead of this computer's."""

    def __init__(self, ports: Ports, ahead_s: float = 0.0) -> None:
        self.delivered: queue.SimpleQueue[Shown | Rating | Pause] = queue.SimpleQueue()
        self.faults: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        self.server = ReturnsServer(ports, self.delivered.put, self.faults.put, clock=lambda: time.time() + ahead_s)

    def next(self) -> Shown | Rating | Pause:
        return self.delivered.get(timeout=10.0)


@contextmanager
def listening(ports: Ports, ahead_s: float = 0.0) -> Iterator[Ear]:
    ear = Ear(ports, ahead_s)
    with ear.server:
        yield ear


def test_each_kind_of_message_arrives_as_it_was_sent(ports: Ports) -> None:
    messages = [
        shown(),
        Rating(display="stimulus", scale="calm", value=None, start=0.5, response_s=None, asked_unix_s=4.0),
        Pause(display="stimulus", paused=True, pressed_unix_s=5.0),
    ]
    with listening(ports) as ear, ReturnsClient(ports.messages, "stimulus") as client:
        for message in messages:
            client.send(message)
        assert [ear.next() for _ in messages] == messages


def test_the_clock_offset_is_measured_and_its_error_is_honest(ports: Ports) -> None:
    with listening(ports, ahead_s=1000.0) as ear, ReturnsClient(ports.messages, "stimulus") as client:
        assert client.clock_offset() is None

        def measured_well() -> bool:
            client.poll()
            time.sleep(0.1)  # a very slow display's frame, in which a pong must not be left lying
            offset = client.clock_offset()
            return offset is not None and offset[1] < 0.03

        assert until(measured_well)
        offset = client.clock_offset()
        assert offset is not None
        assert abs(offset[0] - 1000.0) <= offset[1]
        assert ear.server.displays(time.time() + 1003.0)["stimulus"] == pytest.approx(3.0, abs=2.0)


def report(display: str, **fields: Any) -> DisplayReport:
    return DisplayReport(display=display, software="rtfmri 1", schema_version="1.2", sent_unix_s=1.0, **fields)


def test_the_newest_report_of_each_display_is_kept_for_as_long_as_it_is_heard(ports: Ports) -> None:
    ahead_s = 0.0
    server = ReturnsServer(ports, lambda message: None, lambda fault: None, clock=lambda: time.time() + ahead_s)
    with server, ReturnsClient(ports.messages, "mri") as client:
        client.send(report("mri", frames=1))
        client.send(report("mri", frames=2))
        client.send(report("observer"))
        assert until(lambda: [r.display for r in server.reports(30.0)] == ["mri", "observer"])
        assert server.reports(30.0)[0].frames == 2
        ahead_s = 31.0
        assert server.reports(30.0) == ()
        client.poll()  # a ping is a sign of life, too
        assert until(lambda: [r.display for r in server.reports(30.0)] == ["mri"])


def test_what_is_told_of_displays_stays_small(ports: Ports) -> None:
    delivered: list[DisplayReport] = []
    with ReturnsServer(ports, delivered.append, lambda fault: None) as server, ReturnsClient(ports.messages, "mri") as client:
        for number in range(3 * MOST_REPORTED):
            client.send(report(f"display-{number}", problems=("x" * 400,) * 20))
        assert until(lambda: len(delivered) == 3 * MOST_REPORTED)
        assert len(server.reports(30.0)) == MOST_REPORTED
        assert delivered[0].problems == ("x" * LONGEST_PROBLEM,) * MOST_PROBLEMS


def test_what_was_sent_while_the_engine_was_away_arrives_when_it_is_back(ports: Ports) -> None:
    with ReturnsClient(ports.messages, "stimulus") as client:
        for index in range(5):
            client.send(shown(index=index))
            client.poll()
        with listening(ports) as ear:
            assert [ear.next() for _ in range(5)] == [shown(index=index) for index in range(5)]


class Cable:
    """Between a display and an engine, in one place at a time; pulled, it swallows what is sent without a word, as a network does."""

    def __init__(self, outlet: int, engine: int) -> None:
        self._server, self._engine = socket.create_server(("127.0.0.1", outlet)), engine
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.pulled = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._engine))
            self._pairs.append((here, there))
            for pair in ((here, there), (there, here)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(4096):
                if not self.pulled:
                    other.sendall(data)
        except OSError:
            return

    def put_in_again(self) -> None:
        """The connections of before are dead; new ones work."""
        self.pulled = False
        for each in [each for pair in self._pairs for each in pair]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._server.close()
        self.put_in_again()
        for each in [each for pair in self._pairs for each in pair]:
            each.close()


def test_what_was_on_its_way_when_the_cable_was_pulled_arrives_once_and_in_order(ports: Ports) -> None:
    outside = Ports("127.0.0.1", free_base())
    cable = Cable(outside.base + 2, ports.base + 2)
    with listening(ports) as ear, closing(cable), ReturnsClient(outside.messages, "stimulus") as client:
        client.send(shown(index=0))
        assert ear.next() == shown(index=0)
        cable.pulled = True
        lost = [Pause(display="stimulus", paused=index % 2 == 1, pressed_unix_s=float(index)) for index in range(1, 20)]
        for message in lost:
            client.send(message)
            client.poll()
        assert not until(lambda: not ear.delivered.empty(), 0.2)
        cable.put_in_again()
        assert until(lambda: client.poll() or ear.delivered.qsize() == len(lost))
        assert [ear.next() for _ in lost] == lost
        client.send(shown(index=20))
        assert ear.next() == shown(index=20)


def test_sending_never_waits_and_counts_what_it_cannot_keep(ports: Ports) -> None:
    with ReturnsClient(ports.messages, "stimulus") as client:
        started_s = time.monotonic()
        for index in range(1500):
            client.send(shown(index=index))
        assert time.monotonic() - started_s < 5.0
        assert client.dropped == 500


def test_the_last_message_gets_out_although_the_display_ends(ports: Ports) -> None:
    with listening(ports) as ear:
        with ReturnsClient(ports.messages, "stimulus") as client:
            client.send(shown(index=0))
            assert ear.next() == shown(index=0)
            client.send(shown(index=1))
        assert ear.next() == shown(index=1)


def test_a_display_that_floods_is_limited_and_reported_once_and_the_other_keeps_its_turn(ports: Ports) -> None:
    with listening(ports) as ear, ReturnsClient(ports.messages, "quiet") as quiet, zmq.Context() as context:
        with context.socket(zmq.DEALER) as flooding:
            flooding.setsockopt(zmq.LINGER, 0)
            flooding.connect(ports.returns)
            for index in range(BURST + 900):
                assert flooding.poll(5000, zmq.POLLOUT)
                flooding.send_multipart([b"return", encode_return(shown("flooding", index))])
            quiet.send(shown("quiet"))
            assert until(lambda: ear.server.dropped > 500)
            delivered = [ear.next() for _ in range(BURST)]
            assert until(lambda: ear.delivered.empty() or delivered.append(ear.next()) is not None)
        assert shown("quiet") in delivered
        assert len(delivered) < BURST + 300
        assert ear.faults.get(timeout=5.0) == FLOOD
        assert ear.faults.empty()


def test_garbage_and_messages_that_no_display_may_send_are_dropped_and_reported_once(ports: Ports) -> None:
    not_a_displays = RunStop(exit_status="stopped", reason="", counts={}, stopped_unix_s=0.0)
    garbage = [
        [b"\xff\xfe"],
        [],
        [b"ping"],
        [b"ping", b'{"display": "", "number": 1}'],
        [b"return", b'{"kind": "operator", "action": "arm"}'],
        [b"return", b'{"action": "stop"}'],
        [b"return", not_a_displays.model_dump_json().encode()],
        [b"return", encode(envelope(0))],
    ]
    with listening(ports) as ear, ReturnsClient(ports.messages, "stimulus") as client, zmq.Context() as context:
        with context.socket(zmq.DEALER) as confused:
            confused.setsockopt(zmq.LINGER, 0)
            confused.connect(ports.returns)
            for frames in garbage:
                confused.send_multipart(frames or [b""])
            assert until(lambda: ear.server.rejected == len(garbage))
        with socket.create_connection((ports.bind, ports.base + 2)) as raw:
            raw.sendall(b"\x00garbage\xff" * 1000)
        client.send(shown())
        assert ear.next() == shown()
        assert ear.faults.get(timeout=5.0) == GARBAGE
        assert ear.faults.empty()


def test_a_huge_message_is_not_taken(ports: Ports) -> None:
    with (
        listening(ports) as ear,
        ReturnsClient(ports.messages, "stimulus") as client,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as huge,
    ):
        huge.setsockopt(zmq.LINGER, 0)
        huge.connect(ports.returns)
        huge.send_multipart([b"return", encode_return(shown("x" * 1_000_000))])
        client.send(shown())
        assert ear.next() == shown()
        assert ear.delivered.empty()


def test_a_delivery_that_fails_costs_that_message_only(ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    delivered: queue.SimpleQueue[object] = queue.SimpleQueue()

    def deliver(message: Shown | Rating | Pause) -> None:
        if isinstance(message, Shown) and message.index == 0:
            raise RuntimeError("a bug")
        delivered.put(message)

    with ReturnsServer(ports, deliver, delivered.put), ReturnsClient(ports.messages, "stimulus") as client:
        client.send(shown(index=0))
        client.send(shown(index=1))
        assert delivered.get(timeout=10.0) == shown(index=1)
    assert "could not answer" in caplog.text


def test_a_display_without_a_name_is_refused() -> None:
    with pytest.raises(StudyError, match="name of a display"):
        ReturnsClient("tcp://127.0.0.1:5560", "")
