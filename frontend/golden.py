"""The golden model: stock onnxruntime on quantized.onnx, and its integers at the core's ports.

What onnxruntime computes must not depend on our looking at it: with int8 activations, for example,
it computes in integers only where no codes leave the graph.  So the codes at the core's outputs are
recovered from the numbers that the graph makes of them itself.  Where the host still works on these
numbers, the graph is cut there, and what the host makes of the recovered codes must be the outputs
of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime

from frontend.batches import Array, fixed_batch, in_batches
from frontend.cutting import as_numbers, cut_at, numbers_name
from frontend.frames import FloatArray, Frames, frames_by_input
from frontend.golden_parts import (
    code_type,
    entering_models,
    extractor_of,
    host_part,
    running,
    shown_tensor,
)
from frontend.onnx_reference import INPUT_TYPES, as_input, session
from ir.elements import Input, Output
from ir.errors import CompileError
from ir.graph import HostTensor, StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray, IntegerType


class GoldenModel:
    """Runs quantized.onnx and shows the integers that the core must read and send.

    Frames are float32 arrays (frames, *ONNX input shape without batch), by input name, also where
    an input takes codes; those of an only input may come as an array.
    """

    def __init__(self, quantized: onnx.ModelProto, graph: StreamGraph) -> None:
        self._graph = graph
        self._quantized = quantized
        self._behind = _behind(quantized, graph)
        self._batch = fixed_batch(quantized)
        self._whole = session(quantized)
        self._types = {i.name: INPUT_TYPES[i.type] for i in self._whole.get_inputs()}
        self._own = [output.name for output in quantized.graph.output]
        self._entering = entering_models(quantized, graph)
        self._shown = [shown_tensor(quantized, graph.host_tensors[o.port]) for o in graph.outputs]
        tensors = list(dict.fromkeys(s.tensor for s in self._shown))
        self._showing, self._host = self._whole, None
        if not set(tensors) <= set(self._own):
            codes = {
                graph.host_tensors[o.port].onnx_tensor: code_type(o, graph)
                for o in graph.outputs
                if graph.host_tensors[o.port].onnx_tensor not in self._own
            }
            extractor = extractor_of(quantized, codes)
            self._showing = session(extractor.extract_model(list(self._types), tensors))
            self._host = session(host_part(extractor, self._shown, self._own))

    def run(self, frames: FloatArray | Frames) -> FloatArray:
        """Return the model's first output for each frame, host operators included."""
        return self._computed(self._whole, self._own[:1], frames)[0]

    def input_codes(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        """Return the integers that enter each port, (frames, height, width, channels)."""
        codes: dict[str, IntArray] = {}
        for port in self._graph.inputs:
            name = self._graph.host_tensors[port.port].onnx_name
            tensor = self._feed(frames)[name]
            if (entering := self._entering[port.port]) is not None:
                entry, batch = session(entering), self._batch
                (tensor,) = in_batches([tensor], running(entry, name), batch)
            shift = self._graph.host_tensors[port.port].shift
            codes[port.port] = self.streamed(port, tensor.astype(np.int64) + shift)
        return codes

    def output_codes(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        """Return the integers that each port must send, (frames, height, width, channels).

        Behind an element that approximates they are what onnxruntime makes of its codes.

        Raises:
            CompileError: the host's operators make other outputs of them than the whole model has.
        """
        if self._behind is not None:
            return self._behind.output_codes({**self._feed(frames), **self._approximated(frames)})
        names = list(dict.fromkeys(s.tensor for s in self._shown))
        values = dict(zip(names, self._computed(self._showing, names, frames), strict=True))
        if self._host is not None:
            wanted = self._computed(self._whole, self._own, frames)
            running, feed = self._host, list(values.values())
            inputs = [i.name for i in running.get_inputs()]
            got = in_batches(
                feed,
                lambda part: running.run(self._own, dict(zip(inputs, part, strict=True))),
                self._batch,
            )
            for name, one, other in zip(self._own, wanted, got, strict=True):
                if not np.array_equal(one, other, equal_nan=True):
                    raise CompileError(
                        "golden", name,
                        "onnxruntime makes other codes for the host's operators than without them",
                        "take the operators behind the last quantized layer off the model",
                    )  # fmt: skip
        return {
            port.port: self.streamed(port, shown.codes(values[shown.tensor]))
            for port, shown in zip(self._graph.outputs, self._shown, strict=True)
        }

    def approximation_errors(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        """Return the differences, in codes, of elements that approximate, by element name.

        Each is compared with onnxruntime's result for the codes that it reads in the hardware.
        """
        sent = self._interpreted(frames)
        numbers = self._approximated(frames)
        errors = {}
        for name, host in self._graph.approximations.items():
            others = [o for o in self._graph.approximations if o != name]
            shown = shown_tensor(self._quantized, host)
            part = cut_at(self._quantized, _cuts(self._graph, others), [shown.tensor])
            golden = GoldenPart(part, self._batch)
            codes = shown.codes(golden.run({**self._feed(frames), **numbers}))
            wanted = shown.codes(as_numbers(host, sent[name]))
            errors[name] = np.abs(codes - wanted)
        return errors

    def _interpreted(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        return evaluate(self._graph, self.input_codes(frames))

    def _approximated(self, frames: FloatArray | Frames) -> dict[str, FloatArray]:
        """Return what elements that approximate send, by the names of the cut graph's inputs."""
        sent = self._interpreted(frames)
        return {
            numbers_name(host): as_numbers(host, sent[name])
            for name, host in self._graph.approximations.items()
        }

    def _feed(self, frames: FloatArray | Frames) -> dict[str, Array]:
        given = frames_by_input(frames, list(self._types))
        return {
            name: np.ascontiguousarray(as_input(name, given[name], kind))
            for name, kind in self._types.items()
        }

    def _computed(
        self,
        golden: onnxruntime.InferenceSession,
        names: Sequence[str],
        frames: FloatArray | Frames,
    ) -> tuple[Array, ...]:
        feed = self._feed(frames)
        return in_batches(
            list(feed.values()),
            lambda part: golden.run(names, dict(zip(feed, part, strict=True))),
            self._batch,
        )

    def streamed(self, port: Input | Output, tensor: IntArray) -> IntArray:
        """Return an ONNX tensor (frames, *shape) in stream layout, frames x NHWC."""
        host, shape = self._graph.host_tensors[port.port], port.output.shape
        if math.prod(tensor.shape[1:]) != shape.size:
            raise CompileError(
                "golden",
                port.layer,
                f"tensor must have {shape.size} values per frame, not {tensor.shape[1:]}",
                "this is a bug, please report it",
            )
        plain = tensor.reshape(len(tensor), *host.shape)
        ordered = plain.transpose(0, *(axis + 1 for axis in host.stream_order))
        return ordered.reshape(len(tensor), shape.height, shape.width, shape.channels)


def _cuts(graph: StreamGraph, names: Iterable[str]) -> list[tuple[HostTensor, IntegerType]]:
    numbers = {element.name: element.output.number for element in graph}
    return [(graph.approximations[name], numbers[name]) for name in names]


def _behind(quantized: onnx.ModelProto, graph: StreamGraph) -> GoldenModel | None:
    """Return the golden model behind the elements that approximate, None if there are none."""
    if not graph.approximations:
        return None
    cut = cut_at(quantized, _cuts(graph, graph.approximations))
    return GoldenModel(cut, replace(graph, approximations={}))


class GoldenPart:
    """Runs a part of the golden model with one output."""

    def __init__(self, part: onnx.ModelProto, batch: int | None) -> None:
        self._session, self._batch = session(part), batch

    def run(self, feed: Mapping[str, Array]) -> Array:
        """Return the output for ``feed``, which may hold more than the inputs."""
        names = [i.name for i in self._session.get_inputs()]
        (result,) = in_batches(
            [np.ascontiguousarray(feed[name]) for name in names],
            lambda part: self._session.run(None, dict(zip(names, part, strict=True))),
            self._batch,
        )
        return result
