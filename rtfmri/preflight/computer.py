"""This computer: is its clock sane, can compiled kernels be kept, does anything else use its processors?"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rtfmri.preflight.check import Check, of_bytes

LEAST_BYTES = 2_000_000_000  # of memory: engine, aftercare and page
OLDEST_UNIX_S = 1_735_689_600.0  # 2025-01-01: a clock that is before was never set
BUSY = 1.5  # programs that want a processor, for each there is
MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True)
class Computer:
    """``load``: how many programs wanted a processor in the last minute; ``kept``: where compiled kernels lie, None where nowhere;
    ``compiled``: whether there are any; ``disk_ahead_s``: how far the disk's clock is ahead. None: not known."""

    now_unix_s: float
    processors: int
    load: float | None
    memory_bytes: int | None
    kept: Path | None
    compiled: bool
    disk_ahead_s: float | None


def read_computer(out: Path) -> Computer:
    kept = next((place for place in _places() if _writable(place)), None)
    compiled = kept is not None and next(kept.rglob("*.nbi"), None) is not None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Computer(time.time(), os.cpu_count() or 1, load, _memory_bytes(), kept, compiled, _disk_ahead_s(out))


def _places() -> list[Path]:
    """Where numba keeps what it compiles: see rtfmri/kernels.py."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named)]
    spec = importlib.util.find_spec("rtfmri")
    beside = Path(spec.origin).parent if spec is not None and spec.origin else Path.cwd()
    return [beside, Path.home() / ".cache", Path(tempfile.gettempdir())]


def _writable(place: Path) -> bool:
    while not place.exists() and place != place.parent:
        place = place.parent
    return os.access(place, os.W_OK)


def _memory_bytes() -> int | None:
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _disk_ahead_s(out: Path) -> float | None:
    """A share's files are stamped by the share's clock."""
    try:
        with tempfile.NamedTemporaryFile(dir=out if out.is_dir() else None) as probe:
            return os.stat(probe.name).st_mtime - time.time()
    except OSError:
        return None


def computer_checks(computer: Computer) -> tuple[Check, ...]:
    return (_clock(computer), _kernels(computer), _processors(computer))


def _clock(computer: Computer) -> Check:
    said = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(computer.now_unix_s))
    if computer.now_unix_s < OLDEST_UNIX_S:
        return Check("clock", "failed", f"This computer's clock says {said}.", "Set it; times of the record rest on it.")
    if computer.disk_ahead_s is not None and abs(computer.disk_ahead_s) > 2.0:
        text = f"This computer's clock and that of the output folder differ by {abs(computer.disk_ahead_s):.0f} s."
        return Check("clock", "warning", text, "Set both by the same time server.")
    return Check("clock", "ok", f"This computer's clock says {said}.")


def _kernels(computer: Computer) -> Check:
    if computer.kept is None:
        text = "Compiled kernels cannot be kept anywhere, so each start takes a minute."
        return Check("kernels", "warning", text, "Set NUMBA_CACHE_DIR to a folder that can be written.")
    if not computer.compiled:
        return Check("kernels", "ok", "Kernels are not compiled yet: the first arm takes about a minute.")
    return Check("kernels", "ok", f"Compiled kernels are kept in {computer.kept}.")


def _processors(computer: Computer) -> Check:
    memory = "" if computer.memory_bytes is None else f", {of_bytes(computer.memory_bytes)} of memory free"
    said = f"{computer.processors} processors{memory}"
    if computer.memory_bytes is not None and computer.memory_bytes < LEAST_BYTES:
        return Check("computer", "warning", f"{said}.", "Close other programs.")
    if computer.processors < 2:
        return Check("computer", "warning", f"Only {said}.", "Two are needed: one for the engine, one for all that goes on beside it.")
    if computer.load is not None and computer.load > BUSY * computer.processors:
        text = f"{said}, and {computer.load:.1f} programs want them."
        return Check("computer", "warning", text, "Close other programs, or let them finish.")
    return Check("computer", "ok", f"{said}.")
