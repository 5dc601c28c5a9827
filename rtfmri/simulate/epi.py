"""The measurement: a continuous object in some position -> what an EPI sequence would see of it, without noise.

The object is evaluated in *scanner* space on a grid several times finer than the EPI's, weighted there by a receive field that stays
with the scanner, summed over each slice's Gaussian profile (FWHM = slice thickness), and cut to the EPI's matrix in k-space. So a moved
head is measured anew; nothing is interpolated from an EPI. Storage order is that of ``rtfmri/volume.py``: x runs to the left of the
patient, y to the front, z along the slice normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from rtfmri.kernels import kernel
from rtfmri.simulate.scenario import Scenario
from rtfmri.volume import Array, Grid, Image

Where = npt.NDArray[np.bool_]

FINE_MM = 2.0  # in-plane spacing of the fine grid, at most
FINE_SLICE_MM = 1.8  # about
FAINT = 1e-4  # of the strongest coefficient: counts as air
COILS = 8
COIL_RADIUS_MM, COIL_REACH_MM = 150.0, 95.0


@dataclass(frozen=True, eq=False)
class Epi:
    """The sequence's grid, and the finer one that it measures on."""

    grid: Grid
    factor: tuple[int, int]  # fine samples per voxel in plane
    profile: Image  # weights over the fine samples of three slices
    fine_affine: Array  # fine index -> RAS+ mm
    field: Image  # receive field on the fine grid


def make_epi(scenario: Scenario) -> Epi:
    """Grid, slice profile and receive field of the scenario's sequence."""
    grid = Grid(scenario.shape, _affine(scenario))
    vx, vy, vz = scenario.voxel_size_mm
    factor = (int(np.ceil(vx / FINE_MM)), int(np.ceil(vy / FINE_MM)))
    per_slice = max(2, round(vz / FINE_SLICE_MM))
    at = (np.arange(3 * per_slice) + 0.5) / per_slice - 1.5  # in slices, from the slice's centre
    profile = np.exp(-4 * np.log(2) * at**2)
    to_voxel = np.diag([1 / factor[0], 1 / factor[1], 1 / per_slice, 1.0])
    to_voxel[2, 3] = 0.5 / per_slice - 1.5  # the fine grid starts one slice before the first
    fine_affine = grid.affine @ to_voxel
    fine_shape = (scenario.shape[0] * factor[0], scenario.shape[1] * factor[1], (scenario.shape[2] + 2) * per_slice)
    return Epi(grid, factor, (profile / profile.sum()).astype(np.float32), fine_affine, _receive_field(fine_shape, fine_affine))


def _affine(scenario: Scenario) -> Array:
    """Voxel index -> RAS+ mm; the middle of the grid lies in the isocentre."""
    tilt = np.deg2rad(scenario.tilt_deg)
    cos, sin = np.cos(tilt), np.sin(tilt)
    axes = np.array([[-1, 0, 0], [0, cos, -sin], [0, sin, cos]]) * scenario.voxel_size_mm
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(scenario.shape) - 1) / 2)
    return affine


