"""What quantization costs at each tensor, against the float model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from frontend.frames import FloatArray, Frames, batches, frames_by_input, input_names
from frontend.plan import MOVING

BATCH = 64
DEQUANTIZED = "_DequantizeLinear_Output"
"""onnxruntime's quantizer adds this to a tensor's name."""


@dataclass(frozen=True, slots=True)
class TensorError:
    """Float against dequantized values of one tensor, on all elements of all frames.

    ``layer``: name of the node that computes it.  ``sqnr_db``: signal to quantization noise, dB;
    infinite if there is no noise.  ``rmse``: root of the mean square error, in the tensor's units.
    """

    layer: str
    tensor: str
    sqnr_db: float
    rmse: float


def quantization_error(
    float_model: onnx.ModelProto,
    quantized_model: onnx.ModelProto,
    frames: FloatArray | Frames,
) -> tuple[TensorError, ...]:
    """Compare the tensors behind Conv, Gemm, averages and tables, in graph order.

    ``frames``: float32 (frames, *shape without batch) of each input.  Errors accumulate from layer
    to layer: each tensor's is that of all layers up to it.
    """
    dequantized = {o for n in quantized_model.graph.node for o in n.output}
    dequantized |= {o.name for o in quantized_model.graph.output}
    pairs = []
    for node in float_model.graph.node:
        name = node.output[0]
        if node.op_type in MOVING:
            continue
        if f"{name}{DEQUANTIZED}" in dequantized:
            pairs.append((node.name, name, f"{name}{DEQUANTIZED}"))
        elif f"{name}_QuantizeLinear_Input" in dequantized:
            pairs.append((node.name, name, name))
    if not pairs:
        return ()
    signal, noise, count = np.zeros(len(pairs)), np.zeros(len(pairs)), np.zeros(len(pairs))
    exact = _session(float_model, [p[1] for p in pairs])
    rounded = _session(quantized_model, [p[2] for p in pairs])
    for batch in batches(frames_by_input(frames, input_names(float_model)), BATCH):
        expected = exact.run([p[1] for p in pairs], batch)
        got = rounded.run([p[2] for p in pairs], batch)
        for index, (x, y) in enumerate(zip(expected, got, strict=True)):
            wide = x.astype(np.float64)
            signal[index] += np.square(wide).sum()
            noise[index] += np.square(wide - y).sum()
            count[index] += x.size
    return tuple(
        TensorError(
            layer, tensor, _decibel(signal[i], noise[i]), float(np.sqrt(noise[i] / count[i]))
        )
        for i, (layer, tensor, _) in enumerate(pairs)
    )


def _decibel(signal: float, noise: float) -> float:
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal > 0 else float("-inf")


def _session(model: onnx.ModelProto, tensors: list[str]) -> onnxruntime.InferenceSession:
    """Return a session of ``model`` that also shows ``tensors``."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    shown = {o.name for o in copy.graph.output}
    copy.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in dict.fromkeys(tensors)
        if name not in shown
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
