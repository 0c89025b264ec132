"""The core's ports: where codes enter and leave, and how the host sees them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ir.elements import Input, Output, Shape, StreamType, tolerance
from ir.errors import CompileError
from ir.graph import HostTensor
from ir.identifiers import Identifiers
from rewrite.lower.ordering import in_axes_order, stream_order
from rewrite.lower.reading import Stage, known_shape, number_type, stages
from rewrite.lower.streams import Stream
from rewrite.onnx.coverage import host_nodes
from rewrite.onnx.entry import code_inputs, input_of, operators_before
from rewrite.onnx.execution import SHIFT
from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.graphs import constant, is_fused, is_operator
from rewrite.onnx.unsigned_codes import shifted_tensors


class Ports:
    """Collects inputs, outputs and their host tensors while a graph is lowered."""

    def __init__(self, model: ir.Model, names: Identifiers) -> None:
        self._model = model
        self._graph = model.graph
        self._names = names
        host = set(host_nodes(model.graph))
        quantizes = [n for n in model.graph if is_operator(n, "QuantizeLinear") and n not in host]
        self._entries = len(quantizes) + len(code_inputs(model.graph))
        self.host_tensors: dict[str, HostTensor] = {}
        self.inputs: tuple[Input, ...] = ()
        self.approximations: dict[str, HostTensor] = {}

    def add_input(self, quantize: ir.Node) -> Stream:
        """Return the stream behind the QuantizeLinear of a graph input."""
        source, codes = input_of(quantize.inputs[0]), quantize.outputs[0]
        assert source is not None, "coverage is checked before"
        return self._add(source, codes, _parameters(quantize), operators_before(quantize))

    def add_codes(self, source: ir.Value) -> Stream:
        """Return the stream of a graph input that holds codes."""
        return self._add(source, source, _first_reading(self._model, source), ())

    def _add(
        self,
        source: ir.Value,
        codes: ir.Value,
        parameters: tuple[float, int],
        operators: tuple[str, ...],
    ) -> Stream:
        layer = source.name or "input"
        sizes = known_shape(codes, layer)
        order = _input_order(codes, len(sizes))
        if len(sizes) not in (1, 2, 3):
            raise CompileError(
                "lower",
                layer,
                f"an input must have 1 to 3 axes besides the batch, not {len(sizes)}",
                "reshape it to rows, columns and channels",
            )
        streamed = [sizes[axis] for axis in order]
        shape = Shape(*[1] * (3 - len(sizes)), *streamed)
        positions = np.arange(shape.size).reshape(streamed).transpose(np.argsort(order))
        assert codes.dtype is not None
        number = number_type(codes.dtype)
        port = self._port("s_axis", layer, self._entries)
        scale, zero = parameters
        element = Input(
            self._names.new(layer), layer, port, StreamType(shape, number, 1), pad_value=zero
        )
        self.inputs = (*self.inputs, element)
        self.host_tensors[port] = HostTensor(
            source.name or "", codes.name or "", sizes, order, scale, zero, operators,
            self._shift(codes),
        )  # fmt: skip
        lows = np.full(shape.channels, number.minimum)
        highs = np.full(shape.channels, number.maximum)
        return Stream(element, positions, lows, highs, layer)

    def add_outputs(self, streams: dict[ir.Value, Stream]) -> tuple[Output, ...]:
        """Return an output for each tensor of codes that leaves the core."""
        leaving = [
            (output, codes)
            for output in self._graph.outputs
            for codes in _codes_behind(output, set(host_nodes(self._graph)))
        ]
        outputs: list[Output] = []
        for output, codes in leaving:
            if codes not in streams:
                raise CompileError(
                    "lower",
                    output.name or "output",
                    "an output must come from quantized tensors only",
                    "quantize the operators in front of it",
                )
            layer = output.name or "output"
            stream = in_axes_order(streams[codes], self._names)
            port = self._port("m_axis", layer, len(leaving))
            element = Output(
                self._names.new(layer), layer, stream.element, stream.element.output, port
            )
            readers = (n for n, _ in codes.uses() if is_operator(n, "DequantizeLinear"))
            reader = next(readers, None)
            scale, zero = (1.0, 0) if reader is None else _parameters(reader)
            order = stream_order(stream)
            assert order is not None
            self.host_tensors[port] = HostTensor(
                output.name or "", codes.name or "", stream.positions.shape, order, scale, zero,
                shift=self._shift(codes),
            )  # fmt: skip
            outputs.append(element)
        return tuple(outputs)

    def note_approximation(self, codes: ir.Value, stage: Stage, stream: Stream) -> None:
        """Remember ``codes``, the result of ``stage``, if the element of ``stream`` approximates.

        Such a tensor has its axes in some order in the stream.
        """
        if tolerance(stream.element):
            order, name = stream_order(stream), codes.name or ""
            assert order is not None
            self.approximations[stream.element.name] = HostTensor(
                name,
                name,
                stream.positions.shape,
                order,
                float(stage.output.scale),
                stage.output.zero_point,
            )

    def _shift(self, codes: ir.Value) -> int:
        return SHIFT if codes.name in shifted_tensors(self._model) else 0

    def _port(self, base: str, layer: str, count: int) -> str:
        return base if count == 1 else self._names.new(f"{base}_{layer}")


def _first_reading(model: ir.Model, codes: ir.Value) -> tuple[float, int]:
    """Return (scale, zero point) of the first reader of codes that enter the graph as they are."""
    pending = [codes]
    while pending:
        value = pending.pop(0)
        for node, index in value.uses():
            if is_operator(node, *MOVING):
                pending += node.outputs
            elif is_operator(node, "DequantizeLinear"):
                return _parameters(node)
            elif is_fused(node):
                return _inside(model, node, index)
    return 1.0, 0


def _inside(model: ir.Model, call: ir.Node, index: int) -> tuple[float, int]:
    (stage, *_) = stages(model, call)
    source = model.functions[call.op_identifier()].inputs[index]
    entry = next(n for n in stage.nodes if n.inputs[0] is source)
    quantization = stage.quantization(entry)
    return float(quantization.scale), quantization.zero_point


def _input_order(codes: ir.Value, axes: int) -> tuple[int, ...]:
    """Return the order that makes channels fastest.

    A tensor with three axes has its channels first if an element reads it as it is (ONNX layout),
    and last if layout changes follow (Keras layout); tables work in either.
    """
    reader = next((n for n, _ in codes.uses()), None)
    while reader is not None and is_fused(reader, "Table", "Rectifier"):
        reader = next((n for n, _ in reader.outputs[0].uses()), None)
    moves = is_operator(reader, *MOVING) or is_fused(reader, "Layout")
    if axes == 3 and not moves:
        return (1, 2, 0)
    return tuple(range(axes))


def _parameters(node: ir.Node) -> tuple[float, int]:
    """Return (scale, zero point) of a per-tensor quantization."""
    scale, zero_point = constant(node.inputs[1]), constant(node.inputs[2])
    assert scale is not None
    assert zero_point is not None
    return float(scale.reshape(-1)[0]), int(zero_point.reshape(-1)[0])


def _from_core(dequantize: ir.Node, host: set[ir.Node]) -> bool:
    codes = dequantize.inputs[0]
    return codes is not None and codes.producer() not in host


def _codes_behind(output: ir.Value, host: set[ir.Node]) -> list[ir.Value]:
    """Return the codes from which the host computes ``output``."""
    pending, found = [output], []
    while pending:
        value = pending.pop()
        node = value.producer()
        if node is None or node not in host:
            found += [value] if constant(value) is None else []
        elif is_operator(node, "DequantizeLinear") and _from_core(node, host):
            found += [v for v in node.inputs[:1] if v is not None]
        else:
            pending += [v for v in node.inputs if v is not None]
    return list(dict.fromkeys(found))
