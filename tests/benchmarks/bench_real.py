"""A real run for the realignment benchmarks: its volumes, the same ones moved by known transforms, and SPM12's parameters for them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from bench_truth import rigid
from scipy import ndimage

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Volume

Array = npt.NDArray[np.float64]
MOSAICS = Path(__file__).parents[3] / "shared" / "data" / "siemens_mosaic_bold" / "dicoms"
EDGE = 4  # slices left out above and below, so that nothing moves in from where nothing was measured


class Series:
    """``data`` float32 (X, Y, Z, T) and its affine."""

    def __init__(self, data: npt.NDArray[np.float32], affine: Array) -> None:
        self.data, self.affine = data, affine


def real_series(folder: Path) -> Series:
    volumes = [item for item in read_dicoms(folder, SeriesRule(number=7), Acquisition()) if isinstance(item, Volume)]
    return Series(np.stack([volume.data for volume in volumes], axis=-1), volumes[0].grid.affine)


def save_series(series: Series, path: Path) -> Path:
    image = nibabel.Nifti1Image(series.data, series.affine)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return path


def real_moved(folder: Path, volumes: int, most_mm: float, seed: int) -> tuple[Series, Series, Array, Array]:
    """Some volumes of the run, the same moved (all but the first), the transforms (V, 4, 4; RAS mm, pull), and points in the head (N, 3).

    Moved by a quintic spline, the best that scipy has, within the whole slab; both then lose their outermost slices.
    """
    whole, rng = real_series(folder), np.random.default_rng(seed)
    chosen = whole.data[..., np.linspace(0, whole.data.shape[3] - 1, volumes).astype(int)]
    points = head_points(Series(chosen, whole.affine))
    moved, transforms = chosen.copy(), np.tile(np.eye(4), (volumes, 1, 1))
    for t in range(1, volumes):
        transforms[t] = _random_transform(rng, points, most_mm * rng.uniform(0.1, 1.0))
        back = np.linalg.inv(whole.affine) @ np.linalg.inv(transforms[t]) @ whole.affine
        moved[..., t] = ndimage.affine_transform(chosen[..., t], back[:3, :3], back[:3, 3], order=5, mode="nearest")
    affine = whole.affine.copy()
    affine[:3, 3] += EDGE * affine[:3, 2]
    inner = slice(EDGE, -EDGE)
    return Series(chosen[:, :, inner], affine), Series(moved[:, :, inner], affine), transforms, points


def _random_transform(rng: np.random.Generator, points: Array, size_mm: float) -> Array:
    """About the head's centre; scaled so that the head moves by ``size_mm`` on average."""
    parameters = np.r_[rng.normal(size=3), rng.normal(size=3) / 60.0]
    centre = np.eye(4)
    centre[:3, 3] = points.mean(axis=0)
    for _ in range(4):
        matrix = centre @ rigid(parameters) @ np.linalg.inv(centre)
        moved = np.linalg.norm(points @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3], axis=1).mean()
        parameters *= size_mm / moved
    return np.asarray(centre @ rigid(parameters) @ np.linalg.inv(centre))


def head_points(series: Series) -> Array:
    """RAS mm (N, 3) of some voxels in the head of the first volume."""
    return np.asarray(np.argwhere(_head(series.data[..., 0]))[::7] @ series.affine[:3, :3].T + series.affine[:3, 3])


def _head(volume: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    smooth = ndimage.gaussian_filter(volume, 1.0)
    return np.asarray(ndimage.binary_erosion(smooth > 0.4 * np.percentile(smooth, 95), iterations=2))


def spm_matrices(table: Path) -> Array:
    """(N, 4, 4), reference -> volume: in SPM's matrix rotations about x and z run the other way, and it leads to the reference."""
    rows = np.loadtxt(table, skiprows=1)
    found = [_spm_matrix(row) for row in rows]
    return np.array([np.linalg.inv(matrix) for matrix in found])


def _spm_matrix(row: Array) -> Array:
    matrix = rigid(np.r_[0.0, 0.0, 0.0, row[3:] * [-1.0, 1.0, -1.0]])
    matrix[:3, 3] = row[:3]
    return matrix


def residual_percent(series: Series, matrices: Array) -> float:
    """SD over time in percent of the mean, after cubic reslicing and a quadratic detrending: the median of the head's voxels."""
    count = series.data.shape[3]
    head = np.argwhere(_head(series.data[..., 5]))
    points = head @ series.affine[:3, :3].T + series.affine[:3, 3]
    back = np.linalg.inv(series.affine)
    values = np.empty((count, len(head)))
    for t in range(count):
        there = points @ matrices[t, :3, :3].T + matrices[t, :3, 3]
        values[t] = ndimage.map_coordinates(
            series.data[..., t].astype(float), (there @ back[:3, :3].T + back[:3, 3]).T, order=3, mode="nearest"
        )
    design = np.vander(np.linspace(-1, 1, count), 3)
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(np.median(100.0 * left.std(axis=0) / values.mean(axis=0)))
