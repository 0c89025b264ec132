"""Functions of two codes, in the cheapest form that equals onnxruntime on every pair of codes.

onnxruntime itself runs on every pair that the streams can carry, 65,536 at most; a form is taken if
it gives the very same table.  In order of cost: the larger or smaller of the two codes (maps to the
result's codes in front of it, where they are needed), a weighted sum, a requantized product, and,
always possible, the table itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from ir.numbers import IntArray, IntegerType
from ir.product_proof import ScaledProduct, fit_product, short_product
from ir.sum_proof import Pairs, WeightedSum, fit_sum, short_sum
from rewrite.lower.alone import run_alone
from rewrite.lower.reading import Quantization, Stage
from rewrite.lower.streams import Stream
from rewrite.onnx.graphs import is_operator


@dataclass(frozen=True, slots=True)
class ChosenCode:
    """The larger, or with ``minimum`` the smaller, of the codes that ``maps`` make of a and b.

    ``maps``: by operand, the result of each code from the operand's least reachable one on, or None
    where the codes are taken as they are.
    """

    minimum: bool
    maps: tuple[IntArray | None, IntArray | None]


@dataclass(frozen=True, slots=True)
class PairTable:
    """No arithmetic: the golden table itself."""


PairForm: TypeAlias = ChosenCode | WeightedSum | ScaledProduct | PairTable


def every_pair(stage: Stage, a: Stream, b: Stream) -> Pairs:
    """Run the stage in onnxruntime on every pair of codes that the streams can carry."""
    first = int(a.lows.min()), int(b.lows.min())
    last = int(a.highs.max()), int(b.highs.max())
    rows, columns = (np.arange(low, high + 1) for low, high in zip(first, last, strict=True))
    left, right = np.meshgrid(rows, columns, indexing="ij")
    shape = (1, 1, *left.shape)
    values = run_alone((stage,), left.reshape(shape), right.reshape(shape))
    return Pairs(values.reshape(left.shape), first)


def form_of(stage: Stage, golden: Pairs, numbers: tuple[IntegerType, IntegerType]) -> PairForm:
    """Return the cheapest form of ``golden``; ``numbers``: types of the operands."""
    if golden.values.min() < golden.values.max():
        chosen = _chosen_code(golden, tuple(n == stage.output.number for n in numbers))
        if chosen is not None:
            return chosen
    operands = _operands(stage)
    for form in _stated(stage, operands, golden):
        if golden.equal(form):
            return form
    zero_points = operands[0].zero_point, operands[1].zero_point
    return fit_product(golden, zero_points) or fit_sum(golden) or PairTable()


def _chosen_code(golden: Pairs, same_type: tuple[bool, ...]) -> ChosenCode | None:
    """Return the extremum that equals ``golden``, with as few maps as possible.

    If there are any maps f and g with ``golden = max(f(a), g(b))``, the row and column minima are
    such: f(a) counts only where it passes the least of g.
    """
    codes = golden.codes
    for minimum in (False, True):
        extreme, inner = (np.minimum, np.max) if minimum else (np.maximum, np.min)
        maps = inner(golden.values, axis=1, keepdims=True), inner(golden.values, 0, keepdims=True)
        for kept in product((True, False), repeat=2):
            if any(k and not same for k, same in zip(kept, same_type, strict=True)):
                continue
            a, b = (c if k else m for k, c, m in zip(kept, codes, maps, strict=True))
            if np.array_equal(extreme(a, b), golden.values):
                first, second = (
                    None if k else m.reshape(-1) for k, m in zip(kept, maps, strict=True)
                )
                return ChosenCode(minimum, (first, second))
    return None


def _stated(
    stage: Stage, operands: tuple[Quantization, Quantization], golden: Pairs
) -> Iterator[WeightedSum | ScaledProduct]:
    """Yield the form that the scales of a plain Add, Sub or Mul state, if its factors are short."""
    operators = [n for n in stage.nodes if not is_operator(n, *_QUANTIZATIONS)]
    if len(operators) != 1:
        return
    a, b = operands
    output, zeros = stage.output, (a.zero_point, b.zero_point)
    bounds = int(golden.values.min()), int(golden.values.max())
    form: WeightedSum | ScaledProduct | None = None
    match operators[0].op_type:
        case "Add":
            ratios = a.scale / output.scale, b.scale / output.scale
            form = short_sum(ratios, zeros, output.zero_point, bounds)
        case "Sub":
            sign = 1 if _dequantize(operators[0].inputs[0]).inputs[0] is stage.sources[0] else -1
            ratios = sign * a.scale / output.scale, -sign * b.scale / output.scale
            form = short_sum(ratios, zeros, output.zero_point, bounds)
        case "Mul":
            form = short_product(a.scale * b.scale / output.scale, zeros, output.zero_point, bounds)
    if form is not None:
        yield form


_QUANTIZATIONS = ("DequantizeLinear", "QuantizeLinear")


def _operands(stage: Stage) -> tuple[Quantization, Quantization]:
    """Return the quantization of each source."""
    entries = [n for n in stage.nodes if is_operator(n, "DequantizeLinear")]
    a, b = (
        stage.quantization(next(n for n in entries if n.inputs[0] is source))
        for source in stage.sources
    )
    return a, b


def _dequantize(value: ir.Value | None) -> ir.Node:
    node = None if value is None else value.producer()
    assert node is not None
    return node
