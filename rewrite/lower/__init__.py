"""Lowering: fused ONNX -> stream graph, one element per fused call, with proofs.

The result computes nothing twice and decides no parallelism: pe = simd = lanes = 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx
import onnx_ir as ir

from ir.errors import CompileError
from ir.graph import StreamGraph, check_legal
from ir.identifiers import Identifiers
from ir.proof import ProofRecord
from rewrite.lower.arithmetic import Built
from rewrite.lower.layout import Stream, moved
from rewrite.lower.pointwise import affine, arg_max, lookup
from rewrite.lower.pools import global_average, max_pool
from rewrite.lower.ports import Ports
from rewrite.lower.processing import convolution, dense
from rewrite.lower.reading import Stage, stages
from rewrite.lower.sampling import SampleRecord, sample
from rewrite.onnx import FusedModel
from rewrite.onnx.coverage import host_nodes
from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.graphs import constant, is_fused, is_operator, node_label

__all__ = ["Lowered", "lower"]

Builder = Callable[[tuple[Stage, ...], Stream, Identifiers, str], Built]

_BUILDERS: dict[str, Builder] = {
    "Conv": convolution,
    "Gemm": dense,
    "Affine": affine,
    "MaxPool": max_pool,
    "GlobalAveragePool": global_average,
    "ArgMax": arg_max,
    "Table": lookup,
}


@dataclass(frozen=True, slots=True)
class Lowered:
    """A stream graph with the evidence that it computes what onnxruntime computes.

    ``proofs``: requantizations, over their whole reachable ranges.  ``samples``: elements that
    were compared with onnxruntime itself on random codes.
    """

    graph: StreamGraph
    proofs: tuple[ProofRecord, ...]
    samples: tuple[SampleRecord, ...]


def lower(fused: FusedModel, name: str | None = None) -> Lowered:
    """Return the stream graph of ``fused``.

    Args:
        fused: from ``rewrite.onnx.fuse``.
        name: of the top entity; by default the ONNX graph's.

    Raises:
        CompileError: a layer cannot be built, or a proof or comparison failed.
    """
    model = ir.from_proto(onnx.shape_inference.infer_shapes(fused.proto, data_prop=True))
    names = Identifiers()
    top = names.new(name or model.graph.name or "network")
    ports = Ports(model, names)
    streams: dict[ir.Value, Stream] = {}
    proofs: list[ProofRecord] = []
    samples: list[SampleRecord] = []
    host = set(host_nodes(model.graph))
    for node in model.graph:
        source = node.inputs[0]
        result = node.outputs[0]
        if node in host or source is None:
            continue
        if is_operator(node, "QuantizeLinear"):
            streams[result] = ports.add_input(node)
        elif is_operator(node, *MOVING) and source in streams:
            streams[result] = moved(_only_reader(streams, source, node), node, constant)
        elif is_fused(node, "Layout"):
            (stage,) = stages(model, node)
            mover = next(n for n in stage.nodes if is_operator(n, *MOVING))
            stream = _only_reader(streams, source, node)
            streams[result] = moved(stream, mover, stage.array)
        elif is_fused(node):
            stream = _only_reader(streams, source, node)
            parts = stages(model, node)
            built = _build(node, parts, stream, names)
            streams[result] = built.stream
            proofs += [built.proof] if built.proof else []
            samples.append(sample(parts, stream, built.stream))
    outputs = ports.add_outputs(streams)
    graph = StreamGraph(top, ports.inputs, outputs, ports.host_tensors, fused.host_operators)
    check_legal(graph)
    return Lowered(graph, tuple(proofs), tuple(samples))


def _build(call: ir.Node, parts: tuple[Stage, ...], stream: Stream, names: Identifiers) -> Built:
    kind = "Affine" if is_fused(call, "Affine") else parts[0].kind
    return _BUILDERS[kind](parts, stream, names, node_label(call))


def _only_reader(streams: dict[ir.Value, Stream], value: ir.Value, node: ir.Node) -> Stream:
    """Return the stream of ``value``, which nothing else may read yet."""
    if len(value.uses()) != 1:
        raise CompileError(
            "lower",
            node_label(node),
            f"{value.name} must have one reader, not {len(value.uses())}",
            "branches are not supported",
        )
    return streams[value]
