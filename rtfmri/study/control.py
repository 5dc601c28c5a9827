"""Sham and control conditions: who is shown what is in a sealed file that was made by somebody who does not operate (``rtfmri seal``).

What is refused here is refused for every participant alike, so no sentence of it can tell a condition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from rtfmri.study.section import Section
from rtfmri.study.signal import Signal

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
IN_PERCENT = ("difference", "roi")  # measures that weights of regions stand for
Weights = Annotated[dict[str, float], Field(min_length=1)]


class Control(Section):
    """``consent`` refers to the text with which participants agreed that their feedback may not be their own, and to their debriefing."""

    allocation: Path | None = None  # made by `rtfmri seal`; None: everybody is shown their own values
    blind: bool = True  # nothing in the clear tells the condition until `rtfmri unblind`
    consent: str | None = None
    key: Path | None = None  # that opens the allocation; None: the file that RTFMRI_SEALING_KEY names
    regions: dict[Name, Weights] = Field(default_factory=dict)  # what may be shown instead: {"motor": {"m1_left": 1.0}}

    def misfits(self, roi_names: frozenset[str], tr_s: float | None, signal: Signal) -> list[str]:
        """What the rest of the study lacks for this section, a sentence each."""
        said = [
            f"control.regions.{name}: there is no roi {', '.join(unknown)}; name regions of this study"
            for name, weights in self.regions.items()
            if (unknown := sorted(weights.keys() - roi_names))
        ]
        if self.allocation is not None and not (self.consent or "").strip():
            said.append(
                "control.consent: a sealed allocation may hold yoked sham, so the study must name the consent and debriefing texts "
                "that its participants are given"
            )
        if self.allocation is not None and tr_s is None:
            said.append("acquisition.tr_s: a study with a sealed allocation must give its TR, so that its timing can be checked at arm")
        if self.regions and signal.measure.kind not in IN_PERCENT:
            said.append(f"control.regions: a control combination goes with the measures {' and '.join(IN_PERCENT)} only")
        if self.allocation is not None and signal.range_from != "fixed":
            said.append(
                f"signal.range_from is {signal.range_from}; with a sealed allocation it must be fixed, so that a value means the same "
                "to everybody"
            )
        return said
