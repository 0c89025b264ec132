"""One function per kind of fused call: ONNX constants in, hardware element out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ir.affine_proof import prove_affine
from ir.elements import (
    Affine,
    ArgMax,
    Element,
    GlobalAverage,
    Kernel,
    Lookup,
    MaxPool,
    ProcessingElement,
    Shape,
    StreamType,
)
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.interpreter import look_up
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.proof import ProofRecord, output_bounds, prove
from ir.requantize import GoldenRequantization, Requantization, ThresholdRequantization
from rewrite.lower.layout import Stream, as_map, as_vector, map_positions
from rewrite.lower.reading import Quantization, Stage, ints
from rewrite.lower.tables import clamp_bounds, table_of
from rewrite.lower.windows import kernel_of

_INT32 = IntegerType(32, True)


@dataclass(frozen=True, slots=True)
class Built:
    """The stream that a fused call makes, and the proof of its requantization if it has one."""

    stream: Stream
    proof: ProofRecord | None = None


@dataclass(frozen=True, slots=True)
class _Linear:
    """The constants of a convolution: ``weights`` (kh, kw, in, out) without zero points."""

    weights: IntArray
    biases: IntArray
    source: Quantization
    factors: npt.NDArray[np.float32]


def convolution(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a processing element from a Conv, what follows it included."""
    stream = as_map(source, names, layer)
    stage = stages[0]
    codes = _weight_codes(stage, axis=0)
    weights = codes.transpose(2, 3, 1, 0)
    if weights.shape[2] != stream.shape.channels:
        raise _mismatch(layer, weights.shape[2], stream.shape.channels)
    assert stage.operator is not None
    size = (weights.shape[0], weights.shape[1])
    kernel = kernel_of(stage.operator, size, stream.shape, layer)
    return _processing(stages, stream, kernel, weights, names, layer)


