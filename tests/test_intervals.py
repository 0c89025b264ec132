"""The initiation interval is the slowest element's cycles and nothing more, in every folding."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.compiler import CompileOptions, compile_model
from ir.cycles import predict
from ir.graph import StreamGraph
from tests.intervals import (
    HEADINGS,
    NETWORKS,
    PAGE,
    Interval,
    foldings,
    interval,
    markdown,
    save,
)

SHORT = ["digits_mlp", "pocket_baseline", "conv_3x3_pad", "residual", "dense_connections", "gate"]
SIMULATED = ["digits_mlp", "residual"]
"""In the short profile; the rest of the short ones by the cycle model alone."""


def lowered(name: str, folder: Path) -> StreamGraph:
    return compile_model(save(name, folder), CompileOptions()).lowered.graph


def check_simulated(name: str, folder: Path) -> None:
    for number, folded in enumerate(foldings(lowered(name, folder))):
        found = interval(name, folded, folder / f"{number}")
        assert found.predicted == found.bound
        # What fills up behind a slower start lets a frame follow sooner, never later.
        assert max(found.measured) == found.measured[-1] == found.bound


@pytest.mark.parametrize("name", [name for name in SHORT if name not in SIMULATED])
def test_predicted_interval_is_the_slowest_element(name: str, tmp_path: Path) -> None:
    cycles = [predict(folded) for folded in foldings(lowered(name, tmp_path))]
    assert len(cycles) > 2
    assert [c.cycles_per_frame for c in cycles] == [c.lower_bound for c in cycles]


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_interval_is_the_slowest_element(name: str, tmp_path: Path) -> None:
    check_simulated(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in SIMULATED])
def test_every_interval_is_the_slowest_element(name: str, tmp_path: Path) -> None:
    check_simulated(name, tmp_path)


def test_no_interval_on_the_page_is_longer() -> None:
    rows = PAGE.read_text("utf-8").splitlines()
    cells = [row.split(" | ") for row in rows if row.startswith("| ")]
    found = [row for row in cells if len(row) == len(HEADINGS)][2:]
    assert {*SIMULATED} <= {row[0].removeprefix("| ") for row in found}
    assert {row[0].removeprefix("| ") for row in found} <= {*NETWORKS}
    assert {row[-1] for row in found} == {"1.000 |"}, "run: python -m tests.intervals --write"


def test_the_longest_interval_counts() -> None:
    late = Interval("net", "conv", 100, 100, (100, 103, 100))
    in_time = Interval("other", "dense", 50, 50, (50, 50, 49))
    assert late.row() == ["net", "conv", "100", "100", "103", "1.030"]
    assert "2 foldings of 2 networks; the largest ratio is 1.030." in markdown([late, in_time])
