"""Where voxels lie after a motion."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from moved_head import oblique_grid

from rtfmri.registration.geometry import transform_points
from rtfmri.rigid import RigidTransform

triples = st.tuples(*[st.floats(-1, 1)] * 3)


@given(trans=triples, rot=triples, centre=triples)
def test_points_go_through_millimetres_from_one_grid_to_the_other(trans: tuple, rot: tuple, centre: tuple) -> None:
    reference, moving = oblique_grid(), oblique_grid((40, 44, 20), (3.0, 3.4, 5.0))
    transform = RigidTransform(tuple(10 * t for t in trans), rot, tuple(20 * c for c in centre))
    voxels = np.random.default_rng(0).integers(0, 30, (20, 3))
    whole = np.linalg.inv(moving.affine) @ transform.matrix @ reference.affine
    oracle = voxels @ whole[:3, :3].T + whole[:3, 3]
    np.testing.assert_allclose(transform_points(reference, transform, moving, voxels), oracle, atol=1e-9)


def test_no_motion_on_one_grid_leaves_voxels_where_they_are() -> None:
    voxels = np.array([[0, 0, 0], [5, 7, 3]])
    np.testing.assert_allclose(transform_points(oblique_grid(), RigidTransform(), oblique_grid(), voxels), voxels, atol=1e-12)
