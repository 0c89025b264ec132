"""One network from ONNX to simulation, in a process of its own, so that its figures are its own.

``python -m tests.scaling_point POINT RESULT`` reads a ``Point`` and writes ``Costs``, as JSON;
``tests/scaling.py`` starts it.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx

from frontend.compiler import Compilation, CompileOptions, compile_model, write_output
from frontend.frames import first_frames
from ir.goal import Goal
from ir.interpreter import evaluate
from sim import SimulationOptions, simulate
from tests.measurement import cpu_seconds, peak_mebibytes
from tests.netlist_benchmark import unstalled
from tests.onnx_models import Graph

SIDE, CHANNELS = 8, 8
"""Of the maps of a deep network, whose convolutions are 3 x 3."""
CONVOLUTION_MACS = SIDE * SIDE * 9 * CHANNELS * CHANNELS


@dataclass(frozen=True, slots=True)
class Point:
    """A dense layer of ``inputs`` x ``outputs``, or, if these are 0, ``layers`` convolutions.

    ``products``: multiplications per cycle and layer.
    """

    inputs: int
    outputs: int
    layers: int
    products: int

    @property
    def cycles(self) -> int:
        """Cycles per frame to fold to."""
        return max((self.inputs * self.outputs or CONVOLUTION_MACS) // self.products, 1)


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds on the processor, of child processes, too; memory above the start; bytes of VHDL.

    ``stages``: the compiler's, by name.  ``tools``: of GHDL, Verilator and g++, for one frame.
    """

    stages: dict[str, float]
    tools: dict[str, float]
    mebibytes: float
    vhdl_bytes: int

    @property
    def compile_seconds(self) -> float:
        """From the ONNX file to the written folder."""
        return sum(self.stages.values())


def network(point: Point) -> onnx.ModelProto:
    """Return the network with random weights, as float ONNX."""
    graph = Graph(seed=1)
    last = "x"
    if point.inputs:
        shape = ["N", point.inputs]
        weights = graph.constant(graph.random.normal(0, 0.1, (point.inputs, point.outputs)))
        last = graph("Relu", graph("MatMul", last, weights))
    else:
        shape = ["N", CHANNELS, SIDE, SIDE]
        for _ in range(point.layers):
            weights = graph.constant(graph.random.normal(0, 0.15, (CHANNELS, CHANNELS, 3, 3)))
            last = graph("Relu", graph("Conv", last, weights, pads=[1, 1, 1, 1]))
    return graph.model(last, inputs={"x": shape})


def compiled(point: Point, folder: Path, stages: dict[str, float]) -> Compilation:
    """Compile the network into ``folder``; ``stages`` gets the seconds of each stage."""

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        before = cpu_seconds()
        yield
        stages[name] = cpu_seconds() - before

    source = folder / "network.onnx"
    onnx.save(network(point), source)
    compilation = compile_model(source, CompileOptions(goal=Goal(point.cycles)), stage)
    write_output(compilation, folder / "out", show=stage)
    return compilation


def tool_seconds(point: Point, compilation: Compilation, folder: Path) -> dict[str, float]:
    """Return the seconds of the tools; a frame goes through the netlist and is compared."""
    graph, golden = compilation.graph, compilation.golden
    chosen = first_frames(compilation.test.inputs, 1)
    inputs, outputs = golden.input_codes(chosen), golden.output_codes(chosen)
    expected = evaluate(graph, inputs) | {o.name: outputs[o.port] for o in graph.outputs}
    netlist = unstalled(graph, inputs, expected, 1, "netlist", folder / "netlist").seconds
    # Without a frame to send, what is left is linking and elaboration.
    nothing = SimulationOptions(timed_frames=0, stalled_frames=0)
    ghdl = simulate(graph, inputs, expected, folder / "ghdl", nothing).seconds
    return {"analysis": ghdl["analysis"], "elaboration": ghdl["run"], **netlist}


def measured(point: Point) -> Costs:
    """Compile something small first, then the network."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("small", "point"):
            (folder / name).mkdir()
        compiled(Point(8, 8, 1, 1), folder / "small", {})
        start = peak_mebibytes()
        stages: dict[str, float] = {}
        compilation = compiled(point, folder / "point", stages)
        memory = peak_mebibytes() - start
        vhdl = folder / "point" / "out" / "vhdl"
        size = sum(path.stat().st_size for path in vhdl.rglob("*") if path.is_file())
        return Costs(stages, tool_seconds(point, compilation, folder), memory, size)


def main(question: str, answer: str) -> None:
    """Measure the point that ``question`` holds; write its costs."""
    point = Point(**json.loads(Path(question).read_text()))
    Path(answer).write_text(json.dumps(dataclasses.asdict(measured(point))))


if __name__ == "__main__":
    main(*sys.argv[1:])
