"""Rendered runs that more than one benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rtfmri.simulate.__main__ import main as write_masks
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario

HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class LongRun:
    """A rendered run and the study file that it is measured with."""

    study: Path
    rendering: Rendering


def render_run(size: str, folder: Path) -> LongRun:
    """Study and scenario of this size beside each other, the regions' masks beside them."""
    for name in ("study", "scenario"):
        text = (HERE / f"latency_{name}_{size}.toml").read_text(encoding="utf-8")
        (folder / f"latency_{name}.toml").write_text(text, encoding="utf-8")
    assert write_masks([str(folder / "latency_scenario.toml"), str(folder)]) == 0
    rendering = render(load_scenario(folder / "latency_scenario.toml"), folder / "scanner")
    return LongRun(folder / "latency_study.toml", rendering)
