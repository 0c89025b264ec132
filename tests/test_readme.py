"""The README tells of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from frontend.__main__ import app
from frontend.layers import SUPPORTED
from tools.layers_table import BEGIN, END, README, table, with_table

ROOT = README.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("zoo/*.md")])


def test_table_of_layers_is_current() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme == with_table(readme), "run: python -m tools.layers_table --write"


def test_table_names_every_layer_and_rule() -> None:
    rows = table()
    for name in SUPPORTED:
        assert f"`{name}`" in rows
    assert "`padding`: 'valid' or 'same'" in rows


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold the lines"):
        with_table("nothing here")
    assert with_table(f"a\n{BEGIN}old\n{END}b\n") == f"a\n{BEGIN}{table()}{END}b\n"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        for name in re.findall(r"\bmake ([a-z-]+)\b(?=[ `]|$)", _code(document), re.MULTILINE):
            assert name in targets, f"{document.name}: make {name}"


def test_options_are_those_of_the_command() -> None:
    listed = re.search(r"\| option \| meaning \|\n(.*?)\n\n", README.read_text(), re.DOTALL)
    assert listed is not None
    named = set(re.findall(r"`(--?[a-z-]+)`", re.sub(r"\|[^|]*\|$", "", listed[1], flags=re.M)))
    parameters = typer.main.get_command(app).params
    options = {option for p in parameters for option in p.opts if option.startswith("-")}
    assert named == options - {"--version"}


def _code(document: Path) -> str:
    """Return the code of a document: indented blocks and what stands in backquotes."""
    text = document.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^    .*$|`[^`\n]+`", text, re.MULTILINE))
