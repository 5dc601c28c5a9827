"""Other truth than the shared generator's: a head of ellipsoids and folds, seen through a coil array, slice by slice while it moves.

numpy and scipy only; nothing of rtfmri. Conventions as in the shared bench: RAS mm, pull, reference -> volume, rotation Rx Ry Rz about the
iso-centre. Each slice is measured at its own moment of the volume, interleaved, even slices first; the truth of a volume is the mean
of its slices' matrices. In plane the object is evaluated at half the voxel size and low-passed to the matrix in k-space; across, at
five planes weighted by the slice's profile. Gain and noise are the scanner's, so they stay when the head moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[np.float64]
OBJECT_MM = 1.25
SIZES = {"s64": ((64, 64, 36), (3.5, 3.5, 3.75), 100.0), "s96": ((96, 96, 60), (2.3, 2.3, 2.3), 75.0)}  # voxels, mm, tSNR


@dataclass(frozen=True)
class Kind:
    """``coil``: an array instead of an even field; ``within``: the head moves while a volume is measured; ``largest_mm``: of the run."""

    coil: bool = True
    scalp: bool = True
    within: bool = False
    largest_mm: float = 2.0


@dataclass(frozen=True, eq=False)
class Run:
    """``volumes`` int16 (X, Y, Z, T), ``truth`` (T, 4, 4), ``brain`` bool (X, Y, Z) in volume 0."""

    volumes: npt.NDArray[np.int16]
    truth: Array
    brain: npt.NDArray[np.bool_]
    affine: Array


def simulate(size: str, kind: Kind, volumes: int, seed: int) -> Run:
    """A run with all that ``kind`` says, a drift, an active region and two spoiled volumes."""
    shape, voxel_mm, tsnr = SIZES[size]
    rng = np.random.default_rng(seed)
    head, brain, active, head_affine = _head(rng, kind.scalp)
    scanner = _Scanner(shape, voxel_mm, kind.coil, rng)
    moments = _motion(rng, volumes, shape[2], kind)
    still = scanner.measure(head, head_affine, np.tile(np.eye(4), (shape[2], 1, 1)))
    inside = scanner.measure(brain, head_affine, np.tile(np.eye(4), (shape[2], 1, 1))) / np.maximum(scanner.field_on_voxels, 0.1) > 0.6
    scale = 1000.0 / still[inside].mean()
    series = np.empty((*shape, volumes), dtype=np.int16)
    for t in range(volumes):
        on = 0.03 * ((t // 8) % 2)
        image = scanner.measure(head + np.float32(on) * active, head_affine, moments[t]) * scale * (1.0 + 0.01 * t / volumes)
        if t == volumes // 3:
            image[:, :, shape[2] // 2] *= 0.7
        if t == 2 * volumes // 3:
            image *= 1.04
        noise = rng.normal(scale=1000.0 / tsnr, size=(2, *shape))
        series[..., t] = np.rint(np.hypot(image + noise[0], noise[1])).clip(0, 32767)
    holds = np.flatnonzero(inside.any(axis=(0, 1)))
    return Run(series, moments[:, holds].mean(axis=1), inside, scanner.affine)


def rigid(parameters: Array) -> Array:
    """4x4 of three translations (mm) and three rotations (rad)."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(parameters[3:]), np.cos(parameters[3:])
    matrix = np.eye(4)
    about = [[[1, 0, 0], [0, cx, -sx], [0, sx, cx]], [[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], [[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]]
    matrix[:3, :3] = np.array(about[0]) @ np.array(about[1]) @ np.array(about[2])
    matrix[:3, 3] = parameters[:3]
    return matrix


def _motion(rng: np.random.Generator, volumes: int, slices: int, kind: Kind) -> Array:
    """(T, Z, 4, 4): where the head is at each slice's moment; still in volume 0. A slow walk, breathing, and a jump."""
    fine = volumes * slices
    walk = ndimage.gaussian_filter1d(np.cumsum(rng.normal(size=(volumes + 20, 6)), axis=0), 4, axis=0)[10:-10]
    walk = np.stack([np.interp(np.arange(fine), np.arange(volumes) * slices, column) for column in walk.T], axis=1)
    walk -= walk[0]
    walk /= np.abs(walk).max(axis=0)
    size = np.r_[np.full(3, kind.largest_mm / 2), np.radians(np.full(3, kind.largest_mm / 2))]
    parameters = walk * size
    parameters[int(fine * 0.6) // slices * slices :] += rng.normal(size=6) * size * 0.4
    phase = 2 * np.pi * np.arange(fine) / slices * 0.43  # breathing, faster than every second volume would show
    parameters[:, 1:4] += np.outer(np.sin(phase), [0.03, 0.06, np.radians(0.05)]) * (3.0 if kind.within else 1.0)
    if not kind.within:
        parameters = np.repeat(parameters[::slices], slices, axis=0)
    parameters[:slices] = 0.0
    order = np.r_[np.arange(0, slices, 2), np.arange(1, slices, 2)]
    by_slice = np.empty((volumes, slices, 4, 4))
    by_slice[:, order] = np.array([rigid(p) for p in parameters]).reshape(volumes, slices, 4, 4)
    return by_slice


def _head(rng: np.random.Generator, scalp: bool) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], Array]:
    """Spline coefficients of head, brain and active region, and their affine: folds, ventricles, skull, scalp, a dark ear."""
    shape = np.array((152, 176, 152))
    affine = np.diag([OBJECT_MM, OBJECT_MM, OBJECT_MM, 1.0])
    affine[:3, 3] = -OBJECT_MM * (shape - 1) / 2 + [1.5, -3.0, 2.0]
    x, y, z = (np.indices(tuple(shape), dtype=np.float32).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]).T.reshape(3, *shape)
    radius = np.sqrt((x / 66) ** 2 + ((y + 2) / 82) ** 2 + ((z - 2) / 62) ** 2)
    folds = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), 2.4)
    radius += 0.06 * folds / folds.std()
    soft = lambda edge, width: 1.0 / (1.0 + np.exp((radius - edge) / width))  # noqa: E731
    brain = soft(0.93, 0.012)
    texture = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), 1.2)
    white = 1.0 / (1.0 + np.exp(-3.0 * folds / folds.std())) * soft(0.82, 0.03)
    vents = np.exp(-0.5 * (((np.abs(x) - 12) / 6) ** 2 + ((y + 4) / 22) ** 2 + ((z - 8) / 9) ** 2) ** 2)
    head = brain * (1.0 - 0.22 * white + 0.55 * vents) * (1.0 + 0.06 * texture / texture.std())
    ear = np.exp(-0.5 * (((x - 46) / 12) ** 2 + ((y + 18) / 14) ** 2 + ((z + 28) / 11) ** 2))
    head = head * (1.0 - 0.85 * ear)
    if scalp:
        shell = np.exp(-0.5 * ((np.sqrt((x / 76) ** 2 + ((y + 2) / 94) ** 2 + ((z - 2) / 73) ** 2) - 1.0) / 0.022) ** 2)
        head = head + 0.5 * shell
    active = brain * np.exp(-0.5 * (((x + 34) / 11) ** 2 + ((y + 20) / 11) ** 2 + ((z - 34) / 9) ** 2))
    coefficients = [ndimage.spline_filter(one.astype(np.float32), 3, output=np.float32, mode="mirror") for one in (head, brain, active)]
    return coefficients[0], coefficients[1], coefficients[2], affine


