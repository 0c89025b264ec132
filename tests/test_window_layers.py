"""Layers that look at windows, or move them, from Keras files to the scheduled stream graph.

Compiling compares the interpreter with onnxruntime, and each element with its node on random codes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.compiler import compile_model
from ir.cycles import predict
from ir.elements import Border, Element, GlobalMaximum, ProcessingElement, Reorder
from tests.keras_models import layer_models

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
    "up1d": [Reorder],
    "up_nearest": [Reorder],
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_layer_compiles(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.h5"
    layer_models()[name]().save(path)
    compilation = compile_model(path)
    found = [type(element) for element in compilation.graph]
    assert [kind for kind in found if kind in (*_KINDS,)] == ELEMENTS[name]
    times = predict(compilation.graph)
    assert times.cycles_per_frame == times.lower_bound


_KINDS = (Border, GlobalMaximum, ProcessingElement, Reorder)
