"""The scaling page: exponents of known curves, one tiny point measured, the page written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import scaling
from tests.scaling import BEGIN, COLUMNS, END, PAGE, SERIES, exponent, rows
from tests.scaling_point import CHANNELS, CONVOLUTION_MACS, Costs, Point, measured, network


def costs(seconds: float) -> Costs:
    tools = ("analysis", "elaboration", "synthesis", "verilator", "compiler", "run")
    stages = {"lower and prove": seconds / 2, "fold and size the buffers": seconds / 2}
    return Costs(stages, dict.fromkeys(tools, seconds), seconds, int(1024 * seconds))


@pytest.mark.parametrize("power", [0, 1, 2])
def test_exponents_are_those_of_the_large_points(power: int) -> None:
    curve = {number: costs(3.0 * number**power) for number in (64, 128, 512, 1024)}
    curve[1] = costs(1e6)
    assert exponent(curve, lambda c: c.compile_seconds) == pytest.approx(power)
    assert rows(curve)[-1][0] == "exponent"
    assert rows(curve)[-1][1] == f"{power:.2f}"


def test_the_networks_have_the_work_that_their_number_says() -> None:
    for number, point in SERIES[0].points.items():
        assert point.inputs * point.outputs == number == 16 * point.cycles
    assert all(point.cycles == CONVOLUTION_MACS // 16 for point in SERIES[1].points.values())
    assert all(point.cycles * n == 128 * 128 for n, point in SERIES[2].points.items())
    assert min(SERIES[0].points) <= 1100
    assert max(SERIES[0].points) >= 3_000_000
    deep = network(Point(0, 0, 5, 16))
    assert [node.op_type for node in deep.graph.node] == ["Conv", "Relu"] * 5
    assert all(t.dims == [CHANNELS, CHANNELS, 3, 3] for t in deep.graph.initializer)


def test_a_point_is_measured() -> None:
    found = measured(Point(8, 8, 1, 4))
    assert all(cost(found) >= 0 for cost in COLUMNS.values())
    assert found.compile_seconds > 0
    assert found.tools["synthesis"] > 0
    assert found.vhdl_bytes > 100_000


def test_the_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "scaling.md"
    page.write_text(f"before\n{BEGIN}stale\n{END}after\n")
    monkeypatch.setattr(scaling, "PAGE", page)
    monkeypatch.setattr(scaling, "DRAWING", tmp_path / "scaling.svg")
    monkeypatch.setattr(
        scaling, "measure", lambda series: {n: costs(0.5 * n) for n in series.points}
    )
    assert scaling.main(["--write", "--machine", "a machine"]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    assert all(f"## {series.title}" in text for series in SERIES)
    assert text.count("| exponent | 1.00 | 1.00 |") == len(SERIES)
    drawn = (tmp_path / "scaling.svg").read_text()
    assert drawn == scaling.drawing(
        {s.title: {n: costs(0.5 * n) for n in s.points} for s in SERIES}
    )
    assert all(series.what in drawn for series in SERIES)


def test_the_checked_in_page_has_all_points() -> None:
    text = PAGE.read_text()
    for series in SERIES:
        assert f"## {series.title}" in text
        for number in series.points:
            assert f"\n| {number:,} | " in text
