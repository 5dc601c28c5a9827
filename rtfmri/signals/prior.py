"""What is expected of the nuisance beforehand: ridge regression on motion and drift, with the standard error that goes with it.

Plain least squares asks a few dozen volumes for a dozen nuisance coefficients and believes whatever comes out; a value at the run's end
(which the present always is) then extrapolates drift and motion. Beforehand a coefficient is taken as zero with the standard deviation
tau of the study's ``prior``, in percent. For noise of standard deviation s (percent) that is a penalty s / tau beside the sum of squares
(Hoerl & Kennard 1970, Technometrics 12:55-67; Rasmussen & Williams 2006, 2.1). It fades as volumes come: by the end of a run the fit is the
plain one within its error. Constant and task are never shrunk, so no true response is.

s is the measure's noise over sqrt(sum of squares) of its weights, as the regions' coefficients are taken to differ; for a fit that is not
whitened, the noise that a slow column meets, s sqrt((1 + rho) / (1 - rho)). Before the noise is known there is no penalty, and no standard
error either.

With A = X'WX + L'L the nuisance's part of a comparison is g'b, z = inv(A)g, and what stays in of the true coefficients is
sum_j l_j^2 z_j c_j. So to the variance v'Cv of the noise comes sum_j (l_j^2 z_j tau_j)^2: the standard error knows the shrinkage.
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.signals.noise import Noise
from rtfmri.volume import Array


def penalties(prior: Array, noise: Noise, scale: float, whitened: bool) -> Array:
    """The penalty (P,) of each column, zero where nothing is expected; ``prior`` is tau, ``scale`` the weights' root sum of squares."""
    slow = 1.0 if whitened else (1.0 + noise.rho) / (1.0 - noise.rho)
    spread = math.sqrt(noise.variance * slow) / scale if scale > 0.0 else 0.0
    result: Array = np.where(np.isfinite(prior), spread / prior, 0.0)
    return result


def left_in(prior: Array, penalty: Array, z: Array) -> float:
    """Standard deviation, per scale of 1, of the nuisance that shrinkage leaves in; all three (R,), of the kept columns."""
    expected = np.where(np.isfinite(prior), prior, 0.0)
    return math.sqrt(float(((penalty * penalty * z * expected) ** 2).sum()))
