"""Whole networks stay below the peer's figures; the page has them all."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from ir.resources import Resources
from tests import peer_networks
from tests.peer_networks import NETWORKS, PAGE, PLOT, Peer, Row, main, points, rows, table
from tests.peer_plot import plot

TINY = "pocket_baseline"
PEER = Row("peer", 400, None, 10, Resources(lut=500, ff=1000, dsp=10))
OURS = Row("ours", 200, 230, 4, Resources(300, 40, 350, 5, 1), 200, Resources(lut=310))


def test_table_compares_frames_per_block() -> None:
    lines = table(TINY, [PEER, OURS]).splitlines()
    assert lines[1] == "## pocket_baseline: 704 products"
    assert lines[-2:] == [
        "| peer | 400 |  |  | 10 | 500 |  |  | 1,000 | 10 | 0 |  |",
        "| ours | 200 | 200 | 230 | 4 | 300 | 310 | 40 | 350 | 5 | 1 | 4.0 |",
    ]


def test_a_peer_that_hangs_is_compared_with_nothing() -> None:
    hangs = Row("peer", None, None, 20, Resources(lut=500, ff=1000, dsp=20))
    lines = table(TINY, [hangs, OURS]).splitlines()
    assert lines[-2].startswith("| peer | hangs |")
    assert lines[-1].endswith("| 5 | 1 |  |")
    assert points({TINY: [hangs, OURS]}) == {}


def test_goals_are_the_peers_rate_and_cells() -> None:
    goals = Peer("serial", 6974, 20, Resources(lut=1726, ff=2962, dsp=20)).goals
    assert [(goal.cycles, goal.limits[0], goal.limits[2]) for goal in goals.values()] == [
        (6974, 53200.0, 220.0),
        (None, 2158.0, 20.0),
    ]
    assert list(Peer("parallel", 110372, 489, None).goals) == ["ours, at its rate"]


def test_plot_has_a_panel_for_each_network() -> None:
    drawn = points({TINY: [PEER, OURS]})
    assert drawn == {TINY: {"pocket-cnn": [(400, 500)], "ours": [(200, 300)]}}
    assert plot(drawn) == plot(drawn)
    assert "pocket_baseline" in plot(drawn)


def test_network_is_below_the_peer() -> None:
    peer, at_its_rate, *_ = rows(TINY)
    assert peer.resources is not None
    assert at_its_rate.resources is not None
    assert at_its_rate.cycles == at_its_rate.bottleneck
    assert at_its_rate.resources.lut < peer.resources.lut
    assert at_its_rate.resources.ff < peer.resources.ff
    assert at_its_rate.resources.dsp < peer.resources.dsp


def test_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "networks.md"
    page.write_text("before\n<!-- figures: begin -->\nstale\n<!-- figures: end -->\nafter\n")
    monkeypatch.setattr(peer_networks, "PAGE", page)
    monkeypatch.setattr(peer_networks, "PLOT", page.with_suffix(".svg"))
    monkeypatch.setattr(peer_networks, "rows", lambda name: iter((PEER, OURS)))
    assert main(["--write"]) == 0
    text = page.read_text()
    assert "stale" not in text
    assert all(f"\n## {name}: " in text for name in NETWORKS)
    assert "![LUTs against cycles per frame](networks.svg)" in text
    ElementTree.parse(page.with_suffix(".svg"))
    assert f"## {TINY}: 704 products" in capsys.readouterr().out


def test_the_page_has_whole_tables() -> None:
    page = PAGE.read_text("utf-8")
    figures = page.partition("figures: begin")[2].partition("figures: end")[0]
    sections = {part.partition(":")[0]: part for part in figures.split("\n## ")[1:]}
    assert {"pocket_baseline", "pocket_2x", "pocket_4x3x1_1x1"} <= {*sections}
    for name, section in sections.items():
        expected = 1 + sum(1 + len(peer.goals) for peer in NETWORKS[name])
        lines = [line for line in section.splitlines() if line.startswith("| ")]
        assert len(lines) == expected + 1, "run: python -m tests.peer_networks --write"
    assert PLOT.exists()
