"""By antspyx: even intensity, affine to the template, rigid to a T1. The only file that imports it.

Conventions: our affines are RAS+, ITK's are LPS+; arrays stay as they are.
One thread and a fixed seed: the same images give the same numbers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")  # ITK reads it once; with two its sums differ in their last bits

import ants  # type: ignore[import-untyped, unused-ignore]  # it has no type hints, and need not be installed

from rtfmri.preparation.template import Template
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid, Image

VERSION: str = ants.__version__
SEED = 1
N4_STEPS = [20, 20, 20]
N4_MM = 6.0  # N4 sees the image shrunken to about this; at full size it takes most of a minute
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def even_intensity(image: Image, grid: Grid, mask: Mask) -> Image:
    """``image`` without the coils' receive field (N4, Tustison 2010), zero outside ``mask``."""
    shrink = max(1, round(N4_MM / float(np.mean(grid.voxel_size_mm))))
    settings = {"iters": N4_STEPS, "tol": 1e-6}
    within = _to_ants(mask.astype(np.float32), grid.affine)
    even = ants.n4_bias_field_correction(_to_ants(image, grid.affine), mask=within, shrink_factor=shrink, convergence=settings)
    return np.where(mask, even.numpy(), 0.0).astype(np.float32)


def affine_to_mni(image: Image, grid: Grid, template: Template, start: Array) -> Array:
    """4x4, RAS mm of the image -> RAS mm of MNI; ``image`` (X, Y, Z) shows the brain only, ``start`` is about right."""
    return _registered(image, grid.affine, template.t1, template.affine, "Affine", start)


def rigid_to_t1(image: Image, grid: Grid, t1: Image, t1_grid: Grid) -> Array:
    """4x4, RAS mm of the image -> RAS mm of the T1 of the same head."""
    return _registered(image, grid.affine, t1, t1_grid.affine, "Rigid")


def _registered(fixed: Image, fixed_affine: Array, moving: Image, moving_affine: Array, kind: str, start: Array | None = None) -> Array:
    """Without ``start``, the images' centres of mass are laid on one another."""
    with _scratch() as prefix:
        initial = None if start is None else [_written(start, prefix / "start.mat")]
        found = ants.registration(
            _to_ants(fixed, fixed_affine),
            _to_ants(moving, moving_affine),
            kind,
            initial_transform=initial,
            random_seed=SEED,
            outprefix=str(prefix / "found"),
        )
        transform = ants.read_transform(found["fwdtransforms"][0])
    return TO_LPS @ _matrix(transform) @ TO_LPS


def _written(matrix: Array, path: Path) -> str:
    lps = TO_LPS @ matrix @ TO_LPS
    ants.write_transform(
        ants.create_ants_transform(transform_type="AffineTransform", matrix=lps[:3, :3], translation=lps[:3, 3]), str(path)
    )
    return str(path)


def _matrix(transform: Any) -> Array:
    """4x4 of an ITK affine: twelve parameters about a fixed centre; it maps points of the fixed image to the moving one."""
    turn, shift = np.array(transform.parameters[:9]).reshape(3, 3), np.array(transform.parameters[9:])
    centre = np.array(transform.fixed_parameters)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, shift + centre - turn @ centre
    return matrix


def _to_ants(data: Image, affine: Array) -> Any:
    lps = TO_LPS @ affine
    sizes = np.sqrt((lps[:3, :3] ** 2).sum(axis=0))
    voxels = np.ascontiguousarray(data, dtype=np.float32)
    return ants.from_numpy(voxels, origin=lps[:3, 3].tolist(), spacing=sizes.tolist(), direction=lps[:3, :3] / sizes)


@contextmanager
def _scratch() -> Iterator[Path]:
    """antspyx leaves its transforms in files; here they go when they were read."""
    with tempfile.TemporaryDirectory(prefix="rtfmri-") as folder:
        yield Path(folder)
