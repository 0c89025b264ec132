"""What GHDL's synthesis makes of a processing element computes the same, run in Verilator.

Widths and signs at which the tool has been wrong: sums beyond 32 bits with a negative least code,
products beyond 32 bits with a negative factor, parameters in a single word, one-bit operands.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ir.elements import Consumer, Input, Output, sources
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from sim.netlist import simulate_netlist
from tests.test_benches import BENCHES

sys.path.insert(0, str(BENCHES))
from float_mean_cases import ELEMENTS as FLOAT_MEANS
from harness import random_codes
from layer_normalization_cases import ELEMENTS as NORMALIZATIONS
from merge_cases import MERGES
from processing_element_cases import LAYERS, element_of
from product_cases import PRODUCTS
from rectifier_cases import RECTIFIERS
from softmax_cases import ELEMENTS as SOFTMAXES

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
        "whole windows, folded",
        "whole windows, depthwise",
        "rows of the kernel, dilated",
        "whole windows, one line",
        "whole rows",
        "a whole frame, a pool",
        "adders, signed codes, three levels a stage",
        "adders, thresholds and table",
        "adders, depthwise",
        "bit by bit",
        "bit by bit, parts wait",
        "bit by bit, uneven",
        "adders, whole windows",
    ],
)
def test_netlist(name: str, tmp_path: Path) -> None:
    check(element_of(LAYERS[name], seed=1), tmp_path)


FUNCTIONS: dict[str, Consumer] = {
    "rectifier": RECTIFIERS["every value its own"],
    "rectifier of 16 bits": RECTIFIERS["16 bits"],
    "merge": MERGES["beyond 32 bits"],
    "merge, half even": MERGES["beyond 32 bits, half even"],
    "product": PRODUCTS["beyond 32 bits"],
    "product by a negative factor": PRODUCTS["negative factor"],
    "softmax": SOFTMAXES["several channels per beat"],
    "softmax of all channels": SOFTMAXES["two channels"],
    "normalization": NORMALIZATIONS["several channels per beat"],
    "normalization with a large epsilon": NORMALIZATIONS["a large epsilon"],
    "float mean": FLOAT_MEANS["unsigned, a sum for each of 8 beats"],
    "float mean of both signs": FLOAT_MEANS["both signs, windows beside each other"],
    "float mean of three counts": FLOAT_MEANS["three counts"],
    "float mean, one sum": FLOAT_MEANS["signed codes, one sum"],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_netlist_of_a_function(name: str, tmp_path: Path) -> None:
    check(FUNCTIONS[name], tmp_path)


def check(element: Consumer, tmp_path: Path) -> None:
    """Run an element behind its inputs in Verilator; hold it to the interpreter."""
    streams = [source for source in sources(element) if isinstance(source, Input)]
    assert len(streams) == len(sources(element))
    sink = Output("sink", "", element, element.output, "m")
    graph = StreamGraph("core", tuple(streams), (sink,), {})
    random = np.random.default_rng(2)
    inputs = {}
    for source in streams:
        shape, number = source.output.shape, source.output.number
        size = (FRAMES, shape.height, shape.width, shape.channels)
        inputs[source.port] = random_codes(random, size, number.bits, number.signed)
    expected = evaluate(graph, inputs)
    result = simulate_netlist(graph, inputs, expected, tmp_path)
    assert result.passed, result
