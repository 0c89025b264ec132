"""What is quantized how: the roles of a canonical float graph's nodes and tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from frontend.regions import Region, find_regions
from ir.elementwise import ELEMENTWISE
from ir.errors import CompileError

WEIGHTED = ("Conv", "Gemm")
SELECTING = ("Expand", "GlobalMaxPool", "Pad", "Resize", "Slice", "Tile")
MOVING = ("Identity", "MaxPool", "Reshape", "Transpose", *SELECTING)
"""Their output has the scale and zero point of their input.  An Identity is left only where an
output of the model is one of its inputs, or another output, again."""
AVERAGING = ("GlobalAveragePool", "AveragePool")
ADDING = ("Add",)
MULTIPLYING = ("Mul",)
CHOOSING = ("Max", "Min")
DIVIDING = ("Div",)
PAIRING = (*ADDING, *MULTIPLYING, *CHOOSING, *DIVIDING)
"""Two quantized tensors in, one out, value by value."""
NORMALIZING = ("Softmax", "LayerNormalization")
"""They look at all channels, and the hardware approximates them."""
CONCATENATING = ("Concat",)
"""Several quantized tensors in, one out."""
MATRIX_PRODUCTS = ("MatMul",)
"""Two quantized tensors in, one out: rows times columns."""
JOINING = (*PAIRING, *CONCATENATING, *MATRIX_PRODUCTS)
SATURATING = (*WEIGHTED, *ADDING, *MULTIPLYING, *MATRIX_PRODUCTS)
"""Their results are clamped by the range of their codes, wherever it ends."""
QUANTIZED_OPERATORS = (*WEIGHTED, *MOVING, *AVERAGING, *NORMALIZING, *JOINING)
HOST = ("Softmax", "LogSoftmax", "ArgMax")
"""Left to the host behind the core, with all that follows; a Softmax only where that is wanted
and nothing of the core follows."""
HOST_MOVING = ("Identity", "Reshape", "Transpose")
"""Layers of the core that may follow on the host: they compute nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Roles in ``model``, the float graph without its clamping activations.

    ``clamps``: bounds that a layer's output tensor is clamped to, by tensor, from a Relu or Clip
    right behind the layer: quantization saturates there, so the activation needs no node.
    ``host``: names of the nodes left to the host.  ``activations``: tensors to quantize, in graph
    order.  ``summed``: tensors whose scale must have few digits, because onnxruntime adds their
    values up in float32: an AveragePool reads them, or what only moves them.
    """

    model: onnx.ModelProto
    clamps: dict[str, tuple[float, float]]
    regions: tuple[Region, ...]
    host: tuple[str, ...]
    activations: tuple[str, ...]
    summed: frozenset[str] = frozenset()


def make_plan(model: onnx.ModelProto, *, softmax: bool = False) -> Plan:
    """Plan the quantization of a canonical float model; CompileError names what can't be done.

    ``softmax``: keep every Softmax in the core, not only those in front of layers of the core.
    """
    own = _unshared(model)
    constants = {i.name: numpy_helper.to_array(i) for i in own.graph.initializer}
    stripped, clamps = _without_clamps(own, constants)
    host = _host_nodes(stripped.graph, everything=not softmax)
    _check_host(stripped.graph, host)
    regions = find_regions(stripped.graph, host)
    inside = {name for region in regions for name in region.nodes}
    inner = {
        name
        for node in stripped.graph.node
        if node.name in inside
        for name in node.output
        if name not in {r.output for r in regions}
    }
    shapes = tensor_shapes(model.graph)
    tensors: dict[str, None] = {}
    for node in stripped.graph.node:
        if node.name in host:
            names = [
                n for n in node.input if n not in constants and not _from_host(n, stripped, host)
            ]
        else:
            _check(node, inside, constants, shapes)
            single = node.op_type in QUANTIZED_OPERATORS and node.op_type not in JOINING
            names = [*(node.input[:1] if single else node.input), *node.output]
        tensors.update((n, None) for n in names if n and n not in constants and n not in inner)
    return Plan(stripped, clamps, regions, host, tuple(tensors), _summed(stripped.graph))


def _summed(graph: onnx.GraphProto) -> frozenset[str]:
    """Return the tensors that share their scale with what an AveragePool reads."""
    found: set[str] = set()
    for node in reversed(graph.node):
        if node.op_type == "AveragePool" or (node.op_type in MOVING and node.output[0] in found):
            found.add(node.input[0])
    return frozenset(found)


def _unshared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which no two layers share a constant: each has scales of its own."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants = {i.name: i for i in copy.graph.initializer}
    used: set[str] = set()
    for node in copy.graph.node:
        if node.op_type not in WEIGHTED:
            continue
        for index, kind in ((1, "weight"), (2, "bias")):
            name = node.input[index] if index < len(node.input) else ""
            if name in used and name in constants:
                own = copy.graph.initializer.add()
                own.CopyFrom(constants[name])
                own.name = node.input[index] = f"{node.name}.own.{kind}"
            used.add(name)
    return copy


def tensor_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors, without the batch."""
    return {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim[1:])
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def _from_host(name: str, model: onnx.ModelProto, host: tuple[str, ...]) -> bool:
    return any(name in node.output for node in model.graph.node if node.name in host)


