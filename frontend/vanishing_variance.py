"""LayerNormalization whose variance vanishes against epsilon -> a matrix and a summand.

    gamma * (x - mean(x)) / sqrt(variance(x) + epsilon) + beta
    -> x * (identity - 1 / n) * gamma / sqrt(epsilon) + beta

Numbers between a and b have a variance of ((b - a) / 2)^2 at most.  Where that is less than
``VANISHED`` times epsilon, the two differ by less than half of ``VANISHED`` of a value, some 1/1000
of a step of 8 bits.  The range is that of the calibration frames, which codes do not leave by more
than a small part.  Numbers that have become small in front of such a layer, or a large epsilon,
make one; as a matrix it needs no inverse root, whose integers would have to be as long as epsilon
is large against a step of the input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from frontend.frames import Frames
from frontend.ranges import Calibration, activation_ranges

VANISHED = 2.0**-16
_BEYOND = 2.0
"""What codes may cover beyond the range of the calibration frames, as a factor: zero is a code."""
_EPSILON = 1e-5
"""ONNX's default."""

FloatArray = npt.NDArray[np.float32]


def without_vanished_variances(model: onnx.ModelProto, frames: Frames) -> onnx.ModelProto | None:
    """Return ``model`` with such layers as MatMul and Add, None if there are none.

    Args:
        model: canonical float ONNX, of finite values on the frames.
        frames: calibration data.
    """
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    layers = [
        node
        for node in model.graph.node
        if node.op_type == "LayerNormalization" and all(n in constants for n in node.input[1:])
    ]
    if not layers:
        return None
    sources = tuple(dict.fromkeys(node.input[0] for node in layers))
    ranges = activation_ranges(model, frames, sources, Calibration.MINMAX, 100.0)
    vanished = [node.name for node in layers if _vanishes(node, ranges[node.input[0]])]
    if not vanished:
        return None
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.name not in vanished:
            graph.node.append(node)
            continue
        matrix, summand = _line(node, constants)
        product = f"{node.output[0]}/product"
        names = [f"{node.name}/matrix", f"{node.name}/summand"]
        for name, array in zip(names, (matrix, summand), strict=True):
            graph.initializer.append(numpy_helper.from_array(array, name))
        inner = helper.make_node("MatMul", [node.input[0], names[0]], [product], node.name)
        outer = helper.make_node("Add", [product, names[1]], [node.output[0]], f"{node.name}/add")
        graph.node.extend([inner, outer])
    return onnx.shape_inference.infer_shapes(result, strict_mode=True)


def _vanishes(node: onnx.NodeProto, values: tuple[float, float]) -> bool:
    low, high = min(values[0], 0.0), max(values[1], 0.0)
    return (_BEYOND * (high - low) / 2) ** 2 < VANISHED * _epsilon(node)


def _epsilon(node: onnx.NodeProto) -> float:
    return next((a.f for a in node.attribute if a.name == "epsilon"), _EPSILON)


def _line(node: onnx.NodeProto, constants: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the matrix (n inputs, n outputs) and the summand (n,), rounded once."""
    gamma = constants[node.input[1]].astype(np.float64).reshape(-1)
    beta = np.zeros(len(gamma), np.float32)
    if len(node.input) > 2:
        beta = constants[node.input[2]].reshape(-1)
    deviations = np.eye(len(gamma)) - 1 / len(gamma)
    matrix = deviations * (gamma / np.sqrt(np.float64(_epsilon(node))))
    return matrix.astype(np.float32), beta
