"""Clock speed by place and route: yosys and nextpnr for Lattice's ECP5, speed grade 6.

The netlist is measured between registers (``sim.harness``), so that the figure is its own and none
of pins.  Results are cached by everything they depend on.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from ir.errors import CompileError
from sim.block_registers import move_registers
from sim.cache import cached_folder
from sim.harness import HARNESS, harness

STAGE = "place and route"
PACKAGES = {"25k": "CABGA381", "45k": "CABGA381", "85k": "CABGA756"}
"""Packages of the parts by number of LUTs."""

SPEED_GRADE = 6
"""The slowest of ECP5."""

_FORMAT = 7
"""Of what is cached."""

COMPARISONS = Path(__file__).parent / "templates" / "comparisons.v"
DEEP_MEMORIES = COMPARISONS.with_name("deep_memories.txt")
"""Maps for yosys."""

BLOCK_WORDS = (2048, 4096, 8192, 16384)
"""Words of a block RAM as it becomes narrower, from the width of a code on."""

_FREE_FACTORS = "dffunmap -srst-only t:MULT18X18D %ci2 t:MULT18X18D %d"
"""Yosys command: what it made a synchronous reset of a bit in front of a multiplier is logic again.

Registers of a multiplier have one reset for all bits.
"""


_OWN_RESETS = (
    "dfflegalize -cell $_DFF_?_ 01 -cell $_DFF_?P?_ r -cell $_SDFF_?P?_ r -cell $_DFFE_??_ 01 "
    "-cell $_DFFE_?P??_ r -cell $_SDFFE_?P??_ r -minsrst 4"
)
"""Yosys command: so are resets of fewer than four bits.

The way to a reset's pin, and its setup, takes about a nanosecond more than that to the data's.
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """What place and route are asked for.

    ``target_mhz``: the frequency they stop trying at.  ``seeds``: of their randomness; the result
    is the median by frequency.  ``moves_registers``: into multipliers and block RAM, see
    ``sim.block_registers``.  ``part``: a key of ``PACKAGES``.
    """

    target_mhz: int = 250
    seeds: tuple[int, ...] = (1,)
    moves_registers: bool = True
    part: str = "45k"


