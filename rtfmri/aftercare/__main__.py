"""The aftercare process: ``python -m rtfmri.aftercare``, started by ``client.py`` and by nobody else.

In comes the job, then notices, then ``FINISH``; out go messages: pickles, one a frame, between two processes of the same program. An input
that closes without ``FINISH`` means that the engine is gone, or has closed aftercare: the process ends with the volume at hand, without
maps. After ``FINISH`` it catches up, writes the maps and ends by itself, whether or not the engine is still there.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import BinaryIO

from rtfmri.aftercare import core
from rtfmri.aftercare.care import Care, Send
from rtfmri.aftercare.frames import write_frame
from rtfmri.aftercare.inbox import FINISH, Inbox
from rtfmri.aftercare.job import AftercareJob, Notice
from rtfmri.aftercare.stopping import stopped
from rtfmri.messages import Message

NICENESS = 10  # the critical path comes first


def main() -> int:
    """0 where the maps are written whole, or nobody asked for them; 1 where something of them is lost."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's; it says when to finish
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    send = _sender(_own_output())
    inbox = Inbox(sys.stdin.buffer)
    try:
        core.warm_up()
        return 0 if follow(inbox, send) else 1
    except Exception as error:  # whatever it is, the operator gets one sentence and the engine goes on
        send(stopped(f"{type(error).__name__}: {error}"))
        return 1


def follow(inbox: Inbox, send: Send) -> bool:
    """One run, from its job to its end; whether nothing of its maps is lost."""
    job = inbox.take()
    if not isinstance(job, AftercareJob):
        return True
    care = Care(job, send)
    try:
        while isinstance(item := inbox.take(), Notice):
            care.volume(item, inbox.waiting)
        return item != FINISH or care.finish()
    finally:
        care.close()


def _own_output() -> BinaryIO:
    """Standard output for messages alone; what a library prints goes to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def _sender(output: BinaryIO) -> Send:
    def send(message: Message) -> None:
        try:
            write_frame(output, pickle.dumps(message))
        except OSError:
            return  # nobody listens any more; what is left to do is files

    return send


if __name__ == "__main__":
    sys.exit(main())
