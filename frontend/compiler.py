"""The Python entry point: the whole chain from a model file to hardware, one stage after another.

    from frontend.compiler import compile_model, write_output

    compilation = compile_model(Path("model.h5"))
    write_output(compilation, Path("out"), SimulationRequest(frames=8))

This module, ``frontend/simulation.py`` and the command line are the only ones that see every part.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from frontend import evidence, report
from frontend.calibration import CalibrationSet, Preprocessing, load_calibration
from frontend.comparisons import check_approximations, compare
from frontend.frame_checks import check_same_frames
from frontend.frames import Frames, first_frames
from frontend.golden import GoldenModel
from frontend.manifest import manifest
from frontend.open_model import open_model
from frontend.output import replace_entries
from frontend.quantization_error import TensorError, quantization_error
from frontend.quantize import QuantizedModel, QuantizeOptions, quantize
from frontend.simulation import SimulationRequest, facts, simulate_golden
from frontend.source import SourceModel
from frontend.vanishing_variance import without_vanished_variances
from ir.cycles import Cycles, predict
from ir.errors import CompileError
from ir.goal import DEFAULT_GOAL, Goal
from ir.graph import StreamGraph
from ir.identifiers import Identifiers
from rewrite.lower import Lowered, lower
from rewrite.onnx import FusedModel, fuse
from rewrite.onnx.float import canonicalize
from rewrite.stream import Folding, counted, fold_within
from rtl import library
from rtl.printer import write_vhdl
from sim import SimulationResult

StageContext = Callable[[str], AbstractContextManager[object]]
"""Wraps each stage, named for people, so that a front end can show progress."""

OUTPUTS = frozenset(("vhdl", "sim", "vivado"))
"""Folders of an earlier compilation, which would lie beside a manifest that is not theirs."""

VERIFIED_FRAMES = 32
"""Frames on which the interpreter must equal onnxruntime before anything is written."""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What a user may choose.

    ``calibration`` sets the scales; ``test`` is simulated and its accuracy reported, by default
    the calibration data again.  ``goal``: what the folding is to reach.
    """

    weights: Path | None = None
    calibration: Path | None = None
    test: Path | None = None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    quantization: QuantizeOptions = field(default_factory=QuantizeOptions)
    goal: Goal = DEFAULT_GOAL


@dataclass(frozen=True, slots=True)
class Compilation:
    """A compiled network with the evidence, all in memory.

    ``stage_seconds``: wall-clock seconds by stage, for the terminal only: nothing that a
    compilation writes depends on the machine's speed.
    """

    source: Path
    loaded: SourceModel
    calibration: CalibrationSet
    test: CalibrationSet
    quantized: QuantizedModel
    tensor_errors: tuple[TensorError, ...]
    fused: FusedModel
    lowered: Lowered
    folding: Folding
    graph: StreamGraph
    cycles: Cycles
    golden: GoldenModel
    comparison: report.Comparison
    approximations: tuple[report.Comparison, ...]
    stage_seconds: dict[str, float]


class _Clock:
    """Times the stages and lets the front end show them."""

    def __init__(self, show: StageContext | None) -> None:
        self._show = show or (lambda name: nullcontext())
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        with self._show(name):
            yield
        self.seconds[name] = time.perf_counter() - start


def compile_model(
    source: Path,
    options: CompileOptions | None = None,
    show: StageContext | None = None,
) -> Compilation:
    """Compile ``source`` in memory; nothing is written.

    Raises:
        CompileError: the model cannot be compiled, or a check of the chain failed.
    """
    options = options or CompileOptions()
    stage = _Clock(show)
    with stage("load the model"):
        loaded = open_model(source, weights=options.weights)
    with stage("read calibration and test data"):
        calibration = _frames(options.calibration, loaded, options)
        test = calibration if options.test is None else _frames(options.test, loaded, options)
    with stage("quantize"):
        quantized, errors = _golden(loaded, calibration.inputs, options.quantization)
    with stage("fuse"):
        fused = fuse(quantized.model, approximate=options.quantization.softmax)
    with stage("lower and prove"):
        lowered = lower(fused, Identifiers(library.units()).new(source.stem))
        _require_class(lowered.graph, options.quantization.argmax)
    with stage("fold and size the buffers"):
        folding, graph = fold_within(lowered.graph, options.goal)
        cycles = predict(graph)
    with stage("compare with onnxruntime"):
        golden = GoldenModel(quantized.model, graph)
        sample = first_frames(test.inputs, VERIFIED_FRAMES)
        comparison = compare(graph, golden, sample)
        approximations = check_approximations(graph, golden, sample)
    return Compilation(
        source, loaded, calibration, test, quantized, errors, fused, lowered, folding, graph,
        cycles, golden,
        comparison, approximations, stage.seconds,
    )  # fmt: skip


def _frames(path: Path | None, loaded: SourceModel, options: CompileOptions) -> CalibrationSet:
    return load_calibration(
        path,
        loaded.input_shapes,
        preprocessing=options.preprocessing,
        stand_in=loaded.input_ranges,
        classes=math.prod(loaded.output_shapes[0]),
    )


def _has_softmax(loaded: SourceModel) -> bool:
    return any(node.op_type in ("Softmax", "QLinearSoftmax") for node in loaded.model.graph.node)


