"""A BatchNormalization that nothing can take over: an affine element, exact, at any place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.compiler import SimulationRequest, compile_model, simulate_compilation
from frontend.reference import start_tensorflow
from ir.elements import (
    Affine,
    Concatenate,
    Lookup,
    MaxPool,
    ProcessingElement,
)
from tests.keras_weights import randomized, sequential

IMAGE = (9, 8, 4)
PLUMBING = ("Input", "Output", "WidthConverter", "Fork", "Fifo", "Reshape")

Build = Callable[[Any], Any]


def behind_a_concatenation(L: Any) -> Any:
    source = L.Input(IMAGE)
    parts = [
        L.Conv2D(3, 3, padding="same", activation="relu")(source),
        L.Conv2D(5, 1, activation="relu")(source),
    ]
    value = L.BatchNormalization()(L.Concatenate()(parts))
    value = L.Conv2D(3, 3, padding="same")(value)
    return randomized(start_tensorflow().Model(source, value))


def with_falling_channels(model: Any) -> Any:
    """Every other gamma of its normalizations is negative."""
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, *others = layer.get_weights()
            layer.set_weights([gamma * np.resize([1.0, -1.0], gamma.shape), *others])
    return model


ELEMENT, CONVOLVED = [Affine], [ProcessingElement, Affine, ProcessingElement]
CASES: dict[str, tuple[Build, list[type]]] = {
    "before a padded convolution": (
        lambda L: sequential(
            IMAGE,
            L.Conv2D(6, 3, activation="relu"),
            L.BatchNormalization(),
            L.Conv2D(3, 3, padding="same"),
        ),
        CONVOLVED,
    ),
    "behind a ReLU, before a pool": (
        lambda L: sequential(
            IMAGE,
            L.Conv2D(6, 3),
            L.ReLU(),
            L.BatchNormalization(),
            L.MaxPooling2D(2),
            L.Conv2D(3, 3, padding="same"),
        ),
        CONVOLVED,
    ),
    "behind a concatenation": (
        behind_a_concatenation,
        [ProcessingElement, ProcessingElement, Concatenate, Affine, ProcessingElement],
    ),
    "at the input": (
        lambda L: sequential(IMAGE, L.BatchNormalization(), L.Conv2D(3, 3, padding="same")),
        [Affine, ProcessingElement],
    ),
    "at the output, falling": (
        lambda L: with_falling_channels(
            sequential(IMAGE, L.MaxPooling2D(2), L.BatchNormalization())
        ),
        [MaxPool, Affine],
    ),
    "of a sequence, falling": (
        lambda L: with_falling_channels(
            sequential(
                (11, 4),
                L.Conv1D(6, 3, activation="relu"),
                L.BatchNormalization(),
                L.Conv1D(3, 3, padding="same"),
            )
        ),
        CONVOLVED,
    ),
    "of a vector": (lambda L: sequential((6,), L.BatchNormalization()), ELEMENT),
    "between two tables": (
        lambda L: sequential(
            (6,),
            L.Dense(5, activation="tanh"),
            L.BatchNormalization(),
            L.Activation("tanh"),
            L.Dense(3),
        ),
        [ProcessingElement, Affine, Lookup, ProcessingElement],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_affine_element(case: str, tmp_path: Path) -> None:
    """The compiler holds the interpreter to onnxruntime."""
    build, expected = CASES[case]
    build(start_tensorflow().layers).save(tmp_path / "m.h5")
    graph = compile_model(tmp_path / "m.h5").lowered.graph
    found = [type(e) for e in graph if type(e).__name__ not in PLUMBING]
    assert found == expected


def test_in_ghdl(tmp_path: Path) -> None:
    build, _ = CASES["of a sequence, falling"]
    build(start_tensorflow().layers).save(tmp_path / "m.h5")
    compilation = compile_model(tmp_path / "m.h5")
    assert simulate_compilation(compilation, SimulationRequest(4), tmp_path).fault is None
