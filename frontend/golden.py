"""The golden model: stock onnxruntime on quantized.onnx, and its integers at the core's ports."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor

from frontend.frames import FloatArray, Frames, batches, frames_by_input
from ir.elements import Input, Output
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.numbers import IntArray

BATCH = 256
"""Frames per call; the arithmetic of a frame does not depend on it."""


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Return a session as a user gets it: CPU provider, default options, but silent."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


class GoldenModel:
    """Runs quantized.onnx and shows the integers that the core must read and send.

    Frames are float32 arrays (frames, *ONNX input shape without batch), by input name; those of
    an only input may come as an array.
    """

    def __init__(self, quantized: onnx.ModelProto, graph: StreamGraph) -> None:
        self._graph = graph
        self._names = [graph.host_tensors[i.port].onnx_name for i in graph.inputs]
        extractor = Extractor(quantized)
        self._whole = session(quantized)
        self._inputs = self._tensors(extractor, graph.inputs)
        self._outputs = self._tensors(extractor, graph.outputs)

    def _tensors(
        self, extractor: Extractor, ports: Sequence[Input | Output]
    ) -> onnxruntime.InferenceSession:
        wanted = [self._graph.host_tensors[p.port].onnx_tensor for p in ports]
        return session(extractor.extract_model(self._names, wanted))

    def run(self, frames: FloatArray | Frames) -> FloatArray:
        """Return the model's first output for each frame, host operators included."""
        results = [self._whole.run(None, batch)[0] for batch in self._batches(frames)]
        return np.concatenate(results)

    def input_codes(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        """Return the integers that enter each port, (frames, height, width, channels)."""
        return self._codes(self._inputs, self._graph.inputs, frames)

    def output_codes(self, frames: FloatArray | Frames) -> dict[str, IntArray]:
        """Return the integers that each port must send, (frames, height, width, channels)."""
        return self._codes(self._outputs, self._graph.outputs, frames)

    def _batches(self, frames: FloatArray | Frames) -> list[Frames]:
        return list(batches(frames_by_input(frames, self._names), BATCH))

    def _codes(
        self,
        golden: onnxruntime.InferenceSession,
        ports: Sequence[Input | Output],
        frames: FloatArray | Frames,
    ) -> dict[str, IntArray]:
        results = [golden.run(None, batch) for batch in self._batches(frames)]
        codes: dict[str, IntArray] = {}
        for number, port in enumerate(ports):
            tensor = np.concatenate([r[number] for r in results]).astype(np.int64)
            codes[port.port] = self.streamed(port, tensor)
        return codes

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
