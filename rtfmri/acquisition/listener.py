"""DICOM over the network: a provider of C-STORE and C-ECHO (PS3.4 annexes A and B; PS3.7) that puts what it receives into a mailbox.

Rules:
* an object is answered with success once all of its bytes are in this process, and is never written to disk here; where the run cannot
  take it (``Mailbox.put``) the answer is "out of resources" (A700), so that its sender keeps it;
* accepted are the MR image classes, in every transfer syntax that is decoded here; all else is refused in the negotiation;
* whoever calls us by another title, or is not among the listed titles or addresses, is refused, and the operator is told.
Sentences to the operator name senders by title and address only, and objects by their number.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any

from pydicom import uid
from pydicom.pixels import get_decoder
from pynetdicom import AE, _config, evt
from pynetdicom.transport import AssociationServer

from rtfmri.acquisition.compressed import PLUGINS
from rtfmri.acquisition.headers import MR_IMAGES
from rtfmri.acquisition.mailbox import Mailbox, Received
from rtfmri.errors import StudyError
from rtfmri.volume import SourceFault

VERIFICATION = "1.2.840.10008.1.1"
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
MOST_CONNECTIONS = 16
PDU_BYTES = 2**17
IDLE_S = 600.0  # a sender may keep its connection open between runs
STALLED_S = 20.0  # but not stop within a message
JOIN_S = 2.0
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux

# pynetdicom formats its log entries even where nobody reads them, and some hold what tells who was scanned.
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").propagate = False


@dataclass(frozen=True)
class Listening:
    """Where to listen, and to whom; empty tuples: to everybody."""

    port: int
    ae_title: str = "RTFMRI"
    address: str = "0.0.0.0"  # the scanner is another computer
    calling_ae_titles: tuple[str, ...] = ()
    calling_addresses: tuple[str, ...] = ()


class DicomListener:
    """Listens for a whole session; a context manager that owns the socket and its threads.

    Raises
    ------
    StudyError : on entering, if the port is taken, or a title is none (PS3.5, VR AE: up to 16 characters without a backslash).
    """

    def __init__(self, listening: Listening, mailbox: Mailbox) -> None:
        self._listening, self._mailbox = listening, mailbox
        self._numbers = count(1)
        self._server: _Server | None = None

    def __enter__(self) -> DicomListener:
        where = self._listening
        entity = _entity(where)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)]
        handlers += [(evt.EVT_REJECTED, self._rejected), (evt.EVT_ABORTED, self._broken)]
        try:
            self._server = entity.make_server((where.address, where.port), evt_handlers=handlers, server_class=_Server)
        except OSError as error:
            advice = "end the other program, or choose another port with --listen"
            raise StudyError(f"DICOM cannot be received on port {where.port} of {where.address} ({error.strerror}): {advice}.") from None
        self._server.start(where.calling_addresses, self._mailbox.say)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.stop()

    @property
    def port(self) -> int:
        """The port in use (the system's choice where 0 was asked for)."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def _store(self, event: Any) -> int:
        """Called on the connection's thread, once an object is whole."""
        noticed_s, noticed_unix_s = time.perf_counter(), time.time()
        name = f"image {next(self._numbers)} from {_sender(event.assoc)}"
        kept = self._mailbox.put(Received(name, event.encoded_dataset(), noticed_s, noticed_unix_s))
        return SUCCESS if kept else OUT_OF_RESOURCES

    def _accepted(self, event: Any) -> None:
        accepted = {context.abstract_syntax for context in event.assoc.accepted_contexts}
        refused = [context for context in event.assoc.rejected_contexts if context.abstract_syntax not in accepted]
        for context in refused:
            if context.abstract_syntax in MR_IMAGES:
                syntaxes = ", ".join(syntax.name for syntax in context.transfer_syntax)
                text = f"{_sender(event.assoc)} offers its images in a transfer syntax that cannot be read here ({syntaxes}): refused"
                self._mailbox.say(SourceFault("refused_syntax", text, "Let the scanner send uncompressed images."))
        if refused and not accepted:
            kinds = ", ".join(sorted({context.abstract_syntax.name for context in refused}))
            text = f"{_sender(event.assoc)} offers nothing that can be used here ({kinds}): refused"
            self._mailbox.say(SourceFault("refused_kind", text, severity="info"))

    def _rejected(self, event: Any) -> None:
        called, calling = event.assoc.requestor.primitive.called_ae_title, event.assoc.requestor.ae_title
        if called != self._listening.ae_title:
            why, advice = f"it calls {called!r}, this is {self._listening.ae_title!r}", "Correct the title there, or --ae-title here."
        elif self._listening.calling_ae_titles and calling not in self._listening.calling_ae_titles:
            why, advice = "its title is not among those allowed", "Allow it with --calling-ae."
        else:
            why, advice = f"there are {MOST_CONNECTIONS} connections already", "Look at what sends there."
        self._mailbox.say(SourceFault("refused_sender", f"a connection from {_sender(event.assoc)} is refused: {why}", advice))

    def _broken(self, event: Any) -> None:
        if not event.assoc.accepted_contexts:  # it has nothing to send to us, and knows it
            return
        text = f"the connection from {_sender(event.assoc)} broke off; an image that was half sent is lost unless it is sent again"
        self._mailbox.say(SourceFault("connection_broken", text, "Look at the network and the scanner's export queue."))


def readable_syntaxes() -> list[str]:
    """Transfer syntaxes that can be decoded with the plug-ins that are installed here; uncompressed ones first."""
    plain = [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian]
    installed = [syntax for syntax, plugin in PLUGINS.items() if plugin in get_decoder(uid.UID(syntax)).available_plugins]
    return [*plain, *installed]


def _entity(where: Listening) -> Any:
    try:
        entity = AE(where.ae_title)
        entity.require_calling_aet = list(where.calling_ae_titles)
    except (TypeError, ValueError):
        named = ", ".join(repr(title) for title in (where.ae_title, *where.calling_ae_titles))
        raise StudyError(f"An AE title has 1 to 16 characters and no backslash; of {named} at least one has not.") from None
    entity.require_called_aet = True
    entity.maximum_associations, entity.maximum_pdu_size = MOST_CONNECTIONS, PDU_BYTES
    entity.network_timeout, entity.acse_timeout = IDLE_S, STALLED_S
    entity.add_supported_context(VERIFICATION)
    syntaxes = readable_syntaxes()
    for kind in MR_IMAGES:
        entity.add_supported_context(kind, syntaxes)
    return entity


def _sender(association: Any) -> str:
    return f"{association.requestor.ae_title or 'a computer'} ({association.requestor.address})"


class _Server(AssociationServer):
    """pynetdicom's, but: addresses are checked, a sender that stalls is given up, and its garbage collection does not stop the run."""

    def start(self, allowed: tuple[str, ...], say: Callable[[SourceFault], None]) -> None:
        self._allowed, self._say = allowed, say
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._serving = threading.Thread(target=self.serve_forever, args=(0.1,), name="dicom-listener", daemon=True)
        self._serving.start()

    def stop(self) -> None:
        """Close the port and all connections; returns within ``JOIN_S`` for each."""
        socketserver.BaseServer.shutdown(self)  # pynetdicom's own expects to be one of its list of servers
        self.server_close()
        self._serving.join(JOIN_S)
        associations: list[Any] = self.active_associations
        for association in associations:
            with suppress(OSError):  # the other end was quicker
                association.dul.socket.socket.shutdown(socket.SHUT_RDWR)  # also wakes a thread that waits for the rest of a message
            if not association.is_established:
                association.dul.to_user_queue.put(None)  # and one that waits for the request to associate
            association.join(JOIN_S)
        for connection in self._connections:
            connection.close()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        accepted, address = super().get_request()
        connection = _Connection(fileno=accepted.detach())
        self._connections.add(connection)
        connection.settimeout(STALLED_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        address = str(client_address[0])
        if not self._allowed or address in self._allowed:
            return True
        advice = "Allow it with --calling-address."
        self._say(SourceFault("refused_sender", f"a connection from {address} is refused: that address is not allowed", advice))
        return False

    def service_actions(self) -> None:
        """Nothing: the original runs ``gc.collect`` every sixty polls, which would stop the engine's threads for a while."""


class _Connection(socket.socket):
    """Acknowledges what it reads at once. A sender that waits for it before its next packet (Nagle's rule) would lose 40 ms an image."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if QUICK_ACK is not None:
            self.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)  # the system forgets it again and again
        return data
