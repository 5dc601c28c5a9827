"""Engine and listeners over real sockets: nobody misses anything, whatever was lost or restarted."""

from __future__ import annotations

import sys
import time

import pytest
import zmq
from stream_helpers import collect, envelope, envelopes, publish, run_stop, until, volume

from rtfmri.messages import TOPIC, Envelope, Fault, decode, encode, frames
from rtfmri.stream.asking import decode_answer
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.sender import Sender
from rtfmri.stream.snapshot import RunSoFar, SnapshotServer
from rtfmri.stream.subscriber import LOST_AFTER_S, Subscriber


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
