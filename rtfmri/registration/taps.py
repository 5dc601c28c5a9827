"""The weighted sums at the heart of interpolation, with vector operations written out.

Most of the time per volume goes into these sums, and numba's default passes leave straight-line code scalar. Two of them:

* `block_sum`: one point. The neighbours along z lie side by side and fill one vector; float64.
* `run_sums`: eight points in a row that share their neighbourhood but for a step of one voxel along z each. Every lane is a point of
  its own, with weights of its own, so a load serves eight points at once; float32 with fused multiply-add, whose result IEEE 754 fixes.

The order of the spline is the length of the tuples handed in, so numba makes one version for each order. Lanes never meet before the
end, and what is added is added in one order: same arithmetic, same bits.

Numba's cache does not see a change in this file alone: touch ``interpolation.py`` and ``reslice.py`` too after editing it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # numba's own code generator
from numba.core import cgutils
from numba.core.types import float64, void
from numba.core.types.containers import UniTuple
from numba.extending import intrinsic

LANES = 8

_INT, _FLOAT, _DOUBLE = ir.IntType(32), ir.FloatType(), ir.DoubleType()


@intrinsic
def weights_at(typingctx: Any, pieces: Any, u: Any) -> Any:
    """The weights of all neighbours at ``u``: float64 tuple; ``pieces`` as `bspline.pieces` tells them."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, u = args
        weights = [_horner(builder, [builder.extract_value(rows, (j, p)) for p in range(pieces.count)], u) for j in range(pieces.count)]
        return context.make_tuple(builder, signature.return_type, weights)

    return UniTuple(float64, pieces.count)(pieces, u), generate


@intrinsic
def block_sum(typingctx: Any, flat: Any, base: Any, row: Any, plane: Any, wx: Any, wy: Any, wz: Any) -> Any:
    """Weighted sum of the n x n x n samples from ``flat[base]`` on: float64.

    ``flat``: contiguous float32 volume as one dimension; ``row`` and ``plane``: its strides in samples along y and x; ``wx``, ``wy``
    and ``wz``: n float64 weights each. The caller has made sure that the block lies within the volume: nothing is checked here.
    """
    taps = range(wx.count)
    doubles, floats = ir.VectorType(_DOUBLE, wx.count), ir.VectorType(_FLOAT, wx.count)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flat, base, row, plane, *weights = args
        data = context.make_array(signature.args[0])(context, builder, flat).data
        wx, wy, wz = ([builder.extract_value(w, i) for i in taps] for w in weights)
        total = ir.Constant(doubles, [0.0] * len(taps))
        for a in taps:
            start = base
            for b in taps:
                block = builder.fpext(_load(builder, data, start, floats), doubles)
                total = builder.fadd(total, builder.fmul(_splat(builder, builder.fmul(wx[a], wy[b]), doubles), block))
                start = builder.add(start, row)
            base = builder.add(base, plane)
        value = builder.fmul(wz[0], builder.extract_element(total, ir.Constant(_INT, 0)))
        for c in taps[1:]:
            value = builder.fadd(value, builder.fmul(wz[c], builder.extract_element(total, ir.Constant(_INT, c))))
        return value

    return float64(flat, base, row, plane, wx, wy, wz), generate


@intrinsic
def run_sums(typingctx: Any, flat: Any, base: Any, row: Any, plane: Any, pieces: Any, u: Any, du: Any, out: Any, at: Any) -> Any:
    """Write the values of eight points to ``out[at]`` ... ``out[at + 7]`` (float32).

    Point i has its first neighbour at ``flat[base + i]`` and lies ``u[axis] + i * du[axis]`` within its cell (three float64 each).
    Points beyond a run's end have u outside 0 ... 1 and a value without meaning, which the caller overwrites or ignores; the caller has
    made sure that all eight neighbourhoods lie within ``flat`` and all eight values within ``out``: nothing is checked here.
    """
    taps = range(pieces.count)
    lanes = ir.VectorType(_FLOAT, LANES)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flat, base, row, plane, rows, u, du, out, at = args
        data = context.make_array(signature.args[0])(context, builder, flat).data
        table = [[_splat_float(builder, builder.extract_value(rows, (j, p)), lanes) for p in taps] for j in taps]
        wx, wy, wz = (_lane_weights(builder, table, builder.extract_value(u, i), builder.extract_value(du, i), lanes) for i in range(3))
        total = None
        for a in taps:
            start, plane_sum = base, None
            for b in taps:
                row_sum = None
                for c in taps:
                    place = builder.add(start, ir.Constant(start.type, c))
                    row_sum = _add_product(builder, wz[c], _load(builder, data, place, lanes), row_sum)
                plane_sum = _add_product(builder, wy[b], row_sum, plane_sum)
                start = builder.add(start, row)
            total = _add_product(builder, wx[a], plane_sum, total)
            base = builder.add(base, plane)
        values = context.make_array(signature.args[7])(context, builder, out).data
        builder.store(total, builder.bitcast(builder.gep(values, [at]), lanes.as_pointer()), align=4)
        return context.get_dummy_value()

    return void(flat, base, row, plane, pieces, u, du, out, at), generate


def _lane_weights(builder: Any, table: Any, u: Any, du: Any, lanes: Any) -> list[Any]:
    """The weights of all neighbours along one axis, each a vector over the lanes."""
    number = ir.Constant(lanes, [float(i) for i in range(LANES)])
    place = _fused(builder, number, _splat_float(builder, du, lanes), _splat_float(builder, u, lanes))
    weights = []
    for coefficients in table:
        weight = coefficients[0]
        for coefficient in coefficients[1:]:
            weight = _fused(builder, weight, place, coefficient)
        weights.append(weight)
    return weights


def _horner(builder: Any, coefficients: list[Any], u: Any) -> Any:
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = builder.fadd(builder.fmul(value, u), coefficient)
    return value


def _add_product(builder: Any, weight: Any, value: Any, total: Any) -> Any:
    return builder.fmul(weight, value) if total is None else _fused(builder, weight, value, total)


def _fused(builder: Any, first: Any, second: Any, third: Any) -> Any:
    """first * second + third, rounded once, in every lane."""
    vector = first.type
    signature = ir.FunctionType(vector, [vector] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, f"llvm.fma.v{vector.count}f32"), [first, second, third])


def _load(builder: Any, data: Any, place: Any, vector: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(data, [place]), vector.as_pointer()), align=4)


def _splat_float(builder: Any, value: Any, vector: Any) -> Any:
    return _splat(builder, builder.fptrunc(value, _FLOAT), vector)


def _splat(builder: Any, value: Any, vector: Any) -> Any:
    """A vector that holds ``value`` in all its lanes."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INT, vector.count), [0] * vector.count))
