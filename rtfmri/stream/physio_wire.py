"""The wire of a belt's program: batches of samples with their place and time. For whoever writes one.

A batch is one ZeroMQ message, of one frame (JSON) or two (JSON, and the samples packed). The JSON's fields:

``first``    number of the batch's first sample since the program began, from 0; samples that were lost are counted on
``time_s``   when that sample was taken, in seconds by the acquisition computer's clock; any clock that is not set meanwhile
``rate_hz``  samples per second, as the study says
and either a list of the samples for each column by its name, such as ``cardiac``, ``respiratory``, ``trigger`` (null: not known),
or ``columns``, the names in order, with the second frame: float32, little-endian, sample after sample, a value for each column.

    {"first": 400, "time_s": 12.5, "rate_hz": 400, "cardiac": [0.1, 0.2], "respiratory": [3.1, 3.1], "trigger": [0, 1]}

A batch holds at most ten seconds; ten to twenty batches a second are right. In Python, with the study's default address:

    push = zmq.Context().socket(zmq.PUSH); push.connect("tcp://127.0.0.1:5570")
    push.send_json({"first": n, "time_s": t, "rate_hz": 400, "cardiac": pulse, "respiratory": belt})
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtfmri.messages import WireError
from rtfmri.volume import Array

MOST_SAMPLES = 50_000  # ten seconds at 5 kHz
MOST_COLUMNS = 16


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True)
    first: Annotated[int, Field(ge=0, le=2**53)]
    time_s: Annotated[float, Field(ge=-1e12, le=1e12)]
    rate_hz: Annotated[float, Field(gt=0, le=1e5)]
    columns: Annotated[list[str], Field(max_length=MOST_COLUMNS)] | None = None


@dataclass(frozen=True, eq=False)
class PhysioBatch:
    """``columns``: samples (n,) by name, NaN where not known. ``received_unix_s``: by this computer's clock."""

    first: int
    time_s: float
    rate_hz: float
    columns: dict[str, Array]
    received_unix_s: float

    @property
    def size(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def end_s(self) -> float:
        """When the sample after the last is due, by the belt's clock."""
        return self.time_s + self.size / self.rate_hz


def decode_batch(frames: list[bytes], received_unix_s: float) -> PhysioBatch:
    """The batch in ``frames``.

    Raises
    ------
    WireError : it is none; the words say what is wrong.
    """
    if not 1 <= len(frames) <= 2:
        raise WireError(f"a batch has one or two frames, not {len(frames)}")
    try:
        head = _Head.model_validate_json(frames[0])
    except ValidationError as error:
        wrong = ", ".join(sorted({str(part) for detail in error.errors() for part in detail["loc"][:1]})) or "the JSON"
        raise WireError(f"wrong in it: {wrong}") from None
    columns = _packed(head, frames[1]) if len(frames) == 2 else _listed(head)
    sizes = {len(samples) for samples in columns.values()}
    if len(sizes) != 1 or not 1 <= max(sizes) <= MOST_SAMPLES:
        raise WireError(f"its columns must be equally long, of 1 to {MOST_SAMPLES} samples")
    return PhysioBatch(head.first, head.time_s, head.rate_hz, columns, received_unix_s)


def _packed(head: _Head, payload: bytes) -> dict[str, Array]:
    names = head.columns or []
    if not names or len(set(names)) < len(names) or len(payload) % (4 * len(names)):
        raise WireError("the packed samples do not go with their columns")
    samples = np.frombuffer(payload, dtype="<f4").reshape(-1, len(names)).astype(np.float64)
    samples[~np.isfinite(samples)] = np.nan
    return {name: np.ascontiguousarray(samples[:, place]) for place, name in enumerate(names)}


def _listed(head: _Head) -> dict[str, Array]:
    listed = {name: value for name, value in (head.model_extra or {}).items() if isinstance(value, list)}
    if not 1 <= len(listed) <= MOST_COLUMNS:
        raise WireError("it holds no samples")
    try:
        columns = {name: np.array(value, dtype=np.float64) for name, value in listed.items()}
    except (TypeError, ValueError, OverflowError):
        raise WireError("its samples must be numbers or null") from None
    for samples in columns.values():
        if samples.ndim != 1:
            raise WireError("its samples must be plain lists")
        samples[~np.isfinite(samples)] = np.nan
    return columns