def _check(
    node: onnx.NodeProto,
    inside: set[str],
    constants: dict[str, np.ndarray],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Refuse a node that has no quantized form."""
    problem = None
    if node.op_type in WEIGHTED:
        if node.op_type == "Conv" and len(shapes[node.input[0]]) > 3:
            axes = len(shapes[node.input[0]]) - 1
            problem = f"a convolution must be along one or two axes, not {axes}"
        elif any(name not in constants for name in node.input[1:]) or len(node.input) != 3:
            problem = "weights and bias must be constants"
        elif not all(np.all(np.isfinite(constants[name])) for name in node.input[1:]):
            problem = "weights must be finite numbers"
    elif node.op_type in JOINING and node.name not in inside:
        if node.op_type in CONCATENATING and any(name in constants for name in node.input):
            problem = f"{node.op_type} must read computed tensors only"
        elif node.op_type in MATRIX_PRODUCTS and any(name in constants for name in node.input):
            problem = f"{node.op_type} with a constant must multiply vectors by a matrix"
        elif any(name in constants for name in node.input):
            problem = f"{node.op_type} with a constant must be an affine layer of its channels"
        elif node.op_type in PAIRING and not _broadcasts([shapes[name] for name in node.input]):
            problem = f"{node.op_type} must read tensors of one shape, but for axes of size 1"
    elif node.op_type == "LayerNormalization":
        if any(name not in constants for name in node.input[1:]):
            problem = "factors and summands of a LayerNormalization must be constants"
    elif node.op_type in SELECTING:
        problem = _selection_problem(node, constants)
    elif node.op_type not in QUANTIZED_OPERATORS and node.name not in inside:
        if node.op_type in ELEMENTWISE:
            problem = f"{node.op_type} must be a function of one tensor with scalar constants"
        else:
            problem = f"operator {node.op_type} is not supported"
        if node.op_type == "ConvTranspose":
            problem = "ConvTranspose must have constant weights and pads smaller than its kernel"
    if problem is not None:
        raise CompileError("quantize", node.name, problem, "replace the layer")


def _selection_problem(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> str | None:
    """Return why values could not be selected by what is known now."""
    modes = {a.name: a.s.decode() for a in node.attribute if a.name == "mode"}
    if any(name and name not in constants for name in node.input[1:]):
        return f"all operands of {node.op_type} but the first must be constants"
    if node.op_type == "Pad" and modes.get("mode", "constant") not in ("constant", "edge"):
        return f"Pad's mode must be 'constant' or 'edge', not {modes['mode']!r}"
    if node.op_type == "Resize" and modes.get("mode", "nearest") != "nearest":
        return (
            "Resize must take nearest values, or linear ones with half_pixel or asymmetric "
            f"coordinates and whole factors, not {modes['mode']} ones"
        )
    return None


def _broadcasts(shapes: list[tuple[int, ...]]) -> bool:
    """True if the shapes differ in axes of size 1 only."""
    if len({len(shape) for shape in shapes}) > 1:
        return False
    return all(len(set(sizes) - {1}) < 2 for sizes in zip(*shapes, strict=True))


def _host_nodes(graph: onnx.GraphProto, *, everything: bool) -> tuple[str, ...]:
    """Return the nodes of HOST and everything behind them.

    A Softmax is kept if a layer of the core follows, or unless ``everything`` goes to the host.
    """
    kept = {node.name for node in graph.node if node.op_type == "Softmax"}
    if everything:
        kept = {n.name for n in graph.node if n.name in kept and _feeds_core(graph, n)}
    behind: set[str] = set()
    names = []
    for node in graph.node:
        leaves = node.op_type in HOST and node.name not in kept
        if leaves or behind & set(node.input):
            names.append(node.name)
            behind.update(node.output)
    return tuple(names)


def _feeds_core(graph: onnx.GraphProto, source: onnx.NodeProto) -> bool:
    """Tell whether what ``source`` computes reaches a layer of the core."""
    behind = set(source.output)
    for node in graph.node:
        if behind & set(node.input):
            if _needs_core(node):
                return True
            behind.update(node.output)
    return False


def _needs_core(node: onnx.NodeProto) -> bool:
    """Tell whether a node computes what is never left to the host."""
    left = (*HOST_MOVING, *HOST)
    return node.op_type in QUANTIZED_OPERATORS and node.op_type not in left


def _check_host(graph: onnx.GraphProto, host: tuple[str, ...]) -> None:
    """Refuse a layer of the core behind an operator that is left to the host."""
    for node in graph.node:
        if node.name in host and _needs_core(node):
            left = next(n for n in graph.node if n.op_type in HOST and n.name in host)
            raise CompileError(
                "quantize", node.name,
                f"it stands behind a {left.op_type}, which is supported at the end only",
                f"end the model with the {left.op_type}",
            )  # fmt: skip


def _without_clamps(
    model: onnx.ModelProto, constants: dict[str, np.ndarray]
) -> tuple[onnx.ModelProto, dict[str, tuple[float, float]]]:
    """Return the model without the activations that saturation replaces, and their bounds.

    Condition: the activation follows a Conv, Gemm, or a sum or product of two tensors, nothing else
    reads what it clamps, and 0 lies within its bounds (0 must be a code).
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    producers = {o: n for n in graph.node for o in n.output}
    outputs = {o.name for o in graph.output}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    clamps = {}
    removed = []
    for node in graph.node:
        limits = _bounds(node, constants)
        layer = producers.get(node.input[0]) if limits is not None else None
        if limits is None or layer is None or layer.op_type not in SATURATING:
            continue
        if layer.op_type not in WEIGHTED and any(n in constants for n in layer.input):
            continue
        before = node.input[0]
        if readers[before] == 1 and before not in outputs and limits[0] <= 0 <= limits[1]:
            layer.output[0] = node.output[0]
            clamps[node.output[0]] = limits
            removed.append(node)
    for node in removed:
        graph.node.remove(node)
    kept = [v for v in graph.value_info if v.name in {o for n in graph.node for o in n.output}]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return result, clamps


def _bounds(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> tuple[float, float] | None:
    if node.op_type == "Relu":
        return 0.0, np.inf
    if node.op_type != "Clip":
        return None
    limits = [-np.inf, np.inf]
    for index, name in enumerate(node.input[1:3]):
        if name:
            limits[index] = constants[name].item()
    return limits[0], limits[1]
