"""Run by test_registration_determinism in a process of its own: realign a few volumes, print every bit of the result as JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
from moved_head import oblique_grid, volume_of
from numba.core.dispatcher import Dispatcher

from rtfmri.registration import basis, geometry, interpolation, realign, smoothing, step, uncertainty
from rtfmri.registration.far import estimate_far
from rtfmri.registration.mask import head_mask
from rtfmri.rigid import RigidTransform


def compiled() -> int:
    """How many versions of all kernels of the folder are compiled or loaded."""
    values = [value for module in (basis, geometry, interpolation, smoothing, step, uncertainty) for value in vars(module).values()]
    return sum(len(kernel.signatures) for kernel in {value for value in values if isinstance(value, Dispatcher)})


def bits() -> list[str]:
    """Parameters, residuals and ROI values of a short run, as hexadecimal floats."""
    grid = oblique_grid()
    reference = realign.prepare(volume_of(grid, RigidTransform(), seed=1), grid, head_mask(volume_of(grid, RigidTransform(), seed=1)))
    transform, numbers = RigidTransform(centre_mm=reference.centre_mm), []
    for seed, size in ((2, 0.2), (3, 3.5), (4, 0.0)):
        moved = RigidTransform((size, -size, 0.5 * size), (0.01 * size, 0.0, -0.008 * size), reference.centre_mm)
        image = volume_of(grid, moved, seed)
        image.setflags(write=False)  # as a Volume's data is
        coefficients = interpolation.prefilter(image)
        found = realign.estimate(reference, coefficients, transform)
        transform = found.transform
        points = realign.transform_points(grid, transform, grid, np.argwhere(reference.mask)[::50])
        numbers += [*transform.trans_mm, *transform.rot_rad, found.residual_percent, *interpolation.sample(coefficients, points)]
        numbers += [*found.covariance.ravel(), found.uncertainty_mm, *found.bad_slices]
    other = oblique_grid((40, 44, 26), (4.2, 4.2, 5.0))
    turned = volume_of(other, RigidTransform((9.0, -7.0, 5.0), (0.2, 0.1, -0.1), reference.centre_mm), 5)
    found = estimate_far(reference, interpolation.prefilter(3 * turned), other)
    numbers += [*found.transform.trans_mm, *found.transform.rot_rad, found.uncertainty_mm]
    return [float(number).hex() for number in numbers]


if __name__ == "__main__":
    realign.warm_up()
    before = compiled()
    json.dump({"bits": bits(), "compiled_in_the_run": compiled() - before}, sys.stdout)
