"""The house rules that a machine can check: who imports whom, lint, types."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("frontend", "ir", "rewrite", "rtl", "sim", "zoo")
MAY_IMPORT = {
    "ir": set(),
    "frontend": {"ir"},
    "rewrite": {"ir"},
    "rtl": {"ir"},
    "sim": {"ir", "rtl"},
    "zoo": {"ir", "frontend"},
}
COMPOSERS = {"frontend/__main__.py", "frontend/compiler.py", "frontend/simulation.py"}
"""They put the chain together and see everything but the zoo."""

DIRECTIVE = re.compile(r"--\s*(?:pragma|rtl_synthesis|synopsys|synthesis)\b(.*)", re.I)
"""Comments that synthesis tools obey, in any kind of prose."""


def imported_packages(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports must be absolute"
            found.add((node.module or "").split(".")[0])
    return found & set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_chain(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        allowed = set(PACKAGES) - {"zoo"} if name in COMPOSERS else MAY_IMPORT[package]
        foreign = imported_packages(path) - {package} - allowed
        assert not foreign, f"{name} must not import {sorted(foreign)}"


@pytest.mark.parametrize("text", ["-- synthesis off", "  --pragma x", "x; -- Synopsys y"])
def test_directives_are_found(text: str) -> None:
    assert DIRECTIVE.search(text)


def test_no_comment_in_vhdl_is_a_directive_by_chance() -> None:
    for path in sorted((ROOT / "rtl" / "vhdl").glob("*.vhd")):
        found = {match[1].strip() for match in DIRECTIVE.finditer(path.read_text())}
        assert found <= {"translate_off", "translate_on"}, f"{path.name}: {sorted(found)}"


def test_ruff_is_clean() -> None:
    run(["ruff", "check", "."])
    run(["ruff", "format", "--check", "."])


def test_types_are_strict() -> None:
    run(["mypy"])


def run(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
