"""AR(1) prewhitening: coefficients from generalised least squares with the running estimate of rho.

For noise with covariance C[s, t] = rho^|s - t| the innovations of volume t after the last volume in the fit, g volumes earlier,

    (x_t - rho^g x_(t-g)) / sqrt(1 - rho^(2 g)),

of design and data alike, are white; ordinary least squares on them is generalised least squares of the volumes, gaps included, exactly
(Cochrane & Orcutt 1949 with Prais & Winsten's first row). Since rho changes as the run goes on and a triangle cannot be whitened anew
without going over all volumes, a triangle is kept for each rho of a grid (``glm.Observations.whitened``: 0, 0.1 ... 0.9) and the one
nearest to the running estimate gives the coefficients. A rho that is 0.05 off costs less than 1 % of the efficiency.

Rho itself comes from the ordinary fit's residuals (``noise.py``), as that is where the correction for what the fit took holds.
A volume and its baseline are cleaned with these same coefficients: x_t - n_t'b, never with a whitened x, so percent stays percent. The
value w'y - g'b has the influence v = w - inv(C) X inv(X'inv(C)X) g (``compare.py``) and the variance v'Cv at the estimated rho.
"""

from __future__ import annotations

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.signals.glm import RHO_STEP, Flags, Observations
from rtfmri.signals.noise import LARGEST_RHO, Noise
from rtfmri.volume import Array

RHOS = round(LARGEST_RHO / RHO_STEP) + 1


def step_of(observations: Observations, noise: Noise) -> int:
    """The whitened problem that is nearest to this noise; 0, the plain one, where none are kept."""
    return round(noise.rho / RHO_STEP) if len(observations.whitened) else 0


@kernel
def whitening(x: Array, used: Flags, rho: float) -> Array:
    """inv(C) x over the volumes that are used; zero at the others."""
    n = x.size
    result = np.zeros(n)
    before = -1
    for t in range(n):
        if not used[t]:
            continue
        along = rho ** (t - before) if before >= 0 else 0.0
        scale = 1.0 / (1.0 - along * along)
        innovation = x[t] - (along * x[before] if before >= 0 else 0.0)
        result[t] += scale * innovation
        if before >= 0:
            result[before] -= scale * along * innovation
        before = t
    return result
