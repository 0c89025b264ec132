"""A network through the whole chain: onnxruntime == interpreter == netlist == GHDL, and cycles."""

from __future__ import annotations

import re
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from frontend.compiler import Compilation, CompileOptions, compile_model
from frontend.frames import FloatArray, Frames, first_frames, frames_by_input
from frontend.quantize import QuantizeOptions
from ir.errors import CompileError
from ir.goal import DEFAULT_GOAL, UNLIMITED, Goal
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray
from sim import Hang, Mismatch, SimulationOptions, SimulationResult, simulate, simulate_netlist
from tests.case import Case
from zoo.weights import Regime

Simulator: TypeAlias = Callable[
    [StreamGraph, Mapping[str, IntArray], Mapping[str, IntArray], Path, SimulationOptions],
    SimulationResult,
]
"""``simulate`` (GHDL) or ``simulate_netlist``."""

INTERPRETED_FRAMES = 64
STALLED_FRAMES = 6
"""Frames of the stalled phase: all low, all high, both by turns, two beyond the range."""

REFUSALS = (
    "one accumulator step passes the whole range of its activation",
    "steps over the whole output range",
)
"""Weights so large that a step of an 8-bit weight is more than the output's range."""
OVERFLOW = (
    "values on the calibration frames must be finite",
    "overflows to NaN or infinity on ordinary inputs",
)
"""Whatever the weights: of exponentials and products, float32 may not hold the results."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a case.

    ``interpreted``, ``in_netlist``, ``in_ghdl``: output values compared with onnxruntime's, the
    last 0 where GHDL was not asked; ``at_streams``: values compared at all streams in both.
    ``mismatches``: output values that the interpreter got wrong, and 1 for the first wrong value
    in each simulation.  ``problems``: a line each; empty if all is well.  ``refusal``: why the
    compiler refused, for a reason that ``REFUSALS`` allows.
    """

    case: Case
    interpreted: int = 0
    in_netlist: int = 0
    in_ghdl: int = 0
    at_streams: int = 0
    mismatches: int = 0
    deadlocks: int = 0
    cycle_errors: int = 0
    problems: tuple[str, ...] = ()
    refusal: str | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.problems


def judge(case: Case, *, netlist: bool = True, ghdl: bool = False) -> Verdict:
    """Run ``case`` through the chain; whatever happens is told, nothing is raised.

    Every stream is compared in the interpreter, if ``netlist`` in the simulated netlist and if
    ``ghdl`` in the VHDL itself.
    """
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            verdict = _judge(case, Path(folder), netlist, ghdl)
    except CompileError as error:
        verdict = refused(case, error)
    except Exception:  # one broken network must not hide the others
        verdict = Verdict(case, problems=(traceback.format_exc(),))
    return replace(verdict, seconds=time.perf_counter() - start)


def refused(case: Case, error: CompileError) -> Verdict:
    """Return the verdict on a refusal; what no 8 bits or no float can hold may be refused."""
    line = f"refused in {error.stage}: {error}"
    hostile = case.regime not in (Regime.ORDINARY, Regime.SINGLE_WEIGHT, Regime.ZERO_CHANNELS)
    reasons = (*(REFUSALS if hostile else ()), *OVERFLOW)
    if any(reason in error.problem for reason in reasons):
        return Verdict(case, refusal=line)
    return Verdict(case, problems=(line,))


def _goal(case: Case) -> Goal:
    if case.parallel:
        return Goal(limits=(*UNLIMITED[:4], 1e9))  # a pixel per cycle at most
    return DEFAULT_GOAL if case.cycles is None else Goal(case.cycles)


def _judge(case: Case, folder: Path, netlist: bool, ghdl: bool) -> Verdict:
    source, calibration = folder / "model.h5", folder / "calibration.npz"
    case.save(source)
    np.savez(calibration, **_by_keyword(case))
    options = CompileOptions(
        calibration=calibration,
        quantization=QuantizeOptions(argmax=case.argmax, softmax=case.softmax),
        goal=_goal(case),
    )
    compilation = _compiled(source, options)
    frames = case.frames(INTERPRETED_FRAMES)
    interpreted, wrong = compare_interpreter(compilation, frames)
    problems = [f"interpreter: {wrong} of {interpreted} values differ"] if wrong else []
    verdict = Verdict(case, interpreted=interpreted, mismatches=wrong, problems=tuple(problems))
    simulators = {"netlist": simulate_netlist, "ghdl": simulate}
    for name, wanted in (("netlist", netlist), ("ghdl", ghdl)):
        if not wanted:
            continue
        result = run_hardware(
            compilation,
            frames,
            folder / name,
            stalled_frames=STALLED_FRAMES,
            seed=case.seed % 1_000_000,
            simulator=simulators[name],
        )
        verdict = _with_simulation(verdict, f"in_{name}", compilation, result)
    return verdict


