"""The folding line: what is written of measured points, and the small end as it is synthesized."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.powers_of_two import PowersOfTwo
from ir.cycles import predict
from ir.elements import AdderChain, ProcessingElement
from ir.interpreter import evaluate
from ir.requantize import ScaleRequantization
from ir.resources import Resources, estimate
from tests.da4ml_flow import designed
from tests.folding_line import (
    NETWORKS,
    PEERS,
    Measured,
    Point,
    folded,
    lines,
    lowered,
    measure,
    points,
    table,
)
from tests.line_plot import line_plot

FOUND = [
    Measured(
        Point("digits_mlp", 2048, PowersOfTwo.LAYER),
        2048,
        2453,
        Resources(lut=516, ff=301, dsp=4, bram18=1),
    ),
    Measured(
        Point("digits_mlp", 1, scales=PowersOfTwo.LAYER, dsp=0, adder_levels=5),
        1,
        12,
        Resources(lut=1234.0, lut_memory=5, ff=6514),
    ),
    Measured(Point("jet_mlp", 8, PowersOfTwo.LAYER), 8, 40, Resources(lut=9000, dsp=300)),
]


def test_the_table_puts_peers_between_our_points() -> None:
    assert table("digits_mlp", FOUND, PEERS["digits_mlp"]) == (
        "| 64-32-10 | cycles per frame | latency | LUT | FF | DSP | RAMB18 |\n"
        "|---|---|---|---|---|---|---|\n"
        "| ours, powers of two, adders only, 5 levels a stage | 1 | 12 | 1,234 + 5 "
        "| 6,514 | 0 | 0 |\n"
        "| **da4ml, other weights** | 1 | 5 | 28,492 | 5,418 | 0 | 0 |\n"
        "| **NNgen** | 1,529 |  | 6,173 | 8,038 | 8 | 8 |\n"
        "| ours, powers of two | 2,048 | 2,453 | 516 | 301 | 4 | 1 |\n"
        "| **ElasticAI** | 2,411 |  | 261 |  | 2 | 0 |\n"
    )


def test_the_drawing_has_all_points_and_the_same_bytes() -> None:
    drawn = lines(FOUND)
    assert drawn["64-32-10"][0] == ("", 2048, 516, 4)
    assert len(drawn["16-64-32-32-5"]) == 1 + len(PEERS["jet_mlp"])
    svg = line_plot(drawn)
    assert svg == line_plot(drawn)
    assert all(name in svg for name in ("64-32-10", "ElasticAI", "NNgen", "da4ml, other weights"))


def test_every_network_has_points_from_one_cycle_to_one_multiplier() -> None:
    for network in NETWORKS:
        own = [point.cycles for point in points() if point.network == network]
        assert (min(own), max(own)) == (1, 2048)


def test_the_small_end_is_no_larger_than_it_was() -> None:
    (found,) = measure([Point("digits_mlp", 2048, PowersOfTwo.LAYER)])
    assert found.cycles == 2048
    assert found.resources.dsp == 2
    assert found.resources.lut <= 235


def test_powers_of_two_leave_no_factors(tmp_path: Path) -> None:
    """But in the last layer, whose codes have both signs."""
    graph = lowered("digits_mlp", PowersOfTwo.LAYER, tmp_path)
    first, last = (
        element.requantization for element in graph if isinstance(element, ProcessingElement)
    )
    assert isinstance(first, ScaleRequantization)
    assert isinstance(last, ScaleRequantization)
    assert set(first.multipliers) == {1}
    assert min(last.multipliers) > 1


def test_da4ml_computes_the_same_codes_of_the_same_integers(tmp_path: Path) -> None:
    """Its design is compared with the interpreter while it is made."""
    graph = lowered("jet_mlp", PowersOfTwo.LAYER, tmp_path)
    design = designed(graph)
    assert (design.stages, design.latency) == (8, 9)
    assert design.verilog.startswith("`timescale")
    assert f"module {graph.name} (" in design.verilog


def test_a_design_of_other_codes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = lowered("digits_mlp", PowersOfTwo.LAYER, tmp_path)
    monkeypatch.setattr(
        "tests.da4ml_flow.evaluate", lambda graph, inputs: {
            name: codes + 1 for name, codes in evaluate(graph, inputs).items()
        }
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"^digits_mlp: da4ml must compute the same codes$"):
        designed(graph)


def test_the_whole_pipeline_takes_an_edge_less_than_da4mls(tmp_path: Path) -> None:
    graph = lowered("jet_mlp", PowersOfTwo.LAYER, tmp_path)
    scheduled = folded(Point("jet_mlp", 1, PowersOfTwo.LAYER, dsp=0, adder_levels=5), graph)
    cycles = predict(scheduled)
    assert (cycles.latency_cycles, cycles.cycles_per_frame) == (8, 1)
    (chain,) = (element for element in scheduled if isinstance(element, AdderChain))
    # Yosys counts some 3 % more.
    assert estimate(chain).lut < 45_000
