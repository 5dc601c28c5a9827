"""What a run came to, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rtfmri.messages import Envelope, RunStart
from rtfmri.record.summary import BlockResult, Spread, Summary, of_kind, summarise

MOST_FAULTS = 6


def print_summary(envelopes: Sequence[Envelope], console: Console) -> Summary:
    """Summarise one run, print it, hand it back."""
    summary = summarise(envelopes)
    starts = of_kind(envelopes, RunStart)
    title = starts[-1].entities.label if starts else "no run"
    parts: list[RenderableType] = [_verdict(summary), Text(""), _counts(summary)]
    if summary.latency_ms:
        parts += [Text(""), _latencies(summary.latency_ms)]
    if summary.blocks:
        parts += [Text(""), _blocks(summary.blocks, summary.unit)]
    serious = [fault for fault in summary.faults if fault.severity != "info"]
    parts += [Text(f"! {fault.text} {fault.advice}".rstrip(), style="yellow") for fault in serious[:MOST_FAULTS]]
    if len(serious) > MOST_FAULTS:
        parts.append(Text(f"  and {len(serious) - MOST_FAULTS} more, all in the journal", style="yellow"))
    good = summary.stop is not None and summary.stop.exit_status == "completed"
    console.print(Panel(Group(*parts), title=title, border_style="green" if good else "yellow", expand=False, padding=(1, 2)))
    return summary


def _verdict(summary: Summary) -> Text:
    if summary.stop is None:
        return Text("The run was cut off: there is no run_stop.", style="bold red")
    good = summary.stop.exit_status == "completed"
    return Text(f"Run {summary.stop.exit_status}: {summary.stop.reason}.", style="bold green" if good else "bold yellow")


def _counts(summary: Summary) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    validity = "  ".join(f"{name} {summary.validity.get(name, 0)}" for name in ("ok", "settling", "held", "missing"))
    table.add_row("volumes", f"received {summary.received}  published {summary.received + summary.missing}")
    table.add_row("values", f"for the participant {summary.to_show}  shown {summary.shown}")
    table.add_row("validity", validity)
    if summary.fd_mm is not None:
        fd = summary.fd_mm
        table.add_row("motion", f"FD median {fd.p50:.2f} mm, largest {fd.max:.2f} mm; {summary.above_hold} volumes above the limit")
    return table


def _latencies(latency_ms: dict[str, Spread]) -> Table:
    table = Table(title="latency (ms)", title_justify="left", box=None, padding=(0, 2))
    for heading in ("stage", "p50", "p95", "max"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, spread in latency_ms.items():
        style = "bold" if stage == "total" else ""
        table.add_row(stage, f"{spread.p50:.2f}", f"{spread.p95:.2f}", f"{spread.max:.2f}", style=style)
    return table


def _blocks(blocks: Sequence[BlockResult], unit: str) -> Table:
    table = Table(title="regulation per block", title_justify="left", box=None, padding=(0, 2))
    for heading in ("block", f"mean ({unit})", "SE"):
        table.add_column(heading, justify="left" if heading == "block" else "right")
    for block in blocks:
        error = "—" if block.se is None else f"{block.se:.2f}"
        table.add_row(f"{block.number + 1}  {block.name.replace('_', ' ')}", f"{block.score:+.2f}", error)
    return table
