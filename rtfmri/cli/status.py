"""The live status in the terminal: a listener like any other, in a process of its own, so that drawing never costs the run."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rtfmri.console.story import Story, after, percentile
from rtfmri.messages import Fault, VolumeMessage
from rtfmri.stream.subscriber import Subscriber

REFRESH_S = 0.25
BAR_CELLS = 33
FAULTS_DRAWN = 4
VALIDITY = {"ok": ("●", "green"), "settling": ("◌", "cyan"), "held": ("◍", "yellow"), "missing": ("✕", "red")}
SEVERITY = {"info": ("i", "cyan"), "warning": ("!", "yellow"), "error": ("✕", "red")}


def watch_run(address: str, console: Console, stop: Callable[[], bool]) -> None:
    """Draw the run at ``address`` until it ends or ``stop()``."""
    with Live(console=console, auto_refresh=False) as live:
        for story in stories(address, stop):
            live.update(draw(story), refresh=True)
            if story.stop is not None:
                break
    console.print()


@contextmanager
def status_process(address: str) -> Iterator[None]:
    """The status in a process of its own, until the block ends."""
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_watch_session, args=(address,), name="status", daemon=True)
    process.start()
    try:
        yield
    finally:
        process.join(2 * REFRESH_S)  # let it draw the run's end
        process.terminate()
        process.join()


def _watch_session(address: str) -> None:
    """One run after another in the same place, until terminated or left behind by a session that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the session's
    session = multiprocessing.parent_process()
    with Live(console=Console(), auto_refresh=False) as live:
        for story in stories(address, lambda: session is not None and not session.is_alive()):
            live.update(draw(story), refresh=True)


def stories(address: str, stop: Callable[[], bool]) -> Iterator[Story]:
    """The story at every refresh until ``stop()``."""
    story = Story()
    with Subscriber(address) as subscriber:
        while not stop():
            until_s = time.monotonic() + REFRESH_S
            while (left_s := until_s - time.monotonic()) > 0:
                for envelope in subscriber.receive(left_s):
                    story = after(story, envelope)
            yield story


def draw(story: Story) -> RenderableType:
    """The story as a panel of about 100 columns."""
    if story.start is None:
        return Panel(Text("Waiting for a run to be armed …", style="cyan"), title="rtfmri", border_style="cyan")
    parts: list[RenderableType] = [_progress(story), _figures(story)]
    parts += [_regions(story.volume)] if story.volume and story.volume.rois else []
    parts += [_fault_line(fault) for fault in story.faults[-FAULTS_DRAWN:]]
    label = f"rtfmri · {story.start.study} · {story.start.entities.label} · {story.start.run_kind}"
    return Panel(
        Group(*parts), title=label, subtitle="Research use only. Not a medical device.", border_style=_colour(story), padding=(0, 1)
    )


def _colour(story: Story) -> str:
    if story.stop is not None:
        return "green" if story.stop.exit_status == "completed" else "red"
    return "yellow" if any(fault.severity == "error" for fault in story.faults[-1:]) else "cyan"


def _progress(story: Story) -> RenderableType:
    volume, planned = story.volume, story.planned
    if story.stop is not None:
        return Text(f"Run {story.stop.exit_status}: {story.stop.reason}.", style="bold")
    if volume is None:
        return Text("Armed. Waiting for the first volume from the scanner …", style="bold cyan")
    row = Table.grid(padding=(0, 2))
    symbol, colour = VALIDITY[volume.validity]
    row.add_row(
        Text(f"volume {volume.index + 1} of {planned or '?'}", style="bold"),
        ProgressBar(total=planned or 1, completed=volume.index + 1, width=30),
        Text((volume.condition or "after the last block").replace("_", " "), style="bold magenta"),
        Text(f"{symbol} {volume.validity}", style=colour),
        Text(volume.why, style="dim"),
    )
    return row


def _figures(story: Story) -> RenderableType:
    motion = story.volume.motion if story.volume else None
    limit_mm = story.start.fd_hold_mm if story.start else 0.5
    moved = motion is not None and motion.fd_mm is not None and motion.fd_mm > limit_mm
    numbers = Table.grid(padding=(0, 3))
    numbers.add_row(
        _number("latency", story.totals_ms[-1] if story.totals_ms else None, "ms", ".0f"),
        _number("p50", percentile(story.totals_ms, 50), "ms", ".0f"),
        _number("p95", percentile(story.totals_ms, 95), "ms", ".0f"),
        _number("FD", motion.fd_mm if motion else None, "mm", ".2f", "bold yellow" if moved else ""),
        Text(f"on the glass: {'—' if story.shown is None else story.shown.state}"),
    )
    return Group(numbers, Text("   ".join(f"{name} {n}" for name, n in story.counts)))


def _regions(volume: VolumeMessage) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name, roi in volume.rois.items():
        table.add_row(Text(name, style="bold"), _percent(roi.psc, roi.se), _bar(roi.psc))
    averaged = _percent(volume.regulation, volume.regulation_se)
    table.add_row(Text("regulation (averaged)", style="bold"), averaged, _bar(volume.regulation))
    return table


def _percent(value: float | None, error: float | None) -> Text:
    if value is None:
        return Text("       —        ", style="dim")
    return Text(f"{value:+6.2f} ± {error:4.2f} %" if error is not None else f"{value:+6.2f} %")


def _bar(value: float | None, full_percent: float = 2.0) -> Text:
    """A line from −2 % to +2 % with a mark at the value."""
    cells = ["─"] * BAR_CELLS
    middle = BAR_CELLS // 2
    cells[middle] = "┼"
    if value is not None:
        place = round(middle + middle * max(-1.0, min(1.0, value / full_percent)))
        cells[place] = "◆"
    return Text("".join(cells), style="dim" if value is None else "")


def _number(name: str, value: float | None, unit: str, form: str, style: str = "") -> Text:
    return Text(f"{name} —" if value is None else f"{name} {value:{form}} {unit}", style=style)


def _fault_line(fault: Fault) -> Text:
    symbol, colour = SEVERITY[fault.severity]
    return Text(f"{symbol} {fault.text} {fault.advice}".rstrip(), style=colour)
