"""Scales of all activations and weights of a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from frontend.activation_scales import (
    clamped_scale,
    input_scale,
    mean_scale,
    range_scale,
    short_scale,
)
from frontend.exactness import FloatArray, Quantized
from frontend.frames import Frames
from frontend.join_scales import join_scales
from frontend.plan import AVERAGING, JOINING, MOVING, NORMALIZING, WEIGHTED, Plan
from frontend.powers_of_two import PowersOfTwo
from frontend.regions import Region
from frontend.snap import SnappedWeights, smallest_target_scale, snap_weights
from frontend.snap_average import snap_average
from ir.errors import CompileError

STAGE = "quantize"

SMALLEST_SCALE = 2.0**-68
"""Of any activation: products of scales must be normal float32 numbers."""

PROBABILITY = Quantized(np.float32(1 / 256), 0)
"""The scale of every Softmax's result, as onnxruntime's own quantizer has it."""

MOST_CODES_OF_A_STEP = 128
"""Codes of a mean that one step of a sum may pass: onnxruntime's average refuses 256 and more."""

MOST_CODES_OF_A_SCORE = 2.0**11
"""Of a LayerNormalization's result: a score has 12 bits behind the point."""


@dataclass(frozen=True, slots=True)
class LayerSnapping:
    """What snapping did to one Conv, Gemm or GlobalAveragePool (``layer``: its node's name).

    ``exact_channels``: channels whose requantization is proved to be one 9-bit factor, shift and
    offset.  ``mean_growth``, ``largest_growth``: scales over the ideal ones, less 1.
    ``most_tries``: factors looked at for the slowest channel.  ``shifts``: smallest and largest.
    """

    layer: str
    channels: int
    exact_channels: int
    mean_growth: float
    largest_growth: float
    most_tries: int
    shifts: tuple[int, int]


def choose_scales(
    plan: Plan,
    ranges: dict[str, tuple[float, float]],
    calibration: Frames,
    powers_of_two: PowersOfTwo = PowersOfTwo.NONE,
) -> tuple[dict[str, Quantized], dict[str, SnappedWeights], tuple[LayerSnapping, ...]]:
    """Return scales by activation tensor, weights by node name, and the report."""
    graph = plan.model.graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    inside = {name for region in plan.regions for name in region.nodes}
    scales = {
        i.name: input_scale(ranges[i.name], calibration[i.name], short=i.name in plan.summed)
        for i in graph.input
        if i.name in plan.activations
    }
    for node in graph.node:
        if node.op_type == "Softmax" and node.name not in plan.host:
            scales[node.output[0]] = PROBABILITY
    weights: dict[str, SnappedWeights] = {}
    report = []
    joined = join_scales(plan, ranges, scales, lambda n, x: _least_scale(n, x, constants))
    for region in plan.regions:
        name = region.output
        kept = _multiple(region, plan, constants, scales | joined)
        scales.setdefault(name, joined.get(name) or kept or _output_scale(name, plan, ranges, 0.0))
    for node in graph.node:
        if node.name in plan.host or node.name in inside:
            continue
        source, output = scales[node.input[0]], node.output[0]
        if output in joined:
            scales[output] = joined[output]
        if node.op_type in MOVING:
            scales[output] = source
        elif node.op_type in WEIGHTED:
            matrix, bias = _matrix(node, constants), constants[node.input[2]].astype(np.float64)
            try:
                if output not in joined:
                    least = _least_scale(node, source, constants)
                    scales[output] = _output_scale(output, plan, ranges, least)
                weights[node.name] = snap_weights(
                    matrix, bias, source, scales[output], powers_of_two
                )
            except ValueError as error:
                raise CompileError(STAGE, node.name, str(error), "rescale its weights") from error
            report.append(_weights_report(node.name, weights[node.name]))
        elif node.op_type == "AveragePool":
            scales[output] = mean_scale(source)
        elif node.op_type in AVERAGING:
            pixels = _pixels(graph, node.input[0])
            try:
                least = float(source.scale) / (pixels * MOST_CODES_OF_A_STEP)
                wanted = _output_scale(output, plan, ranges, least)
            except ValueError as error:
                raise CompileError(STAGE, node.name, str(error), "rescale its input") from error
            chosen, shift = snap_average(pixels, source, wanted)
            scales[output] = chosen
            growth = float(chosen.scale) / float(wanted.scale) - 1
            exact = int(shift is not None)
            report.append(
                LayerSnapping(node.name, 1, exact, growth, growth, 1, (shift or 0, shift or 0))
            )
        elif node.op_type == "LayerNormalization":
            gamma = float(np.abs(constants[node.input[1]]).max())
            least = gamma / MOST_CODES_OF_A_SCORE
            scales.setdefault(output, _output_scale(output, plan, ranges, least))
        elif node.op_type not in NORMALIZING:
            assert node.op_type in JOINING
            assert output in joined
    return scales, weights, tuple(report)


def _multiple(
    region: Region,
    plan: Plan,
    constants: dict[str, npt.NDArray[np.float32]],
    known: dict[str, Quantized],
) -> Quantized | None:
    """Return the output's parameters with which a product by a positive number keeps every code.

    So the end of an average, a sum over the number of tensors, needs no hardware.  None if the
    region does something else, or the scale of its source or result is decided elsewhere.
    """
    node, *others = (n for n in plan.model.graph.node if n.name in region.nodes)
    source, name = known.get(region.source), region.output
    free = name not in plan.clamps and name not in plan.summed
    if others or node.op_type != "Mul" or source is None or not free:
        return None
    factors = [float(constants[n].item()) for n in node.input if n in constants]
    if len(factors) != 1:
        return None
    scale = np.float32(float(source.scale) * factors[0])
    if not SMALLEST_SCALE <= scale < np.inf:
        return None
    return Quantized(scale, source.zero_point)


def _output_scale(
    name: str, plan: Plan, ranges: dict[str, tuple[float, float]], least: float
) -> Quantized:
    if name in plan.summed:
        return short_scale(ranges[name], plan.clamps.get(name), least)
    if name in plan.clamps:
        return clamped_scale(ranges[name], plan.clamps[name], least)
    return range_scale(ranges[name], least)


def _matrix(node: onnx.NodeProto, constants: dict[str, npt.NDArray[np.float32]]) -> FloatArray:
    """Return weights as (taps, output channels)."""
    weight = constants[node.input[1]].astype(np.float64)
    return weight if node.op_type == "Gemm" else weight.reshape(len(weight), -1).T


def _least_scale(
    node: onnx.NodeProto, source: Quantized, constants: dict[str, npt.NDArray[np.float32]]
) -> float:
    return smallest_target_scale(_matrix(node, constants), source)


def _pixels(graph: onnx.GraphProto, name: str) -> int:
    for value in (*graph.value_info, *graph.input, *graph.output):
        if value.name == name:
            dims = value.type.tensor_type.shape.dim
            return int(dims[2].dim_value * dims[3].dim_value)
    raise AssertionError(f"{name} has no shape")


def _weights_report(name: str, snapped: SnappedWeights) -> LayerSnapping:
    growth = snapped.growth - 1
    return LayerSnapping(
        layer=name,
        channels=len(snapped.scales),
        exact_channels=int(snapped.exact.sum()),
        mean_growth=float(growth.mean()),
        largest_growth=float(growth.max()),
        most_tries=int(snapped.tries.max()),
        shifts=(int(snapped.shifts.min()), int(snapped.shifts.max())),
    )
