"""Which series is the run, and when a volume counts as lost."""

from __future__ import annotations

from pydantic import Field, model_validator

from rtfmri.study.section import Section


class SeriesRule(Section):
    """Which series is the run; what is left out is not asked."""

    protocol: str | None = None  # shell pattern, such as "bold_nf*"
    number: int | None = None
    moco: bool = False  # the scanner's own motion-corrected series instead of the raw one
    echo: int | None = Field(default=None, ge=1, le=32)  # of several; None: the first
    echo_weights: tuple[float, ...] = ()  # of echo 1, 2, ...: their weighted mean is the run

    @model_validator(mode="after")
    def _one_way(self) -> SeriesRule:
        if self.echo_weights and self.echo is not None:
            raise ValueError("give either echo (take that one) or echo_weights (combine them)")
        if self.echo_weights and (min(self.echo_weights) < 0 or sum(self.echo_weights) <= 0):
            raise ValueError("echo_weights must not be negative, nor all zero")
        return self

    @property
    def echoes(self) -> tuple[int, ...]:
        """The numbers of the echoes that are wanted."""
        weighted = tuple(number for number, weight in enumerate(self.echo_weights, start=1) if weight > 0)
        return weighted or (self.echo or 1,)


class Acquisition(Section):
    series: SeriesRule = SeriesRule()
    tr_s: float | None = Field(default=None, gt=0, le=20)  # expected; the first volume confirms it
    dummies: int = Field(default=0, ge=0, le=100)
    missing_after_tr: float = Field(default=0.5, ge=0, le=10)  # given up so long after a later volume is whole
    silence_s: float = Field(default=60.0, gt=0)
