"""Rigid registration by the peers that pip can install, for the benchmark of `rtfmri realign`; run as a process of its own.

    python bench_peers.py SETTING BOLD.nii OUT.npz VOLUME...

registers the given volumes (numbers from 0) to volume 0, one thread, each from no motion, and saves ``matrices`` (V, 4, 4; RAS mm,
reference -> volume, this project's convention) and ``cpu_ms`` (V,). One registration beforehand is not counted. The settings are the
better ones of those tried at s64: mean squares, correlation, mutual information; linear and spline; smoothed by 3 mm or not; some voxels or
all (all take seconds, and were no better); with a mask of the head or without.

ITK's transforms map points of the fixed image to the moving one, in LPS; dipy's the same, in RAS.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import nibabel  # noqa: E402  (the numbers of threads are read when libraries are loaded)
import numpy as np  # noqa: E402
from scipy import ndimage  # noqa: E402

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
Registration = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # reference, volume, affine -> matrix


def _itk_matrix(matrix: np.ndarray, centre: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """RAS mm of x -> R (x - c) + c + t in LPS mm."""
    whole = np.eye(4)
    whole[:3, :3] = matrix
    whole[:3, 3] = translation + centre - matrix @ centre
    return LPS @ whole @ LPS


def _head(reference: np.ndarray) -> np.ndarray:
    """Where there is signal, and two voxels about it: metrics that see the empty frame about the head are drawn to it."""
    bright = ndimage.gaussian_filter(reference, 1.0) > 0.3 * np.percentile(reference, 98)
    labels, _ = ndimage.label(bright)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return ndimage.binary_dilation(ndimage.binary_closing(largest, iterations=3), iterations=2)


def _simpleitk(interpolator: str) -> Registration:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def image_of(data: np.ndarray, affine: np.ndarray) -> Any:
        image = sitk.GetImageFromArray(data.transpose(2, 1, 0).astype(np.float32))
        lps = LPS @ affine
        sizes = np.sqrt((lps[:3, :3] ** 2).sum(axis=0))
        image.SetSpacing(sizes.tolist())
        image.SetDirection((lps[:3, :3] / sizes).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        return image

    def register(reference: np.ndarray, volume: np.ndarray, affine: np.ndarray) -> np.ndarray:
        fixed, moving = image_of(reference, affine), image_of(volume, affine)
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(32)
        method.SetMetricFixedMask(sitk.Cast(image_of(_head(reference), affine), sitk.sitkUInt8))
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(0.2, 7)
        method.SetInterpolator(getattr(sitk, f"sitk{interpolator}"))
        method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 100, gradientMagnitudeTolerance=1e-8)
        method.SetOptimizerScalesFromPhysicalShift()
        start = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY)
        method.SetInitialTransform(start, inPlace=True)
        method.Execute(fixed, moving)
        found = sitk.Euler3DTransform(start)
        return _itk_matrix(np.array(found.GetMatrix()).reshape(3, 3), np.array(found.GetCenter()), np.array(found.GetTranslation()))

    return register


def _dipy() -> Registration:
    from dipy.align.imaffine import AffineRegistration, MutualInformationMetric
    from dipy.align.transforms import RigidTransform3D

    def register(reference: np.ndarray, volume: np.ndarray, affine: np.ndarray) -> np.ndarray:
        metric = MutualInformationMetric(nbins=32, sampling_proportion=0.3)
        method = AffineRegistration(metric=metric, level_iters=[100, 50], sigmas=[0.5, 0.0], factors=[2, 1], verbosity=0)
        grids = {"static_grid2world": affine, "moving_grid2world": affine}
        found = method.optimize(reference, volume, RigidTransform3D(), None, **grids)
        return np.asarray(found.affine)

    return register


def _ants(masked: bool) -> Registration:
    import ants

    def image_of(data: np.ndarray, affine: np.ndarray) -> Any:
        lps = LPS @ affine
        sizes = np.sqrt((lps[:3, :3] ** 2).sum(axis=0))
        return ants.from_numpy(data.astype(np.float32), origin=lps[:3, 3].tolist(), spacing=sizes.tolist(), direction=lps[:3, :3] / sizes)

    def register(reference: np.ndarray, volume: np.ndarray, affine: np.ndarray) -> np.ndarray:
        mask = image_of(_head(reference), affine) if masked else None
        done = ants.registration(image_of(reference, affine), image_of(volume, affine), "BOLDRigid", mask=mask, random_seed=7)
        found = ants.read_transform(done["fwdtransforms"][0])
        for name in {*done["fwdtransforms"], *done["invtransforms"]}:
            Path(name).unlink(missing_ok=True)
        return _itk_matrix(found.parameters[:9].reshape(3, 3), found.fixed_parameters[:3], found.parameters[9:])

    return register


SETTINGS: dict[str, tuple[str, Callable[[], Registration]]] = {
    "SimpleITK spline": ("Euler3D, mutual information, 20 % of the head's voxels, cubic B-spline", lambda: _simpleitk("BSpline")),
    "SimpleITK linear": ("the same, linear", lambda: _simpleitk("Linear")),
    "dipy": ("rigid, mutual information, 30 % of all voxels, levels 2 and 1", _dipy),
    "antspyx": ("BOLDRigid, as ants.motion_correction does", lambda: _ants(False)),
    "antspyx masked": ("the same, within the head", lambda: _ants(True)),
}


def main(setting: str, bold: str, out: str, *numbers: str) -> None:
    image = nibabel.load(bold)
    affine = np.array(image.affine)
    reference = np.asarray(image.dataobj[..., 0], dtype=np.float64)
    register = SETTINGS[setting][1]()
    matrices, cpu_ms = [], []
    for number in (numbers[0], *numbers):  # the first one twice: what is loaded or compiled by it is not counted
        volume = np.asarray(image.dataobj[..., int(number)], dtype=np.float64)
        began_s = time.process_time()
        matrices.append(register(reference, volume, affine))
        cpu_ms.append(1e3 * (time.process_time() - began_s))
    np.savez(out, matrices=np.array(matrices[1:]), cpu_ms=np.array(cpu_ms[1:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
