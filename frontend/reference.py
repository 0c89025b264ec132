"""Keras itself as the oracle for the exported graph.

The model is rebuilt in Keras from checked values, never by running or importing anything from a
file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from frontend.layers import Layer, Normalization, Softmax, TrainingOnly
from frontend.network import Network
from ir.errors import CompileError

Frames = NDArray[np.float32]
Predict = Callable[[Frames], Frames]

TOLERANCE = 1e-4
CHECKED_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-0.03, 0.03), (-8.0, 8.0))


@functools.cache
def start_tensorflow() -> Any:
    """Import Keras on TensorFlow, silently and on the CPU; takes seconds the first time."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _silence():
        import keras
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.constant(0.0)
    return keras


@contextlib.contextmanager
def _silence() -> Any:
    """Send what native libraries write to the error stream (file descriptor 2) nowhere."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def keras_predict(network: Network) -> Predict:
    """Return a function that computes the network in Keras, in float32.

    It maps frames ``(n, *input_shape)`` to ``(n, *output_shape)``, NHWC.
    """
    keras = start_tensorflow()
    tensor = source = keras.Input(network.input_shape)
    built: dict[str, Any] = {}
    for position, step in enumerate(network.steps):
        layer = step.layer
        if isinstance(layer, TrainingOnly):
            continue
        if layer.name not in built:
            built[layer.name] = getattr(keras.layers, type(layer).__name__)(
                name=f"layer_{position}", **_arguments(layer, step.weights)
            )
        tensor = built[layer.name](tensor)
        if step.weights and not isinstance(layer, Normalization):
            built[layer.name].set_weights(list(step.weights.values()))
    model = keras.Model(source, tensor)

    def predict(frames: Frames) -> Frames:
        parts = [
            np.asarray(model(frames[start : start + 256], training=False), np.float32)
            for start in range(0, len(frames), 256)
        ]
        return np.concatenate(parts)

    return predict


def _arguments(layer: Layer, weights: dict[str, Frames]) -> dict[str, Any]:
    """Return Keras's constructor arguments, which the fields are named after."""
    fields = [f.name for f in dataclasses.fields(layer) if f.name != "name"]
    arguments = {name: getattr(layer, name) for name in fields}
    for name in ("scale", "offset", "mean", "variance"):
        value = arguments.get(name)
        if isinstance(value, tuple):
            arguments[name] = value[0] if len(value) == 1 else list(value)
        elif name in ("mean", "variance") and name in weights:
            arguments[name] = weights[name].tolist()
    return arguments


def onnx_predict(model: onnx.ModelProto) -> Predict:
    """Return a function that computes ``model`` (one input, one output) in onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def predict(frames: Frames) -> Frames:
        parts = [
            session.run(None, {name: frames[start : start + 256]})[0]
            for start in range(0, len(frames), 256)
        ]
        return np.concatenate(parts)

    return predict


def without_final_softmax(network: Network) -> Network | None:
    """Return the network without its last softmax, which hides differences by saturating.

    None where there is none, or nothing else.
    """
    last = network.steps[-1]
    steps = network.steps[:-1]
    if getattr(last.layer, "activation", None) == "softmax":
        bare = dataclasses.replace(last.layer, activation="linear")  # type: ignore[call-arg]
        steps = (*steps, dataclasses.replace(last, layer=bare))
    elif not isinstance(last.layer, Softmax):
        return None
    return dataclasses.replace(network, steps=steps) if steps else None


def verify_export(network: Network, model: onnx.ModelProto, predict: Predict) -> float:
    """Hold the exported graph to Keras on seeded random frames; return the largest relative error.

    Errors are relative to the largest absolute output of a frame: the two sum in different orders,
    so that an element near 0 may differ by more than ``TOLERANCE`` of itself.
    """
    random = np.random.default_rng(1)
    frames = np.stack(
        [random.uniform(*limits, network.input_shape) for limits in CHECKED_RANGES]
    ).astype(np.float32)
    expected, got = predict(frames), onnx_predict(model)(frames)
    worst = 0.0
    for wanted, computed in zip(expected, got, strict=True):
        if not (np.all(np.isfinite(wanted)) and np.all(np.isfinite(computed))):
            raise CompileError(
                "export",
                network.steps[-1].layer.name,
                "overflows to NaN or infinity on ordinary inputs",
                "train the model again with bounded weights",
            )
        scale = max(float(np.max(np.abs(wanted))), 1e-30)
        worst = max(worst, float(np.max(np.abs(wanted - computed))) / scale)
    if worst > TOLERANCE:
        raise CompileError(
            "export",
            network.steps[-1].layer.name,
            f"the exported graph differs from Keras by {worst:.1e} of the largest output, more "
            f"than {TOLERANCE:.0e}",
            "report the model as a defect of the exporter",
        )
    return worst
