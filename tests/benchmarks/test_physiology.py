"""Physiology as regressors, on simulated bodies: `make bench ARGS="-k physiology"`. Half a minute of CPU.

Prints the variance that causal columns and an offline, non-causal RETROICOR of the whole run remove; the error and bias of regulation
without and with them, breathing free and locked to the task; and what a volume costs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "signals"))

from physio_truth import BEFORE_S, RATE_HZ, a_body, explained, offline_columns, physiological_signal, stream_columns
from test_signal_physiology_run import AMPLITUDES, a_run, errors

from rtfmri.signals.physiology.plan import PhysioPlan, of_slices
from rtfmri.signals.physiology.stream import add, begin, columns, warm_up

PLAN = PhysioPlan(RATE_HZ, True, True, 2, 2, True, True)
RUNS = 24
BOUND_PERCENT = 0.1  # issue 5: what task-locked breathing may leave


@pytest.mark.parametrize("tr_s", [1.0, 2.0])
@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_physiology_variance_removed(tr_s, noise):
    found, after_s = [], np.arange(6) * 0.15 * tr_s
    for seed in range(6):
        body = a_body(seed, BEFORE_S + 485.0, noise=noise)
        starts_s = BEFORE_S + tr_s * np.arange(int(480 / tr_s))
        signal = physiological_signal(body, starts_s, after_s)
        rows = np.array([reading.columns for reading in stream_columns(PLAN, body, starts_s, after_s, tr_s)])
        found.append((explained(signal, offline_columns(body, starts_s, after_s)), explained(signal, rows)))
    offline, causal = np.mean(found, axis=0)
    print(f"\nTR {tr_s:g} s, sensor noise {noise:g}: variance removed offline {offline:.3f}, causal {causal:.3f}")
    assert causal > offline - 0.03


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("amplitudes", [np.zeros(4), AMPLITUDES], ids=["noise alone", "regulation"])
def test_physiology_and_regulation(locked, amplitudes):
    print(f"\nbreathing {'locked to the task' if locked else 'free'}, true scores {amplitudes} %")
    runs = [a_run(100 + seed, locked, amplitudes) for seed in range(RUNS)]
    for name, place in (("without physiology", 0), ("with physiology", 1)):
        wrong = [errors(run[place], run[2]) for run in runs]
        rms, means = np.sqrt(np.mean(np.concatenate(wrong) ** 2)), [error.mean() for error in wrong]
        print(f"  {name}: RMS error {rms:.3f} %, bias {np.mean(means):+.3f} +- {np.std(means) / RUNS**0.5:.3f} %")
    assert abs(np.mean(means)) < BOUND_PERCENT


def test_physiology_cost():
    warm_up()
    body = a_body(0, 120.0)
    moments = of_slices(tuple(np.arange(20) * 0.05), (5,) * 20)
    state, spent_ms = begin(PLAN), []
    for index in range(100):
        new = slice(int(index * RATE_HZ), int((index + 1) * RATE_HZ))
        began_s = time.thread_time()
        state = add(state, body.pulse[new], body.belt[new])
        if index > 70:
            columns(PLAN, state, index - 1.0, moments)
            spent_ms.append(1e3 * (time.thread_time() - began_s))
    print(f"\na volume's columns, a minute at 400 Hz, 20 slice times: median {np.median(spent_ms):.3f} ms, least {min(spent_ms):.3f} ms")
    assert min(spent_ms) < 0.5
