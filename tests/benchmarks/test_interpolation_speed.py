"""CPU of everything that interpolates, one thread, at 1 mm and 1 degree about each axis: ``make bench ARGS="-k interpolation"``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from rtfmri.registration.bspline import ORDERS
from rtfmri.registration.geometry import voxel_map
from rtfmri.registration.interpolation import prefilter, sample, sample_moved
from rtfmri.registration.reslice import reslice
from rtfmri.registration.slice_timing import DEPTH, TimedValues, at_volume_start
from rtfmri.registration.smoothing import prepare_smoothing, smooth_with
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Grid, Image

SIZES_MM = {(64, 64, 36): (3.5, 3.5, 3.75), (96, 96, 60): (2.3, 2.3, 2.3), (104, 104, 72): (2.0, 2.0, 2.0)}
RESLICE_MS = {(64, 64, 36): 5.0, (96, 96, 60): 18.0, (104, 104, 72): 26.0}
REPETITIONS = 30
MOTION = RigidTransform((1.0, 1.0, 1.0), (np.pi / 180,) * 3)


def cpu_ms(call: Callable[..., object], *given: object) -> tuple[float, float]:
    """Least and median."""
    call(*given)
    took = []
    for _ in range(REPETITIONS):
        began_s = time.thread_time()
        call(*given)
        took.append(1e3 * (time.thread_time() - began_s))
    return min(took), float(np.median(took))


def told(what: str, took: tuple[float, float]) -> None:
    print(f"  {what:<46} {took[0]:6.2f} ms least, {took[1]:6.2f} ms median")


def prefiltered_reslice(image: Image, grid: Grid, order: int) -> Image:
    return reslice(prefilter(image, order), grid, MOTION, grid, order)


def image_and_head(shape: tuple[int, int, int]) -> tuple[Image, np.ndarray]:
    """Noise, and an ellipsoid that the bottom slice cuts."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    head = (x / 0.75) ** 2 + (y / 0.9) ** 2 + ((z + 0.3) / 0.95) ** 2 < 1
    return (1000 * np.random.default_rng(0).random(shape)).astype(np.float32), head


@pytest.mark.parametrize("shape", list(SIZES_MM))
def test_interpolation_speed(shape: tuple[int, int, int]) -> None:
    sizes_mm = SIZES_MM[shape]
    affine = np.diag([*sizes_mm, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * sizes_mm
    grid = Grid(shape, affine)
    image, head = image_and_head(shape)
    voxels = np.argwhere(head).astype(np.int32)
    chequered = voxels[voxels.sum(axis=1) % 2 == 0]
    values, within = np.empty(len(voxels)), np.empty(len(voxels), dtype=np.bool_)
    points = np.random.default_rng(1).permutation(voxels)[:2100] + 0.3
    to_moving = voxel_map(affine, MOTION.matrix, affine)
    print(f"\n{shape}, head of {len(voxels)} voxels")
    reslices_ms = {}
    for order in ORDERS:
        coefficients = prefilter(image, order)
        told(f"order {order}: prefilter", cpu_ms(prefilter, image, order))
        told("   600 + 1500 voxels, float64", cpu_ms(sample, coefficients, points, order))
        told("   the head's voxels, moved", cpu_ms(sample_moved, coefficients, voxels, to_moving, values, within, order))
        told("   every other one of them", cpu_ms(sample_moved, coefficients, chequered, to_moving, values, within, order))
        reslices_ms[order] = cpu_ms(reslice, coefficients, grid, MOTION, grid, order)
        told("   whole-volume reslice", reslices_ms[order])
        told("   prefilter and reslice", cpu_ms(prefiltered_reslice, image, grid, order))
    smoothing = prepare_smoothing(head, 6.0, sizes_mm)
    told("smoothing, 6 mm, within the head", cpu_ms(smooth_with, image, smoothing))
    history = tuple(TimedValues(9 - n, np.ones(2100), 9.0 - n + np.linspace(0, 0.99, 2100)) for n in range(DEPTH))
    told("600 + 1500 voxels in time", cpu_ms(at_volume_start, history, 1.0))
    assert reslices_ms[3][1] <= RESLICE_MS[shape]
