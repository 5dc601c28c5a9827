"""Listeners that hang, die, flood or never read: the engine is neither slowed nor filled, and the others miss nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import zmq
from stream_helpers import collect, envelope, envelopes, killed_at_last, publish, until

from rtfmri.messages import Envelope, encode
from rtfmri.stream.asking import Answer, Ask, encode_ask
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.snapshot import RunSoFar, SnapshotServer
from rtfmri.stream.subscriber import Subscriber


def rss_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def test_a_listener_that_hangs_neither_slows_the_engine_nor_fills_memory_and_catches_up(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as hanging:
        publisher.open_run("run-a")
        publisher.publish(envelope(0))
        assert collect(hanging, 1) == [envelope(0)]
        messages = envelopes(20_000, start=1)
        before_mb = rss_mb()
        seconds = []
        for each in messages:
            started_s = time.perf_counter()
            publisher.publish(each)
            seconds.append(time.perf_counter() - started_s)
        assert sorted(seconds)[len(seconds) * 99 // 100] < 0.002
        assert rss_mb() - before_mb < 60  # 20,000 lines of the run so far are 6 MB
        assert collect(hanging, len(messages), 60.0) == list(messages)


def test_a_hanging_listener_does_not_hinder_another(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as hanging, Subscriber(ports.messages) as reading:
        publisher.open_run("run-a")
        publisher.publish(envelope(0))
        assert collect(hanging, 1) == collect(reading, 1)
        got: list[Envelope] = []
        for each in envelopes(5000, start=1):
            publisher.publish(each)
            got += reading.receive(0.0)
        got += collect(reading, 4999 - len(got))
        assert got == list(envelopes(5000, start=1))


def test_a_listener_that_dies_does_not_hinder_another(ports: Ports) -> None:
    script = f"""
import sys
from rtfmri.stream.subscriber import Subscriber
with Subscriber({ports.messages!r}) as subscriber:
    while not subscriber.receive(1.0): pass
    print("listening", flush=True)
    while True: subscriber.receive(1.0)
"""
    with Publisher(ports) as publisher, Subscriber(ports.messages) as subscriber:
        publisher.open_run("run-a")
        publish(publisher, *envelopes(10))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as dying, killed_at_last(dying):
            assert dying.stdout is not None
            assert dying.stdout.readline() == "listening\n"
            assert collect(subscriber, 10) == list(envelopes(10))
            assert publisher.listeners == 2
            dying.kill()
        publish(publisher, *envelopes(2000, start=10))
        assert collect(subscriber, 1990) == list(envelopes(2000, start=10))
        assert until(lambda: subscriber.receive(0.1) == () and publisher.listeners == 1)


def test_the_engine_ends_in_time_although_a_listener_hangs(ports: Ports) -> None:
    with Subscriber(ports.messages) as hanging:
        with Publisher(ports) as publisher:
            publisher.open_run("run-a")
            publisher.publish(envelope(0))
            assert collect(hanging, 1) == [envelope(0)]
            publish(publisher, *envelopes(20_000, start=1))
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 4.0


def test_a_full_listener_outlives_an_engine_that_dies(ports: Ports) -> None:
    """With ZMTP heartbeats libzmq 4.3.5 aborts here: ``Assertion failed: !_io_error``."""
    script = f"""
import sys
from stream_helpers import envelopes
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
with Publisher(Ports({ports.bind!r}, {ports.base})) as publisher:
    publisher.open_run("run-a")
    for each in envelopes(1): publisher.publish(each)
    sys.stdin.readline()
    for each in envelopes(30_000, start=1): publisher.publish(each)
    print("published", flush=True)
    sys.stdin.readline()
"""
    with Subscriber(ports.messages) as subscriber:
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
        ) as engine:
            assert engine.stdin is not None
            assert engine.stdout is not None
            assert collect(subscriber, 1) == [envelope(0)]
            engine.stdin.write("\n")
            engine.stdin.flush()
            assert engine.stdout.readline() == "published\n"
            engine.kill()
        assert not until(lambda: False, 2.5)  # the heartbeat that would abort comes within two seconds
        with Publisher(ports) as publisher:
            publisher.open_run("run-b")
            publisher.publish(envelope(0, "run-b"))
            assert until(lambda: envelope(0, "run-b") in subscriber.receive(0.1))


class CountingRunSoFar(RunSoFar):
    asked = 0

    def since(self, ask: Ask) -> tuple[Answer, list[bytes]]:
        self.asked += 1
        return super().since(ask)


def test_an_asker_that_never_reads_is_not_answered_for_ever(ports: Ports) -> None:
    run_so_far = CountingRunSoFar()
    run_so_far.open_run("run-a")
    for each in envelopes(2000):
        run_so_far.append("run-a", each.seq, encode(each))
    with (
        SnapshotServer(ports, run_so_far),
        Subscriber(ports.messages) as subscriber,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as mute,
    ):
        mute.set_hwm(1)
        mute.setsockopt(zmq.LINGER, 0)
        mute.connect(ports.snapshot)
        before_mb = rss_mb()
        for _ in range(3000):  # answers of 128 KB: 375 MB if they were kept
            assert mute.poll(5000, zmq.POLLOUT)
            mute.send(encode_ask(Ask()))
        assert until(lambda: run_so_far.asked >= 3000)
        assert collect(subscriber, 2000) == list(envelopes(2000))
        assert rss_mb() - before_mb < 60


def listen_for(subscriber: Subscriber, seconds: float) -> list[Envelope]:
    got: list[Envelope] = []
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        got += subscriber.receive(left_s)
    return got


USER_MESSAGES = 'peer.send(b"x" * 1000)'
SUBSCRIPTIONS = 'peer.send(b"\\x01topic"); peer.send(b"\\x00topic")'


@pytest.mark.parametrize("nonsense", [USER_MESSAGES, SUBSCRIPTIONS])
def test_a_listener_that_floods_the_engine_neither_slows_it_nor_fills_its_memory(ports: Ports, nonsense: str) -> None:
    script = f"""
import zmq
peer = zmq.Context().socket(zmq.XSUB)
peer.connect({ports.messages!r})
print("flooding", flush=True)
while True: {nonsense}
"""
    with Publisher(ports) as publisher, Subscriber(ports.messages) as subscriber:
        publisher.open_run("run-a")
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as flooding, killed_at_last(flooding):
            assert flooding.stdout is not None
            assert flooding.stdout.readline() == "flooding\n"
            before_mb = rss_mb()
            seconds = []
            got: list[Envelope] = []
            for each in envelopes(200):
                started_s = time.perf_counter()
                publisher.publish(each)
                seconds.append(time.perf_counter() - started_s)
                got += listen_for(subscriber, 0.01)
            got += collect(subscriber, 200 - len(got))
            flooding.kill()
        assert got == list(envelopes(200))
        assert sorted(seconds)[180] < 0.005
        assert rss_mb() - before_mb < 30