@dataclass(frozen=True, slots=True)
class Timing:
    """What a netlist became in the part, without the cells of the harness.

    ``fmax_mhz``: of the slowest path between registers, from ``start`` to ``end`` (signals of the
    netlist), through ``levels`` of logic (LUTs, carry chains, memories and multipliers count as one
    each), of which ``logic_ns`` of ``path_ns`` are not routing.  ``luts``: LUT4, those of carry
    chains and distributed RAM included.
    """

    fmax_mhz: float
    start: str
    end: str
    levels: int
    logic_ns: float
    path_ns: float
    luts: int
    flip_flops: int
    multipliers: int
    block_rams: int


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and what it calls itself."""

    program: str
    name: str


_DEFAULTS = Effort()


def place_and_route(verilog: str, top: str, effort: Effort = _DEFAULTS) -> Timing:
    """Map, place and route module ``top`` of GHDL's Verilog; return the median of the seeds.

    Raises:
        CompileError: a tool is missing or refuses the netlist.
    """
    surroundings = harness(verilog, top)
    timings = [
        _timing(
            _report(verilog + surroundings.verilog, seed, effort),
            surroundings.flip_flops,
            surroundings.luts,
        )
        for seed in effort.seeds
    ]
    return sorted(timings, key=lambda timing: timing.fmax_mhz)[(len(timings) - 1) // 2]


@cache
def find_yosys() -> Tool:
    """Return yosys.

    Raises:
        CompileError: there is none.
    """
    program = _found("yosys")
    return Tool(program, " ".join(_said([program, "-V"]).split()[:2]))


@cache
def find_nextpnr() -> Tool:
    """Return nextpnr for ECP5.

    Raises:
        CompileError: there is none.
    """
    program = _found("nextpnr-ecp5")
    version = re.search(r"Version ([^)\s]+)", _said([program, "--version"]))
    return Tool(program, version[1] if version else "nextpnr")


def _found(name: str) -> str:
    """Return the program ``name``: that of YoWASP beside this Python, else one on the path."""
    beside = Path(sys.executable).with_name(f"yowasp-{name}")
    for program in (str(beside), f"yowasp-{name}", name):
        if path := shutil.which(program):
            return path
    raise CompileError(
        STAGE, name, f"{name} must be installed", f"install it (pip install yowasp-{name})"
    )


def _said(command: Sequence[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def _map_deep_memories() -> list[str]:
    """Return yosys commands that lay blocks side by side instead of one behind the other."""
    return [
        f"memory_libmap -lib {DEEP_MEMORIES.name} -D WORDS_{most} "
        f"t:$mem_v2 r:SIZE>{less} %i r:SIZE<={most} %i"
        for less, most in pairwise(BLOCK_WORDS)
    ]


def _report(verilog: str, seed: int, effort: Effort) -> Mapping[str, Any]:
    """Return nextpnr's report on the netlist with top ``HARNESS``."""
    yosys, nextpnr = find_yosys(), find_nextpnr()
    mapped_key = (_FORMAT, yosys.name, verilog, effort.moves_registers)

    def map_netlist(folder: Path) -> None:
        (folder / "netlist.v").write_text(verilog, encoding="ascii")
        for template in (COMPARISONS, DEEP_MEMORIES):
            shutil.copyfile(template, folder / template.name)
        # No element looks at a word that it reads from a clocked memory while it is written.
        synthesis = f"synth_ecp5 -no-rw-check -top {HARNESS} -json mapped.json"
        steps = [
            f"{synthesis} -run :coarse",
            "proc; flatten; opt_expr; opt_clean",
            f"techmap -map {COMPARISONS.name}",
            f"{synthesis} -run coarse:map_ram",
            *_map_deep_memories(),
            f"{synthesis} -run map_ram:map_ffs",
            _OWN_RESETS,
            f"{synthesis} -run map_ffs:",
        ]
        if effort.moves_registers:
            steps.insert(-1, _FREE_FACTORS)
        script = "; ".join(["read_verilog netlist.v", *steps])
        _run([yosys.program, "-q", "-p", script], folder)
        if effort.moves_registers:
            netlist = json.loads((folder / "mapped.json").read_text())
            move_registers(netlist["modules"][HARNESS])
            (folder / "mapped.json").write_text(json.dumps(netlist))

    def place(folder: Path) -> None:
        mapped = cached_folder("mapped", mapped_key, map_netlist) / "mapped.json"
        shutil.copyfile(mapped, folder / "mapped.json")  # YoWASP sees what is below its folder
        options = f"--{effort.part} --package {PACKAGES[effort.part]} --speed {SPEED_GRADE}"
        target = f"--freq {effort.target_mhz} --timing-allow-fail --seed {seed}"
        files = "--json mapped.json --lpf-allow-unconstrained --report report.json"
        _run([nextpnr.program, "-q", *f"{options} {target} {files}".split()], folder)
        (folder / "mapped.json").unlink()

    key = (mapped_key, nextpnr.name, seed, effort.target_mhz, effort.part)
    report: Mapping[str, Any] = json.loads(
        (cached_folder("placed", key, place) / "report.json").read_text()
    )
    return report


def _run(command: Sequence[str], folder: Path) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        lines = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        problem = lines[0].removeprefix("ERROR: ") if lines else f"exit status {ran.returncode}"
        raise CompileError(
            STAGE,
            Path(command[0]).name,
            f"it must take the netlist, but says: {problem}",
            "take a larger part, or report it",
        )


def _timing(report: Mapping[str, Any], flip_flops: int, luts: int) -> Timing:
    """Return what ``report`` says, less the harness's flip-flops and LUTs."""
    path = next(
        found["path"]
        for found in report["critical_paths"]
        if "async" not in found["from"] and "async" not in found["to"]
    )
    steps = [step for step in path if step["type"] == "logic"]
    # Steps of one carry chain are one level.
    levels = sum(
        step["to"]["port"] not in ("FCO", "COUT") or step["from"]["port"] not in ("FCI", "CIN")
        for step in steps
        if step["from"]["port"] not in ("FCI", "CIN")
    )
    used = {cell: count["used"] for cell, count in report["utilization"].items()}
    return Timing(
        fmax_mhz=min(clock["achieved"] for clock in report["fmax"].values()),
        start=_signal(path[0]["from"]["cell"]),
        end=_signal(path[-1]["to"]["cell"]),
        levels=levels,
        logic_ns=sum(step["delay"] for step in path if step["type"] != "routing"),
        path_ns=sum(step["delay"] for step in path),
        luts=used.get("TRELLIS_COMB", 0) - luts,
        flip_flops=used.get("TRELLIS_FF", 0) - flip_flops,
        multipliers=used.get("MULT18X18D", 0),
        block_rams=used.get("DP16KD", 0),
    )


def _signal(cell: str) -> str:
    """Return the signal that a cell of yosys was named after: ``core.window.column[3]``'s."""
    return re.sub(
        r"_(TRELLIS_FF|TRELLIS_DPR16X4|MULT18X18D|DP16KD|CCU2C|LUT4|PFUMX|L6MUX21)_.*", "", cell
    ).removeprefix("core.")
