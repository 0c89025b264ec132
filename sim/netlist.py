"""Simulates the synthesized netlist of a whole network: GHDL's synthesis, then Verilator.

About a thousand times faster than simulating the VHDL, and it shows what synthesis made of it.
Only the ports of the top can be watched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.numbers import IntArray
from rtl import library, write_vhdl
from rtl.netlist import build_netlist
from sim.bench import Bench, build_bench, environment
from sim.ghdl import Run, Workspace, find_ghdl
from sim.options import SimulationOptions
from sim.results import SimulationResult
from sim.simulate import read_texts, verdict, write_bench_vectors

_DEFAULTS = SimulationOptions()
_PREFIX = "netlist"


def synthesize(top: str, sources: Sequence[Path], generics: Mapping[str, int] | None = None) -> str:
    """Return GHDL's Verilog netlist of ``top``.

    Args:
        top: name of the top entity.
        sources: its VHDL in compile order, as ``rtl.write_vhdl`` wrote it.
        generics: those of the top to override.

    Raises:
        CompileError: there is no GHDL, or it refuses the design.
    """
    with tempfile.TemporaryDirectory(prefix="millrace-") as objects:
        workspace = Workspace(Path(objects), find_ghdl())
        elements = [path for path in sources if path.stem in library.units()]
        workspace.start_from(read_texts(elements))
        folder = Path(objects)
        workspace.analyze([path for path in sources if path not in elements], folder)
        return repaired(workspace.synthesize(top, generics or {}, folder))


def repaired(verilog: str) -> str:
    """Return GHDL 2.0's netlist without three faults of its Verilog writer.

    Constants above 32 bits come as string literals (whose characters are bytes), operands of no
    bits as ``0'b`` or an empty string, and arithmetic right shifts as logical ones.
    """
    sized = re.sub(r'"([01xz]+)"', lambda bits: f"{len(bits[1])}'b{bits[1]}", verilog, flags=re.I)
    joined = re.sub(r"(?<=[{ ])0'b, |, 0'b(?=[,}])", "", sized)
    present = re.sub(r"(?<= )0'b(?![01xz])|(?<= )\"\"(?=;)", "1'b0", joined)
    return re.sub(r"(= \$signed\(\w+\)) >> ", r"\1 >>> ", present)


def simulate_netlist(
    graph: StreamGraph,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    folder: Path,
    options: SimulationOptions = _DEFAULTS,
    sources: Sequence[Path] | None = None,
) -> SimulationResult:
    """Simulate the netlist of ``graph`` in Verilator; the outputs and the ports are checked.

    Arguments, result and errors are those of ``sim.simulate``; of ``expected`` only the outputs
    are looked at.
    """
    verilator = shutil.which("verilator")
    if verilator is None:
        raise CompileError(
            "simulate",
            "verilator",
            "Verilator must be installed",
            "install it (Debian: apt install verilator)",
        )
    at_ports = {output.name: expected[output.name] for output in graph.outputs}
    bench = build_bench(graph, build_netlist(graph), inputs, at_ports, options)
    files = list(write_vhdl(graph, folder / "vhdl") if sources is None else sources)
    write_bench_vectors(bench, folder)
    netlist = folder / f"{bench.top}_netlist.v"
    netlist.write_text(synthesize(bench.top, files, options.generics), encoding="ascii")
    main = folder / f"{bench.top}_main.cpp"
    main.write_text(print_main(bench), encoding="ascii")
    with tempfile.TemporaryDirectory(prefix="millrace-") as build:
        program = _compile(verilator, bench.top, netlist, main, Path(build))
        run = _run(program, bench.top, folder, options.timeout_seconds)
    log = folder / "netlist.log"
    log.write_text(run.output, encoding="utf-8")
    return verdict(bench, run, log, _version(verilator))


def print_main(bench: Bench) -> str:
    """Return the C++ program that drives the netlist."""
    by_port = {stream.vectors: stream for stream in bench.streams if stream.at_port}
    ports = [(port, by_port[port.vectors]) for port in bench.ports]
    template = environment().get_template("netlist_main.cpp.j2")
    return template.render(bench=bench, ports=ports, prefix=_PREFIX)


def _compile(verilator: str, top: str, netlist: Path, main: Path, build: Path) -> Path:
    """Return the program made of netlist and main.

    Raises:
        CompileError: Verilator or the C++ compiler refuses them.
    """
    options = ["--cc", "--exe", "--build", "-O3", "-CFLAGS", "-O1", "-Wno-fatal", "-Wno-lint"]
    options += ["-Wno-style", "--language", "1364-2005", "--top-module", top]
    options += ["--prefix", f"V{_PREFIX}", "--Mdir", str(build)]
    command = [verilator, *options, str(netlist.resolve()), str(main.resolve())]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if ran.returncode != 0:
        lines = (ran.stdout + ran.stderr).splitlines()
        first = next((line for line in lines if "rror" in line), "no message")
        raise CompileError(
            "simulate", "verilator", f"refused the netlist: {first}", "please report this"
        )
    return build / f"V{_PREFIX}"


def _run(program: Path, top: str, folder: Path, timeout: float | None) -> Run:
    start = time.monotonic()
    try:
        ran = subprocess.run(
            [str(program)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise CompileError(
            "simulate",
            top,
            f"the simulation must end within {timeout:g} seconds",
            "simulate fewer frames or allow more time",
        ) from expired
    return Run(ran.stdout + ran.stderr, ran.returncode, time.monotonic() - start)


def _version(verilator: str) -> str:
    ran = subprocess.run([verilator, "--version"], capture_output=True, text=True, check=False)
    return " ".join(ran.stdout.split()[:2])
