"""What is pushed to the charts of a browser: the whole run so far once, then what is new.

The rule: every browser has a place in the tables, and gets in one piece what lies behind it. One that is slow gets a larger piece the next
time; nothing queues up for it, and nobody waits for it. The increment of those at the same place is put into words once.

A piece is JSON: ``{run, about?, tables: {name: {first, length, columns: {series: [...]}}}}``. Another ``run`` than the
last piece's means: forget what you have. A series that is not named holds no value in these rows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from rtfmri.console.columns import Table, table_and_row
from rtfmri.console.story import Story
from rtfmri.messages import Confirmed, Envelope, RunStart, RunStop

GONE = (WebSocketDisconnect, RuntimeError)  # how starlette says that a browser went while something was sent or awaited
TABLES = ("volumes", "latencies", "quality")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """How much a browser has."""

    run: int = -1
    about: int = -1
    lengths: tuple[int, ...] = (0,) * len(TABLES)


class Feed:
    """The tables of the present run, and the browsers that follow them; for one event loop."""

    def __init__(self) -> None:
        self._run, self._about_number = 0, 0
        self._tables = {name: Table() for name in TABLES}
        self._about: dict[str, Any] = about(Story())
        self._browsers: set[asyncio.Event] = set()
        self._pieces: dict[Place, str] = {}

    def take(self, story: Story, envelope: Envelope) -> None:
        """Keep what ``envelope`` adds; ``story`` holds it already."""
        message = envelope.message
        self._pieces.clear()
        if isinstance(message, RunStart):
            self._run += 1
            self._tables = {name: Table() for name in TABLES}
        if isinstance(message, RunStart | Confirmed | RunStop):
            self._about_number += 1
            self._about = about(story)
        if (found := table_and_row(message, envelope.sent_unix_s)) is not None:
            name, row = found
            self._tables[name].append(row)

    def tell(self) -> None:
        """Let every browser have what it lacks now."""
        for browser in self._browsers:
            browser.set()

    async def serve(self, socket: WebSocket) -> None:
        """Push to one browser until it goes."""
        await socket.accept()
        changed = asyncio.Event()
        self._browsers.add(changed)
        both = [asyncio.create_task(self._push(socket, changed)), asyncio.create_task(_until_gone(socket))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._browsers.discard(changed)
            for task in both:
                task.cancel()
            for ended in await asyncio.gather(*both, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, GONE):
                    _log.error("a browser's charts could not be fed", exc_info=ended)

    async def _push(self, socket: WebSocket, changed: asyncio.Event) -> None:
        place = Place()
        while True:
            changed.clear()
            if place != self._here:
                piece, place = self.piece(place)
                await socket.send_text(piece)
            await changed.wait()

    def piece(self, place: Place) -> tuple[str, Place]:
        """What lies behind ``place``, and the place after it."""
        if place not in self._pieces:
            self._pieces[place] = json.dumps(self._since(place), separators=(",", ":"), allow_nan=False)
        return self._pieces[place], self._here

    @property
    def _here(self) -> Place:
        return Place(self._run, self._about_number, tuple(table.length for table in self._tables.values()))

    def _since(self, place: Place) -> dict[str, Any]:
        lengths = place.lengths if place.run == self._run else Place().lengths
        piece: dict[str, Any] = {"run": self._run}
        if place.about != self._about_number:
            piece["about"] = self._about
        piece["tables"] = {
            name: {"first": first, "length": table.length, "columns": table.since(first)}
            for (name, table), first in zip(self._tables.items(), lengths, strict=True)
            if table.length > first
        }
        return piece


async def _until_gone(socket: WebSocket) -> None:
    while True:
        await socket.receive_text()  # nothing is expected: this notices that the browser goes


def about(story: Story) -> dict[str, Any]:
    """What charts need to know of the run beside its series."""
    start = story.start
    return {
        "label": start.entities.label if start else None,
        "tr_s": story.tr_s,
        "planned": story.planned,
        "blocks": [block.model_dump() for block in story.blocks],
        "rois": [roi.name for roi in start.rois] if start else [],
        "measure": start.measure if start else None,
        "unit": start.unit if start else "percent",
        "fd_hold_mm": start.fd_hold_mm if start else None,
        "blind": story.blind,
        "stopped": story.stop.exit_status if story.stop else None,
    }
