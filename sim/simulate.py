"""Simulates a whole network in GHDL and compares every stream with expected integers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.numbers import IntArray
from rtl import library, write_vhdl
from rtl.netlist import build_netlist
from sim.bench import (
    LIBRARY_FILES,
    VHDL_FOLDER,
    Bench,
    Role,
    build_bench,
    print_bench,
)
from sim.ghdl import Run, Workspace, find_ghdl
from sim.observe import monitored
from sim.options import SimulationOptions
from sim.results import SimulationResult, read_messages
from sim.stages import Stages
from sim.vectors import write_vectors

_DEFAULTS = SimulationOptions()
WAVE = "waves.ghw"


def simulate(
    graph: StreamGraph,
    inputs: Mapping[str, IntArray],
    expected: Mapping[str, IntArray],
    folder: Path,
    options: SimulationOptions = _DEFAULTS,
    sources: Sequence[Path] | None = None,
) -> SimulationResult:
    """Simulate ``graph`` in GHDL; every value and every handshake is checked.

    Args:
        graph: the network.
        inputs: by port name, codes of shape (frames, height, width, channels).
        expected: by element name, codes of the same form; outputs are required, elements without
            are not monitored.
        folder: where the bench, its vectors and the log are written.
        options: phases, stalls, seed, generics.
        sources: the VHDL to simulate, in compile order, the top last, as ``rtl.write_vhdl``
            wrote it; by default it is written to ``folder``/vhdl.

    Returns:
        The verdict, with the first fault if there is one, and the measured cycles.

    Raises:
        CompileError: there is no GHDL, it refuses the design, or the vectors do not fit it.
    """
    ghdl = find_ghdl()
    bench = build_bench(graph, build_netlist(graph), inputs, expected, options)
    files = list(write_vhdl(graph, folder / "vhdl") if sources is None else sources)
    design = _write_bench(bench, files, folder)
    with tempfile.TemporaryDirectory(prefix="millrace-") as objects:
        workspace = Workspace(Path(objects), ghdl)
        workspace.use_library("millrace", read_texts(LIBRARY_PATHS))
        elements = [path for path in files if path.stem in library.units()]
        workspace.start_from(read_texts(elements))
        stage = Stages()
        with stage("analysis"):
            workspace.analyze(design, folder)
        wave = folder / WAVE if options.wave else None
        with stage("run"):
            ran = workspace.simulate(bench.name, folder, options.timeout_seconds, wave)
        run = Run(ran.output.replace(objects, "work"), ran.status)
        log = folder / "simulation.log"
        log.write_text(run.output, encoding="utf-8")
    return verdict(bench, run, log, ghdl.name, stage.seconds, wave, REMEDY)


REMEDY = "simulate the netlist, which takes less memory, or report this"
"""GHDL keeps some 50 kB for each adder of layers that are formed in one cycle."""


LIBRARY_PATHS = tuple(VHDL_FOLDER / name for name in LIBRARY_FILES)


def _write_bench(bench: Bench, files: Sequence[Path], folder: Path) -> list[Path]:
    """Write bench and vectors; return the files that are analyzed upon the element library."""
    folder.mkdir(parents=True, exist_ok=True)
    *others, top = files
    observed = folder / f"{bench.top}_observed.vhd"
    observed.write_text(monitored(top.read_text(encoding="ascii"), bench), encoding="ascii")
    wrapper = folder / f"{bench.name}.vhd"
    wrapper.write_text(print_bench(bench), encoding="ascii")
    for path in LIBRARY_PATHS:
        (folder / path.name).write_bytes(path.read_bytes())
    write_bench_vectors(bench, folder)
    tables = [path for path in others if path.stem not in library.units()]
    return [*tables, observed, wrapper]


def read_texts(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """Return names and texts of VHDL files."""
    return [(path.name, path.read_text(encoding="ascii")) for path in paths]


def write_bench_vectors(bench: Bench, folder: Path) -> None:
    """Write the vectors of all streams of ``bench``."""
    folder.mkdir(parents=True, exist_ok=True)
    for stream in bench.streams:
        write_vectors(folder / stream.vectors, stream.codes, stream.lanes, stream.bits)


def verdict(
    bench: Bench,
    run: Run,
    log: Path,
    simulator: str,
    seconds: Mapping[str, float],
    wave: Path | None,
    remedy: str,
) -> SimulationResult:
    """Return what a run's messages say; ``remedy``: what to do if it did not come to its end.

    Raises:
        CompileError: the run did not come to its end.
    """
    messages = read_messages(run.output, [stream.watched for stream in bench.streams])
    if not messages.ended or (run.status != 0 and messages.fault is None):
        raise CompileError(
            "simulate",
            bench.top,
            f"the simulation must run to its end, not stop with: {_reason(run)}",
            remedy,
        )
    return SimulationResult(
        simulator,
        messages.fault,
        messages.values_checked,
        messages.frame_times,
        _completions(bench, messages.frame_times),
        seconds,
        log,
        wave,
    )


def _reason(run: Run) -> str:
    """Return the line of the simulator's output that says why it stopped, else its status."""
    lines = [line for line in run.output.splitlines() if line.strip()]
    failures = (line for line in lines if "failure)" in line or "error" in line)
    return next(failures, lines[-1] if lines else f"status {run.status}")


def _completions(bench: Bench, times: Mapping[str, tuple[tuple[int, int], ...]]) -> tuple[int, ...]:
    """Return for each timed frame the edges from the first input beat to its last output beat."""
    starts = [times.get(s.name, ()) for s in bench.streams if s.role is Role.INPUT]
    ends = [times.get(s.name, ()) for s in bench.streams if s.role is Role.OUTPUT]
    frames = min(len(spans) for spans in (*starts, *ends))
    if frames == 0:
        return ()
    first = min(spans[0][0] for spans in starts)
    return tuple(max(spans[frame][1] for spans in ends) - first for frame in range(frames))
