"""What the simulated scanner will do, as data: timed actions on files, from the rendered files, the TR and the faults. Pure.

``at_s`` counts from the run's start. Parts are fractions of a file's length, so a plan is made without its bytes (``changes.py`` gives
those). The same files, faults and seed give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rtfmri.simulate.faults import Delivery, Fault, Manner, apply_faults

PIECES = 4  # that a slow writer needs
CUT = 0.6  # of its length is what a truncated file has
SPREAD = 0.5  # of a TR: over so long the files of one volume come, where it has several
Publish = Literal["write", "rename"]


@dataclass(frozen=True)
class Write:
    """Write a ``part`` (from, to) of a file's bytes, or zeros where it is ``blank``; then close it, or keep it open for the next part."""

    at_s: float
    file: Delivery
    name: str
    part: tuple[float, float] = (0.0, 1.0)
    blank: bool = False
    closes: bool = True
    whole: bool = True  # the file is then as it should be

    def piece_of(self, content: bytes) -> tuple[int, bytes]:
        """Where in the file it writes, and what, given the file's whole ``content``."""
        start, stop = (round(edge * len(content)) for edge in self.part)
        return start, bytes(stop - start) if self.blank else content[start:stop]


@dataclass(frozen=True)
class Rename:
    """Give a whole file its name."""

    at_s: float
    file: Delivery
    origin: str
    name: str
    whole: bool = True


Action = Write | Rename


def plan_scan(
    files: Sequence[tuple[int, str]], tr_s: float, faults: Iterable[Fault] = (), *, seed: int = 0, publish: Publish = "write"
) -> tuple[Action, ...]:
    """Every action, in the order of time.

    Parameters
    ----------
    files : (volume, name) of every rendered file, in the order in which the scanner makes them.
    tr_s : seconds from one volume to the next.
    publish : whether files without a fault are written under their name, or renamed when they are whole.
    """
    sound = tuple(replace(d, manner="renamed") if publish == "rename" else d for d in _deliveries(files, tr_s))
    deliveries = apply_faults(sound, tuple(faults), tr_s, seed)
    return tuple(sorted((action for d in deliveries for action in MANNERS[d.manner](d)), key=lambda action: action.at_s))


def _deliveries(files: Sequence[tuple[int, str]], tr_s: float) -> list[Delivery]:
    """Each volume's files at its time, spread evenly where there are several."""
    volumes = [volume for volume, _ in files]
    counts = {volume: volumes.count(volume) for volume in set(volumes)}
    seen: dict[int, int] = dict.fromkeys(counts, 0)
    deliveries = []
    for volume, name in files:
        deliveries.append(Delivery(volume, name, name, (volume + SPREAD * seen[volume] / counts[volume]) * tr_s))
        seen[volume] += 1
    return deliveries


def _whole(d: Delivery) -> list[Action]:
    return [Write(d.at_s, d, d.name)]


def _pieces(d: Delivery, begin: float = 0.0) -> list[Action]:
    """A writer that is slow, and keeps the file open; ``begin``: where in the delivery's time it begins, as a fraction."""
    times_s = d.at_s + d.lasts_s * np.linspace(begin, 1.0, PIECES)
    last = PIECES - 1
    return [
        Write(float(at_s), d, d.name, (i / PIECES, (i + 1) / PIECES), closes=i == last, whole=i == last) for i, at_s in enumerate(times_s)
    ]


def _copied(d: Delivery) -> list[Action]:
    """A copier that opens and closes the file for each piece."""
    return [replace(action, closes=True) for action in _pieces(d) if isinstance(action, Write)]


def _renamed(d: Delivery) -> list[Action]:
    """Written under another name, then renamed."""
    part = f"{d.name}.part"
    return [Write(d.at_s, d, part, whole=False), Rename(d.at_s + d.lasts_s, d, part, d.name)]


def _preallocated(d: Delivery) -> list[Action]:
    """Zeros of the full length first, in a file that stays open; the bytes follow in pieces."""
    return [Write(d.at_s, d, d.name, blank=True, closes=False, whole=False), *_pieces(d, 1 / PIECES)]


def _empty(d: Delivery) -> list[Action]:
    return [Write(d.at_s, d, d.name, (0.0, 0.0), whole=False)]


def _truncated(d: Delivery) -> list[Action]:
    return [Write(d.at_s, d, d.name, (0.0, CUT), whole=False)]


MANNERS: dict[Manner, Callable[[Delivery], list[Action]]] = {
    "whole": _whole,
    "pieces": _pieces,
    "copied": _copied,
    "renamed": _renamed,
    "preallocated": _preallocated,
    "empty": _empty,
    "truncated": _truncated,
}