class _Scanner:
    """What stays when the head moves: grid, receive field, k-space window, slice profile."""

    def __init__(self, shape: tuple[int, int, int], voxel_mm: tuple[float, float, float], coil: bool, rng: np.random.Generator) -> None:
        self.shape, size = shape, np.array(voxel_mm)
        self.affine = np.diag([-size[0], size[1], size[2], 1.0])
        self.affine[:3, 3] = [size[0] * (shape[0] // 2), -size[1] * (shape[1] // 2), -size[2] * (shape[2] - 1) / 2]
        self.fine = np.array([2 * shape[0], 2 * shape[1], 5])
        self.across_mm = size[2] * np.linspace(-0.8, 0.8, 5)
        profile = np.exp(-0.5 * (np.linspace(-0.8, 0.8, 5) * np.sqrt(8 * np.log(2))) ** 2)
        self.profile = profile / profile.sum()
        step = np.diag([self.affine[0, 0] / 2, self.affine[1, 1] / 2, 1.0, 1.0])
        step[:2, 3] = self.affine[:2, 3]
        self.planes = [step.copy() for _ in range(shape[2])]
        for k, plane in enumerate(self.planes):
            plane[2, 2] = self.across_mm[1] - self.across_mm[0]
            plane[2, 3] = self.affine[2, 3] + size[2] * k + self.across_mm[0]
        self.elements = _elements(rng) if coil else None
        self.fields = [self._field(plane).astype(np.float32) for plane in self.planes]
        self.field_on_voxels = np.stack([field[::2, ::2, 2] for field in self.fields], axis=2)

    def _field(self, plane: Array) -> Array:
        """Root sum of squares over the elements of a coil array, or a field without structure."""
        i, j, k = np.indices(tuple(self.fine))
        x, y, z = (plane[a, a] * index + plane[a, 3] for a, index in enumerate((i, j, k)))
        if self.elements is None:
            return np.ones(tuple(self.fine))
        squares = sum((1.0 + ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / r**2) ** -3.0 for a, b, c, r in self.elements)
        return np.asarray(9.0 * np.sqrt(squares))

    def measure(self, coefficients: npt.NDArray[np.float32], affine: Array, matrices: Array) -> Array:
        """Noise-free magnitude (X, Y, Z); ``matrices`` (Z, 4, 4) is where the head is at each slice's moment."""
        image = np.empty(self.shape)
        for k, plane in enumerate(self.planes):
            back = np.linalg.inv(affine) @ np.linalg.inv(matrices[k]) @ plane
            values = ndimage.affine_transform(
                coefficients, back[:3, :3], back[:3, 3], tuple(self.fine), np.float32, order=3, mode="constant", prefilter=False
            )
            image[:, :, k] = self._truncated((values * self.fields[k]) @ self.profile)
        return image

    def _truncated(self, plane: Array) -> Array:
        """The middle of k-space, mildly apodised, as an image of the matrix."""
        nx, ny = self.shape[:2]
        spectrum = np.fft.fftshift(np.fft.fft2(plane))[nx - nx // 2 : nx + nx // 2, ny - ny // 2 : ny + ny // 2]
        windows = [np.cos(np.pi / 2 * np.clip(np.abs(np.arange(n) - n // 2) / (n / 2) - 0.8, 0, None) / 0.5) for n in (nx, ny)]
        return np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * np.outer(*windows)))) / 4.0


def _elements(rng: np.random.Generator) -> Array:
    """(16, 4): where the elements of a helmet lie (mm) and how far each reaches."""
    height = rng.uniform(-0.5, 1.0, 16)
    angle = 2 * np.pi * (np.arange(16) * 0.382 + rng.uniform(0, 0.1, 16))
    ring = np.sqrt(1.0 - np.clip(height, None, 1.0) ** 2)
    return np.stack([115 * ring * np.cos(angle), 130 * ring * np.sin(angle), 120 * height, rng.uniform(55, 75, 16)], axis=1)