def dense(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a processing element from a Gemm: rows of weights in the stream's order."""
    stream = as_vector(source, names)
    stage = stages[0]
    assert stage.operator is not None
    by_rows = bool(stage.operator.attributes.get_int("transB", 0))
    codes = _weight_codes(stage, axis=0 if by_rows else 1)
    matrix = codes.T if by_rows else codes
    if matrix.shape[0] != stream.positions.size:
        raise _mismatch(layer, matrix.shape[0], stream.positions.size)
    weights = np.empty_like(matrix)
    weights[stream.positions.reshape(-1)] = matrix
    built = _processing(stages, stream, Kernel(1, 1), weights[None, None], names, layer)
    return replace(built, stream=_flat(built.stream))


def _flat(stream: Stream) -> Stream:
    return replace(stream, positions=np.arange(stream.shape.size))


def _mismatch(layer: str, expected: int, got: int) -> CompileError:
    return CompileError(
        "lower", layer, f"input must have {expected} channels, not {got}", "export the model again"
    )


def _weight_codes(stage: Stage, axis: int) -> IntArray:
    """Return the weight codes minus their zero points, in ONNX layout."""
    node = stage.operand(1)
    codes = stage.array(node.inputs[0]).astype(np.int64)
    zero_points = stage.quantization(node).zero_points
    shape = [1] * codes.ndim
    shape[axis] = len(zero_points)
    without: IntArray = codes - zero_points.reshape(shape)
    return without


def _linear(stage: Stage, weights: IntArray) -> _Linear:
    channels = weights.shape[3]
    x = stage.quantization(stage.operand(0))
    w = stage.quantization(stage.operand(1))
    bias = stage.array(stage.operand(2).inputs[0]).astype(np.int64).reshape(-1)
    factors = _factors(x.scale * w.scales / stage.output.scale, channels)
    folded = bias - x.zero_point * weights.sum(axis=(0, 1, 2))
    return _Linear(weights, folded, x, factors)


def _factors(factors: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
    """Return one float32 factor per channel; float32 arithmetic as onnxruntime does it."""
    assert factors.dtype == np.float32
    return np.ascontiguousarray(np.broadcast_to(factors, channels))


def _processing(
    stages: tuple[Stage, ...],
    stream: Stream,
    kernel: Kernel,
    weights: IntArray,
    names: Identifiers,
    layer: str,
) -> Built:
    stage, *rest = stages
    linear = _linear(stage, weights)
    padded = any((kernel.pad_top, kernel.pad_left, kernel.pad_bottom, kernel.pad_right))
    zero = linear.source.zero_point
    lows = np.minimum(stream.lows, zero) if padded else stream.lows
    highs = np.maximum(stream.highs, zero) if padded else stream.highs
    first, last = _reachable(weights, lows, highs)
    number = stage.output.number
    golden = _golden(layer, linear.factors, linear.biases, stage.output, first, last)
    table = _table(rest, number)
    bounds = None if table is None else clamp_bounds(table, number)
    if bounds is not None and rest[0].output.number == number:
        table = None
    else:
        bounds = output_bounds(golden, None, None)
    requantization, proof = prove(layer, golden, *bounds)
    out_lows, out_highs = (np.clip(golden(ends), *bounds) for ends in (first, last))
    output = number
    if table is not None:
        output = rest[0].output.number
        out_lows, out_highs = _table_range(table, number, out_lows, out_highs)
    rows, columns = kernel.output_size(stream.shape.height, stream.shape.width)
    shape = Shape(rows, columns, weights.shape[3])
    pool = next((_pool_kernel(s, shape, layer) for s in rest if s.kind == "MaxPool"), None)
    if pool is not None:
        shape = Shape(*pool.output_size(rows, columns), shape.channels)
    element = ProcessingElement(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(shape, output, 1),
        kernel=kernel,
        pad_value=zero,
        weights=frozen_integers(weights),
        weight_number=IntegerType.spanning(int(weights.min()), int(weights.max())),
        accumulator=_accumulator(first, last, requantization),
        requantization=requantization,
        convolved=number,
        table=table,
        pool=pool,
    )
    return Built(_mapped(element, out_lows, out_highs, layer), proof)


def _mapped(element: Element, lows: IntArray, highs: IntArray, layer: str) -> Stream:
    """Return the stream of ``element`` as a tensor (channels, height, width)."""
    return Stream(element, map_positions(element.output.shape), lows, highs, layer)


def _reachable(weights: IntArray, lows: IntArray, highs: IntArray) -> tuple[IntArray, IntArray]:
    """Return per output channel the least and greatest sum of products, codes in their ranges."""
    positive = np.maximum(weights, 0).sum(axis=(0, 1))
    negative = np.minimum(weights, 0).sum(axis=(0, 1))
    first: IntArray = lows @ positive + highs @ negative
    last: IntArray = highs @ positive + lows @ negative
    return first, last


def _golden(
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


def _accumulator(
    first: IntArray, last: IntArray, requantization: Requantization
) -> IntegerType:
    """Return the signed type of the raw accumulators and of the thresholds they meet."""
    low, high = min(int(first.min()), 0), max(int(last.max()), 0)
    if isinstance(requantization, ThresholdRequantization):
        low = min(low, int(requantization.thresholds.min()))
        high = max(high, int(requantization.thresholds.max()))
    return IntegerType.spanning(low, high, signed=True)


def _table(rest: list[Stage], number: IntegerType) -> IntArray | None:
    return table_of(rest[0], number) if rest and rest[0].kind == "Table" else None


def _table_range(
    table: IntArray, number: IntegerType, lows: IntArray, highs: IntArray
) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest entry for codes from ``lows`` to ``highs``."""
    entries = [
        look_up(table, number, np.arange(low, high + 1))
        for low, high in zip(lows, highs, strict=True)
    ]
    return np.array([e.min() for e in entries]), np.array([e.max() for e in entries])


def _pool_kernel(stage: Stage, shape: Shape, layer: str) -> Kernel:
    assert stage.operator is not None
    height, width = ints(stage.operator, "kernel_shape", [])
    kernel = kernel_of(stage.operator, (height, width), shape, layer)
    ends = (kernel.pad_top, kernel.pad_bottom), (kernel.pad_left, kernel.pad_right)
    if max(ends[0]) >= height or max(ends[1]) >= width:
        raise CompileError(
            "lower",
            layer,
            f"the padding of a {height}x{width} max pool must be smaller than its window",
            "use less padding",
        )
    return kernel


def max_pool(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a standalone max pool."""
    stream = as_map(source, names, layer)
    kernel = _pool_kernel(stages[0], stream.shape, layer)
    rows, columns = kernel.output_size(stream.shape.height, stream.shape.width)
    output = StreamType(
        Shape(rows, columns, stream.shape.channels), stream.element.output.number, 1
    )
    element = MaxPool(names.new(layer), layer, stream.element, output, kernel)
    return Built(_mapped(element, stream.lows, stream.highs, layer))


def lookup(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a standalone table; the tensor keeps its shape."""
    number = source.element.output.number
    table = table_of(stages[0], number)
    output = StreamType(source.shape, stages[0].output.number, 1)
    element = Lookup(names.new(layer), layer, source.element, output, table)
    lows, highs = _table_range(table, number, source.lows, source.highs)
    return Built(replace(source, element=element, lows=lows, highs=highs, layer=layer))


def global_average(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build a global average; its factor is sx / (sy * pixels), rounded as onnxruntime does."""
    stream = as_map(source, names, layer)
    stage, pixels = stages[0], stream.shape.pixels
    x = stage.quantization(stage.operand(0))
    factor = x.scales / (stage.output.scale * np.float32(pixels))
    channels = stream.shape.channels
    first, last = stream.lows * pixels, stream.highs * pixels
    biases = np.full(channels, -x.zero_point * pixels)
    golden = _golden(layer, _factors(factor, channels), biases, stage.output, first, last)
    requantization, proof = prove(layer, golden)
    element = GlobalAverage(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(1, 1, channels), stage.output.number, 1),
        accumulator=_accumulator(first, last, requantization),
        requantization=requantization,
    )
    return Built(_mapped(element, golden(first), golden(last), layer), proof)


def affine(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a factor and a summand per channel.

    Where only thresholds are exact and a channel falls, the codes are multiplied by 1 or -1 in a
    processing element first: thresholds need a rising function.
    """
    stream = as_map(source, names, layer)
    stage = stages[0]
    weights = _weight_codes(stage, axis=0).reshape(-1)
    if len(weights) != stream.shape.channels:
        raise _mismatch(layer, len(weights), stream.shape.channels)
    linear = _linear(stage, weights.reshape(1, 1, 1, -1))
    ends = stream.lows * weights, stream.highs * weights
    golden = _golden(
        layer, linear.factors, linear.biases, stage.output, np.minimum(*ends), np.maximum(*ends)
    )
    solution = prove_affine(
        layer, golden, weights, stream.lows, stream.highs, output_bounds(golden, None, None)
    )
    output = StreamType(stream.shape, stage.output.number, 1)
    element: Element
    if np.all(solution.signs == 1):
        element = Affine(
            names.new(layer), layer, stream.element, output, solution.requantization
        )
    else:
        diagonal = np.diag(solution.signs)[None, None]
        first, last = _reachable(diagonal, stream.lows, stream.highs)
        element = ProcessingElement(
            name=names.new(layer),
            layer=layer,
            source=stream.element,
            output=output,
            kernel=Kernel(1, 1),
            pad_value=linear.source.zero_point,
            weights=frozen_integers(diagonal),
            weight_number=IntegerType.spanning(-1, 1),
            accumulator=_accumulator(first, last, solution.requantization),
            requantization=solution.requantization,
            convolved=stage.output.number,
        )
    results = golden(ends[0]), golden(ends[1])
    lows, highs = np.minimum(*results), np.maximum(*results)
    return Built(_mapped(element, lows, highs, layer), solution.proof)


def arg_max(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build the index of the largest channel of each pixel."""
    vector = source.positions.ndim == 1
    stream = source
    if vector and not np.array_equal(source.positions, np.arange(source.positions.size)):
        raise CompileError(
            "lower",
            layer,
            "the values must arrive in the order of the tensor",
            "flatten with the channels last",
        )
    stream = as_vector(source, names) if vector else as_map(source, names, layer)
    operator = stages[0].operator
    assert operator is not None
    shape = replace(stream.shape, channels=1)
    index = IntegerType.spanning(0, stream.shape.channels - 1)
    element = ArgMax(names.new(layer), layer, stream.element, StreamType(shape, index, 1))
    kept = bool(operator.attributes.get_int("keepdims", 1))
    sizes = () if vector else (shape.height, shape.width)
    positions = np.arange(shape.size).reshape((1, *sizes) if kept else sizes)
    ends = np.zeros(1, np.int64), np.full(1, stream.shape.channels - 1)
    return Built(Stream(element, positions, *ends, layer))