def _golden(
    loaded: SourceModel, frames: Frames, options: QuantizeOptions
) -> tuple[QuantizedModel, tuple[TensorError, ...]]:
    """Return the golden model, and what quantization costs: nothing where it was done before."""
    if loaded.is_quantized:
        for wanted, option, operator in (
            (options.argmax, "--argmax", "an ArgMax"),
            (options.softmax and not _has_softmax(loaded), "--softmax", "a quantized Softmax"),
        ):
            if wanted:
                raise CompileError(
                    "quantize", loaded.model.graph.name or "the model",
                    f"{option} would change a model that is quantized already",
                    f"leave {option} out, or end the model with {operator}",
                )  # fmt: skip
        return QuantizedModel(loaded.model, ()), ()
    floating = canonicalize(loaded.model)
    outputs = [output.name for output in floating.graph.output]
    check_same_frames(loaded.run, loaded.model, floating, frames, outputs)
    vanished = without_vanished_variances(floating, frames)
    if vanished is not None:
        floating = canonicalize(vanished)
        check_same_frames(loaded.run, loaded.model, floating, frames, outputs)
    quantized = quantize(floating, frames, options)
    sample = first_frames(frames, VERIFIED_FRAMES)
    return quantized, quantization_error(floating, quantized.model, sample)


def _require_class(graph: StreamGraph, argmax: bool) -> None:
    """Refuse to send the class of a network whose end keeps ArgMax out of the core."""
    if argmax and "ArgMax" in graph.host_operators:
        problem = "--argmax must follow a layer of the core or its one Softmax, not "
        problem += ", ".join(graph.host_operators)
        raise CompileError("lower", graph.outputs[0].layer, problem, "leave --argmax out")


def simulate_compilation(
    compilation: Compilation,
    request: SimulationRequest,
    folder: Path,
    sources: Sequence[Path] | None = None,
) -> SimulationResult:
    """Simulate frames of the test data; see ``simulate_golden``."""
    frames = first_frames(compilation.test.inputs, request.frames)
    return simulate_golden(compilation.graph, compilation.golden, frames, request, folder, sources)


def write_output(
    compilation: Compilation,
    folder: Path,
    simulation: SimulationRequest | None = None,
    show: StageContext | None = None,
) -> report.Report:
    """Write the output folder of docs/manifest.md, simulating first if asked; all or nothing.

    Returns the report that was written.

    Raises:
        CompileError: the simulation failed, or the folder cannot be written.
    """
    stage = _Clock(show)
    written: report.Report | None = None

    def write(fresh: Path) -> None:
        nonlocal written
        result: SimulationResult | None = None
        with stage("write VHDL"):
            onnx.save(compilation.quantized.model, fresh / "quantized.onnx")
            onnx.save(compilation.fused.proto, fresh / "fused.onnx")
            paths = write_vhdl(compilation.graph, fresh / "vhdl")
            sources = [path.relative_to(fresh).as_posix() for path in paths]
            contents = manifest(compilation.graph, compilation.cycles, sources)
            (fresh / "manifest.json").write_text(json.dumps(contents, indent=2) + "\n")
        if simulation is not None:
            with stage(simulation.stage):
                result = simulate_compilation(compilation, simulation, fresh / "sim", paths)
        with stage("write the report"):
            written = _report(compilation, simulation, result)
            report.write_report(written, fresh)

    replace_entries(folder, write, OUTPUTS)
    compilation.stage_seconds.update(stage.seconds)
    assert written is not None
    return written


def _step(folding: Folding) -> report.Step | None:
    if folding.next_cycles is None or folding.next_cost is None:
        return None
    lut, ff, dsp, bram18, _ = (
        math.ceil(then - now)
        for then, now in zip(counted(folding.next_cost), counted(folding.cost), strict=True)
    )
    return report.Step(folding.next_cycles, (lut, ff, dsp, bram18))


def _report(
    compilation: Compilation, request: SimulationRequest | None, result: SimulationResult | None
) -> report.Report:
    loaded, data, graph = compilation.loaded, compilation.calibration, compilation.graph
    samples = compilation.lowered.samples
    what = "each element = onnxruntime, alone, on random codes"
    inexact = sum(s.inexact for s in samples)
    if compilation.approximations:
        what += f"; {inexact} codes of those that approximate differ by one"
    sampled = report.Comparison(
        what,
        sum(s.frames for s in samples),
        sum(s.values for s in samples),
        0,
    )
    rewritten = report.Comparison(
        "fused.onnx = quantized.onnx, after every rewrite", 0, compilation.fused.compared_values, 0
    )
    simulation, simulated_frames = None, 0
    if request is not None and result is not None:
        simulated_frames = min(request.frames, compilation.test.frames)
        simulation = facts(graph, request, simulated_frames, result)
    return report.Report(
        report.Source(compilation.source.name, loaded.format),
        graph,
        compilation.cycles,
        report.Calibration(
            data.source if data.is_stand_in else Path(data.source).name,
            data.frames,
            data.is_stand_in,
        ),
        evidence.proofs(compilation.lowered.proofs, graph),
        (compilation.comparison, *compilation.approximations, sampled, rewritten),
        tuple(report.LayerError(e.layer, e.sqnr_db, e.rmse) for e in compilation.tensor_errors),
        evidence.accuracy(graph, loaded, compilation.golden, compilation.test, simulated_frames),
        simulation,
        evidence.tool_versions(),
        _step(compilation.folding),
    )
