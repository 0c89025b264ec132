"""What the elements' arithmetic has in common: constants, ranges, onnxruntime's formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.elements import Element
from ir.errors import CompileError
from ir.interpreter import look_up
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord
from ir.requantize import GoldenRequantization, Requantization, ThresholdRequantization
from rewrite.lower.layout import map_positions
from rewrite.lower.reading import Quantization, Stage
from rewrite.lower.streams import Stream

_INT32 = IntegerType(32, True)


@dataclass(frozen=True, slots=True)
class Reference:
    """How the operator of a fused call runs alone in onnxruntime, and on what to try it.

    ``run``: from the codes of its source, a tensor, to its own.  ``hard``: tensors (frames, ...)
    of codes at which another arithmetic would show, if there are such.
    """

    run: Callable[[IntArray], IntArray]
    hard: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """The stream that a fused call makes, and the proof of its requantization if it has one.

    ``reference``: what it is compared with if it must run otherwise than its nodes do alone.
    """

    stream: Stream
    proof: ProofRecord | None = None
    reference: Reference | None = None


def mapped(element: Element, lows: IntArray, highs: IntArray, layer: str) -> Stream:
    """Return the stream of ``element`` as a tensor (channels, height, width)."""
    return Stream(element, map_positions(element.output.shape), lows, highs, layer)


@dataclass(frozen=True, slots=True)
class Linear:
    """The constants of a convolution: ``weights`` (kh, kw, in, out) without zero points."""

    weights: IntArray
    biases: IntArray
    source: Quantization
    factors: npt.NDArray[np.float32]


def linear_constants(stage: Stage, weights: IntArray) -> Linear:
    """Return the constants of a Conv or Gemm with ``weights`` (kh, kw, in, out).

    The input's zero point is folded into the biases: raw accumulators add codes times weights.
    """
    channels = weights.shape[3]
    x = stage.quantization(stage.operand(0))
    w = stage.quantization(stage.operand(1))
    bias = stage.array(stage.operand(2).inputs[0]).astype(np.int64).reshape(-1)
    factors = per_channel(x.scale * w.scales / stage.output.scale, channels)
    folded = bias - x.zero_point * weights.sum(axis=(0, 1, 2))
    return Linear(weights, folded, x, factors)


def weight_codes(stage: Stage, axis: int) -> IntArray:
    """Return the weight codes minus their zero points, in ONNX layout."""
    node = stage.operand(1)
    codes = stage.array(node.inputs[0]).astype(np.int64)
    zero_points = stage.quantization(node).zero_points
    shape = [1] * codes.ndim
    shape[axis] = len(zero_points)
    without: IntArray = codes - zero_points.reshape(shape)
    return without


def per_channel(factors: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
    """Return one float32 factor per channel; float32 arithmetic as onnxruntime does it."""
    assert factors.dtype == np.float32
    return np.ascontiguousarray(np.broadcast_to(factors, channels))


def reachable(
    weights: IntArray, lows: IntArray, highs: IntArray, groups: int = 1
) -> tuple[IntArray, IntArray]:
    """Return per output channel the least and greatest sum of products, codes in their ranges.

    ``weights``: (kh, kw, in / groups, out).
    """
    inputs, outputs = weights.shape[2:]
    positive = np.maximum(weights, 0).sum(axis=(0, 1)).reshape(inputs, groups, -1)
    negative = np.minimum(weights, 0).sum(axis=(0, 1)).reshape(inputs, groups, -1)

    def sums(factors: IntArray, codes: IntArray) -> IntArray:
        products: IntArray = np.einsum("gi,igo->go", codes.reshape(groups, inputs), factors)
        return products.reshape(outputs)

    return (
        sums(positive, lows) + sums(negative, highs),
        sums(positive, highs) + sums(negative, lows),
    )


def golden_of(
    layer: str,
    factors: npt.NDArray[np.float32],
    biases: IntArray,
    output: Quantization,
    first: IntArray,
    last: IntArray,
) -> GoldenRequantization:
    """Return onnxruntime's arithmetic, which adds in int32 and so must not overflow it."""
    if not np.all(np.isfinite(factors)):
        raise CompileError(
            "lower",
            layer,
            "input scale times weight scale over output scale must be finite in float32",
            "quantize the model again with sane scales",
        )
    sums = IntegerType.spanning(
        int((first + biases).min()), int((last + biases).max()), signed=True
    )
    if sums.bits > _INT32.bits:
        raise CompileError(
            "lower",
            layer,
            f"accumulator needs {sums.bits} bits, but onnxruntime's int32 wraps",
            "use smaller biases or fewer inputs",
        )
    return GoldenRequantization(
        factors, frozen_integers(biases), output.zero_point, output.number, first, last
    )


def accumulator_of(first: IntArray, last: IntArray, requantization: Requantization) -> IntegerType:
    """Return the signed type of the raw accumulators and of the thresholds they meet."""
    low, high = min(int(first.min()), 0), max(int(last.max()), 0)
    if isinstance(requantization, ThresholdRequantization):
        low = min(low, int(requantization.thresholds.min()))
        high = max(high, int(requantization.thresholds.max()))
    return IntegerType.spanning(low, high, signed=True)


def table_range(
    table: IntArray, number: IntegerType, lows: IntArray, highs: IntArray
) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest entry for codes from ``lows`` to ``highs``."""
    entries = [
        look_up(table, number, np.arange(low, high + 1))
        for low, high in zip(lows, highs, strict=True)
    ]
    return np.array([e.min() for e in entries]), np.array([e.max() for e in entries])


def channel_mismatch(layer: str, expected: int, got: int) -> CompileError:
    """Return the error of a layer whose weights do not fit its input."""
    return CompileError(
        "lower", layer, f"input must have {expected} channels, not {got}", "export the model again"
    )
