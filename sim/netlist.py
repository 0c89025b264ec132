"""Simulates the synthesized netlist of a whole network: GHDL's synthesis, then Verilator.

Hundreds of times faster than simulating the VHDL, and it shows what synthesis made of it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.numbers import IntArray
from rtl import write_vhdl
from rtl.netlist import build_netlist
from sim.bench import Bench, BenchStream, build_bench, environment
from sim.ghdl import Run, find_ghdl
from sim.observe import exposed
from sim.options import SimulationOptions
from sim.results import SimulationResult
from sim.simulate import verdict, write_bench_vectors
from sim.stages import Stages
from sim.synthesis import broken_lines, only_named_traced, synthesize, without_tables
from sim.verilator import PREFIX, Build, build, find_verilator

_DEFAULTS = SimulationOptions()
FOLDER = "netlist"
"""Below the folder of the simulation: netlist, tables and main program."""

WAVE = "waves.fst"
HALF_PERIOD = 5
"""Of the clock in the waveform, as in the bench for GHDL; nanoseconds."""

OPTIMIZATIONS = ((300_000, 0), (30_000_000, 1))
"""Clock cycles up to which a level of the C++ compiler pays.

Both its time and the program's are proportional to the size of the netlist: -O1 takes three times
as long as -O0 and runs four times as fast, -O2 takes twice as long as -O1 and saves a tenth or so.
"""
LAST_OPTIMIZATION = 2


def simulate_netlist(
    graph: StreamGraph,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    folder: Path,
    options: SimulationOptions = _DEFAULTS,
    sources: Sequence[Path] | None = None,
) -> SimulationResult:
    """Simulate the netlist of ``graph`` in Verilator; every value and every handshake is checked.

    Arguments, result and errors are those of ``sim.simulate``.  Streams inside that have expected
    codes are brought out of a copy of the top; the less of them, the faster.
    """
    simulator = f"{find_verilator().name} on the netlist of {find_ghdl().name}"
    bench = build_bench(graph, build_netlist(graph), inputs, expected, options)
    files = list(write_vhdl(graph, folder / "vhdl") if sources is None else sources)
    write_bench_vectors(bench, folder)
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    if not all(stream.at_port for stream in bench.streams):
        *others, top = files
        text, bench = exposed(top.read_text(encoding="ascii"), bench)
        observed = folder / FOLDER / f"{bench.top}_observed.vhd"
        observed.write_text(text, encoding="ascii")
        files = [*others, observed]
    stage = Stages()
    with stage("synthesis"):
        verilog, memories = without_tables(synthesize(bench.top, files, options.generics), FOLDER)
    for memory in memories:
        (folder / memory.file).write_text(memory.text, encoding="ascii")
    netlist = folder / FOLDER / f"{bench.top}.v"
    traced = only_named_traced(verilog) if options.wave else verilog
    netlist.write_text(broken_lines(traced), encoding="ascii")
    main = folder / FOLDER / "main.cpp"
    main.write_text(print_main(bench, options), encoding="ascii")
    jobs = options.jobs or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
        how = Build(optimization(_cycles(bench)), options.wave, jobs)
        program = build(netlist, main, bench.top, how, Path(scratch), stage)
        with stage("run"):
            run = _run(program, bench.top, folder, options.timeout_seconds)
    log = folder / "netlist.log"
    log.write_text(run.output, encoding="utf-8")
    wave = folder / WAVE if options.wave else None
    return verdict(bench, run, log, simulator, stage.seconds, wave, "please report this")


def _cycles(bench: Bench) -> int:
    """Return about how many clock cycles a run takes; stalls cost as much as the work."""
    return bench.cycles_per_frame * (bench.timed_frames + 2 * bench.stalled_frames)


def optimization(cycles: int) -> int:
    """Return the level of the C++ compiler with which ``cycles`` are over first."""
    levels = (level for limit, level in OPTIMIZATIONS if cycles <= limit)
    return next(levels, LAST_OPTIMIZATION)


def print_main(bench: Bench, options: SimulationOptions) -> str:
    """Return the C++ program that connects the netlist with its bench."""
    template = environment().get_template("netlist_main.cpp.j2")
    return template.render(
        bench=bench,
        streams=_streams(bench),
        prefix=PREFIX,
        seed=1 + options.seed % (2**31 - 1),
        wave=WAVE if options.wave else "",
        half_period=HALF_PERIOD,
    )


def _streams(bench: Bench) -> list[tuple[BenchStream, int]]:
    """Return the streams and the seeds of their stalls, those at ports first, inputs before all."""
    by_vectors = {stream.vectors: stream for stream in bench.streams}
    at_ports = [(by_vectors[port.vectors], port.seed) for port in bench.ports]
    return [*at_ports, *((stream, 0) for stream in bench.streams if not stream.at_port)]


def _run(program: Path, top: str, folder: Path, timeout: float | None) -> Run:
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
    return Run(ran.stdout + ran.stderr, ran.returncode)
