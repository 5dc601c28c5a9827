"""Engine and listeners over real sockets: nobody misses anything, and nobody can hold the engine up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import zmq
from stream_helpers import collect, envelope, envelopes, run_stop, until, volume

from rtfmri.messages import TOPIC, Envelope, Fault, decode, encode, frames
from rtfmri.stream.asking import Answer, Ask, decode_answer, encode_ask
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.sender import Sender
from rtfmri.stream.snapshot import RunSoFar, SnapshotServer
from rtfmri.stream.subscriber import LOST_AFTER_S, Subscriber


def publish(publisher: Publisher, *messages: Envelope) -> None:
    for each in messages:
        publisher.publish(each)


def rss_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def test_a_late_joiner_gets_the_run_so_far_and_then_each_message_once(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as subscriber:
        publisher.open_run("run-a")
        publish(publisher, *envelopes(700))
        got: list[Envelope] = []
        for each in envelopes(1000, start=700):
            publisher.publish(each)
            got += subscriber.receive(0.001)
        got += collect(subscriber, 1000 - len(got))
        assert got == list(envelopes(1000))
        assert subscriber.receive(0.0) == ()


def test_two_listeners_with_the_same_subscription_both_get_everything(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as first, Subscriber(ports.messages) as second:
        publisher.open_run("run-a")
        publish(publisher, *envelopes(10))
        assert collect(first, 10) == collect(second, 10) == list(envelopes(10))
        publish(publisher, *envelopes(20, start=10))
        assert collect(first, 10) == collect(second, 10) == list(envelopes(20, start=10))
        assert publisher.listeners == 2


def test_a_live_message_arrives_without_being_asked_for(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as subscriber:
        publisher.open_run("run-a")
        publisher.publish(envelope(0))
        assert collect(subscriber, 1) == [envelope(0)]
        seconds = []
        for each in envelopes(30, start=1):
            started_s = time.perf_counter()
            publisher.publish(each)
            assert subscriber.receive(5.0) == (each,)
            seconds.append(time.perf_counter() - started_s)
        assert sorted(seconds)[15] < 0.1  # asking would take a second


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
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as dying:
            assert dying.stdout is not None
            assert dying.stdout.readline() == "listening\n"
            assert collect(subscriber, 10) == list(envelopes(10))
            assert publisher.listeners == 2
            dying.kill()
        publish(publisher, *envelopes(2000, start=10))
        assert collect(subscriber, 1990) == list(envelopes(2000, start=10))
        assert until(lambda: subscriber.receive(0.1) == () and publisher.listeners == 1)


def test_messages_that_never_arrived_live_come_by_asking(ports: Ports) -> None:
    run_so_far = RunSoFar()
    run_so_far.open_run("run-a")
    with SnapshotServer(ports, run_so_far), Subscriber(ports.messages) as subscriber:
        run_so_far.append("run-a", 0, encode(envelope(0)))
        assert collect(subscriber, 1) == [envelope(0)]
        last = envelope(1, message=run_stop())
        run_so_far.append("run-a", 1, encode(last))
        started_s = time.monotonic()
        assert collect(subscriber, 1) == [last]
        assert time.monotonic() - started_s < 5.0


def test_the_end_of_a_run_is_heard_even_by_one_who_slept_into_the_next(ports: Ports) -> None:
    with Publisher(ports) as publisher, Subscriber(ports.messages) as subscriber:
        publisher.open_run("run-a")
        publish(publisher, *envelopes(3))
        assert collect(subscriber, 3) == list(envelopes(3))
        first = [*envelopes(3000, start=3), envelope(3000, message=run_stop())]
        publish(publisher, *first)
        publisher.open_run("run-b")
        publish(publisher, *envelopes(5, "run-b"))
        assert collect(subscriber, len(first) + 5) == [*first, *envelopes(5, "run-b")]


def test_a_listener_survives_the_engine_and_follows_its_next_run(ports: Ports) -> None:
    with Subscriber(ports.messages) as subscriber:
        for run_uid in ("run-a", "run-b"):
            with Publisher(ports) as publisher:
                publisher.open_run(run_uid)
                publish(publisher, *envelopes(50, run_uid))
                assert collect(subscriber, 50) == list(envelopes(50, run_uid))
                publish(publisher, *envelopes(60, run_uid, start=50))
                assert collect(subscriber, 10) == list(envelopes(60, run_uid, start=50))


def test_a_listener_goes_on_where_it_was_when_the_engine_resumes_the_run(ports: Ports) -> None:
    with Subscriber(ports.messages) as subscriber:
        with Publisher(ports) as publisher:
            publisher.open_run("run-a")
            publish(publisher, *envelopes(50))
            assert collect(subscriber, 50) == list(envelopes(50))
        with Publisher(ports) as publisher:
            publisher.open_run("run-a", envelopes(55))
            publish(publisher, *envelopes(60, start=55))
            assert collect(subscriber, 10) == list(envelopes(60, start=50))


def test_a_run_resumed_from_a_shorter_journal_is_told_again(ports: Ports) -> None:
    with Subscriber(ports.messages) as subscriber:
        with Publisher(ports) as publisher:
            publisher.open_run("run-a")
            publish(publisher, *envelopes(50))
            assert collect(subscriber, 50) == list(envelopes(50))
        with Publisher(ports) as publisher:
            publisher.open_run("run-a", envelopes(40))
            again = [envelope(seq, message=volume(1000 + seq)) for seq in range(40, 45)]
            publish(publisher, *again)
            assert collect(subscriber, 45) == [*envelopes(40), *again]


def test_the_engines_death_shows_and_so_does_its_return(ports: Ports) -> None:
    skipped_s = 0.0
    with Subscriber(ports.messages, clock=lambda: time.monotonic() + skipped_s) as subscriber:

        def connected() -> bool:
            subscriber.receive(0.0)
            return subscriber.connected(time.monotonic() + skipped_s)

        assert not connected()
        with Publisher(ports) as publisher:
            publisher.open_run("run-a")
            assert until(connected)
            skipped_s += LOST_AFTER_S  # it is quiet between runs: its answers show that it lives
            assert until(connected)
        skipped_s += LOST_AFTER_S
        assert not connected()
        with Publisher(ports):
            assert until(connected)


def test_receive_keeps_to_its_time_when_nobody_is_there(ports: Ports) -> None:
    with Subscriber(ports.messages) as subscriber:
        started_s, used_s = time.monotonic(), time.process_time()
        assert subscriber.receive(1.3) == ()
        assert 1.2 < time.monotonic() - started_s < 3.0
        assert time.process_time() - used_s < 0.3  # it waits, it does not turn


def test_garbage_from_the_engines_ports_is_counted_and_dropped(ports: Ports) -> None:
    run_so_far = RunSoFar()
    run_so_far.open_run("run-a")
    with SnapshotServer(ports, run_so_far), Sender(ports.messages) as sender, Subscriber(ports.messages) as subscriber:
        run_so_far.append("run-a", 0, b"no json")
        run_so_far.append("run-a", 1, encode(envelope(1)))
        assert collect(subscriber, 1) == [envelope(1)]
        assert subscriber.rejected == 1

        def garbage_arrives() -> bool:
            sender.send([TOPIC.encode() + b"volume", b"\xff\x00 no json"])
            sender.send([TOPIC.encode()])
            assert subscriber.receive(0.01) == ()
            return subscriber.rejected >= 5

        assert until(garbage_arrives)
        run_so_far.append("run-a", 2, encode(envelope(2)))
        sender.send(frames(envelope(2)))
        assert collect(subscriber, 1) == [envelope(2)]


def test_run_stop_gets_out_although_the_engine_ends_at_once(ports: Ports) -> None:
    long = Fault(code="test", severity="info", text="x" * 100_000)  # so that the network is still busy when the engine ends
    last = [*(envelope(seq, message=long) for seq in range(2, 300)), envelope(300, message=run_stop())]
    with Subscriber(ports.messages) as subscriber:
        with Publisher(ports) as publisher:
            publisher.open_run("run-a")
            for first in envelopes(2):
                publisher.publish(first)
                assert collect(subscriber, 1) == [first]
            publish(publisher, *last)
        assert collect(subscriber, len(last)) == last


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
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as flooding:
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


def test_a_script_with_plain_zeromq_sockets_can_follow_too(ports: Ports) -> None:
    with Publisher(ports) as publisher, zmq.Context() as context:
        publisher.open_run("run-a")
        publish(publisher, *envelopes(3))
        with context.socket(zmq.REQ) as asking, context.socket(zmq.SUB) as listening:
            asking.setsockopt(zmq.LINGER, 0)
            asking.connect(ports.snapshot)
            asking.send(b"{}")
            assert asking.poll(5000)
            answer, lines = decode_answer(asking.recv_multipart())
            assert (answer.run_uid, answer.next_seq) == ("run-a", 3)
            assert [line.envelope for line in lines] == list(envelopes(3))
            listening.connect(ports.messages)
            listening.subscribe(b"rtfmri/1/volume")
            seq = iter(range(3, 10_000))

            def heard() -> bool:
                publisher.publish(envelope(next(seq)))
                return bool(listening.poll(20))

            assert until(heard)
            topic, payload = listening.recv_multipart()
            assert topic == b"rtfmri/1/volume"
            assert decode(payload).run_uid == "run-a"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the kernel's table of connections")
def test_a_connection_to_a_computer_without_power_would_be_noticed(ports: Ports) -> None:
    """The kernel's keepalive timer (02 in /proc/net/tcp) runs on every connection to the messages, at both ends."""

    def timers() -> list[str]:
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table][1:]
        port = f":{ports.base:04X}"
        return [row[5].split(":")[0] for row in rows if row[3] == "01" and (row[1].endswith(port) or row[2].endswith(port))]

    with Publisher(ports), Subscriber(ports.messages) as subscriber:
        assert until(lambda: subscriber.receive(0.05) == () and timers() == ["02", "02"])
