"""Compare single elements with onnxruntime on random codes: a second look at the arithmetic.

The proofs rest on a formula for what onnxruntime computes; here onnxruntime itself runs each
fused call, alone, on codes inside the ranges that the proofs assume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ir.elements import Element, Input
from ir.errors import CompileError
from ir.interpreter import apply
from ir.numbers import IntArray
from rewrite.lower.layout import Stream
from rewrite.onnx.execution import run
from rewrite.onnx.graphs import constant

_VALUES = 20_000
_MOST_FRAMES = 64


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One element was compared with onnxruntime at ``values`` output values, without difference."""

    layer: str
    frames: int
    values: int


def sample(model: ir.Model, call: ir.Node, source: Stream, result: Stream) -> SampleRecord:
    """Run ``call`` in onnxruntime and the elements from ``source`` to ``result`` in numpy.

    Raises:
        CompileError: a value differs.
    """
    codes = _random_codes(source)
    tensor = codes.reshape(len(codes), -1)[:, source.positions]
    expected = _run_alone(model, call, tensor)
    streamed = _interpret(result.element, source.element, codes)
    got = streamed.reshape(len(codes), -1)[:, result.positions]
    wrong = np.argwhere(got != expected) if got.shape == expected.shape else np.zeros((1, 1))
    if len(wrong):
        raise CompileError(
            "sample",
            result.layer,
            f"onnxruntime must compute what the element computes, but {len(wrong)} of {got.size} "
            "values differ",
            "on a CPU without VNNI onnxruntime's 8-bit products saturate; else report this bug",
        )
    return SampleRecord(result.layer, len(codes), got.size)


def _random_codes(source: Stream) -> IntArray:
    """Return codes (frames, height, width, channels): the extremes, mixtures, uniform ones."""
    shape = source.shape
    frames = 4 + min(_MOST_FRAMES, _VALUES // shape.size)
    generator = np.random.default_rng(0)
    size = (frames, shape.height, shape.width, shape.channels)
    codes = generator.integers(source.lows, source.highs, size, endpoint=True)
    codes[0], codes[1] = source.lows, source.highs
    codes[2] = np.where(generator.random(size[1:]) < 0.5, source.lows, source.highs)
    return codes


def _interpret(element: Element, source: Element, codes: IntArray) -> IntArray:
    if element is source:
        return codes
    assert not isinstance(element, Input)
    return apply(element, _interpret(element.source, source, codes))


def _run_alone(model: ir.Model, call: ir.Node, tensor: IntArray) -> IntArray:
    """Run a model that holds ``call`` only on the codes ``tensor`` (frames, *ONNX shape)."""
    codes = call.inputs[0]
    assert codes is not None
    assert codes.dtype is not None
    source = ir.Value(name="codes", type=ir.TensorType(codes.dtype), shape=ir.Shape(tensor.shape))
    graph = ir.Graph([source], [], nodes=[], opset_imports=model.graph.opset_imports, name="alone")
    operands = [source]
    known: dict[ir.Value, ir.Value] = {}
    for number, value in enumerate(call.inputs[1:]):
        assert value is not None
        array = constant(value)
        assert array is not None
        if value not in known:
            name = f"constant_{number}"
            known[value] = ir.Value(name=name, const_value=ir.tensor(array, name=name))
            graph.register_initializer(known[value])
        operands.append(known[value])
    copy = ir.Node(call.domain, call.op_type, operands, overload=call.overload)
    graph.append(copy)
    copy.outputs[0].name = "result"
    copy.outputs[0].type = call.outputs[0].type
    graph.outputs.append(copy.outputs[0])
    function = model.functions[call.op_identifier()]
    alone = ir.Model(graph, ir_version=model.ir_version, functions=[function])
    (result,) = run(ir.to_proto(alone), None, {"codes": tensor.astype(codes.dtype.numpy())})
    return result.astype(np.int64)
