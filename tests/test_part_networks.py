"""A model file in a part: cycles and cells, on the terminal and on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from ir.resources import Resources
from tests import part_networks
from tests.part_networks import PAGE, Fitted, main, markdown

BEGIN, END = "<!-- parts: begin -->\n", "<!-- parts: end -->\n"


def test_estimates_and_counts_stand_below_each_other() -> None:
    each = Fitted("net", 1234, 56789, "conv_0", Resources(10.4, 4, 20.6, 3, 2), Resources(9, 4, 21))
    text = markdown([each], "xc7z020", 0.9)
    assert "90% of a xc7z020, which has 53,200 LUT, 106,400 FF, 220 DSP and 280 RAMB18" in text
    assert text.splitlines()[-2:] == [
        "| net | 1,234 | 12.3 | 567.9 | conv_0 | estimated | 10 | 4 | 21 | 3 | 2 |",
        "|  |  |  |  |  | counted | 9 | 4 | 21 | 0 | 0 |",
    ]


def test_a_small_network_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, page = tmp_path / "digits_mlp.h5", tmp_path / "page.md"
    zoo.save("digits_mlp", model)
    page.write_text(f"before\n{BEGIN}stale\n{END}after\n")
    monkeypatch.setattr(part_networks, "PAGE", page)
    assert main([str(model), "--use", "0.3", "--write"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "digits_mlp" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[5] == "estimated"
    assert 0 < int(cells[9]) <= 66  # of 220 DSPs
    assert row in page.read_text()
    assert "stale" not in page.read_text()


def test_the_page_has_networks() -> None:
    figures = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert " | estimated | " in figures