def _receive_field(shape: tuple[int, int, int], affine: Array) -> Image:
    """Root of the sum of squares of a ring of coils: brighter towards the outside, not symmetric; about 1 in the centre."""
    index = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    x, y, z = (sum(np.float32(affine[a, b]) * index[b] for b in range(3)) + np.float32(affine[a, 3]) for a in range(3))
    total, centre = np.zeros(shape, np.float32), 0.0
    for coil, angle in enumerate(np.linspace(0, 2 * np.pi, COILS, endpoint=False)):
        cx, cy, cz = COIL_RADIUS_MM * np.cos(angle), COIL_RADIUS_MM * np.sin(angle), 40.0 * (-1) ** coil + 15.0
        strength = 1 + 0.15 * np.cos(2 * angle + 0.7)
        scale = -1 / (2 * COIL_REACH_MM**2)
        total += strength * np.exp(2 * scale * ((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2))
        centre += strength * np.exp(2 * scale * (cx**2 + cy**2 + cz**2))
    return np.ascontiguousarray(np.sqrt(total / centre), dtype=np.float32)


def occupied(coefficients: Image) -> Where:
    """(X, Y, Z) bool: where a spline evaluation could find more than nothing, so that air costs no time."""
    size = np.abs(coefficients)
    found: Where = ndimage.maximum_filter(size, size=5) > FAINT * size.max()
    return found


def measure(coefficients: Image, where: Where, to_scanner: Array, moved: Array, epi: Epi) -> Image:
    """What the scanner sees of an object, float32 (X, Y, Z), signed.

    Parameters
    ----------
    coefficients : (X, Y, Z) cubic B-spline of the object; ``where`` is its ``occupied``.
    to_scanner : 4x4, object index -> RAS+ mm at the reference position.
    moved : 4x4 rigid, reference -> this volume, RAS+ mm.
    """
    to_object = np.linalg.inv(moved @ to_scanner) @ epi.fine_affine
    slices = _project(coefficients, where, to_object, epi.field, epi.profile, epi.grid.shape[2])
    return _cut_in_k_space(slices, epi.grid.shape, epi.factor)


def _cut_in_k_space(slices: Image, shape: tuple[int, int, int], factor: tuple[int, int]) -> Image:
    """Keep the EPI's matrix of the fine image's spectrum, without the lone highest frequency, so that the image stays real."""
    spectrum = fft.rfft2(slices, axes=(0, 1))
    half_x, half_y = shape[0] // 2, shape[1] // 2
    kept = np.zeros((shape[0], half_y + 1, shape[2]), spectrum.dtype)
    kept[:half_x, :half_y] = spectrum[:half_x, :half_y]
    kept[1 - half_x :, :half_y] = spectrum[1 - half_x :, :half_y]
    image = fft.irfft2(kept, s=shape[:2], axes=(0, 1))
    return np.asarray(image / (factor[0] * factor[1]), dtype=np.float32)


@kernel
def _project(coefficients: Image, where: Where, to_object: Array, field: Image, profile: Image, n_slices: int) -> Image:
    """Evaluate the spline on the fine grid, times the field, and sum it over each slice's profile: (fine x, fine y, slices)."""
    nx, ny, nz = field.shape
    per_slice = len(profile) // 3
    out = np.zeros((nx, ny, n_slices), np.float32)
    line = np.empty(nz, np.float32)
    for i in range(nx):
        for j in range(ny):
            any_signal = False
            for k in range(nz):
                x = to_object[0, 0] * i + to_object[0, 1] * j + to_object[0, 2] * k + to_object[0, 3]
                y = to_object[1, 0] * i + to_object[1, 1] * j + to_object[1, 2] * k + to_object[1, 3]
                z = to_object[2, 0] * i + to_object[2, 1] * j + to_object[2, 2] * k + to_object[2, 3]
                line[k] = _spline_at(coefficients, where, x, y, z) * field[i, j, k]
                any_signal = any_signal or line[k] != 0
            if any_signal:
                for s in range(n_slices):
                    total = np.float32(0.0)
                    for k in range(3 * per_slice):
                        total += profile[k] * line[s * per_slice + k]
                    out[i, j, s] = total
    return out


@kernel
def _spline_at(coefficients: Image, where: Where, x: float, y: float, z: float) -> np.float32:
    """Cubic B-spline at a voxel position; 0 in the air and outside the array."""
    fx, fy, fz = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    nx, ny, nz = coefficients.shape
    if fx < 1 or fy < 1 or fz < 1 or fx > nx - 3 or fy > ny - 3 or fz > nz - 3 or not where[fx, fy, fz]:
        return np.float32(0.0)
    wx, wy, wz = _weights(np.float32(x - fx)), _weights(np.float32(y - fy)), _weights(np.float32(z - fz))
    total = np.float32(0.0)
    for a in range(4):
        for b in range(4):
            row = np.float32(0.0)
            for c in range(4):
                row += wz[c] * coefficients[fx - 1 + a, fy - 1 + b, fz - 1 + c]
            total += wx[a] * wy[b] * row
    return total


@kernel
def _weights(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """The four cubic B-spline weights at fraction ``t`` past the second of four coefficients (Unser 1999, table 1)."""
    u = np.float32(1.0) - t
    sixth, four, three, six = np.float32(1 / 6), np.float32(4.0), np.float32(3.0), np.float32(6.0)
    return (
        u * u * u * sixth,
        (four - six * t * t + three * t * t * t) * sixth,
        (four - six * u * u + three * u * u * u) * sixth,
        t * t * t * sixth,
    )
