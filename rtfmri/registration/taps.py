"""The 4 x 4 x 4 sum at the heart of cubic interpolation, four neighbours at a time.

Most of the time per volume goes into this sum. The four samples along z lie side by side, so they fit one vector register, but numba's
default passes leave straight-line code scalar; here the vector operations are written out, which halves the cost of a sample. Each of
the four lanes adds its sixteen products in the same order as scalar code would: same arithmetic, same bits.

Numba's cache does not see a change in this file alone: touch ``interpolation.py`` too after editing it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # numba's own code generator
from numba.core import types
from numba.extending import intrinsic

_INT = ir.IntType(32)
_FLOATS, _DOUBLES = ir.VectorType(ir.FloatType(), 4), ir.VectorType(ir.DoubleType(), 4)


@intrinsic
def block_sum(typingctx: Any, flat: Any, base: Any, row: Any, plane: Any, wx: Any, wy: Any, wz: Any) -> Any:
    """Weighted sum of the 64 samples from ``flat[base]`` on: float64.

    ``flat``: contiguous float32 volume as one dimension; ``row`` and ``plane``: its strides in samples along y and x; ``wx``, ``wy``
    and ``wz``: four float64 weights each. The caller has made sure that the block lies within the volume: nothing is checked here.
    """
    return types.float64(flat, base, row, plane, wx, wy, wz), _generate


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    flat, base, row, plane, *weights = args
    data = context.make_array(signature.args[0])(context, builder, flat).data
    wx, wy, wz = ([builder.extract_value(w, i) for i in range(4)] for w in weights)
    total = ir.Constant(_DOUBLES, [0.0] * 4)
    for a in range(4):
        start = base
        for b in range(4):
            block = builder.load(builder.bitcast(builder.gep(data, [start]), _FLOATS.as_pointer()))
            block.align = 4
            product = builder.fmul(_four_times(builder, builder.fmul(wx[a], wy[b])), builder.fpext(block, _DOUBLES))
            total = builder.fadd(total, product)
            start = builder.add(start, row)
        base = builder.add(base, plane)
    lanes = [builder.fmul(wz[i], builder.extract_element(total, ir.Constant(_INT, i))) for i in range(4)]
    return builder.fadd(builder.fadd(builder.fadd(lanes[0], lanes[1]), lanes[2]), lanes[3])


def _four_times(builder: Any, value: Any) -> Any:
    """A vector that holds ``value`` in all four lanes."""
    empty = ir.Constant(_DOUBLES, ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INT, 4), [0] * 4))
