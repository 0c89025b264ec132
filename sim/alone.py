"""One entity of the library, or one element, as a top of its own: a wrapper with constant generics.

Tables cannot be given on a command line, so the entity is instantiated in a generated top with the
entity's own ports.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ir.elements import Element, Input, sources
from rtl.generics import Context, instance
from rtl.knobs import knobs
from rtl.library import VHDL_FOLDER, compile_order, source
from rtl.tables import tables
from sim.synthesis import synthesize

Value: TypeAlias = int | bool | str | Sequence[str]
"""A number, a VHDL expression, or the rows of a table in hexadecimal."""

TOP = "wrapper"
"""Name of the generated top."""


def generics(entity: str) -> dict[str, str]:
    """Return the types of an entity's generics by name, in order."""
    return {name.strip(): kind.strip() for name, kind, *_ in _declarations(entity)}


def wrapper(entity: str, values: Mapping[str, Value]) -> str:
    """Return VHDL of ``TOP``: ``entity`` with ``values`` for its generics."""
    kinds, ports = generics(entity), _clause(entity, "port")
    in_ports = set(re.findall(r"\w+", ports))
    defaults = {name: text for name, text in _defaults(entity).items() if name in in_ports}
    values = {**defaults, **values}
    constants = "".join(_constant(name, kinds[name], value) for name, value in values.items())
    port_names = re.findall(r"(\w+)\s*:(?!=)", ports)
    generic_map = ", ".join(f"{name} => work.values_pkg.{name}" for name in values)
    port_map = ", ".join(f"{name} => {name}" for name in port_names)
    uses = "library ieee;\nuse ieee.std_logic_1164.all;\nuse work.millrace_pkg.all;\n"
    return (
        f"{uses}\npackage values_pkg is\n{constants}end package;\n\n"
        f"{uses}use work.values_pkg.all;\n\nentity {TOP} is\n  port ({ports});\nend entity;\n\n"
        f"architecture rtl of {TOP} is\nbegin\n"
        f"  element : entity work.{entity}\n    generic map ({generic_map})\n"
        f"    port map ({port_map});\nend architecture;\n"
    )


def verilog(entity: str, values: Mapping[str, Value]) -> str:
    """Return GHDL's netlist of ``entity`` with ``values`` for its generics, top ``TOP``.

    Raises:
        CompileError: there is no GHDL, or it refuses the design.
    """
    units = [VHDL_FOLDER / f"{unit}.vhd" for unit in compile_order(frozenset({entity}))]
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        top = Path(folder) / f"{TOP}.vhd"
        top.write_text(wrapper(entity, values))
        return synthesize(TOP, [*units, top])


def alone(element: Element, ways: int = 1) -> tuple[str, dict[str, Value]]:
    """Return the entity that does the work of ``element``, and the values of its generics.

    ``ways``: readers of its stream.

    Raises:
        CompileError: the library has no entity for its form.
    """
    read = element if isinstance(element, Input) else sources(element)[0]
    context = Context(
        {knob.suffix: str(knob.default) for knob in knobs(element)},
        str(read.output.lanes),
        str(element.output.lanes),
        "values_pkg",
        ways,
    )
    entity, formals = instance(element, context)
    rows = {table.generic: table.rows() for table in tables(element)}
    return entity, {**formals, **rows}


def _declarations(entity: str) -> list[list[str]]:
    return [item.split(":", 2) for item in _clause(entity, "generic").split(";")]


def _defaults(entity: str) -> dict[str, str]:
    """Return what generics are that nobody sets."""
    declarations = _declarations(entity)
    return {name.strip(): rest[0].lstrip("= ") for name, _, *rest in declarations if rest}


def _clause(entity: str, keyword: str) -> str:
    text = re.sub(r"--.*", "", source(entity))
    start = re.search(rf"^\s*{keyword}\s*\(", text, re.MULTILINE)
    assert start is not None, f"{entity} has no {keyword} clause"
    depth, end = 1, start.end()
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[start.end() : end - 1]


def _constant(name: str, kind: str, value: Value) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (int, str)):
        text = str(value)
    else:
        kind = f"rom_words_t(0 to {len(value) - 1})"
        text = "(" + ", ".join(f'{n} => x"{row}"' for n, row in enumerate(value)) + ")"
    return f"  constant {name} : {kind} := {text};\n"
