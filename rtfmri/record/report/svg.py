"""A chart as SVG: lines, text as text, colours by the page's style. The same chart gives the same bytes.

Sizes in the drawing's own units, of which the page shows ``WIDTH`` over its whole width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from rtfmri.record.report.figures import Chart, Line, Panel, Shade, Strip, clock, limits, marks, time_marks
from rtfmri.record.report.style import SERIES
from rtfmri.volume import Array

WIDTH, LEFT, RIGHT = 960, 76, 20
HEAD, FOOT = 20, 34
TITLE = 22  # above each panel
ROW = 15  # of a strip
MANY = 500  # points of a line that is drawn thin
LETTER = 7.0  # about how wide one is


@dataclass(frozen=True)
class Axis:
    """From values to the drawing's units."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    def all_at(self, values: Array) -> Array:
        return self.first + (values - self.low) / (self.high - self.low) * (self.last - self.first)


def draw(chart: Chart) -> str:
    """The chart as an ``svg`` element with its title and description."""
    across = Axis(0.0, max(chart.end, 1e-6), LEFT, WIDTH - RIGHT)
    y, body = float(HEAD if chart.blocks else 4), []
    top = y
    for part in chart.parts:
        drawn, height = _panel(part, across, y) if isinstance(part, Panel) else _strip(part, across, y)
        body.append(drawn)
        y += height
    shades = "".join(_shade(block, across, top, y) for block in chart.blocks)
    names = f"{chart.key}-t {chart.key}-d"
    return (
        f'<svg viewBox="0 0 {WIDTH} {y + FOOT:.0f}" role="img" aria-labelledby="{names}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{chart.key}-t">{escape(chart.title)}</title><desc id="{chart.key}-d">{escape(chart.words)}</desc>'
        f"{shades}{''.join(body)}{_time_axis(chart, across, y)}</svg>"
    )


def _shade(block: Shade, across: Axis, top: float, bottom: float) -> str:
    start, end = across.at(block.start), across.at(block.end)
    area = f'<rect class="sh" x="{start:.1f}" y="{top:.1f}" width="{end - start:.1f}" height="{bottom - top:.1f}"/>' if block.shaded else ""
    fits = len(block.name) * LETTER < end - start - 4
    return area + (_text((start + end) / 2, top - 6, block.name, "m f") if fits else "")


def _time_axis(chart: Chart, across: Axis, y: float) -> str:
    parts = [f'<path class="ax" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>']
    for second in time_marks(chart.end):
        x = across.at(second)
        parts.append(f'<path class="ax" d="M{x:.1f} {y:.1f}v4"/>{_text(x, y + 16, clock(second), "m")}')
    return "".join(parts) + _text(WIDTH - RIGHT, y + 30, chart.x_label, "e f")


