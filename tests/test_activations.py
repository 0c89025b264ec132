"""Every activation by name: one table or a saturation, equal to its formula on all codes."""

from __future__ import annotations

from math import erf
from pathlib import Path

import numpy as np
import pytest

from frontend.compiler import compile_model
from frontend.layers.base import ACTIVATION
from frontend.network import read_network
from frontend.reference import start_tensorflow
from ir.elements import Lookup, ProcessingElement
from ir.errors import CompileError
from ir.interpreter import look_up
from tests.keras_weights import sequential
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

HOST = ("softmax", "log_softmax")
SATURATION = ("linear", "relu", "relu6", "hard_tanh")
"""They need no table: the output code saturates."""
NAMES = [name.strip("'") for name in ACTIVATION.text.split(" or ")]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in HOST])
def test_one_element(name: str, tmp_path: Path) -> None:
    """The compiler holds the export to Keras and the interpreter to onnxruntime."""
    L = start_tensorflow().layers
    sequential((6,), L.Dense(5, activation=name), L.Dense(3)).save(tmp_path / "m.h5")
    compilation = compile_model(tmp_path / "m.h5")
    graph = compilation.lowered.graph
    elements = [e for e in graph if isinstance(e, ProcessingElement)]
    assert len(elements) == 2
    assert (elements[0].table is None) == (name in SATURATION)
    assert len(list(graph)) == 4


@pytest.mark.parametrize("name", HOST)
def test_left_to_the_host(name: str, tmp_path: Path) -> None:
    L = start_tensorflow().layers
    sequential((6,), L.Dense(5), L.Activation(name)).save(tmp_path / "m.h5")
    operators = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
    assert compile_model(tmp_path / "m.h5").graph.host_operators == (operators[name],)


@pytest.mark.parametrize("name", ["glu", "sparsemax", "threshold"])
def test_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """They mix channels, or need parameters that no file holds."""
    L = start_tensorflow().layers
    model = sequential((6,), L.Dense(4, name="bad"))
    text = model.to_json().replace('"activation": "linear"', f'"activation": "{name}"')
    (tmp_path / "m.json").write_text(text)
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(CompileError) as caught:
        read_network(tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert str(caught.value) == (
        f"bad: activation of Dense must be {ACTIVATION.text}, not '{name}'; change the layer and "
        "train the model again"
    )


GELU = {
    "none": lambda x: 0.5 * x * (1 + np.vectorize(erf)(x / np.sqrt(2))),
    "tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("form", GELU)
def test_both_forms_of_gelu(form: str) -> None:
    chain = QdqChain((7,))
    chain.scale, chain.zero_point = np.float32(0.03), 100
    chain.nodes.clear()
    chain.tensor = chain.quantize("x")
    value = chain.node("Gelu", [chain.dequantize()], approximate=form)
    result = lowered(chain.requantize(value, 0.02, 30).model())
    assert kinds(result) == [Lookup]
    element = next(e for e in result.graph if isinstance(e, Lookup))
    codes = np.arange(256)
    exact = GELU[form]((codes - 100) * float(np.float32(0.03))) / float(np.float32(0.02)) + 30
    got = look_up(element.table, element.source.output.number, codes)
    assert np.max(np.abs(got - np.clip(exact, 0, 255))) < 0.5001
