"""The hand-written element library, `rtl/vhdl/*.vhd`, in compile order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

VHDL_FOLDER = Path(__file__).resolve().parent / "vhdl"

_USE = re.compile(r"^[^-\n]*?\bwork\.(\w+)", re.MULTILINE)


@cache
def units() -> frozenset[str]:
    """Return the names of the library's entities and packages; file = unit."""
    return frozenset(path.stem for path in VHDL_FOLDER.glob("*.vhd"))


def source(unit: str) -> str:
    """Return the VHDL text of ``unit``."""
    return (VHDL_FOLDER / f"{unit}.vhd").read_text(encoding="ascii")


@cache
def dependencies(unit: str) -> frozenset[str]:
    """Return the units of the library that ``unit`` names as ``work.…``."""
    return frozenset(_USE.findall(source(unit))) & units() - {unit}


def compile_order(used: frozenset[str]) -> list[str]:
    """Return ``used`` and all that these need, each after its dependencies; deterministic."""
    needed = set(_closure(used))
    sorter = TopologicalSorter({unit: dependencies(unit) for unit in needed})
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return order


def _closure(used: frozenset[str]) -> Iterator[str]:
    seen: set[str] = set()
    pending = list(used)
    while pending:
        unit = pending.pop()
        if unit not in seen:
            seen.add(unit)
            pending.extend(dependencies(unit))
            yield unit
