"""Keras itself as the oracle for the exported graph.

The model is rebuilt in Keras from checked values, never by running or importing anything from a
file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from frontend.batches import in_batches
from frontend.layers import Layer, TrainingOnly
from frontend.layers.base import KERAS_2_HARD_SIGMOID
from frontend.layers.merging import Merge
from frontend.layers.pointwise import LayerScale, Normalization, Softmax, ThresholdedReLU
from frontend.network import Input, Network, Node, needed_steps
from frontend.onnx_reference import onnx_run
from frontend.roundings import spread
from frontend.source import Frames, Run
from ir.errors import CompileError

Predict = Callable[[Frames], Frames]

TOLERANCE = 1e-4
SMALLEST_GAIN = 2.0**-8
"""Times ``TOLERANCE``: some three units in the last place of a float32 that goes in."""
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


def keras_run(network: Network) -> Run:
    """Return a function that computes the network in Keras, in float32.

    It maps frames ``(n, *shape)`` of each input, by name, to those of the outputs, NHWC.
    """
    keras = start_tensorflow()
    tensors: dict[Node, Any] = {source: keras.Input(source.shape) for source in network.inputs}
    built: dict[str, Any] = {}
    for position, step in enumerate(network.steps):
        layer = step.layer
        taken = [tensors[source] for source in step.sources]
        if isinstance(layer, TrainingOnly):
            tensors[step] = taken[0]
            continue
        if layer.name not in built:
            built[layer.name] = _build(keras, layer, f"layer_{position}", step.weights)
        tensors[step] = built[layer.name](taken if isinstance(layer, Merge) else taken[0])
        if step.weights and not isinstance(layer, Normalization | LayerScale):
            built[layer.name].set_weights(list(step.weights.values()))
    sources = [tensors[source] for source in network.inputs]
    compute = _with_free_batch(keras.Model(sources, [tensors[node] for node in network.outputs]))

    def run(frames: Mapping[str, Frames]) -> tuple[Frames, ...]:
        given = [frames[source.name] for source in network.inputs]
        return in_batches(
            given,
            lambda part: [
                np.asarray(output, np.float32) for output in keras.tree.flatten(compute(*part))
            ],
        )

    return run


def _with_free_batch(model: Any) -> Callable[..., Any]:
    """Return ``model`` as a TensorFlow function whose batch size is not known.

    Eager ``keras.ops.add`` takes an operand (batch, 1, 1) for a bias, added along the channels,
    where there are as many channels as frames.
    """
    import tensorflow

    signature = [
        tensorflow.TensorSpec((None, *tensor.shape[1:]), tensorflow.float32)
        for tensor in model.inputs
    ]
    return tensorflow.function(  # type: ignore[no-any-return]
        lambda *inputs: model(list(inputs), training=False),
        input_signature=signature,
        autograph=False,
    )


def _build(keras: Any, layer: Layer, name: str, weights: dict[str, Frames]) -> Any:
    """Return a new Keras layer."""
    arguments = _arguments(layer, weights)
    if arguments.get("activation") == KERAS_2_HARD_SIGMOID:
        arguments["activation"] = lambda x: keras.ops.clip(0.2 * x + 0.5, 0, 1)
    if isinstance(layer, ThresholdedReLU):  # which Keras 3 dropped
        return keras.layers.ReLU(threshold=layer.theta, name=name)
    if isinstance(layer, LayerScale):  # which Keras keeps with its applications
        return keras.layers.Rescaling(weights["gamma"].tolist(), name=name)
    return getattr(keras.layers, type(layer).__name__)(name=name, **arguments)


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
    run = onnx_run(model)
    name = model.graph.input[0].name
    return lambda frames: run({name: frames})[0]


def without_final_softmax(network: Network) -> Network | None:
    """Return the network without its last softmaxes, which hide differences by saturating.

    None where there is none, or nothing else.
    """
    steps, outputs = list(network.steps), list(network.outputs)
    for position, last in enumerate(network.outputs):
        if isinstance(last, Input):
            continue
        if getattr(last.layer, "activation", None) == "softmax":
            layer = dataclasses.replace(last.layer, activation="linear")  # type: ignore[call-arg]
            steps.append(dataclasses.replace(last, layer=layer))
            outputs[position] = steps[-1]
        elif isinstance(last.layer, Softmax):
            outputs[position] = last.sources[0]
    kept = needed_steps(tuple(steps), tuple(outputs))
    if tuple(outputs) == network.outputs or not kept:
        return None
    return dataclasses.replace(network, steps=kept, outputs=tuple(outputs))


def verify_export(network: Network, model: onnx.ModelProto, run: Run) -> float:
    """Hold the exported graph to Keras by ``verify_conversion``; return the largest error."""
    names = [node.name if isinstance(node, Input) else node.layer.name for node in network.outputs]
    return verify_conversion(model, run, network.input_shapes, names, "Keras")


def verify_conversion(
    model: onnx.ModelProto,
    run: Run,
    input_shapes: Mapping[str, tuple[int, ...]],
    names: Sequence[str],
    original: str,
) -> float:
    """Hold a graph to the original ``run`` on seeded random frames; return the largest error.

    Errors are relative to the largest absolute value of an output frame, since the two sum in
    different orders, or to ``SMALLEST_GAIN`` of the largest one that goes in: where what is left is
    smaller (x - tanh(x) near 0), the roundings of float32 are larger than ``TOLERANCE`` of it.
    Where they are larger still, ``frontend.roundings`` tells them from a wrong graph.

    Args:
        model: float ONNX graph.
        run: what it must compute.
        input_shapes: shape of one frame of each input.
        names: what error messages call the outputs.
        original: what they call ``run``.
    """
    random = np.random.default_rng(1)
    frames = {
        name: np.stack([random.uniform(*limits, shape) for limits in CHECKED_RANGES]).astype(
            np.float32
        )
        for name, shape in input_shapes.items()
    }
    converted = onnx_run(model)
    single = [
        converted({name: values[i : i + 1] for name, values in frames.items()})
        for i in range(len(CHECKED_RANGES))
    ]  # reshapes may have a batch of 1 in them
    expected, got = run(frames), [np.concatenate(parts) for parts in zip(*single, strict=True)]
    largest = [float(np.max(np.abs(limits))) for limits in CHECKED_RANGES]
    least = SMALLEST_GAIN * np.array(largest)
    worst, roundings = 0.0, None
    for number, (name, wanted, computed) in enumerate(zip(names, expected, got, strict=True)):
        error = _relative_error(name, wanted, computed, least)
        if error > TOLERANCE:
            roundings = roundings or spread(model, frames)
            if roundings is not None:
                floor = np.maximum(least, roundings[number] / TOLERANCE)
                error = _relative_error(name, wanted, computed, floor)
        if error > TOLERANCE:
            raise CompileError(
                "export", name,
                f"the exported graph differs from {original} by {error:.1e} of the largest output, "
                f"more than {TOLERANCE:.0e}",
                "report the model as a defect of the exporter",
            )  # fmt: skip
        worst = max(worst, error)
    return worst


def _relative_error(
    name: str, wanted: Frames, computed: Frames, least: npt.NDArray[np.float64]
) -> float:
    """Return the largest difference of any frame, relative to the frame's largest value.

    ``least``: (frames,) what that value counts as at least.
    Frames that overflow in the original (an exponential of large numbers) say nothing.
    """
    axes = tuple(range(1, wanted.ndim))
    finite = np.all(np.isfinite(wanted), axis=axes)
    if not (np.any(finite) and np.all(np.isfinite(computed[finite]))):
        raise CompileError(
            "export", name, "overflows to NaN or infinity on ordinary inputs",
            "train the model again with bounded weights",
        )  # fmt: skip
    wanted, computed = wanted[finite], computed[finite]
    scale = np.maximum(np.max(np.abs(wanted), axis=axes), least[finite])
    return float(np.max(np.max(np.abs(wanted - computed), axis=axes) / scale))
