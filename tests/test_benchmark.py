"""The benchmark yields all of its figures; how long things take is nobody's test."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests import benchmark, netlist_benchmark
from tests.benchmark import (
    BEGIN,
    END,
    NETLIST_BEGIN,
    NETLIST_END,
    PAGE,
    SHAPES,
    TRAINED,
    with_figures,
)
from tests.measurement import Figures, Start
from zoo.catalogue import networks
from zoo.graphs import macs

TINY = "digits_mlp"


Run: TypeAlias = tuple[int, str, dict[str, Any], str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Measure a tiny model, a broken one and one that is not there.

    Returns:
        Exit status, what was printed, the figures, and the page that was written.
    """
    folder = tmp_path_factory.mktemp("benchmark")
    page, figures, broken = folder / "page.md", folder / "figures.json", folder / "broken.h5"
    page.write_text(f"before\n{BEGIN}stale\n{END}after\n")
    broken.write_bytes(b"no model")
    files = ["--file", str(folder / "missing.h5"), "--file", str(broken)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.setattr(benchmark, "PAGE", page)
        status = benchmark.main([TINY, *files, "--json", str(figures), "--write"])
    return status, printed.getvalue(), json.loads(figures.read_text()), page.read_text()


def test_figures_are_complete(run: Run) -> None:
    figures = run[2]
    assert list(figures["models"]) == [TINY]
    found = figures["models"][TINY]
    assert found["macs_per_frame"] == macs(networks()[TINY].network)
    assert 0 < found["macs_per_cycle"] <= found["multipliers"]
    assert found["latency_cycles"] > found["cycles_per_frame"] >= found["lower_bound"] > 0
    assert found["peak_mebibytes"] > figures["start"]["peak_mebibytes"] > 100
    assert found["start"]["tensorflow_seconds"] > 0
    # TensorFlow had been started before the first stage.
    assert found["seconds"] == pytest.approx(sum(found["stage_seconds"].values()))
    assert min(found["stage_seconds"].values()) >= 0
    assert {"load the model", "quantize", "lower and prove", "write VHDL"} <= {
        *found["stage_seconds"]
    }
    simulation = found["simulation"]
    assert simulation["frames"] > 1
    assert simulation["start_seconds"] > 0
    assert simulation["seconds_per_frame"] > 0
    assert simulation["simulator"].startswith("GHDL")


def test_page_has_every_figure(run: Run) -> None:
    figures, page = run[2:]
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "stale" not in page
    assert figures["about"] in page
    rows = [line for line in page.splitlines() if line.startswith(f"| {TINY} |")]
    assert len(rows) == 4
    found = figures["models"][TINY]
    assert f"| {found['cycles_per_frame']:,} | {found['lower_bound']:,} |" in rows[2]
    assert all(stage in page for stage in found["stage_seconds"])


def test_wrong_names_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["no_such_network"])
    assert stop.value.code == 2
    assert "no network of the zoo: no_such_network" in capsys.readouterr().err


def test_a_model_that_fails_is_told(run: Run) -> None:
    status, printed, _, page = run
    assert status == 1
    assert "skipped: there is no" in printed
    assert "failed: broken: " in printed
    assert "broken.h5: is no" in " ".join(printed.split())
    assert "broken" not in page


def test_figures_without_simulation() -> None:
    start = Start(1.0, 2.0, 4.0, 600.0)
    found = Figures(start, {"load": 1.5, "write": 3.0}, 3.0, 650.0, 800, 10, 100, 90, 250, None)
    tables = benchmark.tables(start, {"net": found})
    assert {title: [c.cells for c in columns] for title, columns in tables.items()} == {
        "From .h5 to VHDL": [("4.5",), ("3.0",), ("0.75",), ("650",), ("+50",)],
        "Seconds by stage": [("1.50",), ("3.00",)],
        "Cores": [("800",), ("100",), ("90",), ("1.111",), ("250",), ("8.0",), ("10",)],
    }


def test_the_page_is_written() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_figures(page, "") != page, "run: python -m tests.benchmark --write"
    figures = page.partition(BEGIN)[2].partition(END)[0]
    for name in (*TRAINED, *SHAPES):
        assert figures.count(f"| {name} |") == 4, "run: python -m tests.benchmark --write"
    netlists = page.partition(NETLIST_BEGIN)[2].partition(NETLIST_END)[0]
    for name in netlist_benchmark.NETWORKS:
        missing = "run: python -m tests.benchmark --netlist --write"
        assert netlists.count(f"| {name} |") == 1, missing
    with pytest.raises(ValueError, match="must hold the lines"):
        with_figures("nothing here", "")


def test_netlists_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One tiny network and the smallest case of each kind of growth."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{NETLIST_BEGIN}stale\n{NETLIST_END}after\n")
    monkeypatch.setattr(benchmark, "PAGE", page)
    monkeypatch.setattr(netlist_benchmark, "NETLIST_CYCLES", 100)
    monkeypatch.setattr(netlist_benchmark, "GHDL_MACS", 0)
    monkeypatch.setattr(netlist_benchmark, "WEIGHTS", ((16, 8),))
    monkeypatch.setattr(netlist_benchmark, "LAYERS", (1,))
    monkeypatch.setattr(netlist_benchmark, "FOLDINGS", (4,))
    assert benchmark.main([TINY, "--netlist", "--file", "missing.h5", "--write"]) == 0
    text, printed = page.read_text(), capsys.readouterr().out
    assert "stale" not in text
    titles = [line[4:] for line in text.splitlines() if line.startswith("### ")]
    assert len(titles) == 4
    assert all(title in printed for title in titles)
    row = next(line for line in text.splitlines() if line.startswith(f"| {TINY} |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == len(netlist_benchmark.HEADINGS)
    assert cells[1] == f"{macs(networks()[TINY].network):,}"
    assert float(cells[3]) > float(cells[9]) > 0
    assert "\n| 1,024 | 0." in text


def test_speeds_follow_from_seconds() -> None:
    seconds = {"synthesis": 1.0, "verilator": 2.0, "compiler": 3.0, "run": 4.0}
    network = netlist_benchmark.Network("net", 10_000_000, 5_000, 8, 60.0, seconds)
    assert network.row() == [
        *("net", "10,000,000", "5,000", "60", "1.0", "2.0", "3.0", "4.0", "8", "0.5", "20", "120")
    ]
