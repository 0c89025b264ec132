"""Make one quantization of two in a row, as onnxruntime does.

    Dequantize(Quantize(Dequantize(Quantize(x, s, z), s, z), t, u), t, u)
        -> Dequantize(Quantize(x, v, w), v, w)

where (v, w) spans the numbers that both span: from ``l``, the larger of (q - z) * s and (q - u) * t
for the least code q, to the smaller of the same for the greatest, in 255 steps of ``v``, and ``w``
is ``q - l / v`` rounded, halves away from zero; all in float32.  That is no identity: it is what
onnxruntime computes (its DoubleQDQPairsRemover), so it is what the model means.  Conditions: both
are 8 bits of one type, nothing else reads the first codes, and no one sees either codes: at inputs
and outputs the pair is left alone, and refused.  Done in onnx-ir: the new constants are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.entry import input_of
from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator, same_constant

_BYTES = (ir.DataType.UINT8, ir.DataType.INT8)


def merge_quantizations(model: ir.Model) -> int:
    """Apply to ``model``; return how many pairs were merged into the one before."""
    merged = 0
    for node in list(model.graph):
        if is_merged_by_onnxruntime(node) and not _is_at_an_edge(node):
            _merge(model.graph, node)
            merged += 1
    return merged


def is_merged_by_onnxruntime(second: ir.Node) -> bool:
    """True if ``second`` is a QuantizeLinear that onnxruntime merges into the one before."""
    inner = _producer(second)
    first = None if inner is None else _producer(inner)
    if inner is None or first is None or not is_operator(inner, "DequantizeLinear"):
        return False
    if not all(is_operator(n, "QuantizeLinear") for n in (first, second)):
        return False
    for value in (first.outputs[0], inner.outputs[0], second.outputs[0]):
        if value.is_graph_output():
            return False
    if any(len(n.outputs[0].uses()) != 1 for n in (first, inner)):
        return False
    readers = [user for user, _ in second.outputs[0].uses()]
    if not readers or not all(is_operator(n, "DequantizeLinear") for n in readers):
        return False
    if any(codes_refusal("codes", *n.inputs[1:3]) for n in (first, second)):
        return False
    pairs = [(first, inner), *((second, reader) for reader in readers)]
    types = {n.outputs[0].dtype for n in (first, second)}
    return len(types) == 1 and types <= set(_BYTES) and all(_are_alike(*pair) for pair in pairs)


def _are_alike(quantize: ir.Node, dequantize: ir.Node) -> bool:
    return all(
        same_constant(a, b)
        for a, b in zip(quantize.inputs[1:3], dequantize.inputs[1:3], strict=True)
    )


def _producer(node: ir.Node) -> ir.Node | None:
    value = node.inputs[0] if node.inputs else None
    return None if value is None else value.producer()


def _is_at_an_edge(second: ir.Node) -> bool:
    """True if the codes enter or leave the core: there they are what the model says they are."""
    inner = _producer(second)
    first = None if inner is None else _producer(inner)
    assert first is not None
    return input_of(first.inputs[0]) is not None or any(
        dequantize.outputs[0].is_graph_output() for dequantize, _ in second.outputs[0].uses()
    )


def _merge(graph: ir.Graph, second: ir.Node) -> None:
    inner = _producer(second)
    first = None if inner is None else _producer(inner)
    assert inner is not None
    assert first is not None
    scale, zero_point = _spanned_by_both(first, second)
    name = f"{second.outputs[0].name}_merged"
    parameters = (
        add_initializer(graph, f"{name}_scale", np.asarray(scale)),
        add_initializer(graph, f"{name}_zero_point", zero_point),
    )
    codes = first.outputs[0]
    for node in (first, *(reader for reader, _ in second.outputs[0].uses())):
        for index, value in enumerate(parameters, 1):
            node.replace_input_with(index, value)
        if node is not first:
            node.replace_input_with(0, codes)
    codes.name = name
    graph.remove([second, inner], safe=True)


def _spanned_by_both(
    first: ir.Node, second: ir.Node
) -> tuple[np.float32, npt.NDArray[np.integer[Any]]]:
    """Return scale and zero point of the codes for the numbers that both quantizations reach."""
    spans, kind = [], np.dtype(np.uint8)
    for node in (first, second):
        scale, zero = constant(node.inputs[1]), constant(node.inputs[2])
        assert scale is not None
        assert zero is not None
        kind = zero.dtype
        ends = np.array([np.iinfo(kind).min, np.iinfo(kind).max]) - int(zero.reshape(-1)[0])
        spans.append(ends.astype(np.float32) * np.float32(scale.reshape(())))
    low, high = max(span[0] for span in spans), min(span[1] for span in spans)
    limits = np.iinfo(kind)
    step = np.float32((high - low) / np.float32(limits.max - limits.min))
    place = np.float32(limits.min) - low / step
    rounded = np.floor(np.abs(place) + np.float32(0.5)) * np.sign(place)
    return step, np.array(rounded, kind)
