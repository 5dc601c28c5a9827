"""Compile every kernel with the types of a run, so that the first volume does not wait for it."""

from __future__ import annotations

import numpy as np

from rtfmri.signals import glm
from rtfmri.signals.compare import Model, compare, weighting
from rtfmri.signals.components import learn, project
from rtfmri.signals.measures import decoder
from rtfmri.signals.noise import MINIMUM_DOF, estimate, expectation
from rtfmri.signals.rois import roi_mean
from rtfmri.volume import Array

VOLUMES = 2 * MINIMUM_DOF


def warm_up() -> None:
    """As said above; takes milliseconds where the cache has them."""
    roi_mean(np.ones(2), np.ones(2))
    decoder.project(np.ones(2), np.ones(2))
    tissue: Array = np.arange(24.0, dtype=np.float64).reshape(4, 6) % 7.0
    project(learn(tissue, 2), tissue[0])
    observations = glm.room_for(3, 1, VOLUMES, 2)
    for index in range(VOLUMES):  # a column without anything, so that leaving one out is compiled too
        glm.note(observations, index, np.array([1.0, 0.0, float(index)]), np.array([float(1 + index % 3)]))
        glm.absorb(observations, index)
    active = np.ones(3, dtype=np.bool_)
    fit = glm.solve(observations, active, VOLUMES)
    glm.solve_further(observations, active, VOLUMES, 1, np.ones(3))
    noise = estimate(glm.residuals(observations, fit, VOLUMES)[0], expectation(observations, fit))
    one = np.ones(3)
    nuisance = np.array([False, True, True])
    model = Model(observations, fit, fit.dof, nuisance, slice(3, 3), one, one, np.ones(1), np.ones((1, 1)), np.ones(2), (noise, noise))
    compare(model, weighting(VOLUMES, np.array([2]), np.array([0])))
