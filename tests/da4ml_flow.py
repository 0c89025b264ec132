"""A network of dense layers through da4ml's own flow: its tracer, its solver, its Verilog.

It gets the very integers of a stream graph: weights, factors, offsets, shifts and the ends of the
codes.  Its rounding is half up, and onnxruntime's half to even; but these offsets and factors are
those for which a floor shift is proved equal to onnxruntime, so that both designs compute the same
codes, which is checked.  Its defaults are left as they are (``hard_dc`` 2), with 5 adder levels a
stage as in the recorded figures.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from da4ml.codegen import RTLModel
from da4ml.trace import FixedVariableArray, HWConfig, comb_trace

from ir.elements import ProcessingElement
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.numbers import IntArray
from ir.requantize import ScaleRequantization
from ir.resources import Resources
from sim.cache import cached_folder
from sim.resources import YOSYS, resources

LEVELS_PER_STAGE = 5
DELAY_CONSTRAINT = 2
"""Levels beyond the least depth that its converter allows by default."""

CHECKED_FRAMES = 200
CODE_BITS = 8

UNUSED = ("lookup_table.v",)
"""Its modules that read files; no layer here has a table."""


@dataclass(frozen=True, slots=True)
class Design:
    """What da4ml writes: ``verilog`` of all modules, the top ``name``, register ``stages``.

    There is a register in front of each stage and one behind the last, so that what is taken at an
    edge can be taken from it ``stages + 1`` edges later.
    """

    name: str
    verilog: str
    stages: int

    @property
    def latency(self) -> int:
        """From the edge that takes a frame to the first that can take its result."""
        return self.stages + 1


def designed(graph: StreamGraph) -> Design:
    """Return da4ml's design for ``graph``, dense layers of codes of 8 bits without a sign.

    Raises:
        ValueError: it computes other codes, or the graph has something else in it.
    """
    (source,) = graph.inputs
    width = source.output.shape.channels
    x = first = FixedVariableArray.from_lhs(
        np.zeros(width),
        np.full(width, float(source.output.number.maximum)),
        np.ones(width),
        hwconf=HWConfig(1, -1, -1),
        solver_options={"hard_dc": DELAY_CONSTRAINT},
    )
    for layer, function in _layers(graph):
        x = x @ layer.weights.reshape(width, -1).astype(float)
        if np.any(function.multipliers != 1):
            x = x * function.multipliers.astype(float)
        x = (x + function.offsets.astype(float)) * 2.0**-function.shift
        x = x.quantize(0, CODE_BITS, 0, "SAT", "TRN")
        width = layer.weights.shape[3]
    logic = comb_trace(first, x)
    frames, expected = _frames(graph)
    if not np.array_equal(logic.predict(frames.astype(np.float32)), expected):
        raise ValueError(f"{graph.name}: da4ml must compute the same codes")
    with tempfile.TemporaryDirectory() as folder:
        model = RTLModel(logic, graph.name, folder, "verilog", latency_cutoff=LEVELS_PER_STAGE)
        model.write()
        verilog = "".join(path.read_text() for path in _modules(Path(folder) / "src", graph.name))
        stages = json.loads((Path(folder) / "metadata.json").read_text())["latency"]
    return Design(graph.name, verilog, stages)


def _layers(graph: StreamGraph) -> Iterator[tuple[ProcessingElement, ScaleRequantization]]:
    for element in graph:
        if isinstance(element, ProcessingElement):
            function = element.requantization
            ends = (0, (1 << CODE_BITS) - 1)
            if not isinstance(function, ScaleRequantization) or element.table is not None:
                raise ValueError(f"{element.name}: must be requantized by factors")
            if (function.low, function.high) != ends:
                raise ValueError(f"{element.name}: codes must be {ends}")
            yield element, function


def _frames(graph: StreamGraph) -> tuple[IntArray, IntArray]:
    """Return random frames and what the network makes of them, (frames, values)."""
    (source,) = graph.inputs
    number, width = source.output.number, source.output.shape.channels
    size = (CHECKED_FRAMES, 1, 1, width)
    frames = np.random.default_rng(0).integers(number.minimum, number.maximum, size, endpoint=True)
    values = evaluate(graph, {source.port: frames})[graph.outputs[0].name]
    return frames.reshape(CHECKED_FRAMES, -1), values.reshape(CHECKED_FRAMES, -1)


def _modules(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files of a design: its top, its stages in order, the modules that they name."""
    yield folder / f"{name}.v"
    stages = folder.glob(f"{name}_stage*.v")
    yield from sorted(stages, key=lambda path: (len(path.name), path.name))
    static = sorted((folder / "static").glob("*.v"))
    yield from (path for path in static if path.name not in UNUSED)


def count(design: Design, *, kept_only: bool = False) -> Resources | None:
    """Return what yosys' ``synth_xilinx`` makes of ``design``, kept by content.

    None if it was not counted before and only those counts are wanted.
    """
    folder = cached_folder("yosys", ("da4ml", design.name, design.verilog), lambda folder: None)
    counted = folder / "cells.json"
    if not counted.exists():
        if kept_only:
            return None
        _count(design, counted)
    return resources(json.loads(counted.read_text()))


def _count(design: Design, counted: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "design.v").write_text(design.verilog)
        script = (
            "read_verilog design.v; "
            f"synth_xilinx -family xc7 -flatten -noiopad -nodsp -top {design.name}; "
            "tee -q -o cells.json stat -json"
        )
        subprocess.run([str(YOSYS), "-q", "-p", script], cwd=folder, check=True)
        modules = json.loads((folder / "cells.json").read_text())["modules"]
        cells = modules[f"\\{design.name}"]["num_cells_by_type"]
        counted.write_text(json.dumps(cells))
