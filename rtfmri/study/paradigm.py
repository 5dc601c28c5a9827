"""The blocks of a run, in seconds."""

from __future__ import annotations

from pydantic import Field

from rtfmri.study.section import Section

NOT_A_TASK = ("wait", "show", "rate")


class CycleBlock(Section):
    block: str = Field(min_length=1)
    s: float = Field(gt=0)


class ParadigmRule(Section):
    cycle: tuple[CycleBlock, ...] = Field(min_length=1)
    repeat: int = Field(default=1, ge=1)
    final_rest_s: float = Field(default=0.0, ge=0)
    rest: tuple[str, ...] = ("rest",)
    regulate: tuple[str, ...] | None = None  # None: every block that is neither rest nor wait, show, rate

    def role(self, name: str) -> str:
        if name in self.rest:
            return "rest"
        regulates = name not in NOT_A_TASK if self.regulate is None else name in self.regulate
        return "regulate" if regulates else "other"

    def parts(self) -> list[tuple[str, float, str]]:
        """(name, duration_s, role) of every block after the dummies."""
        cycle = [(part.block, part.s, self.role(part.block)) for part in self.cycle]
        final = [(self.rest[0], self.final_rest_s, "rest")] if self.final_rest_s > 0 else []
        return cycle * self.repeat + final
