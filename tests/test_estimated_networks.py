"""The table of estimates beside counts of whole networks."""

from __future__ import annotations

import pytest

from ir.elements import Shape
from ir.resources import Resources
from tests.estimated_networks import Compared, compared, markdown
from tests.stream_graphs import Chain

FEW = Compared(
    "few",
    1024,
    Resources(lut=1100.4, ff=95, dsp=2),
    Resources(lut=1000, lut_memory=8, ff=100, dsp=2),
)
MANY = Compared("many", 1, Resources(lut=800, ff=100), Resources(lut=1000, ff=100))


def test_a_row_has_both_where_they_differ() -> None:
    assert FEW.row() == (
        "| few | 1,024 | 1,000 | 1,100 | +10.0% | 100 | 95 | -5.0% | 8 / 0 | 2 | 0 |"
    )


def test_errors_of_all_networks() -> None:
    text = markdown([FEW, MANY])
    assert "Of LUTs, -5.0% on average; half of them are within 15.0%, all within 20.0%." in text
    assert "Of flip-flops, -2.5% on average; half of them are within 2.5%, all within 5.0%." in text


@pytest.mark.parametrize("counts", [[], [{"LUT2": 5, "LUT6": 2, "FDRE": 9}]])
def test_what_is_not_counted_is_left_out(
    counts: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.estimated_networks.count_cells", lambda *_, kept_only: counts)
    graph = Chain(Shape(1, 2, 3), lanes=3).graph()
    found = list(compared(iter([("ports", graph)]), kept=True))
    assert [each.counted for each in found] == [Resources(lut=7, ff=9)] * len(counts)
    assert all(each.cycles == 2 and each.estimated.lut > 0 for each in found)
