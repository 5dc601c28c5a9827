"""What the tests of the stream share: messages by the dozen, and waiting with a deadline."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rtfmri.messages import Envelope, Fault, Message, RunStop, Shown, VolumeMessage
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.subscriber import Subscriber

DEADLINE_S = 20.0


def envelope(seq: int, run_uid: str = "run-a", message: Message | None = None) -> Envelope:
    return Envelope(run_uid=run_uid, seq=seq, sent_unix_s=1.0, message=message or volume(seq))


def volume(index: int) -> VolumeMessage:
    return VolumeMessage(index=index, condition="rest", block=0, validity="ok", regulation=0.1)


def envelopes(n: int, run_uid: str = "run-a", start: int = 0) -> tuple[Envelope, ...]:
    return tuple(envelope(seq, run_uid) for seq in range(start, n))


def run_stop() -> RunStop:
    return RunStop(exit_status="completed", reason="last planned volume", counts={}, stopped_unix_s=2.0)


def shown(display: str = "stimulus", index: int = 0) -> Shown:
    return Shown(display=display, index=index, state="value", value=0.5, flip_unix_s=3.0)


def fault() -> Fault:
    return Fault(code="test", severity="info", text="a test")


def collect(subscriber: Subscriber, n: int, deadline_s: float = DEADLINE_S) -> list[Envelope]:
    """At least ``n`` messages of ``subscriber``, or as many as came before the deadline."""
    end_s = time.monotonic() + deadline_s
    got: list[Envelope] = []
    while len(got) < n and time.monotonic() < end_s:
        got += subscriber.receive(0.1)
    return got


def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> bool:
    """Whether ``condition`` came true before the deadline."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def killed_at_last(process: subprocess.Popen[str]) -> Iterator[None]:
    """A process that never ends by itself does not outlive its test, whatever became of that."""
    try:
        yield
    finally:
        process.kill()


def publish(publisher: Publisher, *messages: Envelope) -> None:
    for each in messages:
        publisher.publish(each)
