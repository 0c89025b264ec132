"""Make a convolution of a quantized transposed one.

    Quantize(ConvTranspose(dx, dw, db; strides s)) -> crop(shuffle(Quantize(Conv(dx, dw', db'))))

Each of the s * s phases of the result is a convolution with every s-th weight
(``rewrite/onnx/float/transposed_conv.py``); the codes of all phases are put side by side.  Weights
that are not there are their zero point.  onnxruntime has no integer kernel for a ConvTranspose.
Condition: float32 computes it exactly (``rewrite/onnx/float_exactness.py``), so that the integer
kernel of the convolution computes the same.  Done in onnx-ir: the new initializers are computed
from matched constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnx_ir.passes.common as passes

from rewrite.onnx.float.transposed_conv import Axis, axes_of, phases_of, spread_kernel
from rewrite.onnx.float_exactness import float_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator

Array = npt.NDArray[Any]


def convolve_transposed(model: ir.Model) -> int:
    """Apply to ``model``; return how many transposed convolutions changed."""
    changed = 0
    for node in list(model.graph):
        if is_operator(node, "ConvTranspose") and transposed_refusal(node) is None:
            _replace(model.graph, node)
            changed += 1
    if changed:  # codes are known by their types
        passes.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return changed


def transposed_refusal(node: ir.Node) -> str | None:
    """Return why a ConvTranspose cannot be computed exactly, None if it can."""
    reason = float_refusal(node)
    if reason is not None:
        return (
            f"a ConvTranspose, which onnxruntime computes in float32, must be exact there: {reason}"
        )
    if len(list(node.outputs[0].uses())) != 1 or not _is_quantized(node):
        return "a ConvTranspose must be followed by one QuantizeLinear"
    shape, weights = _image_shape(node), _weights(node)
    if shape is None or weights.ndim != 4:
        return "a ConvTranspose must filter images of known size"
    if axes_of(node, shape, spread_kernel(node, weights).shape[2:]) is None:
        return "the pads of a ConvTranspose must be smaller than its kernel"
    return None


def _image_shape(node: ir.Node) -> tuple[int, ...] | None:
    """Return the shape of the images that ``node`` reads, for a batch of 1; None if unknown."""
    source = node.inputs[0]
    dims = [] if source is None or source.shape is None else list(source.shape.dims)[1:]
    sizes = tuple(d for d in dims if isinstance(d, int))
    return (1, *sizes) if len(dims) == len(sizes) == 3 else None


def _is_quantized(node: ir.Node) -> bool:
    return is_operator(next(iter(node.outputs[0].uses())).node, "QuantizeLinear")


def _weights(node: ir.Node) -> Array:
    """Return the weight codes less their zero points."""
    dequantize = _maker(node, 1)
    codes, zero = constant(dequantize.inputs[0]), constant(dequantize.inputs[2])
    assert codes is not None
    assert zero is not None
    shape = [1, zero.size, 1, 1] if zero.size > 1 else []
    difference: Array = codes.astype(np.int64) - zero.astype(np.int64).reshape(shape)
    return difference


def _maker(node: ir.Node, index: int) -> ir.Node:
    value = node.inputs[index]
    maker = None if value is None else value.producer()
    assert maker is not None
    return maker


def _replace(graph: ir.Graph, node: ir.Node) -> None:
    quantize = next(iter(node.outputs[0].uses())).node
    source = node.inputs[0]
    assert source is not None
    shape = _image_shape(node)
    assert shape is not None
    groups = node.attributes.get_int("group", 1)
    spread = spread_kernel(node, _weights(node))
    axes = axes_of(node, shape, spread.shape[2:])
    assert axes is not None
    rows, columns = axes
    layer = (groups, rows.stride * columns.stride, spread.shape[1])
    inputs = [source, _phase_weights(graph, node, phases_of(spread, rows, columns, groups), layer)]
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        inputs.append(_phase_biases(graph, node, layer))
    convolution = ir.node(
        "Conv",
        inputs,
        {
            "group": groups,
            "kernel_shape": [rows.taps, columns.taps],
            "pads": [rows.begin, columns.begin, rows.end, columns.end],
        },
    )
    parameters = list(quantize.inputs[1:])
    codes = ir.node("QuantizeLinear", [convolution.outputs[0], *parameters])
    made = [*(v.producer() for v in inputs[1:]), convolution, codes]
    made += _shuffled(graph, node, codes.outputs[0], rows, columns, layer)
    made += _cropped(graph, node, made[-1].outputs[0], rows, columns, parameters)
    new = [n for n in made if n is not None]
    stem = node.outputs[0].name
    for number, each in enumerate(new):
        each.outputs[0].name = f"{stem}_phases_{number}"
        layer_name = node.name or stem
        each.name = layer_name if each is convolution else f"{layer_name}_{each.op_type}_{number}"
    ir.convenience.replace_nodes_and_values(
        graph, quantize, [quantize, node], new, quantize.outputs[:1], new[-1].outputs[:1]
    )


def _phase_weights(
    graph: ir.Graph, node: ir.Node, phases: Array, layer: tuple[int, int, int]
) -> ir.Value:
    dequantize = _maker(node, 1)
    scale, zero = (constant(v) for v in dequantize.inputs[1:3])
    assert scale is not None
    assert zero is not None
    scales, zeros = (_each(a, layer) if a.size > 1 else a.reshape(()) for a in (scale, zero))
    shape = [-1, 1, 1, 1] if zeros.ndim else []
    codes = (phases + zeros.astype(np.int64).reshape(shape)).astype(zero.dtype)
    return _dequantized(graph, f"{node.outputs[0].name}_phase_weights", codes, scales, zeros)


def _phase_biases(graph: ir.Graph, node: ir.Node, layer: tuple[int, int, int]) -> ir.Value:
    groups, phases, channels = layer
    numbers = constant(node.inputs[2])
    if numbers is None:
        codes, scale = (constant(v) for v in _maker(node, 2).inputs[:2])
    else:  # whole multiples of the products' unit, as ``float_refusal`` requires
        x, w = (constant(_maker(node, index).inputs[1]) for index in (0, 1))
        assert x is not None
        assert w is not None
        scale = x.reshape(()) * w.reshape(-1)
        codes = np.rint(numbers / scale).astype(np.int32)
    assert codes is not None
    assert scale is not None
    spread = np.broadcast_to(codes.reshape(groups, 1, channels), (groups, phases, channels))
    scales = _each(scale, layer) if scale.size > 1 else scale.reshape(())
    zeros = np.zeros(scales.shape, np.int32)
    name = f"{node.outputs[0].name}_phase_biases"
    return _dequantized(graph, name, spread.reshape(-1), scales, zeros)


def _each(values: Array, layer: tuple[int, int, int]) -> Array:
    """Return (channels,) for the channels of all groups and phases."""
    return np.broadcast_to(values.reshape(-1), layer).reshape(-1)


def _dequantized(graph: ir.Graph, name: str, codes: Array, scales: Array, zeros: Array) -> ir.Value:
    operands = (("", codes), ("_scale", scales), ("_zero_point", zeros))
    inputs = [add_initializer(graph, f"{name}{suffix}", a) for suffix, a in operands]
    return ir.node("DequantizeLinear", inputs, {"axis": 0}).outputs[0]


def _shuffled(
    graph: ir.Graph,
    node: ir.Node,
    codes: ir.Value,
    rows: Axis,
    columns: Axis,
    layer: tuple[int, int, int],
) -> list[ir.Node]:
    """Return the moves that put phases, channels of ``codes`` within each group, side by side."""
    groups, phases, channels = layer
    if phases == 1:
        return []
    sizes = [-1, rows.stride, columns.stride, channels, rows.positions, columns.positions]
    order = [0, 3, 4, 1, 5, 2]
    if groups > 1:
        sizes = [-1, groups, *sizes[1:]]
        order = [0, 1, 4, 5, 2, 6, 3]
    whole = rows.stride * rows.positions, columns.stride * columns.positions
    name = f"{node.outputs[0].name}_phase"
    targets = [
        add_initializer(graph, f"{name}_sizes", np.array(s, np.int64))
        for s in (sizes, [-1, groups * channels, *whole])
    ]
    apart = ir.node("Reshape", [codes, targets[0]])
    moved = ir.node("Transpose", apart.outputs, {"perm": order})
    return [apart, moved, ir.node("Reshape", [moved.outputs[0], targets[1]])]


def _cropped(
    graph: ir.Graph,
    node: ir.Node,
    codes: ir.Value,
    rows: Axis,
    columns: Axis,
    parameters: list[ir.Value | None],
) -> list[ir.Node]:
    """Return the Slice that leaves out what pads leave out, between quantizations."""
    whole = rows.stride * rows.positions, columns.stride * columns.positions
    if whole == (rows.size, columns.size):
        return []
    begins = [rows.first, columns.first]
    ends = [rows.first + rows.size, columns.first + columns.size]
    name = f"{node.outputs[0].name}_crop"
    places = [add_initializer(graph, name, np.array(v, np.int64)) for v in (begins, ends, [2, 3])]
    numbers = ir.node("DequantizeLinear", [codes, *parameters])
    kept = ir.node("Slice", [numbers.outputs[0], *places])
    return [numbers, kept, ir.node("QuantizeLinear", [kept.outputs[0], *parameters])]
