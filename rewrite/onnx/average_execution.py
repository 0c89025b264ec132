"""How onnxruntime runs the average pools of codes in a model: on which codes.

QLinearAveragePool adds the output's zero point to a float32 quotient, so that what is rounded there
depends on the zero point.  Of int8 codes between quantizations onnxruntime makes uint8 ones, zero
points and all 128 higher; operators on int8 codes it runs as they are.  Only the graph that it runs
tells one from the other.  There a pool is known by its scales, its zero points above the least
code, and the size of its windows: pools that are alike in these must be run alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rewrite.onnx.census import as_run
from rewrite.onnx.execution import SHIFT

PARAMETERS = 4
"""Scale and zero point of both codes.  Where one is left out, nothing is known of the pool."""


@dataclass(frozen=True, slots=True)
class AverageKey:
    """What a pool is known by.

    ``scales``: of input and output.  ``zero_points``: of both, above the least code.  ``taps``: of
    a window.
    """

    scales: tuple[float, float]
    zero_points: tuple[int, int]
    taps: int


Averages = Mapping[AverageKey, frozenset[bool]]
"""Whether the codes that a pool runs on are signed; both, if one runs on these and one on those."""


def averages_of_codes(model: onnx.ModelProto) -> Averages:
    """Return the QLinearAveragePool operators that onnxruntime runs for ``model``."""
    nodes = (*model.graph.node, *(node for function in model.functions for node in function.node))
    if all(node.op_type not in ("AveragePool", "QLinearAveragePool") for node in nodes):
        return {}
    graph = as_run(model).graph
    constants = {i.name: numpy_helper.to_array(i).reshape(-1) for i in graph.initializer}
    found: dict[AverageKey, frozenset[bool]] = {}
    for node in graph.node:
        parameters = [constants[name][0] for name in node.input[1:5] if name in constants]
        if node.op_type == "QLinearAveragePool" and len(parameters) == PARAMETERS:
            x_scale, x_zero, y_scale, y_zero = parameters
            least = np.iinfo(x_zero.dtype).min
            (kernel,) = (a.ints for a in node.attribute if a.name == "kernel_shape")
            key = AverageKey(
                (float(x_scale), float(y_scale)),
                (int(x_zero) - least, int(y_zero) - least),
                int(np.prod(kernel)),
            )
            found[key] = found.get(key, frozenset()) | {bool(x_zero.dtype == np.int8)}
    return found


def with_pools_of_uint8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with its QLinearAveragePool operators on int8 codes as ones on uint8 codes.

    So they compute what onnxruntime makes of the same pools between quantizations.
    """
    zeros = {
        i.name: numpy_helper.to_array(i)
        for i in model.graph.initializer
        if i.data_type == TensorProto.INT8
    }
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    shifted: dict[str, onnx.TensorProto] = {}
    for node in model.graph.node:
        is_pool = node.op_type == "QLinearAveragePool" and len(node.input) > PARAMETERS
        if not is_pool or not {node.input[2], node.input[4]} <= {*zeros}:
            result.graph.node.append(node)
            continue
        (source, result_name), prefix = (node.input[0], node.output[0]), f"{node.output[0]}_uint8"
        pool = onnx.NodeProto()
        pool.CopyFrom(node)
        pool.input[0], pool.output[0] = f"{prefix}_x", f"{prefix}_y"
        for place in (2, 4):
            zero = zeros[node.input[place]]
            pool.input[place] = f"{prefix}_zero_{place}"
            shifted[pool.input[place]] = numpy_helper.from_array(
                (zero.astype(np.int64) + SHIFT).astype(np.uint8), pool.input[place]
            )
        result.graph.node.extend(
            [
                *_moved(source, pool.input[0], SHIFT, TensorProto.UINT8, shifted),
                pool,
                *_moved(pool.output[0], result_name, -SHIFT, TensorProto.INT8, shifted),
            ]
        )
    result.graph.initializer.extend(shifted.values())
    return result


def _moved(
    codes: str, result: str, by: int, kind: int, constants: dict[str, onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """Return the nodes that add ``by`` to ``codes``; their constants go to ``constants``."""
    wide, amount, sums = (f"{result}_{part}" for part in ("wide", "by", "sums"))
    constants[amount] = numpy_helper.from_array(np.array(by, np.int32), amount)
    return [
        helper.make_node("Cast", [codes], [wide], to=TensorProto.INT32),
        helper.make_node("Add", [wide, amount], [sums]),
        helper.make_node("Cast", [sums], [result], to=kind),
    ]
