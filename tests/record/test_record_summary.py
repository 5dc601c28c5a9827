"""A run in numbers: counts, latencies as numpy has them, motion, scores by block."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_makers import confirmed, enveloped, missing_message, published, run_start, run_stop, volume_message

from rtfmri.messages import Fault, Shown
from rtfmri.record.summary import spread, summarise
from rtfmri.record.versions import cpu_model, versions

FAULT = Fault(code="stalled", severity="warning", text="No volume for 3 s.")


def shown(index):
    return Shown(display="participant", index=index, state="feedback", value=0.1, flip_unix_s=1.0)


MESSAGES = [
    run_start(),
    confirmed(),
    volume_message(0, validity="settling"),
    published(0, 10.0),
    shown(0),
    shown(0),
    shown(None),
    missing_message(1),
    published(1, 1.0),
    FAULT,
    volume_message(6, flagged=True, validity="held", score=0.25, score_se=0.1, score_block=2),
    published(6, 30.0),
    volume_message(7, score=0.3, score_se=0.1, score_block=2),
    run_stop(),
]


def test_counts_are_of_volumes():
    summary = summarise(enveloped(MESSAGES))
    assert (summary.received, summary.missing, summary.published, summary.shown, summary.flagged) == (3, 1, 3, 1, 1)
    assert summary.validity == {"settling": 1, "missing": 1, "held": 1, "ok": 1}
    assert summary.faults == (FAULT,)
    assert summary.stop == run_stop()


def test_motion_and_scores_are_summed_up():
    summary = summarise(enveloped(MESSAGES))
    assert summary.fd_mm is not None
    assert (summary.fd_mm.n, summary.fd_mm.max, summary.above_hold) == (2, 0.7, 2)
    assert [(block.number, block.name, block.score, block.se) for block in summary.blocks] == [(2, "self_compassion", 0.3, 0.1)]


def test_latencies_are_kept_by_stage():
    latency_ms = summarise(enveloped(MESSAGES)).latency_ms
    assert list(latency_ms) == ["decode", "realign", "journal", "publish", "total"]
    assert (latency_ms["decode"].n, latency_ms["total"].n, latency_ms["total"].max) == (3, 3, 30.0)


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=50))
def test_percentiles_are_numpys(values):
    found = spread(values)
    assert found is not None
    assert (found.p50, found.p95) == (np.percentile(values, 50), np.percentile(values, 95))
    assert found.max == max(values)
    assert found.mean == pytest.approx(sum(values) / len(values))


def test_an_empty_run_has_a_summary():
    summary = summarise(())
    assert (summary.received, summary.latency_ms, summary.fd_mm, summary.stop) == (0, {}, None, None)


def test_versions_tell_what_computed_and_not_where(tmp_path):
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"] == np.__version__
    assert found["cpu"]
    assert platform.node() not in {str(value) for value in found.values()}
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert cpu_model(tmp_path / "cpuinfo") == "Some CPU @ 2 GHz"
    assert cpu_model(tmp_path / "absent")
