"""What the listener's tests share: a listener with an open mailbox, DCMTK's storescu, and a client that can stop half-way."""

from __future__ import annotations

import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from acquisition_files import mosaic_bytes
from pydicom.uid import MRImageStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from rtfmri.acquisition.listener import DicomListener, Listening
from rtfmri.acquisition.mailbox import Mailbox, Received
from rtfmri.volume import SourceFault

DEADLINE_S = 20.0
needs_dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK's storescu is not installed (Debian: dcmtk)")


class Post:
    """An open mailbox and the listener that fills it."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self.mailbox, self.port = mailbox, port
        self.items: list[Received | SourceFault] = []

    def until(self, enough: Callable[[], bool]) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not enough():
            assert time.monotonic() < end_s, f"nothing more came; so far {len(self.items)}: {self.items[-3:]}"
            self.items += self.mailbox.take()
            time.sleep(0.005)

    @property
    def received(self) -> list[Received]:
        return [item for item in self.items if isinstance(item, Received)]

    @property
    def faults(self) -> list[SourceFault]:
        return [item for item in self.items if isinstance(item, SourceFault)]

    def objects(self, count: int) -> list[Received]:
        self.until(lambda: len(self.received) >= count)
        return self.received

    def fault(self, code: str) -> SourceFault:
        self.until(lambda: any(fault.code == code for fault in self.faults))
        return next(fault for fault in self.faults if fault.code == code)


Listen = Callable[..., Post]


@contextmanager
def listeners() -> Iterator[Listen]:
    """Starts to listen on a free port of the loop-back; at the end no thread may be left."""
    before = set(threading.enumerate())
    with ExitStack() as stack:

        def start(mailbox: Mailbox | None = None, **settings: Any) -> Post:
            box = mailbox or Mailbox()
            stack.enter_context(box.opened(lambda: None))
            listener = stack.enter_context(DicomListener(Listening(0, address="127.0.0.1", **settings), box))
            return Post(box, listener.port)

        yield start
    assert set(threading.enumerate()) <= before


def command(post: Post, what: Path, *options: str) -> list[str]:
    return ["storescu", "-aec", "RTFMRI", *options, "+sd", "127.0.0.1", str(post.port), str(what)]


def storescu(post: Post, what: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Send a file, or a folder of files, to the end."""
    return subprocess.run(command(post, what, *options), capture_output=True, text=True, timeout=60, check=False)


def sending(post: Post, what: Path) -> subprocess.Popen[bytes]:
    """Send in the background."""
    return subprocess.Popen(command(post, what), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def associate(post: Post, syntax: str) -> Association:
    client = AE("WITNESS")
    client.add_requested_context(MRImageStorage, syntax)
    client.add_requested_context(Verification)
    association = client.associate("127.0.0.1", post.port, ae_title="RTFMRI")
    assert association.is_established
    return association


@contextmanager
def associated(post: Post, syntax: str) -> Iterator[Association]:
    association = associate(post, syntax)
    yield association
    association.release()


def first_pieces(context_id: int) -> bytes:
    """The command of a C-STORE and the first piece of its data set: P-DATA-TF of PS3.8, 9.3.5; C-STORE-RQ of PS3.7, 9.3.1."""

    def element(number: int, value: bytes) -> bytes:
        return struct.pack("<HHI", 0, number, len(value)) + value

    command = element(0x0002, MRImageStorage.encode() + b"\0") + element(0x0100, b"\1\0") + element(0x0110, b"\1\0")
    command += element(0x0700, b"\0\0") + element(0x0800, b"\1\0") + element(0x1000, b"1.2.3\0")
    command = element(0x0000, struct.pack("<I", len(command))) + command
    pieces = [(3, command), (0, mosaic_bytes(1)[400:1000])]  # the last of a command; not the last of a data set
    return b"".join(struct.pack(">BBIIBB", 4, 0, len(data) + 6, len(data) + 2, context_id, control) + data for control, data in pieces)


def files(folder: Path, count: int, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(1, count + 1):
        (folder / f"{number:05d}.dcm").write_bytes(mosaic_bytes(number, **changes))
    return folder
