"""How long a volume took, as the operator is told it: by the clock of ``Arrival.noticed_s``; recorded volumes have no arrival."""

from __future__ import annotations

from rtfmri.messages import Published
from rtfmri.volume import Missing, Volume


def queue_ms(item: Volume | Missing, now_s: float) -> float | None:
    """How long it waited after it was assembled."""
    arrival = item.arrival if isinstance(item, Volume) else None
    return None if arrival is None else 1e3 * (now_s - arrival.noticed_s - arrival.decode_s - arrival.assemble_s)


def published_of(item: Volume | Missing, computed_s: float, journalled_s: float, published_s: float, unix_s: float) -> Published | None:
    """What follows a volume's message; None where it did not arrive live."""
    arrival = item.arrival if isinstance(item, Volume) else None
    if arrival is None:
        return None
    laps_s = {
        "journal": journalled_s - computed_s,
        "publish": published_s - journalled_s,
        "total": published_s - arrival.noticed_s,
    }
    latency_ms = {stage: round(1e3 * lap_s, 3) for stage, lap_s in laps_s.items()}
    return Published(index=item.index, published_unix_s=unix_s, latency_ms=latency_ms)
