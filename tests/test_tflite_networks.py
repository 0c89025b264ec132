"""Whole networks that TensorFlow converted to int8: compiled as they are, near to TFLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.compiler import compile_model
from frontend.onnx_reference import onnx_run
from frontend.tflite import read_tflite
from tests.tflite_models import convert, interpret, keras, output_codes, tf
from tests.tflite_networks import NETWORKS


def network(name: str) -> Any:
    keras.utils.set_random_seed(5)
    model = NETWORKS[name]()
    random = np.random.default_rng(5)
    weights = [random.uniform(0.2, 1.0, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
    model.set_weights(weights)
    return model


@pytest.mark.parametrize("ends", [tf.int8, tf.uint8, tf.float32], ids=["int8", "uint8", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_bit_for_bit_and_near_to_tflite(name: str, ends: Any, tmp_path: Path) -> None:
    model = network(name)
    data = convert(model, ends=ends)
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    compilation = compile_model(path)
    assert compilation.comparison.values > 0
    assert compilation.comparison.mismatches == 0
    shape = model.input_shape[1:]
    frames = np.random.default_rng(1).uniform(-1, 1, (50, *shape)).astype(np.float32)
    read = read_tflite(path)
    outputs = dict(
        zip([o.name for o in read.graph.output], onnx_run(read)({"x": frames}), strict=True)
    )
    (got,) = output_codes(data, outputs).values()
    (wanted,) = interpret(data, {"x": frames}, kernels="AUTO").values()
    assert got.shape == wanted.shape
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    step = 1.0 if ends != tf.float32 else np.ptp(wanted) / 255
    assert np.ptp(wanted) > 20 * step
    assert np.abs(got - wanted).max() <= 8 * step
    assert np.abs(got - wanted).mean() <= step
