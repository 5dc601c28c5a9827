"""Heads whose place in MNI space is known at every voxel: an EPI of MNI152 tissue seen through a known warp, pose and distortion.

The truth is a pull: at scanner position x (RAS+ mm) the EPI shows the tissue that lies at ``mni(x)`` in MNI space ::

    mni(x) = h + warp(h)    h = scale . R^-1 (x + shift(x) e - t)

with e the phase-encoding axis (the array's second), ``shift`` the distortion in mm, ``warp`` a smooth random field. Signal is sampled at
2 x 2 x 2 points a voxel, piled up by the distortion's Jacobian, lost above sinuses and ear canals, weighted by a receive field and made
noisy. Nothing of ``rtfmri.preparation`` is used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from nilearn import datasets
from scipy import ndimage

from rtfmri.rigid import rotation_matrix
from rtfmri.volume import Array, Grid, Image

SPHERES = {"tpj": (60.0, -40.0, 22.0), "dlpfc": (42.0, 36.0, 28.0)}
SIGNAL = {"grey": 1.0, "white": 0.78, "fluid": 1.45, "scalp": 0.35, "skull": 0.05}
SUSCEPTIBLE = (((0, 40, -18), (20, 18, 14), 1.0), ((50, -24, -24), (14, 15, 12), -0.7), ((-50, -24, -24), (14, 15, 12), -0.7))
LOST = (((0, 38, -20), (15, 13, 10), 0.9), ((52, -22, -26), (10, 12, 9), 0.75), ((-52, -22, -26), (10, 12, 9), 0.75))
STEP_MM = 4.0  # of the grids that random fields are drawn on
REACH_MM = 140.0


@dataclass(frozen=True)
class Person:
    """How one head differs from MNI152, how it lies, and how the EPI distorts it."""

    seed: int
    scale: tuple[float, float, float] = (0.95, 0.95, 0.95)  # the head's size over MNI's
    rot_deg: tuple[float, float, float] = (5.0, 0.0, 0.0)
    trans_mm: tuple[float, float, float] = (1.0, -3.0, 2.0)
    warp_mm: float = 2.5  # root mean square
    distortion_mm: float = 6.0  # at its worst place
    tilt_deg: float = 0.0
    flipped: bool = True  # dcm2niix's order for Siemens: x runs to the left


PEOPLE = (
    Person(11),
    Person(12, scale=(0.90, 0.93, 0.97), rot_deg=(12.0, 3.0, -4.0), trans_mm=(-4.0, 6.0, 5.0), distortion_mm=-5.0, tilt_deg=15.0),
    Person(13, scale=(1.03, 0.99, 0.96), rot_deg=(-8.0, -4.0, 6.0), trans_mm=(5.0, 0.0, -6.0), distortion_mm=8.0, flipped=False),
    Person(14, scale=(0.93, 0.88, 0.92), rot_deg=(3.0, 6.0, 8.0), trans_mm=(0.0, -8.0, 3.0), warp_mm=3.0, tilt_deg=-10.0),
    Person(15, scale=(0.98, 1.02, 0.93), rot_deg=(8.0, -2.0, -7.0), trans_mm=(3.0, 4.0, 0.0), warp_mm=2.0, distortion_mm=-8.0),
)


@dataclass(frozen=True, eq=False)
class KnownHead:
    """``epi`` float32 (X, Y, Z); ``mni_mm`` (X, Y, Z, 3), where each voxel centre lies in MNI; ``brain`` is the true mask."""

    person: Person
    epi: Image
    grid: Grid
    mni_mm: Array
    brain: np.ndarray
    t1: Image | None = None
    t1_grid: Grid | None = None

    def sphere(self, centre_mm: tuple[float, float, float], radius_mm: float = 8.0) -> np.ndarray:
        """(X, Y, Z) bool: voxels of which at least half lies in the sphere, by 4 x 4 x 4 points a voxel."""
        inside = np.zeros(self.grid.shape)
        offsets = (np.arange(4) + 0.5) / 4 - 0.5
        near = np.argwhere(np.linalg.norm(self.mni_mm - centre_mm, axis=3) < radius_mm + 2 * max(self.grid.voxel_size_mm))
        for dx in offsets:
            for dy in offsets:
                for dz in offsets:
                    at = _mni(self.person, _world(self.grid, near + np.array([dx, dy, dz])), _axis(self.grid))
                    inside[tuple(near.T)] += np.linalg.norm(at - centre_mm, axis=1) < radius_mm
        return inside >= 32


def known_head(
    person: Person, shape: tuple[int, int, int] = (64, 64, 36), voxel_mm: tuple[float, float, float] = (3.5, 3.5, 3.5)
) -> KnownHead:
    """An EPI of ``person`` and its truth."""
    grid = Grid(shape, _affine(person, shape, voxel_mm))
    index = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3).astype(float)
    signal = np.zeros(len(index))
    brain = np.zeros(len(index))
    tissue, inside, _, affine = _object(person.seed)
    for offset in np.argwhere(np.ones((2, 2, 2))) / 2 - 0.25:
        world = _world(grid, index + offset)
        at = _mni(person, world, _axis(grid))
        pile_up = _jacobian(person, world, _axis(grid))
        signal += _sampled(tissue, affine, at) * pile_up / 8
        brain += _sampled(inside, affine, at) / 8
    signal = signal.reshape(shape) * _field(grid, index).reshape(shape)
    rng = np.random.default_rng([person.seed, 3])
    signal = 900.0 * np.hypot(signal + 0.012 * rng.standard_normal(shape), 0.012 * rng.standard_normal(shape))
    mni_mm = _mni(person, _world(grid, index), _axis(grid)).reshape(*shape, 3)
    return KnownHead(person, np.ascontiguousarray(signal, dtype=np.float32), grid, mni_mm, brain.reshape(shape) > 0.5)


def with_t1(head: KnownHead, voxel_mm: float = 1.5) -> KnownHead:
    """The same person with an undistorted T1 of 1 - 2 mm, in the same scanner space."""
    shape = tuple(int(n / voxel_mm) for n in (180, 230, 210))
    affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + np.array(head.person.trans_mm)
    grid = Grid((shape[0], shape[1], shape[2]), affine)
    world = _world(grid, np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3).astype(float))
    _, _, t1, template = _object(head.person.seed)
    image = _sampled(t1, template, _undistorted(head.person, world)).reshape(shape)
    rng = np.random.default_rng([head.person.seed, 4])
    noisy = 500.0 * np.hypot(image + 0.02 * rng.standard_normal(shape), 0.02 * rng.standard_normal(shape))
    return KnownHead(**{**head.__dict__, "t1": noisy.astype(np.float32), "t1_grid": grid})


@cache
def _object(seed: int) -> tuple[Image, Image, Image, Array]:
    """EPI-like signal, brain and T1-like signal (X, Y, Z) in MNI space at 2 mm, and the affine."""
    grey, white, brain = (
        np.asarray(load(resolution=2).dataobj, dtype=np.float32)
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template, datasets.load_mni152_brain_mask)
    )
    affine = np.asarray(datasets.load_mni152_brain_mask(resolution=2).affine, dtype=float)
    soft = ndimage.gaussian_filter(brain, 0.5)
    sharp = (np.stack([grey, white, np.clip(1 - grey - white, 0, 1)]) * soft) ** 3
    parts = sharp / (sharp.sum(axis=0) + 1e-6) * soft
    rng = np.random.default_rng([seed, 1])
    outside_mm = ndimage.distance_transform_edt(brain < 0.5) * 2
    scalp = ndimage.gaussian_filter(((outside_mm > 7) & (outside_mm < 13)).astype(np.float32), 0.6)
    skull = ((outside_mm > 0) & (outside_mm <= 7)).astype(np.float32)
    epi = SIGNAL["grey"] * parts[0] + SIGNAL["white"] * parts[1] + SIGNAL["fluid"] * parts[2]
    texture = ndimage.gaussian_filter(rng.standard_normal(brain.shape), 1.2)
    epi = epi * (1 + 0.06 * texture / texture.std()) + (SIGNAL["scalp"] * scalp + SIGNAL["skull"] * skull) * (1 - soft)
    for centre, width, lost in LOST:
        epi *= 1 - lost * _bump(_grid_mm(brain.shape, affine), centre, width).reshape(brain.shape)
    t1 = 0.6 * parts[0] + 1.0 * parts[1] + 0.2 * parts[2] + (0.9 * scalp + 0.1 * skull) * (1 - soft)
    return epi.astype(np.float32), soft, t1.astype(np.float32), affine


def _mni(person: Person, world: Array, axis: Array) -> Array:
    return _undistorted(person, world + _shift(person, world)[:, None] * axis)


def _undistorted(person: Person, world: Array) -> Array:
    rotation = rotation_matrix(tuple(np.deg2rad(person.rot_deg)))
    head = (world - np.array(person.trans_mm)) @ rotation / np.array(person.scale)
    head = head + np.array([0.0, -18.0, 8.0])  # the scanner's isocentre lies in the brain's middle
    return head + _warp(person.seed, head, person.warp_mm)


def _warp(seed: int, at: Array, rms_mm: float) -> Array:
    return np.stack(
        [_random_field(seed, 10 + k, 20.0, at) * rms_mm + _random_field(seed, 20 + k, 10.0, at) * 0.25 * rms_mm for k in range(3)], axis=1
    )


def _shift(person: Person, world: Array) -> Array:
    """Distortion along the phase-encoding axis (mm): steep above sinuses and ear canals, a little everywhere."""
    near = world - np.array(person.trans_mm) + np.array([0.0, -18.0, 8.0])
    local = sum(strength * _bump(near, centre, width) for centre, width, strength in SUSCEPTIBLE)
    return np.asarray(person.distortion_mm * (local + 0.12 * _random_field(person.seed, 30, 24.0, near)))


def _jacobian(person: Person, world: Array, axis: Array) -> Array:
    return np.clip(1 + (_shift(person, world + axis) - _shift(person, world - axis)) / 2, 0.2, 2.5)


def _random_field(seed: int, purpose: int, sigma_mm: float, at: Array) -> Array:
    """Smooth field of unit standard deviation at points ``at`` (N, 3)."""
    points = (at + REACH_MM) / STEP_MM
    return ndimage.map_coordinates(_drawn(seed, purpose, sigma_mm), points.T, order=1, mode="nearest")


@cache
def _drawn(seed: int, purpose: int, sigma_mm: float) -> Array:
    n = int(2 * REACH_MM / STEP_MM) + 1
    field = ndimage.gaussian_filter(np.random.default_rng([seed, purpose]).standard_normal((n, n, n)), sigma_mm / STEP_MM)
    return field / field.std()


def _bump(at: Array, centre: tuple[float, ...], width: tuple[float, ...]) -> Array:
    return np.exp(-0.5 * (((at - np.array(centre)) / np.array(width)) ** 2).sum(axis=-1))


def _field(grid: Grid, index: Array) -> Array:
    world = _world(grid, index)
    coils = [(130 * np.cos(a), 130 * np.sin(a), 30 * (-1) ** k) for k, a in enumerate(np.linspace(0, 2 * np.pi, 8, endpoint=False))]
    total = sum(1 / (1 + ((world - coil) ** 2).sum(axis=1) / 90.0**2) ** 2 for coil in coils)
    return np.sqrt(total / (8 / (1 + 130**2 / 90.0**2) ** 2))


def _sampled(image: Image, affine: Array, at: Array) -> Array:
    points = (at - affine[:3, 3]) / np.diag(affine)[:3]
    return ndimage.map_coordinates(image, points.T, order=1, mode="constant")


def _affine(person: Person, shape: tuple[int, int, int], voxel_mm: tuple[float, float, float]) -> Array:
    tilt = rotation_matrix((np.deg2rad(person.tilt_deg), 0.0, 0.0))
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag([-1.0 if person.flipped else 1.0, 1.0, 1.0]) * voxel_mm
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def _axis(grid: Grid) -> Array:
    return grid.affine[:3, 1] / np.linalg.norm(grid.affine[:3, 1])


def _world(grid: Grid, index: Array) -> Array:
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def _grid_mm(shape: tuple[int, ...], affine: Array) -> Array:
    return np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3) * np.diag(affine)[:3] + affine[:3, 3]
