"""Breathing that goes with the task: in a regulation block it may become slower, and the blood then carries more carbon dioxide.

Slower breathing changes the rhythm of what breathing does to images and head. The gas dilates vessels everywhere: a slow rise of the whole
brain's signal, shaped like a response that comes ``LATE_S`` after the block's own (Birn et al. 2008, NeuroImage 40:644-654), of another
size in every block and, by ``UNEVEN``, in every place. It is no regulation, and nothing of it is in the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rtfmri.paradigm import Block, volumes_of
from rtfmri.simulate.response import region_response
from rtfmri.simulate.scenario import Scenario
from rtfmri.volume import Array

LATE_S = 4.0
DEPTH_SD = 0.3  # by which blocks differ
UNEVEN = 0.2  # by which places differ


def slowed_rad(scenario: Scenario, blocks: Sequence[Block], n_volumes: int) -> Array:
    """(N,) how far the phase of breathing is ahead of one that keeps its rate; zero where breathing does not follow the task."""
    slow_hz = scenario.noise.task_respiratory_hz
    if slow_hz is None:
        return np.zeros(n_volumes)
    apart_hz = slow_hz - scenario.noise.respiratory_hz
    phase: Array = 2 * np.pi * apart_hz * scenario.tr_s * np.cumsum(regulating(blocks, n_volumes, scenario.tr_s))
    return phase


def dilation_percent(scenario: Scenario, blocks: Sequence[Block], n_volumes: int) -> Array:
    """(N,) by how much the whole brain is brighter because of slow breathing in the blocks."""
    late = [replace(block, onset_s=block.onset_s + LATE_S) for block in blocks]
    n_regulate = sum(block.role == "regulate" for block in blocks)
    depths = 1 + DEPTH_SD * np.random.default_rng([scenario.seed, 7]).standard_normal(n_regulate)
    return region_response(late, tuple(scenario.noise.task_breathing_percent * depths), n_volumes, scenario.tr_s)


def regulating(blocks: Sequence[Block], n_volumes: int, tr_s: float) -> Array:
    """(N,) 1 in the volumes of regulation blocks, else 0."""
    inside = np.zeros(n_volumes)
    for block in blocks:
        if block.role == "regulate":
            own = volumes_of(block, tr_s)
            inside[own.start : own.stop] = 1.0
    return inside
