"""Prints a stream graph as VHDL-2008: the top, and one package of constant tables per element.

Nothing is decided here: same graph, same bytes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ir.errors import CompileError
from ir.graph import StreamGraph
from rtl import library
from rtl.netlist import build_netlist, tables_package
from rtl.structure import Netlist
from rtl.tables import tables

TEMPLATES = Path(__file__).resolve().parent / "templates"


def print_vhdl(graph: StreamGraph) -> dict[str, str]:
    """Return the VHDL of ``graph``, text by file name, in compile order.

    First the elements of the library that are used, then the tables, then the top.

    Raises:
        CompileError: the graph cannot be printed, or its name is that of a library unit.
    """
    netlist = build_netlist(graph)
    if graph.name in library.units():
        raise CompileError(
            "print",
            graph.name,
            "the top must have a name of its own, not that of an element of the library",
            "give the model another name",
        )
    used = frozenset(instance.entity for instance in netlist.instances) | {"millrace_pkg"}
    files = {f"{unit}.vhd": library.source(unit) for unit in library.compile_order(used)}
    return files | _print_tables(graph) | {f"{graph.name}.vhd": print_top(netlist)}


def write_vhdl(graph: StreamGraph, folder: Path) -> list[Path]:
    """Write the VHDL of ``graph`` into ``folder``; return the files in compile order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in print_vhdl(graph).items():
        path = folder / name
        path.write_text(text, encoding="ascii", newline="\n")
        paths.append(path)
    return paths


def print_top(netlist: Netlist) -> str:
    """Return the structural top."""
    return _environment().get_template("top.vhd.j2").render(netlist=netlist)


def _print_tables(graph: StreamGraph) -> dict[str, str]:
    template = _environment().get_template("tables.vhd.j2")
    files = {}
    for element in graph:
        constants = tables(element)
        if constants:
            package = tables_package(graph, element)
            files[f"{package}.vhd"] = template.render(package=package, tables=constants)
    return files


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # VHDL, not HTML; names are escaped where they enter
    )
