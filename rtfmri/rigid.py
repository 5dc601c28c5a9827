"""The rigid transform: six parameters <-> 4x4 matrix, compose, invert.

Conventions. RAS+ millimetres. A transform maps **reference -> moving** (pull): the tissue that lies at x in the reference lies at
T(x) in the moving volume, so moving(T(x)) == reference(x). Parameters: translation ``trans_mm`` (x, y, z) and rotation ``rot_rad``
(x, y, z) about ``centre_mm`` (the centroid of the reference's brain mask)::

    T(x) = R (x - c) + c + t        R = Rx(rot_x) . Ry(rot_y) . Rz(rot_z)

each a right-handed rotation about its axis. Right-handed: a positive rot_z turns +x towards +y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rtfmri.volume import Array


@dataclass(frozen=True)
class RigidTransform:
    """Six parameters about a centre; see the head of this file."""

    trans_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rot_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def matrix(self) -> Array:
        """The 4x4 that maps reference RAS+ mm to moving RAS+ mm."""
        rotation = rotation_matrix(self.rot_rad)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        for row in range(3):  # written out: no BLAS on the value path
            turned = sum(rotation[row, col] * self.centre_mm[col] for col in range(3))
            matrix[row, 3] = self.centre_mm[row] + self.trans_mm[row] - turned
        return matrix

    @staticmethod
    def from_matrix(matrix: Array, centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> RigidTransform:
        """The six parameters of a rigid 4x4 about ``centre_mm``.

        Raises
        ------
        ValueError : the 3x3 part is no rotation.
        """
        rotation = np.asarray(matrix, dtype=float)[:3, :3]
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(rotation) < 0:
            raise ValueError("the matrix is not rigid: its 3x3 part is no rotation")
        rot_y = math.asin(min(1.0, max(-1.0, rotation[0, 2])))
        rot_x = math.atan2(-rotation[1, 2], rotation[2, 2])
        rot_z = math.atan2(-rotation[0, 1], rotation[0, 0])
        centre = np.array(centre_mm)
        trans = matrix[:3, 3] + rotation @ centre - centre
        return RigidTransform((float(trans[0]), float(trans[1]), float(trans[2])), (rot_x, rot_y, rot_z), centre_mm)

    def inverse(self) -> RigidTransform:
        """Moving -> reference, about the same centre."""
        return RigidTransform.from_matrix(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64), self.centre_mm)

    def after(self, first: RigidTransform) -> RigidTransform:
        """The transform that applies ``first``, then this one; about the centre of ``first``."""
        a, b = self.matrix, first.matrix  # written out: no BLAS on the value path
        matrix = np.array([[sum(a[i, k] * b[k, j] for k in range(4)) for j in range(4)] for i in range(4)])
        return RigidTransform.from_matrix(matrix, first.centre_mm)


def rotation_matrix(rot_rad: tuple[float, float, float]) -> Array:
    """R = Rx . Ry . Rz of three right-handed rotations, written out."""
    (sx, sy, sz), (cx, cy, cz) = (tuple(f(a) for a in rot_rad) for f in (math.sin, math.cos))
    return np.array(
        [
            [cy * cz, -cy * sz, sy],
            [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
            [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
        ]
    )
