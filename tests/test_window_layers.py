"""Layers that look at windows, or move them, from Keras files to the scheduled stream graph.

Compiling compares the interpreter with onnxruntime, and each element with its node on random codes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from frontend.compiler import compile_model
from frontend.reference import start_tensorflow
from ir.cycles import predict
from ir.elements import AveragePool, Border, Element, GlobalMaximum, ProcessingElement, Reorder
from ir.interpreter import evaluate
from sim import simulate
from tests.float_rewrite_cases import build, node, normal, scalar
from tests.keras_models import layer_models
from tests.keras_weights import sequential

ELEMENTS: dict[str, list[type[Element]]] = {
    "conv_groups": [ProcessingElement],
    "conv_groups_of_one": [ProcessingElement],
    "depthwise_multiplier": [ProcessingElement],
    "conv1d_same_groups": [ProcessingElement],
    "depthwise1d": [ProcessingElement],
    "separable1d": [ProcessingElement, ProcessingElement],
    "global_max": [GlobalMaximum],
    "global_max_keepdims": [GlobalMaximum],
    "global_max1d": [GlobalMaximum],
    "cropping": [Border],
    "cropping1d": [Border],
    "padding1d": [Border],
    "average_pool": [ProcessingElement],
    "average_pool_same": [AveragePool],
    "average_pool_overlapping": [AveragePool],
    "average_pool1d": [AveragePool],
    "padding_then_average": [ProcessingElement, ProcessingElement],
    "up1d": [Reorder],
    "transposed": [ProcessingElement],
    "transposed_strides": [ProcessingElement, Reorder, Border],
    "transposed_gaps": [ProcessingElement, Reorder],
    "transposed_output": [ProcessingElement, Reorder],
    "transposed_same": [ProcessingElement, Reorder, Border],
    "transposed_same_odd": [ProcessingElement],
    "transposed_output_valid": [ProcessingElement, Reorder, Border],
    "transposed_output_short": [ProcessingElement, Reorder, Border],
    "transposed1d": [ProcessingElement, Border],
    "transposed1d_same": [ProcessingElement],
    "padding_then_transposed": [ProcessingElement],
    "up_nearest": [Reorder],
    "up_bilinear": [Reorder, ProcessingElement, Reorder],
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_layer_compiles(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.h5"
    layer_models()[name]().save(path)
    compilation = compile_model(path)
    found = [type(element) for element in compilation.lowered.graph]
    assert [kind for kind in found if kind in (*_KINDS,)] == ELEMENTS[name]
    times = predict(compilation.graph)
    assert times.cycles_per_frame == times.lower_bound


_KINDS = (AveragePool, Border, GlobalMaximum, ProcessingElement, Reorder)


def onnx_file(path: Path) -> Path:
    """Write what Keras cannot run: strides with dilations, unequal strides, output shapes."""
    convolution = {"kernel_shape": [3, 2], "pads": [1, 0, 2, 1]}
    model = build(
        (4, 9, 8),
        [
            node("Conv", "x a", "c", group=2, strides=[2, 1], dilations=[1, 2], **convolution),
            node("Relu", "c", "d"),
            node("Conv", "d e", "f", group=6, strides=[1, 2], dilations=[2, 1], **convolution),
            node("ConvTranspose", "f g", "h", group=3, strides=[2, 2], output_shape=[8, 8]),
            node("Clip", "h lo hi", "i"),
            node("AveragePool", "i", "y", kernel_shape=[2, 3], pads=[1, 1, 0, 1], strides=[2, 2]),
        ],
        {
            "a": normal(6, 2, 3, 2),
            "e": normal(12, 1, 3, 2),
            "g": normal(12, 1, 3, 3),
            "lo": scalar(0.0),
            "hi": scalar(6.0),
        },
    )
    onnx.save(model, path)
    return path


def test_what_only_onnx_files_have(tmp_path: Path) -> None:
    graph = compile_model(onnx_file(tmp_path / "model.onnx")).graph
    found = [type(element) for element in graph if type(element) in _KINDS]
    assert found == [*[ProcessingElement] * 3, Reorder, Border, AveragePool]
    strided = [e.kernel for e in graph if isinstance(e, ProcessingElement)]
    assert [(k.stride_height, k.dilation_width) for k in strided[:2]] == [(2, 2), (1, 1)]


def chain() -> Any:
    """A model of many of them, small enough for GHDL."""
    layers = start_tensorflow().layers
    return sequential(
        (5, 6, 4),
        layers.Conv2D(4, 3, groups=2, activation="relu"),
        layers.Conv2DTranspose(3, 3, 2, "same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Cropping2D(((1, 0), (0, 2))),
        layers.DepthwiseConv2D(2, depth_multiplier=2),
        layers.UpSampling2D((1, 2), interpolation="nearest"),
        layers.ZeroPadding2D(((1, 0), (0, 1))),
        layers.MaxPooling2D((2, 3), 1, "same"),
        layers.AveragePooling2D(3, 2, "same"),
        layers.GlobalMaxPooling2D(),
    )


def enlarged() -> Any:
    layers = start_tensorflow().layers
    return sequential(
        (3, 4, 2),
        layers.Conv2D(4, 2, activation="relu"),
        layers.UpSampling2D((2, 3), interpolation="bilinear"),
        layers.AveragePooling2D(2, 1, "same"),
    )


@pytest.mark.parametrize("build", [chain, enlarged])
def test_chain_equals_the_interpreter_in_ghdl(build: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "chain.h5"
    build().save(path)
    graph = compile_model(path).graph
    (source,) = graph.inputs
    shape, number = source.output.shape, source.output.number
    size = (3, shape.height, shape.width, shape.channels)
    codes = np.random.default_rng(1).integers(number.minimum, number.maximum + 1, size)
    inputs = {source.port: codes}
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path / "sim")
    assert result.passed, result.fault
    assert result.completions == predict(graph).completions
