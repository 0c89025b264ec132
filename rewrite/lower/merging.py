"""Weighted sums of two streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ir.elements import Merge, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from ir.proof import ProofRecord
from ir.sum_proof import FACTOR_BITS, Pairs, WeightedSum, fit_sum, short_sum
from rewrite.lower.alone import run_alone
from rewrite.lower.arithmetic import Built
from rewrite.lower.layout import Stream, seen_as
from rewrite.lower.reading import Stage
from rewrite.onnx.graphs import is_operator

_SIGNS = {"Add": 1, "Sub": -1}


def merge(
    stages: tuple[Stage, ...], sources: Sequence[Stream], names: Identifiers, layer: str
) -> Built:
    """Build a weighted sum, proved equal on every pair of codes that can occur.

    Raises:
        CompileError: no weighted sum is equal.
    """
    stage = stages[0]
    a, b = sources
    if a.positions.shape != b.positions.shape or not np.array_equal(a.positions, b.positions):
        raise CompileError(
            "lower",
            layer,
            "both inputs must be streamed in the same order; a layout change in front of one of "
            "them puts its values into another",
            "keep the channels last in both branches",
        )
    b = seen_as(b, a.shape, names)
    golden = _every_pair(stage, a, b)
    short = _short_form(stage, golden)
    form = short if short is not None and golden.equal(short) else fit_sum(golden)
    if form is None:
        raise CompileError(
            "lower",
            layer,
            "no weighted sum of two codes, with factors of at most "
            f"{FACTOR_BITS - 1} bits, gives onnxruntime's result for every pair of codes",
            "use Add, Subtract or Average, or other scales",
        )
    element = Merge(
        name=names.new(layer),
        layer=layer,
        sources=(a.element, b.element),
        output=StreamType(a.shape, stage.output.number, 1),
        factors=form.factors,
        offset=form.offset,
        shift=form.shift,
        low=form.low,
        high=form.high,
        half_even=form.half_even,
    )
    lows, highs = _range(form, a, b)
    stream = replace(a, element=element, lows=lows, highs=highs, layer=layer)
    return Built(stream, _record(layer, golden, form))


def _every_pair(stage: Stage, a: Stream, b: Stream) -> Pairs:
    """Run the stage in onnxruntime on every pair of codes that the streams can carry."""
    first = int(a.lows.min()), int(b.lows.min())
    last = int(a.highs.max()), int(b.highs.max())
    rows, columns = (np.arange(low, high + 1) for low, high in zip(first, last, strict=True))
    left, right = np.meshgrid(rows, columns, indexing="ij")
    shape = (1, 1, *left.shape)
    values = run_alone((stage,), left.reshape(shape), right.reshape(shape))
    return Pairs(values.reshape(left.shape), first)


def _short_form(stage: Stage, golden: Pairs) -> WeightedSum | None:
    """Return the sum that the scales of a plain Add or Sub state, if its factors are short."""
    operators = [n for n in stage.nodes if not is_operator(n, *_QUANTIZATIONS)]
    if len(operators) != 1 or operators[0].op_type not in _SIGNS:
        return None
    operands = [_dequantize(value) for value in operators[0].inputs]
    ordered = [next(n for n in operands if n.inputs[0] is s) for s in stage.sources]
    signs = [1 if n is operands[0] else _SIGNS[operators[0].op_type] for n in ordered]
    a, b = (stage.quantization(n) for n in ordered)
    output = stage.output
    return short_sum(
        (a.scale / output.scale * signs[0], b.scale / output.scale * signs[1]),
        (a.zero_point, b.zero_point),
        output.zero_point,
        (int(golden.values.min()), int(golden.values.max())),
    )


_QUANTIZATIONS = ("DequantizeLinear", "QuantizeLinear")


def _dequantize(value: ir.Value | None) -> ir.Node:
    node = None if value is None else value.producer()
    assert node is not None
    return node


def _range(form: WeightedSum, a: Stream, b: Stream) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest result: a sum is extreme at the ends."""
    ends = [form(x, y) for x in (a.lows, a.highs) for y in (b.lows, b.highs)]
    return np.min(ends, axis=0), np.max(ends, axis=0)


def _record(layer: str, golden: Pairs, form: WeightedSum) -> ProofRecord:
    a, b = golden.codes
    sums = a * form.factors[0] + b * form.factors[1] + form.offset
    return ProofRecord(
        layer=layer,
        channels=1,
        low=int(sums.min()),
        high=int(sums.max()),
        form="scale",
        parameter_bits=max(abs(f) for f in form.factors).bit_length() + 1,
        shift=form.shift,
        covered=golden.values.size,
        evaluated=golden.values.size,
    )
