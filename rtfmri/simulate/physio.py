"""The participant's belt and pulse oximeter: what a lab would have recorded beside the scanner, as BIDS, with the scanner's pulses.

The phases are those that disturb the images (``noise.py``), so the regressors made from these traces can take that away. The recording
begins ``BEFORE_S`` before the first volume, at the phases of that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtfmri.paradigm import Block
from rtfmri.record.physio import PhysioRecord, write_physio
from rtfmri.simulate.noise import wandering_rad
from rtfmri.simulate.scenario import Scenario
from rtfmri.volume import Array

NAME = "physio.tsv.gz"
RATE_HZ = 100.0
BEFORE_S = 30.0
PULSE_ON_S = 0.05  # of the scanner, at each volume's start
STEEPNESS = 3.0  # of the pulse wave
NOISE = 0.02


def body(scenario: Scenario, n_volumes: int, blocks: Sequence[Block]) -> PhysioRecord:
    """``cardiac``, ``respiratory`` and ``trigger`` from ``BEFORE_S`` before the first volume to the end of the last."""
    samples = round((BEFORE_S + n_volumes * scenario.tr_s) * RATE_HZ)
    t_s: Array = np.arange(samples, dtype=np.float64) / RATE_HZ - BEFORE_S
    volume = np.clip(np.floor(t_s / scenario.tr_s + 1e-9).astype(np.intp), 0, n_volumes - 1)
    phases = wandering_rad(scenario, n_volumes, blocks)[volume]
    breath = np.sin(2 * np.pi * scenario.noise.respiratory_hz * t_s + phases[:, 0])
    pulse = np.exp(STEEPNESS * (np.sin(2 * np.pi * scenario.noise.cardiac_hz * t_s + phases[:, 1]) - 1))
    trigger = ((t_s > -0.5 / RATE_HZ) & (t_s - volume * scenario.tr_s < PULSE_ON_S)).astype(np.float64)
    sensors = np.random.default_rng([scenario.seed, 9]).standard_normal((2, samples)) * NOISE
    columns = np.round(np.column_stack([pulse + sensors[0], breath + sensors[1], trigger]), 4)
    return PhysioRecord(RATE_HZ, -BEFORE_S, ("cardiac", "respiratory", "trigger"), columns)


def write_body(folder: Path, scenario: Scenario, n_volumes: int, blocks: Sequence[Block]) -> None:
    """``physio.tsv.gz`` and ``physio.json`` in ``folder``; nothing where neither pulse nor breathing disturbs the images.

    Raises
    ------
    OSError : a file cannot be written.
    """
    if scenario.noise.cardiac_percent or scenario.noise.respiratory_percent:
        write_physio(folder / NAME, body(scenario, n_volumes, blocks))
