"""Figures: axes that hold their values, round marks, spans by volume, SVG that is the same each time."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.record.report.figures import Chart, Level, Line, Panel, Row, Shade, Strip, clock, limits, marks, spans_of, time_marks
from rtfmri.record.report.svg import draw

numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 6))


def a_line(values, se=None, **fields):
    return Line("a", np.arange(len(values), dtype=float), np.array(values, dtype=float), se, **fields)


@given(st.lists(numbers, min_size=1, max_size=30), st.booleans(), st.floats(0, 10))
def test_an_axis_holds_all_its_values_and_levels(values, zero, least):
    panel = Panel("p", (a_line(values),), (Level(3.0, "l"),), zero=zero, least=least)
    low, high = limits(panel)
    assert low <= min(values) <= max(values) <= high
    assert low <= 3.0 <= high
    assert high - low >= least


@given(numbers, st.floats(1e-3, 1e4))
def test_marks_are_few_round_and_within_the_axis(low, span):
    found = marks(low, low + span)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in found)


def test_wide_errors_do_not_press_the_values_flat():
    low, high = limits(Panel("p", (a_line([0.0, 1.0, 0.5], np.array([50.0, 0.1, 0.1])),)))
    assert high - low < 3.0


@given(st.lists(st.booleans(), max_size=40))
def test_spans_cover_the_volumes_that_are_so_and_no_others(held):
    tr_s = 0.8
    spans = spans_of(np.array(held, dtype=bool), range(len(held)), tr_s)
    inside = [any(start <= (n + 0.5) * tr_s < end for start, end in spans) for n in range(len(held))]
    assert inside == held


def test_clock_times_read_as_minutes_and_seconds():
    assert [clock(s) for s in (0, 65, 3725, -5)] == ["0:00", "1:05", "1:02:05", "−0:05"]
    assert len(time_marks(1200.0)) <= 13


@pytest.mark.parametrize("kind", ["line", "steps", "points"])
def test_a_drawing_is_well_formed_has_words_and_never_a_nan(kind):
    values = [np.nan, 1.0, 2.0, np.nan, 3.0, np.nan]
    line = a_line(values, np.full(6, 0.1), kind=kind)
    strip = Strip("s", (Row("held & co", ((0.0, 1.0),)),))
    chart = Chart("k", "Title <1>", "Words", (Panel("p", (line,)), strip, Panel("empty", ())), (Shade(1, 4, "block", True),), end=6.0)
    drawn = draw(chart)
    root = ElementTree.fromstring(drawn)
    assert root.attrib["aria-labelledby"] == "k-t k-d"
    assert "nan" not in drawn
    assert "held &amp; co" in drawn
    assert drawn == draw(chart)
