"""Tables of unary functions, made by onnxruntime itself."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ir.numbers import IntArray, IntegerType, frozen_integers
from rewrite.lower.reading import Stage, number_type
from rewrite.onnx.execution import run


def table_of(stage: Stage, number: IntegerType) -> IntArray:
    """Run the stage's nodes on every code of type ``number``.

    Returns:
        (2**bits,) output codes, indexed by the bit pattern of the input code.
    """
    model = _standalone(stage)
    dtype = model.graph.inputs[0].dtype
    assert dtype is not None
    assert number_type(dtype) == number
    patterns = np.arange(1 << number.bits)
    codes = np.where(patterns > number.maximum, patterns - (1 << number.bits), patterns)
    # four axes, so that scalar constants of any spelling broadcast to the input's shape
    feed = codes.astype(dtype.numpy()).reshape(1, 1, 1, -1)
    (result,) = run(ir.to_proto(model), None, {"codes": feed})
    return frozen_integers(result.astype(np.int64).reshape(-1))


def _standalone(stage: Stage) -> ir.Model:
    """Return a model that computes this stage alone, from ``codes``."""
    first = next(n for n in stage.nodes if n.inputs[0] is stage.source)
    zero_point = first.inputs[2]
    assert zero_point is not None
    bound = stage.bindings.get(zero_point, zero_point)
    assert bound.const_value is not None
    source = ir.Value(
        name="codes",
        type=ir.TensorType(bound.const_value.dtype),
        shape=ir.Shape((1, 1, 1, None)),
    )
    values: dict[ir.Value, ir.Value] = {stage.source: source}
    graph = ir.Graph([source], [], nodes=[], opset_imports=stage.opsets, name="table")
    for node in stage.nodes:
        operands = []
        for number, value in enumerate(node.inputs):
            if value is not None and value not in values:
                name = f"{len(values)}_{number}"
                constant = ir.Value(name=name, const_value=ir.tensor(stage.array(value), name=name))
                graph.register_initializer(constant)
                values[value] = constant
            operands.append(None if value is None else values[value])
        copy = ir.Node(
            node.domain,
            node.op_type,
            operands,
            list(node.attributes.values()),
            num_outputs=len(node.outputs),
        )
        graph.append(copy)
        values.update(zip(node.outputs, copy.outputs, strict=True))
    result = values[stage.result]
    result.name = "result"
    graph.outputs.append(result)
    result.type = ir.TensorType(_result_type(stage))
    return ir.Model(graph, ir_version=10)


def _result_type(stage: Stage) -> ir.DataType:
    zero_point = stage.nodes[-1].inputs[2]
    assert zero_point is not None
    bound = stage.bindings.get(zero_point, zero_point)
    assert bound.const_value is not None
    return bound.const_value.dtype


def clamp_bounds(table: IntArray, number: IntegerType) -> tuple[int, int] | None:
    """Return (low, high) if ``table``, on codes of ``number``, is clip(code, low, high)."""
    patterns = np.arange(len(table))
    codes = np.where(patterns > number.maximum, patterns - len(table), patterns)
    low, high = int(table.min()), int(table.max())
    same = np.array_equal(table, np.clip(codes, low, high))
    return (low, high) if same and low < high else None
