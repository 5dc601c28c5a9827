"""What the snapshot socket answers, without a socket; and its thread against garbage."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from functools import reduce

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from stream_helpers import collect, envelope, envelopes, killed_at_last, until

from rtfmri.messages import WireError, encode
from rtfmri.stream.asking import Ask, chained, decode_answer, decode_ask
from rtfmri.stream.bounded import BoundedTable
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.serving import BATCH, REST_MS
from rtfmri.stream.snapshot import BYTES, LINES, RunSoFar, SnapshotServer
from rtfmri.stream.subscriber import Subscriber


def filled(n: int, run_uid: str = "run-a") -> RunSoFar:
    run_so_far = RunSoFar()
    run_so_far.open_run(run_uid)
    for each in envelopes(n, run_uid):
        run_so_far.append(run_uid, each.seq, encode(each))
    return run_so_far


def having(n: int) -> Ask:
    """The question of one who has the first ``n`` messages."""
    return Ask(run_uid="run-a", seq=n, chain=reduce(chained, map(encode, envelopes(n)), 0))


def test_one_who_has_nothing_gets_the_run_from_its_beginning() -> None:
    answer, lines = filled(3).since(Ask())
    assert (answer.run_uid, answer.first_seq, answer.next_seq, answer.current) == ("run-a", 0, 3, True)
    assert lines == [encode(each) for each in envelopes(3)]


def test_one_who_has_some_gets_the_rest() -> None:
    answer, lines = filled(3).since(having(2))
    assert (answer.first_seq, answer.next_seq, answer.differs, lines) == (2, 3, False, [encode(envelope(2))])


def test_one_who_has_something_else_or_more_gets_the_run_from_its_beginning() -> None:
    other = Ask(run_uid="run-a", seq=2, chain=having(2).chain + 1)
    for ask in (other, having(5)):
        answer, lines = filled(3).since(ask)
        assert (answer.first_seq, answer.next_seq, answer.differs, len(lines)) == (0, 3, True, 3)


@given(st.integers(0, 10), st.integers(0, 10))
def test_the_run_before_is_told_to_its_end_and_then_the_current_one(n_before: int, has: int) -> None:
    run_so_far = filled(n_before)
    run_so_far.open_run("run-b")
    answer, lines = run_so_far.since(having(has))
    if has < n_before:
        assert (answer.run_uid, answer.current, len(lines)) == ("run-a", False, n_before - has)
    else:
        assert (answer.run_uid, answer.current, lines) == ("run-b", True, [])


def test_an_answer_is_bounded_in_lines_and_in_bytes() -> None:
    assert len(filled(2 * LINES).since(Ask())[1]) <= LINES
    run_so_far = RunSoFar()
    run_so_far.open_run("run-a")
    for seq in range(10):
        run_so_far.append("run-a", seq, b"x" * (BYTES // 4))
    assert len(run_so_far.since(Ask())[1]) == 4


def test_a_line_longer_than_an_answer_may_be_is_told_alone() -> None:
    run_so_far = RunSoFar()
    run_so_far.open_run("run-a")
    run_so_far.append("run-a", 0, b"x" * (2 * BYTES))
    run_so_far.append("run-a", 1, b"y")
    assert [len(line) for line in run_so_far.since(Ask())[1]] == [2 * BYTES]


def test_before_the_first_run_the_answer_says_that_there_is_none() -> None:
    answer, lines = RunSoFar().since(Ask(run_uid="run-z", seq=7))
    assert (answer.run_uid, answer.next_seq, lines) == ("", 0, [])


@pytest.mark.parametrize(("run_uid", "seq"), [("run-a", 2), ("run-a", 4), ("run-b", 3)])
def test_a_message_out_of_turn_is_a_bug(run_uid: str, seq: int) -> None:
    with pytest.raises(ValueError, match="out of turn"):
        filled(3).append(run_uid, seq, b"{}")


def test_a_history_with_a_gap_is_a_bug(ports: Ports) -> None:
    with Publisher(ports) as publisher, pytest.raises(ValueError, match="without a gap"):
        publisher.open_run("run-a", envelopes(5, start=1))


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"seq": -1}', b'{"run_uid": 5}', b'{"seq": 1.5}'])
def test_what_is_no_question_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_ask(payload)


@pytest.mark.parametrize("frames", [[], [b"{}"], [b"x", b""], [b'{"first_seq": -1}', b""], [b'{"asked": {}}', b"", b""]])
def test_what_is_no_answer_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(WireError):
        decode_answer(frames)


def test_lines_of_another_place_than_the_answer_says_are_not_believed() -> None:
    _, lines = decode_answer([b'{"asked": {}, "run_uid": "run-a", "next_seq": 2}', encode(envelope(1)) + b"\n" + encode(envelope(1))])
    assert [line.envelope for line in lines] == [None, envelope(1)]


def test_a_flood_of_garbage_costs_a_listener_nothing(ports: Ports) -> None:
    run_so_far = filled(100)
    with SnapshotServer(ports, run_so_far) as server, Subscriber(ports.messages) as subscriber, zmq.Context() as context:
        with context.socket(zmq.DEALER) as flooding:
            flooding.setsockopt(zmq.LINGER, 0)
            flooding.connect(ports.snapshot)
            for _ in range(800):
                flooding.send_multipart([b"\xff garbage"])
                flooding.send_multipart([b"", b"{}", b"[]"])
            assert collect(subscriber, 100) == list(envelopes(100))
            assert until(lambda: server.rejected == 1600)
        with socket.create_connection((ports.bind, ports.base + 1)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        run_so_far.append("run-a", 100, encode(envelope(100)))
        assert collect(subscriber, 1) == [envelope(100)]


def test_a_server_rests_under_a_flood_and_ends_in_time(ports: Ports) -> None:
    script = f"""
import zmq
peer = zmq.Context().socket(zmq.DEALER)
peer.connect({ports.snapshot!r})
print("flooding", flush=True)
while True: peer.send(b"garbage")
"""
    server = SnapshotServer(ports, filled(1))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as flooding, killed_at_last(flooding):
        with server:
            assert flooding.stdout is not None
            assert flooding.stdout.readline() == "flooding\n"
            assert until(lambda: server.rejected > 100)
            started_s, before = time.monotonic(), server.rejected
            assert until(lambda: server.rejected - before > 2 * BATCH * 1000 / REST_MS, 60.0)
            assert time.monotonic() - started_s > 1.5  # two seconds' worth
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 2.0


@pytest.mark.parametrize("module", ["subscriber", "returns"])
def test_a_stimulus_pc_needs_neither_numerics_nor_the_engines_side(module: str) -> None:
    script = f"import sys, rtfmri.stream.{module}; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout.split())
    engines = {f"rtfmri.stream.{name}" for name in ("publisher", "sender", "snapshot", "serving", "control", "returns_server")}
    assert not loaded & (engines | {"numpy", "numba", "scipy", "nibabel", "rtfmri.study", "rtfmri.kernels"})


def test_a_table_of_peers_keeps_the_last_ones() -> None:
    table: BoundedTable[str, int] = BoundedTable(2)
    for name in ("a", "b", "a", "c"):
        table.put(name, 1)
    assert (table.copy(), table.get("b")) == ({"a": 1, "c": 1}, None)
