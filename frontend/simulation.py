"""The proof by simulation: the golden model's integers against the hardware's, and its cycles.

A composing module, like ``frontend/compiler.py``, whose last stage it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from frontend import report
from frontend.frames import Frames
from frontend.golden import GoldenModel
from ir.cycles import predict
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray
from sim import (
    Mismatch,
    SimulationOptions,
    SimulationResult,
    Simulator,
    simulate,
    simulate_netlist,
)


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """``frames`` of the test data through a simulator, with stalls.

    ``trace``: compare the streams inside in the netlist, too; GHDL always does.  ``failed_wave``:
    where the waveform of a run that failed is kept, if one was wanted; without its suffix.
    """

    frames: int = 8
    options: SimulationOptions = field(default_factory=SimulationOptions)
    simulator: Simulator = Simulator.GHDL
    trace: bool = False
    failed_wave: Path | None = None

    @property
    def stage(self) -> str:
        """What the stage is called."""
        return "simulate in GHDL" if self.simulator is Simulator.GHDL else "simulate the netlist"


def simulate_golden(
    graph: StreamGraph,
    golden: GoldenModel,
    frames: Frames,
    request: SimulationRequest,
    folder: Path,
    sources: Sequence[Path] | None = None,
) -> SimulationResult:
    """Simulate ``frames`` in ``folder``; outputs must be onnxruntime's, the rest the interpreter's.

    ``sources``: the VHDL as it was written, in compile order; by default it is written anew.

    Raises:
        CompileError: a value differs, a frame took other cycles than predicted, or the core hangs.
    """
    inputs, codes = golden.input_codes(frames), golden.output_codes(frames)
    outputs = {output.name: codes[output.port] for output in graph.outputs}
    inside: dict[str, IntArray] = {}
    if request.trace or request.simulator is Simulator.GHDL:
        inside = evaluate(graph, inputs)
    run = simulate if request.simulator is Simulator.GHDL else simulate_netlist
    result = run(graph, inputs, inside | outputs, folder, request.options, sources)
    problem = None if result.fault is None else str(result.fault)
    if (
        problem is None
        and result.completions != predict(graph, len(result.completions)).completions
    ):
        problem = f"frames were complete after {result.completions} cycles, not as predicted"
    if problem is not None:
        remedy = "please report this"
        if isinstance(result.fault, Mismatch) and not inside:
            remedy = "--trace tells which element is the first to differ"
        if result.wave is not None and request.failed_wave is not None:
            kept = request.failed_wave.with_name(request.failed_wave.name + result.wave.suffix)
            shutil.move(result.wave, kept)
            remedy = f"see {kept} in GTKWave, and {remedy}"
        raise CompileError("simulate", graph.name, problem, remedy)
    return result


def facts(
    graph: StreamGraph, request: SimulationRequest, frames: int, result: SimulationResult
) -> report.Simulation:
    """Return what the report says of ``result``, of a run of ``frames`` frames."""
    stalls = "none"
    if request.options.stalled_frames != 0:
        stalls = (
            f"random on {request.options.stalls.value} sides, seed {request.options.seed}; "
            f"{len(result.completions)} frames again without stalls"
        )
    return report.Simulation(
        result.simulator,
        frames,
        stalls,
        sum(result.values_checked[output.name] for output in graph.outputs),
        0,
        result.cycles_per_frame,
        result.latency_cycles,
        sum(result.values_checked.values()),
        len(result.values_checked),
        None if result.wave is None else result.wave.name,
    )
