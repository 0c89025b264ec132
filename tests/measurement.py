"""One model through the chain, in a process of its own, so that its figures are its own.

``python -m tests.measurement REQUEST RESULT`` reads a ``Request`` and writes ``Figures``, as JSON;
``tests/benchmark.py`` starts it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frontend.compiler import Compilation

FRAME_BUDGET_MACS = 400_000
MOST_FRAMES = 16
"""GHDL does about 100,000 multiplications per second: as many frames as a few seconds allow."""


@dataclass(frozen=True, slots=True)
class Request:
    """``source`` is None to measure what every model costs: imports and TensorFlow's start-up."""

    source: str | None
    calibration: str | None = None
    simulate: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """What comes before the work: imports, TensorFlow's start, and the memory then.

    ``cpu_seconds``: of both, on all cores together.
    """

    import_seconds: float
    tensorflow_seconds: float
    cpu_seconds: float
    peak_mebibytes: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Simulation without stalls; every stream and the cycles of every frame are checked.

    ``frames``: how many were simulated in the longer of two runs; ``seconds_per_frame`` is their
    difference by frame, ``start_seconds`` the rest: analysis, linking, elaboration, layout of the
    tables.  Seconds are GHDL's on the processor: whatever else runs there does not count.
    """

    simulator: str
    frames: int
    start_seconds: float
    seconds_per_frame: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model costs, and how fast its core is.

    ``stage_seconds``: wall-clock seconds by stage, from the .h5 to the written folder, those of
    TensorFlow's start-up taken out; ``cpu_seconds``: their time on the processor, that of child
    processes, too.  ``peak_mebibytes``: highest resident memory of the process up
    to there.  ``multipliers``: multiplications that all elements together can do in a cycle.
    """

    start: Start
    stage_seconds: dict[str, float]
    cpu_seconds: float
    peak_mebibytes: float
    macs_per_frame: int
    multipliers: int
    cycles_per_frame: int
    lower_bound: int
    latency_cycles: int
    simulation: Speed | None

    @property
    def seconds(self) -> float:
        """From the .h5 to VHDL written, without TensorFlow's start-up."""
        return sum(self.stage_seconds.values())

    @property
    def macs_per_cycle(self) -> float:
        """Multiplications in the steady state; ``multipliers`` would be full use of all."""
        return self.macs_per_frame / self.cycles_per_frame


def peak_mebibytes() -> float:
    """Return the highest resident memory of this process so far.

    Not ``getrusage``: its figure starts from that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert match is not None
    return int(match[1]) / 1024


def cpu_seconds() -> float:
    """Return the time on the processor of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + children_seconds()


def children_seconds() -> float:
    """Return the time on the processor of the child processes that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def measure_start() -> Start:
    """Import the chain and start TensorFlow; call it first in a process."""
    begin, cpu = time.perf_counter(), cpu_seconds()
    import frontend.compiler  # noqa: F401  # here, to be timed
    from frontend.reference import start_tensorflow

    imported = time.perf_counter()
    start_tensorflow()
    started = time.perf_counter()
    return Start(imported - begin, started - imported, cpu_seconds() - cpu, peak_mebibytes())


def measure(request: Request) -> Figures:
    """Compile, write and, if asked, simulate ``request.source``; call it first in a process."""
    assert request.source is not None
    start = measure_start()
    from frontend.compiler import CompileOptions, compile_model, write_output
    from ir.elements import ProcessingElement

    cpu = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        calibration = None if request.calibration is None else Path(request.calibration)
        compilation = compile_model(Path(request.source), CompileOptions(calibration=calibration))
        write_output(compilation, Path(folder) / "out")
        used, peak = cpu_seconds() - cpu, peak_mebibytes()
        stages = dict(compilation.stage_seconds)
        manifest = json.loads((Path(folder) / "out" / "manifest.json").read_text())
        macs: int = manifest["macs_per_frame"]
        speed = _simulate(compilation, macs, Path(folder)) if request.simulate else None
    elements = [e for e in compilation.graph if isinstance(e, ProcessingElement)]
    cycles = compilation.cycles
    return Figures(
        start,
        stages,
        used,
        peak,
        macs,
        sum(element.pe * element.simd for element in elements),
        cycles.cycles_per_frame,
        cycles.lower_bound,
        cycles.latency_cycles,
        speed,
    )


def _simulate(compilation: Compilation, macs: int, folder: Path) -> Speed:
    """Simulate 1 frame, then more, without stalls: the difference is what a frame takes."""
    more = min(max(FRAME_BUDGET_MACS // max(macs, 1), 1), MOST_FRAMES)
    _, first = _run(compilation, 1, folder / "first")
    simulator, second = _run(compilation, 1 + more, folder / "second")
    each = max(second - first, 0.0) / more
    return Speed(simulator, 1 + more, max(first - each, 0.0), each)


def _run(compilation: Compilation, frames: int, folder: Path) -> tuple[str, float]:
    """Simulate in a single phase; a wrong value or a frame at another cycle is an error.

    Returns:
        The simulator's name and its seconds.
    """
    from frontend.compiler import simulate_compilation
    from frontend.simulation import SimulationRequest
    from sim import SimulationOptions
    from sim.options import Stalls

    assert compilation.test.frames >= frames
    options = SimulationOptions(
        stalls=Stalls.NONE, timed_frames=frames, stalled_frames=0, reset_in_frame=False
    )
    before = children_seconds()
    result = simulate_compilation(compilation, SimulationRequest(frames, options), folder)
    return result.simulator, children_seconds() - before


def figures(values: Mapping[str, Any]) -> Figures:
    """Return the ``Figures`` that ``dataclasses.asdict`` took apart."""
    simulation = values["simulation"]
    parts = {
        "start": Start(**values["start"]),
        "simulation": None if simulation is None else Speed(**simulation),
    }
    return Figures(**{**values, **parts})


def main(request_path: str, result_path: str) -> None:
    """Measure what a file asks for."""
    request = Request(**json.loads(Path(request_path).read_text()))
    result = measure_start() if request.source is None else measure(request)
    Path(result_path).write_text(json.dumps(dataclasses.asdict(result)))


if __name__ == "__main__":
    main(*sys.argv[1:])
