"""The B-splines of orders 3 to 7: their weights between voxels, and the poles of the filter that makes coefficients.

Conventions. The spline of order n at x is the sum of n + 1 coefficients, ``first`` ... ``first + n``, times their weights. With
s = x + shift (0 for odd orders, 1/2 for even ones), ``first`` is floor(s) - n // 2, and the weights are polynomials in u = s - floor(s),
0 <= u < 1. Source: Unser, Aldroubi and Eden 1993, IEEE Trans Signal Process 41:821 (the spline) and 41:834 (its inverse filter).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

Pieces = tuple[tuple[float, ...], ...]

ORDERS = (3, 4, 5, 6, 7)

# the roots of sum_k spline(k) z^k within the unit circle, to the last digit of a float
_POLES: dict[int, tuple[float, ...]] = {
    3: (math.sqrt(3.0) - 2.0,),
    4: (-0.36134122590022018, -0.013725429297339121),
    5: (-0.43057534709997379, -0.043096288203264654),
    6: (-0.48829458930304476, -0.08167927107623751, -0.0014141518083258178),
    7: (-0.5352804307964382, -0.12255461519232669, -0.009148694809608277),
}


def poles(order: int) -> tuple[float, ...]:
    """The poles of the inverse filter, largest first.

    Raises
    ------
    ValueError : the order is not one of 3 to 7.
    """
    if order not in ORDERS:
        raise ValueError(f"interpolation has an order from {ORDERS[0]} to {ORDERS[-1]}, not {order}")
    return _POLES[order]


def shift(order: int) -> float:
    """Even orders choose their neighbours about the nearest voxel, odd ones about the one below."""
    return 0.0 if order % 2 else 0.5


@cache
def pieces(order: int) -> Pieces:
    """(order + 1, order + 1): for each neighbour, first to last, the coefficients of its weight's polynomial in u, highest power first.

    Weight j is 1/n! sum_k (-1)^k C(n + 1, k) (u + n - j - k)^n over k <= n - j; expanded in fractions, so that nothing is lost.

    Raises
    ------
    ValueError : the order is not one of 3 to 7.
    """
    poles(order)
    return tuple(tuple(float(_coefficient(order, j, power)) for power in range(order, -1, -1)) for j in range(order + 1))


def _coefficient(n: int, j: int, power: int) -> Fraction:
    """Of u^power in the weight of neighbour ``j``."""
    total = sum((-1) ** k * math.comb(n + 1, k) * math.comb(n, power) * (n - j - k) ** (n - power) for k in range(n - j + 1))
    return Fraction(total, math.factorial(n))
