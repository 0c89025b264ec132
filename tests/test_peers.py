"""Single elements stay below the peers' figures, and no larger than they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers import PAGE, WORKS, Resources, measured, table, with_figures

LIMITS: dict[str, Resources] = {
    "matrix-vector, 8 x 8 bit, SIMD 4 x PE 8": Resources(
        195, 540, {"DSP48E1": 16, "RAMB36E1": 4, "SRL16E": 14}
    ),
    "matrix-vector, 4 x 4 bit, SIMD 16 x PE 8": Resources(
        1024, 1920, {"DSP48E1": 32, "RAMB36E1": 8, "SRL16E": 58}
    ),
    "window 3 x 3 over 34 x 34 x 16, 16 lanes of 4 bit": Resources(82, 77, {"RAMB36E1": 1}),
    "window 3 x 3 over 34 x 34 x 16, 1 lane of 8 bit": Resources(120, 107, {"RAMB36E1": 1}),
    "thresholds of 16 bit, 15 levels, 64 channels, 1 lane": Resources(310, 198, {}),
    "thresholds of 16 bit, 15 levels, 64 channels, 8 lanes": Resources(605, 800, {}),
    "thresholds of 12 bit, 3 levels, 64 channels, 8 lanes": Resources(170, 140, {}),
}
"""LUTs and flip-flops with a few percent of room, because yosys maps equal logic differently;
blocks are exact."""


@pytest.mark.parametrize("name", WORKS)
def test_resources(name: str, tmp_path: Path) -> None:
    ours, limit = measured(WORKS[name], tmp_path), LIMITS[name]
    assert ours.blocks == limit.blocks
    assert ours.luts <= limit.luts
    assert ours.flip_flops <= limit.flip_flops


@pytest.mark.parametrize("name", WORKS)
def test_limits_are_below_the_peers(name: str) -> None:
    limit, peer = LIMITS[name], WORKS[name].peer
    assert limit.luts < peer.luts
    assert limit.flip_flops < peer.flip_flops


def test_the_page_has_every_work() -> None:
    assert all(f"\n| {name} | " in PAGE.read_text() for name in WORKS)


def test_table_counts_per_product() -> None:
    name = "matrix-vector, 8 x 8 bit, SIMD 4 x PE 8"
    assert table({name: Resources(64, 1000, {"DSP48E1": 8, "SRL16E": 3})}) == (
        "| work | ours | FINN's RTL |\n|---|---|---|\n"
        f"| {name} | 64 LUT, 1,000 FF, 8 DSP48E1, 3 SRL16E (2.0 LUT, 0.25 DSP per product) "
        "| 814 LUT, 863 FF, 16 DSP48 (25.4 LUT, 0.5 DSP per product) |\n"
    )


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^peers\.md must hold the lines "):
        with_figures("no markers", "table")