def _compiled(source: Path, options: CompileOptions) -> Compilation:
    """Return the compilation; where the cycles are too few, with those that the refusal offers."""
    try:
        return compile_model(source, options)
    except CompileError as error:
        offered = re.fullmatch(r"ask for --cycles (\d+) or more", error.remedy)
        if offered is None:
            raise
        return compile_model(source, replace(options, goal=Goal(int(offered[1]))))


def _with_simulation(
    verdict: Verdict, figure: str, compilation: Compilation, result: SimulationResult
) -> Verdict:
    """Return ``verdict`` with what came of a simulation; ``figure`` counts its output values."""
    cycles = compare_cycles(compilation, result)
    fault = result.fault
    return replace(
        verdict,
        **{figure: output_values(compilation, result)},
        at_streams=verdict.at_streams + sum(result.values_checked.values()),
        mismatches=verdict.mismatches + int(isinstance(fault, Mismatch)),
        deadlocks=verdict.deadlocks + int(isinstance(fault, Hang)),
        cycle_errors=verdict.cycle_errors + int(cycles is not None),
        problems=(
            *verdict.problems,
            *([] if fault is None else [f"{result.simulator}: {fault}"]),
            *([] if cycles is None else [f"{result.simulator}: {cycles}"]),
        ),
    )


def _by_keyword(case: Case) -> Frames:
    """Return the calibration frames as an .npz file names them: those of an only input ``x``."""
    frames = case.calibration()
    return frames if len(frames) > 1 else {"x": next(iter(frames.values()))}


def compare_interpreter(compilation: Compilation, frames: FloatArray | Frames) -> tuple[int, int]:
    """Return how many output values the interpreter computed, and how many onnxruntime denies."""
    expected = compilation.golden.output_codes(frames)
    sent = evaluate(compilation.graph, compilation.golden.input_codes(frames))
    total = wrong = 0
    for output in compilation.graph.outputs:
        total += expected[output.port].size
        wrong += int(np.count_nonzero(sent[output.name] != expected[output.port]))
    return total, wrong


def run_hardware(
    compilation: Compilation,
    frames: FloatArray | Frames,
    folder: Path,
    *,
    stalled_frames: int,
    seed: int,
    simulator: Simulator = simulate,
) -> SimulationResult:
    """Simulate ``frames``: outputs must be onnxruntime's, other streams the interpreter's.

    As many frames as the prediction needs to be steady run without stalls, the first
    ``stalled_frames`` with stalls on both sides, behind a reset in mid-frame.
    """
    graph, golden = compilation.graph, compilation.golden
    timed = len(compilation.cycles.completions)
    names = [graph.host_tensors[i.port].onnx_name for i in graph.inputs]
    chosen = first_frames(frames_by_input(frames, names), max(timed, stalled_frames))
    inputs, outputs = golden.input_codes(chosen), golden.output_codes(chosen)
    expected: dict[str, IntArray] = evaluate(graph, inputs)
    expected |= {output.name: outputs[output.port] for output in graph.outputs}
    options = SimulationOptions(
        seed=seed,
        timed_frames=timed,
        stalled_frames=stalled_frames,
        timeout_seconds=600.0,
        jobs=1,
    )
    return simulator(graph, inputs, expected, folder, options)


def compare_cycles(compilation: Compilation, result: SimulationResult) -> str | None:
    """Return what the prediction got wrong, if anything: every frame's end and the interval.

    Buffers may let the first frames follow each other faster than those in the long run.
    """
    predicted = compilation.cycles
    if result.completions != predicted.completions:
        return f"cycles: predicted {predicted.completions}, measured {result.completions}"
    interval = int(np.diff(predicted.completions)[-1])
    if result.cycles_per_frame not in (None, interval):
        return f"cycles per frame: predicted {interval}, measured {result.cycles_per_frame}"
    return None


def output_values(compilation: Compilation, result: SimulationResult) -> int:
    """Return how many output values the simulation compared."""
    checked = Counter(result.values_checked)
    return sum(checked[output.name] for output in compilation.graph.outputs)
