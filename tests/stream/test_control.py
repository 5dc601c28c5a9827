"""The operator's commands over a real loopback socket."""

from __future__ import annotations

import json
import socket
import threading
import time

import psutil
import pytest
import zmq
from stream_helpers import until

from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport
from rtfmri.stream.control import Command, ControlServer, Reply, ask
from rtfmri.stream.ports import Ports


def test_a_command_reaches_the_session_and_its_reply_comes_back(ports: Ports) -> None:
    commands: list[Command] = []

    def handle(command: Command) -> Reply:
        commands.append(command)
        return Reply(ok=True, text="Armed.", state="armed", label="sub-07_ses-01_task-nf_run-02")

    command = Command(action="arm", sub="07", ses="01", run=2, note="after the break")
    with ControlServer(ports, handle):
        assert ask(ports, command, 10.0) == Reply(ok=True, text="Armed.", state="armed", label="sub-07_ses-01_task-nf_run-02")
    assert commands == [command]


def test_a_status_that_tells_of_many_displays_comes_through(ports: Ports) -> None:
    displays = tuple(
        DisplayReport(display=f"d{n}", software="s", schema_version="1.2", sent_unix_s=1.0, problems=("x" * 300,) * 10) for n in range(8)
    )
    with ControlServer(ports, lambda command: Reply(ok=True, text="idle", displays=displays)):
        assert ask(ports, Command(action="status"), 10.0).displays == displays


def test_a_refusal_of_the_session_is_a_reply(ports: Ports) -> None:
    def refuse(command: Command) -> Reply:
        raise StudyError("Run 2 is recorded already; arm run 3.")

    with ControlServer(ports, refuse):
        assert ask(ports, Command(action="arm"), 10.0) == Reply(ok=False, text="Run 2 is recorded already; arm run 3.")


def test_a_bug_in_the_session_is_a_reply_and_the_next_command_is_heard(ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    def handle(command: Command) -> Reply:
        if command.action == "arm":
            raise RuntimeError("a bug")
        return Reply(ok=True, text="Idle.")

    with ControlServer(ports, handle):
        assert not ask(ports, Command(action="arm"), 10.0).ok
        assert ask(ports, Command(action="status"), 10.0).ok
    assert "a bug" in caplog.text


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"action": "launch"}',
        b'{"action": "arm", "sub": "../etc"}',
        b'{"action": "arm", "run": 0}',
        b'{"action": "stop", "x": 1}',
    ],
)
def test_what_is_no_command_is_answered_and_not_handled(ports: Ports, request_bytes: bytes) -> None:
    def handle(command: Command) -> Reply:
        raise AssertionError("handled")

    with ControlServer(ports, handle), zmq.Context() as context, context.socket(zmq.REQ) as asking:
        asking.setsockopt(zmq.LINGER, 0)
        asking.connect(ports.control)
        asking.send(request_bytes)
        assert asking.poll(10_000)
        reply = Reply.model_validate(json.loads(asking.recv()))
    assert not reply.ok
    assert "the actions are arm, stop, pause" in reply.text


def test_nobody_there_is_one_sentence_that_names_port_and_remedy(ports: Ports) -> None:
    started_s = time.monotonic()
    with pytest.raises(StudyError, match=rf"No rtfmri session answers on port {ports.base}; start it with: rtfmri run") as refusal:
        ask(ports, Command(action="status"), 0.3)
    assert time.monotonic() - started_s < 3.0
    assert len(refusal.value.problems) == 1


def test_a_command_to_nobody_is_not_kept_for_a_session_that_starts_later(ports: Ports) -> None:
    commands: list[Command] = []

    def handle(command: Command) -> Reply:
        commands.append(command)
        return Reply(ok=True, text="")

    with pytest.raises(StudyError):
        ask(ports, Command(action="arm"), 0.1)
    with ControlServer(ports, handle):
        ask(ports, Command(action="status"), 10.0)
    assert [command.action for command in commands] == ["status"]


def test_control_is_bound_to_loopback_even_where_the_rest_is_open_to_all(ports: Ports) -> None:
    with ControlServer(Ports("*", ports.base), lambda command: Reply(ok=True, text="")):
        listening = {c.laddr.ip for c in psutil.Process().net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == ports.base + 3}
    assert listening == {"127.0.0.1"}


def test_garbage_does_not_keep_the_operator_out(ports: Ports) -> None:
    handled = threading.Event()

    def handle(command: Command) -> Reply:
        handled.set()
        return Reply(ok=True, text="")

    with ControlServer(ports, handle), zmq.Context() as context, context.socket(zmq.DEALER) as flooding:
        flooding.setsockopt(zmq.LINGER, 0)
        flooding.connect(ports.control)
        for _ in range(500):
            flooding.send_multipart([b"\xff"] * 3, zmq.NOBLOCK)
        with socket.create_connection(("127.0.0.1", ports.base + 3)) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\n\r\n" * 100)
        assert ask(ports, Command(action="status"), 10.0).ok
    assert until(handled.is_set)
