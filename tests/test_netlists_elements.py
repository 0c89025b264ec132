"""What GHDL's synthesis makes of a processing element computes the same, run in Verilator.

Widths and signs at which the tool has been wrong: sums beyond 32 bits with a negative least code,
parameters in a single word, one-bit operands.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ir.elements import Input, Output
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from sim.netlist import simulate_netlist
from tests.test_benches import BENCHES

sys.path.insert(0, str(BENCHES))
from harness import random_codes
from processing_element_cases import LAYERS, element_of

FRAMES = 3


@pytest.mark.parametrize(
    "name",
    [
        "dense",
        "direct",
        "16 bits",
        "1 bit, other signs",
        "few thresholds",
        "depth multiplier, all at a time",
        "three groups, one at a time",
    ],
)
def test_netlist(name: str, tmp_path: Path) -> None:
    element = element_of(LAYERS[name], seed=1)
    source = element.source
    assert isinstance(source, Input)
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", (source,), (sink,), {})
    shape, number = source.output.shape, source.output.number
    size = (FRAMES, shape.height, shape.width, shape.channels)
    x = random_codes(np.random.default_rng(2), size, number.bits, number.signed)
    expected = evaluate(graph, {source.port: x})
    result = simulate_netlist(graph, {source.port: x}, expected, tmp_path)
    assert result.passed, result
