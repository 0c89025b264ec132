"""After fusing, every node must be one that lowering knows; anything else is one clear error."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir
from onnxscript.rewriter import MatchingTracer, MatchStatus, RewriteRuleSet

from ir.errors import CompileError
from rewrite.onnx.convolve_transposed import transposed_refusal
from rewrite.onnx.entry import input_of, nodes_before
from rewrite.onnx.fuse_layout import MOVING, REPEATING
from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import CODE_TYPES, constant, is_fused, is_operator, node_label

SUPPORTED = (
    "Conv, Gemm, MatMul, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, ReduceMean, "
    "ArgMax, Softmax, LayerNormalization, elementwise functions of one or two tensors, Concat, "
    "Pad, Slice, Split, Resize to nearest or linear values, Transpose, Reshape, Flatten, Tile, "
    "Expand, Gather, DepthToSpace, SpaceToDepth, ReduceMax and ReduceMin"
)

_HEAVY = frozenset(
    "Conv ConvTranspose Gemm MatMul MaxPool AveragePool GlobalAveragePool GlobalMaxPool".split()
)
"""Operators that are never left to the host in silence."""
_QUANTIZABLE = frozenset(
    "Conv ConvTranspose Gemm MatMul MaxPool AveragePool GlobalAveragePool".split()
)


def host_nodes(graph: ir.Graph) -> list[ir.Node]:
    """Return the nodes behind the last codes, in order: what the host computes in float."""
    behind: set[ir.Value] = set()
    found: list[ir.Node] = []
    for node in graph:
        if is_operator(node, "DequantizeLinear") or any(v in behind for v in node.inputs if v):
            found.append(node)
            behind.update(node.outputs)
    return found


def check_coverage(model: ir.Model, rules: Sequence[RewriteRuleSet]) -> None:
    """Raise CompileError for the first node that no rewrite has turned into a known form.

    Raises:
        CompileError: names the node, its operator, why the nearest rule refused it and what is
            supported.
    """
    host = set(host_nodes(model.graph))
    last, before = _behind_softmax(model.graph), nodes_before(model.graph)
    for node in model.graph:
        if node in host:
            heavy = node.op_type in _HEAVY
            quantized = is_operator(node, "QuantizeLinear") or is_fused(node, "Layout")
            if heavy or (quantized and node not in last) or (is_fused(node) and not quantized):
                raise _unsupported(model, node if heavy else _culprit(node, host), rules)
        elif node not in before and not _known(node):
            raise _unsupported(model, node, rules)
        elif is_operator(node, "QuantizeLinear") and (reason := _entry_refusal(node)) is not None:
            raise CompileError("fuse", node_label(node), reason, "quantize the input per tensor")


def _entry_refusal(node: ir.Node) -> str | None:
    """Return why the QuantizeLinear behind an input is none that the host can be told of."""
    scale, zero_point = node.inputs[1:3]
    if scale is None or zero_point is None:
        return "scale and zero point of the input must be constants"
    return codes_refusal("input", scale, zero_point)


def _behind_softmax(graph: ir.Graph) -> set[ir.Node]:
    """Return all nodes behind a Softmax: the host may quantize what it computes."""
    values: set[ir.Value] = set()
    found: set[ir.Node] = set()
    for node in graph:
        if any(v in values for v in node.inputs if v):
            found.add(node)
        if node in found or is_operator(node, "Softmax", "LogSoftmax"):
            values.update(node.outputs)
    return found


def _known(node: ir.Node) -> bool:
    source = node.inputs[0] if node.inputs else None
    if is_fused(node):
        return True
    if is_operator(node, "QuantizeLinear"):
        return input_of(source) is not None
    if source is None or constant(source) is not None:
        return False
    return is_operator(node, *MOVING, *REPEATING) and source.dtype in CODE_TYPES


def _culprit(node: ir.Node, host: set[ir.Node]) -> ir.Node:
    """Return the operator between dequantization and quantization that was not matched."""
    current = node
    while True:
        value = current.inputs[0]
        producer = None if value is None else value.producer()
        if producer is None or producer not in host:
            return current
        current = producer
        if not is_operator(current, "DequantizeLinear", "QuantizeLinear"):
            return current


def _unsupported(model: ir.Model, node: ir.Node, rules: Sequence[RewriteRuleSet]) -> CompileError:
    if is_operator(node, "ConvTranspose") and (problem := transposed_refusal(node)) is not None:
        remedy = "give the compiler the float model, which it quantizes as a convolution"
        return CompileError("fuse", node_label(node), problem, remedy)
    reason = _refusal(model, node, rules)
    if reason is not None:
        problem, _, remedy = reason.partition("; ")
        return CompileError(
            "fuse", node_label(node), problem, remedy or f"change the {node.op_type}"
        )
    if node.op_type in _QUANTIZABLE:
        return CompileError("fuse", node_label(node), *_in_float(node))
    return CompileError(
        "fuse",
        node_label(node),
        f"{node.op_type} must be one of the supported quantized operators",
        f"supported between DequantizeLinear and QuantizeLinear: {SUPPORTED}",
    )


def _in_float(node: ir.Node) -> tuple[str, str]:
    """Return why a layer is left in float, and what to do."""
    weighted = is_operator(node, "Conv", "ConvTranspose", "Gemm", "MatMul")
    makers = [v.producer() for v in node.inputs if v is not None and constant(v) is None]
    if weighted and any(n is not None and n.attributes.get_int("block_size", 0) for n in makers):
        return (
            f"the weights of a {node.op_type} must not be quantized in blocks",
            "quantize them per tensor or per channel",
        )
    if any(not is_operator(maker, "DequantizeLinear") for maker in makers):
        return (
            f"{node.op_type} must stand between DequantizeLinear and QuantizeLinear, not in float",
            "quantize its operands and its result, or take it off the end of the model",
        )
    if weighted and len(node.inputs) > 1 and constant(node.inputs[1]) is not None:
        return (
            f"the weights of a {node.op_type} must be quantized, not float",
            "quantize its operands and its result",
        )
    readers = ", ".join(sorted({n.op_type for n, _ in node.outputs[0].uses()})) or "an output"
    return (
        f"{node.op_type} must be read by one QuantizeLinear, behind nothing but a ReLU or Clip "
        f"that ends where its codes end, not by {readers}",
        "quantize its result, or take it off the end of the model",
    )


def _refusal(model: ir.Model, node: ir.Node, rules: Sequence[RewriteRuleSet]) -> str | None:
    """Return why the rule that matched ``node``'s operator refused it, or None."""
    for rule_set in rules:
        tracer = MatchingTracer()
        rule_set.apply_to_model(model, tracer=tracer)
        for matches in tracer.best_matches_map.values():
            for match in matches:
                failed = match.status == MatchStatus.CONDITION_FAILED
                if failed and node in match.match_result.nodes:
                    return str(match.match_result.reason)
    return None
