"""Where pulse and breathing come from, and which regressors they give. Without this section nothing is listened to and nothing changes.

Live samples come over ZeroMQ (the wire is in ``rtfmri/stream/physio_wire.py``); a replay reads the record's own file, or those of
``files``. The regressors enter the model only where ``signal.nuisance`` has "physiology"; without it the samples are recorded and no more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rtfmri.study.section import Section

ADDRESS = r"^tcp://[A-Za-z0-9*](?:[A-Za-z0-9._-]*[A-Za-z0-9])?:\d{2,5}$"


class Physiology(Section):
    """``cardiac``, ``respiratory`` and ``trigger`` are the names of columns; one that is not there gives nothing."""

    files: tuple[Path, ...] = ()  # BIDS _physio.tsv.gz with their JSON beside them (pulse and breathing may be apart); not of a live run
    address: Annotated[str, Field(pattern=ADDRESS)] | None = "tcp://127.0.0.1:5570"  # None: nothing comes live
    socket: Literal["pull", "sub"] = "pull"  # pull: we bind and the belt's program pushes; sub: it publishes and we connect
    rate_hz: float = Field(default=400.0, ge=20, le=5000)  # of what comes live; a file tells its own
    cardiac: str = "cardiac"  # pulse oximeter
    respiratory: str = "respiratory"  # belt
    trigger: str = "trigger"  # above half its height while the scanner's pulse is on
    cardiac_order: int = Field(default=2, ge=0, le=5)  # Fourier pairs of RETROICOR
    respiratory_order: int = Field(default=2, ge=0, le=5)
    respiration_volume: bool = True  # breath volume per time with the respiration response function
    heart_rate: bool = True  # heart rate with the cardiac response function
    pulses_before: int = Field(default=0, ge=0)  # scanner pulses before the first exported volume's

    @model_validator(mode="after")
    def _gives_something(self) -> Physiology:
        names = [self.cardiac, self.respiratory, self.trigger]
        if len(set(names)) < len(names):
            raise ValueError("cardiac, respiratory and trigger need three different column names")
        if not (self.cardiac_order or self.respiratory_order or self.respiration_volume or self.heart_rate):
            raise ValueError(
                "with both orders 0 and neither respiration_volume nor heart_rate there is no regressor; leave the section out"
            )
        return self
