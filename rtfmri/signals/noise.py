"""How large the noise is and how it hangs together in time: AR(1) from a fit's residuals, and the variance of any weighted sum.

Residuals are smaller and whiter than the noise, as the fit has taken a part of it; with a few dozen volumes and a dozen columns the plain
estimates promise far too much. So the two moments e'e and e'De of the residuals (D = D_1 marks neighbours in time) are set equal to
what AR(1) noise C = I + sum rho^k D_k leaves of itself behind this very design, tr(MC) and tr(MDMC) with M = I - X inv(X'X) X' (the
bias correction of Worsley et al. 2002, NeuroImage 15:1-15, carried to ``LAGS``). Negative rho is taken as 0: it would promise averages
that are too good. Volumes left out of the fit are gaps: neighbours across a gap are as far apart as their numbers say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.signals.glm import LAGS, Fit, Observations
from rtfmri.volume import Array

MINIMUM_DOF = 10  # residual volumes below which no noise estimate is worth its name
LARGEST_RHO = 0.9
BISECTIONS = 40


@dataclass(frozen=True, eq=False)
class Expectation:
    """Moments of the residuals in units of the noise's variance, as polynomials in rho: coefficients (LAGS,) of rho^0, rho^1, ..."""

    total: Array  # E[e'e]
    neighbours: Array  # E[e'De]
    dof: int


@dataclass(frozen=True)
class Noise:
    """AR(1): covariance of volumes s and t is ``variance * rho ** |s - t|``."""

    variance: float
    rho: float


def expectation(observations: Observations, fit: Fit) -> Expectation:
    """What this design leaves of AR(1) noise."""
    used, kept = observations.used, fit.kept
    lags = np.ascontiguousarray(observations.lags[:, kept][:, :, kept])
    inverse = _inverse(fit.factor)
    covariance = _times_transposed(inverse)
    taken = np.zeros(LAGS + 1)  # tr(H D_k), H = X inv(X'X) X', with D_0 = 2 I
    taken[0] = 2.0 * len(kept)
    taken[1:] = (lags * covariance).sum(axis=(1, 2))
    twice = (lags * _between(covariance, lags[0])).sum(axis=(1, 2))  # tr(H D H D_k)
    total = -taken[:LAGS]
    total[0] = fit.dof
    neighbours = np.zeros(LAGS)
    neighbours[0] = -taken[1]
    # tr(MDMD_k); D_k D is D_(k+1) + D_(k-1) but for what would go by way of a volume that is not in the fit
    rows = np.ascontiguousarray(observations.columns[kept][:, : len(used)])
    neighbours[1:] = twice[: LAGS - 1] - 2.0 * (taken[2:] + taken[: LAGS - 1] - _beyond(rows, used, covariance)[1:])
    neighbours[1] += 2.0 * float((used[1:] & used[:-1]).sum())
    return Expectation(total, neighbours, fit.dof)


def estimate(residuals: Array, expected: Expectation) -> Noise | None:
    """AR(1) noise of one series from its residuals (n,), zero where a volume is not in the fit; None while too few are."""
    if expected.dof < MINIMUM_DOF:
        return None
    total = float((residuals * residuals).sum())
    neighbours = 2.0 * float((residuals[1:] * residuals[:-1]).sum())
    rho = float(_match(total * expected.neighbours - neighbours * expected.total))
    unit = float((expected.total * rho ** np.arange(LAGS)).sum())
    return Noise(total / max(unit, 1.0), rho)


def standard_error(influence: Array, noise: Noise) -> float:
    """Of the sum of ``influence`` (n,) times the volumes."""
    return float(np.sqrt(noise.variance * _quadratic(influence, noise.rho)))


@kernel
def _quadratic(v: Array, rho: float) -> float:
    """v' C v with C[s, t] = rho ** |s - t|, in one pass."""
    total = 0.0
    past = 0.0
    for t in range(v.size):
        total += v[t] * v[t] + 2.0 * v[t] * past
        past = rho * (past + v[t])
    return total


@kernel
def _polynomial(coefficients: Array, x: float) -> float:
    value = 0.0
    for k in range(coefficients.size - 1, -1, -1):
        value = value * x + coefficients[k]
    return value


@kernel
def _match(excess: Array) -> float:
    """Where the polynomial ``excess``, negative below the right rho and positive above it, crosses zero in [0, LARGEST_RHO]."""
    low, high = 0.0, LARGEST_RHO
    if _polynomial(excess, low) >= 0.0:
        return low
    if _polynomial(excess, high) <= 0.0:
        return high
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _polynomial(excess, middle) < 0.0:
            low = middle
        else:
            high = middle
    return low


@kernel
def _beyond(rows: Array, used: npt.NDArray[np.bool_], covariance: Array) -> Array:
    """(LAGS,) sum of H[t, s] over neighbours u of t that are not in the fit (run's ends, gaps) and all s at distance k from u."""
    size, n = rows.shape
    sums = np.zeros(LAGS)
    weights = np.empty(size)
    for t in range(n):
        for u in (t - 1, t + 1):
            if not used[t] or (0 <= u < n and used[u]):
                continue
            for i in range(size):
                weights[i] = 0.0
                for j in range(size):
                    weights[i] += covariance[i, j] * rows[j, t]
            for k in range(1, LAGS):
                for s in (u - k, u + k):
                    if 0 <= s < n and used[s]:
                        for i in range(size):
                            sums[k] += weights[i] * rows[i, s]
    return sums


@kernel
def _inverse(factor: Array) -> Array:
    """Of an upper triangle (R, R)."""
    size = factor.shape[0]
    inverse = np.zeros((size, size))
    for j in range(size):
        inverse[j, j] = 1.0 / factor[j, j]
        for i in range(j - 1, -1, -1):
            for k in range(i + 1, j + 1):
                inverse[i, j] -= factor[i, k] * inverse[k, j]
            inverse[i, j] /= factor[i, i]
    return inverse


@kernel
def _times_transposed(a: Array) -> Array:
    """a a' of an upper triangle (R, R)."""
    size = a.shape[0]
    product = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            for k in range(max(i, j), size):
                product[i, j] += a[i, k] * a[j, k]
    return product


@kernel
def _between(p: Array, a: Array) -> Array:
    """p a p for symmetric p and a (R, R)."""
    size = p.shape[0]
    half = np.zeros((size, size))
    whole = np.zeros((size, size))
    for i in range(size):
        for k in range(size):
            for j in range(size):
                half[i, j] += p[i, k] * a[k, j]
    for i in range(size):
        for k in range(size):
            for j in range(size):
                whole[i, j] += half[i, k] * p[k, j]
    return whole
