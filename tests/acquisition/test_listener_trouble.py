"""Clients of the DICOM listener that behave badly: killed, stalled, talking nonsense, faster than the run."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from acquisition_files import dataset_of, scan_of, to_bytes
from dicom_post import DEADLINE_S, Listen, associate, associated, files, first_pieces, listeners, needs_dcmtk, sending, storescu
from pydicom.uid import ExplicitVRLittleEndian

from rtfmri.acquisition import listener
from rtfmri.acquisition.files import read
from rtfmri.acquisition.listener import DicomListener, Listening
from rtfmri.acquisition.mailbox import Mailbox
from rtfmri.volume import SourceFault


@pytest.fixture
def listen() -> Iterator[Listen]:
    with listeners() as start:
        yield start


@needs_dcmtk
def test_a_client_that_is_killed_half_way_is_told_of_and_the_next_is_served(listen: Listen, tmp_path: Path) -> None:
    post, folder = listen(), files(tmp_path / "out", 400)
    with sending(post, folder) as client:
        post.objects(20)
        client.kill()
    assert "broke off" in post.fault("connection_broken").text
    whole = len(post.received)
    assert whole < 400
    assert storescu(post, folder).returncode == 0
    for received in post.objects(whole + 400):
        read(received.data).pixels()


def test_an_association_that_ends_within_an_image_leaves_nothing_of_it(listen: Listen) -> None:
    post = listen()
    for ending in ("abort", "close"):
        association = associate(post, ExplicitVRLittleEndian)
        connection = association.dul.socket.socket
        connection.sendall(first_pieces(association.accepted_contexts[0].context_id))
        if ending == "close":
            connection.shutdown(socket.SHUT_RDWR)
            association.join(DEADLINE_S)
            connection.close()
        else:
            association.abort()
        post.fault("connection_broken")
    assert post.received == []


def test_a_client_that_stalls_within_a_message_does_not_hold_the_session(listen: Listen) -> None:
    mailbox, before = Mailbox(), set(threading.enumerate())
    with (
        DicomListener(Listening(0, address="127.0.0.1"), mailbox) as listener,
        socket.create_connection(("127.0.0.1", listener.port)) as client,
    ):
        client.sendall(b"\1\0\0\0\0\xc8half an association request")
        time.sleep(0.2)
        began_s = time.monotonic()
        listener.__exit__(None, None, None)
        assert time.monotonic() - began_s < 5
    assert [thread for thread in set(threading.enumerate()) - before if not thread.daemon] == []


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 4096, b"\1\0\xff\xff\xff\xff" + b"x" * 100, b""])
def test_nonsense_on_the_port_is_survived(listen: Listen, nonsense: bytes) -> None:
    post = listen()
    with socket.create_connection(("127.0.0.1", post.port)) as client:
        client.sendall(nonsense)
    with associated(post, ExplicitVRLittleEndian) as association:
        assert association.send_c_echo().Status == 0x0000


def test_a_sender_waits_while_the_run_is_behind_and_is_refused_if_that_lasts(listen: Listen) -> None:
    scan = dataset_of(scan_of(1))
    size = len(to_bytes(scan))
    post = listen(Mailbox(most_bytes=3 * size, patience_s=0.5))
    statuses, waits_s = [], []
    with associated(post, ExplicitVRLittleEndian) as association:
        for _ in range(4):
            began_s = time.monotonic()
            statuses.append(association.send_c_store(scan).Status)
            waits_s.append(time.monotonic() - began_s)
        post.objects(statuses.count(0x0000))
        assert association.send_c_store(scan).Status == 0x0000, "there is room again"
    assert statuses[0] == 0x0000
    assert statuses[-1] == 0xA700, "out of resources: the sender keeps it"
    assert waits_s[-1] >= 0.5


def test_a_client_that_stalls_within_a_message_is_given_up(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "STALLED_S", 0.3)
    post = listen()
    with socket.create_connection(("127.0.0.1", post.port), timeout=DEADLINE_S) as client:
        client.sendall(b"\1\0\0\0\0\xc8half an association request")
        assert client.recv(100) == b"", "the connection is closed"


def test_what_is_said_between_runs_is_kept_but_not_without_end() -> None:
    mailbox = Mailbox()
    for number in range(1000):
        mailbox.say(SourceFault("refused_sender", f"a connection from computer {number} is refused"))
        mailbox.say(SourceFault("refused_sender", "the same words"))
    woken = threading.Event()
    with mailbox.opened(woken.set):
        assert woken.is_set()
        kept = mailbox.take()
        assert len(kept) <= 100
        assert sum(fault.text == "the same words" for fault in kept if isinstance(fault, SourceFault)) == 1
