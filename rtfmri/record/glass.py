"""From the scanner to the participant's glass: when each volume's value was first seen, after the end of its acquisition. Pure.

Where several displays reported, the participant's is the first that showed a value in the run, or, where none did, the first at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtfmri.messages import Confirmed, Envelope, Shown, VolumeMessage
from rtfmri.record.clocks import RestsOn, clocks_of
from rtfmri.record.summary import Spread, of_kind, spread


@dataclass(frozen=True)
class GlassLatency:
    """End of the volume's acquisition -> first flip with its value on the glass. ``error_ms`` as in ``clocks.Moment``."""

    ms: float
    rests_on: RestsOn
    error_ms: float | None


@dataclass(frozen=True)
class GlassSummary:
    """Over the volumes whose value was on the glass and could be timed; ``error_ms`` is the largest."""

    ms: Spread
    rests_on: tuple[RestsOn, ...]
    error_ms: float | None

    @property
    def words(self) -> str:
        """One line for the operator, with what it rests on."""
        on = {
            "trigger": "by the scanner's pulses",
            "volumes": "by the soonest volume, so without the quickest export's delay",
            "arrival": "",
        }
        error = "" if self.error_ms is None else f", clocks known to {self.error_ms:.1f} ms"
        means = " and ".join(on[rests_on] for rests_on in self.rests_on)
        return f"p50 {self.ms.p50:.0f} ms, p95 {self.ms.p95:.0f} ms ({means}{error})"


def participants_display(envelopes: Sequence[Envelope]) -> str | None:
    """The name of the display that tells what the participant saw."""
    shown = of_kind(envelopes, Shown)
    first = shown[0].display if shown else None
    return next((flip.display for flip in shown if flip.index is not None), first)


def first_shown(envelopes: Sequence[Envelope]) -> dict[int, Shown]:
    """For each volume whose value was on the participant's glass, the first flip with it."""
    display = participants_display(envelopes)
    first: dict[int, Shown] = {}
    for flip in of_kind(envelopes, Shown):
        if flip.index is not None and flip.display == display:
            first.setdefault(flip.index, flip)
    return first


def scanner_to_glass(envelopes: Sequence[Envelope]) -> dict[int, GlassLatency]:
    """By volume index; those whose moment on the glass no measured clock tells are left out."""
    confirmations = of_kind(envelopes, Confirmed)
    if not confirmations:
        return {}
    tr_s = confirmations[-1].tr_s
    clocks, shown = clocks_of(envelopes, tr_s), first_shown(envelopes)
    found: dict[int, GlassLatency] = {}
    for volume in of_kind(envelopes, VolumeMessage):
        flip = shown.get(volume.index)
        if flip is None or volume.acquired_s is None:
            continue
        moment = clocks.of_display(flip.display, flip.flip_unix_s, flip.flip_unix_s)
        if moment is not None and moment.rests_on != "arrival":
            error_ms = None if moment.error_s is None else 1e3 * moment.error_s
            found[volume.index] = GlassLatency(1e3 * (moment.t_s - volume.acquired_s - tr_s), moment.rests_on, error_ms)
    return found


def glass_summary(envelopes: Sequence[Envelope]) -> GlassSummary | None:
    """None where no value on a glass could be timed."""
    latencies = scanner_to_glass(envelopes).values()
    ms = spread([latency.ms for latency in latencies])
    if ms is None:
        return None
    errors = [latency.error_ms for latency in latencies if latency.error_ms is not None]
    return GlassSummary(ms, tuple(sorted({latency.rests_on for latency in latencies}, reverse=True)), max(errors, default=None))
