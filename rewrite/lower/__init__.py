"""Lowering: fused ONNX -> stream graph, one element per fused call, with proofs.

The result computes nothing twice and decides no parallelism: pe = simd = lanes = 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx
import onnx_ir as ir

from ir.errors import CompileError
from ir.graph import StreamGraph, check_legal
from ir.identifiers import Identifiers
from ir.proof import ProofRecord
from rewrite.lower.arithmetic import Built
from rewrite.lower.averages import average_pool
from rewrite.lower.borders import crop
from rewrite.lower.branches import fork_streams
from rewrite.lower.channelwise import channelwise
from rewrite.lower.concatenation import concatenate
from rewrite.lower.interpolation import interpolation
from rewrite.lower.layer_normalization import layer_normalization
from rewrite.lower.layout import moved
from rewrite.lower.matrices import matrix_product
from rewrite.lower.means import mean
from rewrite.lower.merging import merge
from rewrite.lower.pointwise import affine, arg_max, lookup
from rewrite.lower.pools import global_average, max_pool
from rewrite.lower.ports import Ports
from rewrite.lower.processing import convolution, dense
from rewrite.lower.reading import Stage, stages
from rewrite.lower.rectifier import rectifier
from rewrite.lower.requantized import requantized
from rewrite.lower.sampling import SampleRecord, sample
from rewrite.lower.selection import extremum, global_maximum, pad, resize
from rewrite.lower.softmax import softmax
from rewrite.lower.streams import Stream
from rewrite.onnx import FusedModel
from rewrite.onnx.average_execution import Averages, averages_of_codes
from rewrite.onnx.census import check_execution, in_float
from rewrite.onnx.coverage import host_nodes
from rewrite.onnx.entry import code_inputs, nodes_before
from rewrite.onnx.fuse_layout import MOVING, REPEATING
from rewrite.onnx.fuse_selection import SELECTING
from rewrite.onnx.graphs import constant, is_fused, is_operator, node_label

__all__ = ["Lowered", "lower"]

Builder = Callable[[tuple[Stage, ...], Stream, Identifiers, str], Built]
Joiner = Callable[[tuple[Stage, ...], Sequence[Stream], Identifiers, str], Built]

_BUILDERS: dict[str, Builder] = {
    "Conv": convolution,
    "Gemm": dense,
    "MaxPool": max_pool,
    "GlobalAveragePool": global_average,
    "ArgMax": arg_max,
    "ReduceMean": mean,
    "ReduceMax": extremum,
    "ReduceMin": extremum,
    "Softmax": softmax,
    "LayerNormalization": layer_normalization,
    "Pad": pad,
    "Slice": crop,
    "Resize": resize,
    "GlobalMaxPool": global_maximum,
    "Table": lookup,
}
_BY_FUNCTION: dict[str, Builder] = {
    "Affine": affine,
    "Channelwise": channelwise,
    "Interpolation": interpolation,
    "Rectifier": rectifier,
}
"""Builders of functions whose operator has another builder elsewhere."""
_JOINERS: dict[str, Joiner] = {"Merge": merge, "Concat": concatenate, "MatMul": matrix_product}
"""Builders of what reads several streams."""
_CHOOSING = ("MaxPool", *SELECTING)
"""What chooses, repeats or surrounds codes; it may change their scale."""


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
    averages = averages_of_codes(fused.quantized)
    for value in code_inputs(model.graph):
        streams[value] = ports.add_codes(value)
    for node in model.graph:
        source = node.inputs[0]
        result = node.outputs[0]
        if node in host or source is None:
            continue
        if is_operator(node, "QuantizeLinear"):
            streams[result] = ports.add_input(node)
        elif is_operator(node, *MOVING, *REPEATING) and source in streams:
            streams[result] = moved(streams[source], node, constant)
        elif is_fused(node, "Layout"):
            (stage,) = stages(model, node)
            mover = next(n for n in stage.nodes if is_operator(n, *MOVING, *REPEATING))
            entering = requantized(stage, streams[source], names, node_label(node))
            streams[result] = moved(entering, mover, stage.array)
        elif is_fused(node):
            parts = stages(model, node)
            read = tuple(streams[v] for v in node.inputs if v in streams)
            built = _build(node, parts, read, names, averages)
            streams[result] = built.stream
            proofs += [built.proof] if built.proof else []
            samples.append(sample(parts, read, built.stream, built.reference))
            ports.note_approximation(result, parts[-1], built.stream)
    allowed = in_float((*host, *nodes_before(model.graph)))
    for record in samples:
        allowed.update(record.in_float)
    check_execution(fused.quantized, allowed, fused.exact_in_float)
    outputs = ports.add_outputs(streams)
    if not outputs:
        raise CompileError(
            "lower",
            top,
            "an output of the model must depend on its inputs, and none does",
            "give it an output that is computed from an input",
        )
    shared = StreamGraph(
        top,
        ports.inputs,
        outputs,
        ports.host_tensors,
        fused.host_operators,
        ports.approximations,
    )
    graph = fork_streams(shared, names)
    check_legal(graph)
    return Lowered(graph, tuple(proofs), tuple(samples))


def _build(
    call: ir.Node,
    parts: tuple[Stage, ...],
    read: tuple[Stream, ...],
    names: Identifiers,
    averages: Averages,
) -> Built:
    kind, layer = parts[0].kind, node_label(call)
    if kind in _JOINERS:
        return _JOINERS[kind](parts, read, names, layer)
    (stream,) = read
    if kind in _CHOOSING and call.op_type not in _BY_FUNCTION:
        stream = requantized(parts[0], stream, names, layer)
    if kind == "AveragePool":
        return average_pool(parts, stream, names, layer, averages)
    builder = _BY_FUNCTION.get(call.op_type) or _BUILDERS[kind]
    return builder(parts, stream, names, layer)
