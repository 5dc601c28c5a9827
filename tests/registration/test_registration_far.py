"""A head found from far away, once."""

from __future__ import annotations

import numpy as np
import pytest
from moved_head import displacement_mm, oblique_grid, volume_of

from rtfmri.registration.far import estimate_far
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Reference, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Grid

GRID = oblique_grid()
_AFFINE = oblique_grid((52, 58, 38), (3.5, 3.5, 3.9)).affine
OTHER = Grid((52, 58, 38), _AFFINE + np.array([[0, 0, 0, 4.0], [0, 0, 0, -6.0], [0, 0, 0, 5.0], [0, 0, 0, 0]]))


@pytest.fixture(scope="module")
def reference() -> Reference:
    still = volume_of(GRID, RigidTransform(), seed=1)
    return prepare(still, GRID, head_mask(still))


def far_off(seed: int, centre_mm: tuple[float, float, float]) -> RigidTransform:
    """20 mm and 20 degrees away, in any direction."""
    rng = np.random.default_rng(seed)
    trans, rot = rng.normal(size=3), rng.normal(size=3)
    trans, rot = 20 * trans / np.linalg.norm(trans), np.radians(20) * rot / np.linalg.norm(rot)
    return RigidTransform((trans[0], trans[1], trans[2]), (rot[0], rot[1], rot[2]), centre_mm)


@pytest.mark.parametrize("gain", [0.1, 40.0])
def test_a_head_20_mm_and_20_degrees_away_is_found_on_another_grid_at_any_gain(reference: Reference, gain: float) -> None:
    for seed in range(2):
        true = far_off(seed, reference.centre_mm)
        found = estimate_far(reference, prefilter(volume_of(OTHER, true, seed=seed) * np.float32(gain)), OTHER)
        assert found.converged
        assert displacement_mm(GRID, found.transform.matrix, true.matrix) < 0.05


def test_a_flatter_contrast_is_found_within_a_millimetre_and_told_as_uncertain(reference: Reference) -> None:
    true = far_off(4, reference.centre_mm)
    image = 2700 * (volume_of(OTHER, true, seed=4) / 1000) ** 0.7
    found = estimate_far(reference, prefilter(image.astype(np.float32)), OTHER)
    error = displacement_mm(GRID, found.transform.matrix, true.matrix)
    assert error < 1.0
    assert found.uncertainty_mm > error / 4


@pytest.mark.parametrize("dead", [np.zeros(OTHER.shape, dtype=np.float32), np.full(OTHER.shape, 700.0, dtype=np.float32)])
def test_an_image_without_a_head_is_not_converged_or_uncertain(reference: Reference, dead: np.ndarray) -> None:
    found = estimate_far(reference, prefilter(dead), OTHER)
    assert not found.converged or found.uncertainty_mm > 0.1