def _panel(panel: Panel, across: Axis, y: float) -> tuple[str, float]:
    top, bottom = y + TITLE, y + TITLE + panel.height
    low, high = limits(panel)
    up = Axis(low, high, bottom, top)
    parts = [_text(LEFT, y + 15, panel.name, "t"), _legend(panel, y + 15)]
    for value in marks(low, high, max(3, panel.height // 36)):
        at = up.at(value)
        parts.append(
            f'<path class="gr" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>{_text(LEFT - 6, at + 4, f"{value:g}".replace("-", "−"), "e")}'
        )
    for level in panel.levels:
        at = up.at(level.y)
        parts.append(f'<path class="lv" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
    parts += [_band(line, across, up) for line in panel.lines if line.se is not None and line.kind != "points"]
    parts += [_line(line, across, up) for line in panel.lines]
    parts += [_text(WIDTH - RIGHT - 2, up.at(level.y) - 3, level.name, "e f over") for level in panel.levels]
    parts.append(f'<path class="ax" d="M{LEFT} {top:.1f}V{bottom:.1f}"/>')
    return "".join(parts), TITLE + panel.height + 8


def _legend(panel: Panel, y: float) -> str:
    """To the right of the panel's title, each name behind a piece of its line."""
    named = [line for line in panel.lines if line.name]
    parts, x = [], WIDTH - RIGHT - sum(34 + LETTER * len(line.name) for line in named)
    for line in named if len(panel.lines) > 1 else []:
        style = line.style % SERIES
        sample = f'<circle class="p{style}" cx="{x + 11:.1f}" cy="{y - 4:.1f}" r="3"/>'
        if line.kind != "points":
            sample = f'<path class="ln l{style}" d="M{x:.1f} {y - 4:.1f}h22"/>'
        parts.append(sample + _text(x + 26, y, line.name))
        x += 34 + LETTER * len(line.name)
    return "".join(parts)


def _line(line: Line, across: Axis, up: Axis) -> str:
    style = line.style % SERIES
    if line.kind == "points":
        return "".join(_points(line, across, up))
    x, y = across.all_at(line.x), np.clip(up.all_at(line.y), up.last, up.first)
    parts = []
    for stretch in _stretches(line.y):
        xs, ys = x[stretch], y[stretch]
        if line.kind == "steps":
            xs, ys = np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1]
        parts.append(_path(xs, ys) if len(xs) > 1 else f"M{xs[0] - 1:.1f} {ys[0]:.1f}h2")
    thin = " thin" if len(line.x) > MANY else ""
    return f'<path class="ln l{style}{thin}" d="{"".join(parts)}"/>' if parts else ""


def _points(line: Line, across: Axis, up: Axis) -> Iterator[str]:
    style = line.style % SERIES
    errors = np.full(len(line.y), np.nan) if line.se is None else line.se
    for x, y, se in zip(line.x, line.y, errors, strict=True):
        if y == y:
            at = across.at(float(x))
            if se == se:
                ends = np.clip([up.at(float(y + se)), up.at(float(y - se))], up.last, up.first)
                yield f'<path class="bar l{style}" style="stroke-dasharray:none" d="M{at:.1f} {ends[0]:.1f}V{ends[1]:.1f}"/>'
            yield f'<circle class="p{style}" cx="{at:.1f}" cy="{up.at(float(y)):.1f}" r="3.2"/>'


def _band(line: Line, across: Axis, up: Axis) -> str:
    if line.se is None:
        return ""
    x, parts = across.all_at(line.x), []
    above, below = (np.clip(up.all_at(line.y + sign * line.se), up.last, up.first) for sign in (1, -1))
    for stretch in _stretches(line.y + line.se):
        parts.append(_path(np.r_[x[stretch], x[stretch][::-1]], np.r_[above[stretch], below[stretch][::-1]]) + "Z")
    return f'<path class="bd b{line.style % SERIES}" d="{"".join(parts)}"/>' if parts else ""


def _path(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _stretches(values: Array) -> Iterator[slice]:
    """Where ``values`` (N,) are known without a gap."""
    known: npt.NDArray[np.int8] = np.isfinite(values).astype(np.int8)
    turns = np.flatnonzero(np.diff(np.r_[np.int8(0), known, np.int8(0)]))
    for start, stop in turns.reshape(-1, 2).tolist():
        yield slice(start, stop)


def _strip(strip: Strip, across: Axis, y: float) -> tuple[str, float]:
    parts: list[str] = [_text(LEFT, y + 15, strip.name, "t")]
    top = y + TITLE
    for number, row in enumerate(strip.rows):
        at = top + number * ROW
        parts.append(_text(LEFT - 6, at + 10, row.name, "e"))
        parts.append(f'<path class="gr" d="M{LEFT} {at + ROW - 1:.1f}H{WIDTH - RIGHT}"/>')
        parts += [_span(span, across, at, row.style) for span in row.spans]
    return "".join(parts), TITLE + ROW * len(strip.rows) + 8


def _span(span: Sequence[float], across: Axis, y: float, style: int) -> str:
    start, end = across.at(span[0]), across.at(span[1])
    return f'<rect class="p{style % SERIES}" x="{start:.1f}" y="{y + 2:.1f}" width="{max(end - start, 1.2):.1f}" height="{ROW - 5}"/>'


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{classes}>{escape(text)}</text>'
