"""What a compilation says of itself: every proof belongs to an element."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.compiler import compile_model
from frontend.evidence import proofs
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
