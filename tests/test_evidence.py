"""What a compilation says of itself: every proof belongs to an element."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.compiler import CompileOptions, compile_model
from frontend.evidence import proofs
from ir.elements import AdderChain
from ir.goal import Goal
from tests.folding_line import MODELS
from tests.keras_models import layer_models


@pytest.mark.parametrize(
    "name", ["conv_same_stride", "add_2", "multiply_2", "maximum_3", "prelu", "average_3"]
)
def test_every_proof_names_its_element(name: str, tmp_path: Path) -> None:
    layer_models()[name]().save(tmp_path / "m.h5")
    compilation = compile_model(tmp_path / "m.h5")
    named = {proof.element for proof in proofs(compilation.lowered.proofs, compilation.graph)}
    assert named
    assert named <= {element.name for element in compilation.graph}


def test_proofs_of_joined_layers_name_the_element_they_are_in() -> None:
    """Both layers of 64-32-10 are one pipeline of adders where a frame takes a cycle."""
    goal = Goal(1, limits=(1e9, 1e9, 0, 1e9, 1e9), adder_levels=5)
    compilation = compile_model(MODELS / "digits_mlp.h5", CompileOptions(goal=goal))
    found = [proof.element for proof in proofs(compilation.lowered.proofs, compilation.graph)]
    (chain,) = (e for e in compilation.graph if isinstance(e, AdderChain))
    assert found == [chain.name] * 2
