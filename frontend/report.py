"""The report of a compilation: report.json for programs, report.html for people.

Both depend on the model, the options and the tool versions alone: no times, no memory, no paths,
so two compilations of one model write the same bytes.  docs/report.md describes report.json.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2

from frontend.manifest import macs, products
from frontend.report_drawing import BOX_WIDTH, draw, shortened
from frontend.report_elements import (
    ElementFacts,
    buffer_bits,
    element_facts,
    total_resources,
)
from frontend.report_plots import decibels, error_plot
from ir.cycles import Cycles
from ir.errors import printable
from ir.graph import StreamGraph, readers
from ir.numbers import IntegerType

FORMAT = 1
"""Version of report.json; raised when a key changes its meaning or goes away."""


@dataclass(frozen=True, slots=True)
class Source:
    """The model file: ``name`` without folders, ``format`` such as ``"HDF5"``."""

    name: str
    format: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """The data that set the activations' scales.

    ``source``: file or folder name, or what the stand-in drew; ``stand_in``: no data was given,
    so no accuracy can be claimed.
    """

    source: str
    frames: int
    stand_in: bool


@dataclass(frozen=True, slots=True)
class LayerError:
    """What quantization costs at one layer, against the float model on the calibration data.

    ``sqnr_db``: signal to quantization noise, dB; infinite if there is no noise.  ``rmse``: root of
    the mean square error, in units of the float tensor.
    """

    layer: str
    sqnr_db: float
    rmse: float


@dataclass(frozen=True, slots=True)
class Proof:
    """Requantization of one element, compared with onnxruntime's arithmetic.

    ``accumulator``: type in hardware; ``low``, ``high``: reachable values, over all channels;
    ``form``: such as ``"multiplier 9 bits >> 14"`` or ``"thresholds"``; ``values``: accumulator
    values for which equality holds, summed over the channels; ``evaluated``: how many of them were
    also computed in both forms; ``method``: ``"proved"`` if ``values`` are all that are reachable,
    else ``"sampled"``.
    """

    element: str
    channels: int
    accumulator: IntegerType
    low: int
    high: int
    form: str
    values: int
    evaluated: int
    method: Literal["proved", "sampled"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two executions compared value for value on sample frames.

    ``what``: a sentence such as ``"interpreter = onnxruntime on quantized.onnx"``.
    """

    what: str
    frames: int
    values: int
    mismatches: int


@dataclass(frozen=True, slots=True)
class Score:
    """Right answers among ``frames`` labelled frames."""

    correct: int
    frames: int

    @property
    def share(self) -> float:
        """Accuracy, 0 to 1."""
        return self.correct / self.frames


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of the float model, of quantized.onnx and of the simulated hardware.

    Each has its own number of frames: simulation runs on fewer.  A model that was quantized by
    another tool has no float model here.
    """

    float_model: Score | None
    quantized: Score
    simulated: Score | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """A run of the design in an HDL simulator.

    ``stalls``: what the bench did to the streams, such as ``"random on both sides, seed 1"``;
    ``outputs``: values at the core's outputs compared with onnxruntime's; ``values``: values
    compared at ``streams`` streams, these outputs included; cycles are those measured in the
    unstalled part, None if there was none.  ``wave``: file of the waveform beside the bench.
    """

    simulator: str
    frames: int
    stalls: str
    outputs: int
    mismatches: int
    cycles_per_frame: int | None = None
    latency_cycles: int | None = None
    values: int = 0
    streams: int = 0
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The cheapest folding that is faster: its cycles per frame, and what it costs more.

    ``more``: look-up tables, flip-flops, DSP blocks and block RAMs of 18 kbit, estimated.
    """

    cycles: int
    more: tuple[int, int, int, int]

    @property
    def difference(self) -> str:
        """What changes, such as ``"+20 LUT, -1 DSP"``."""
        names = ("LUT", "FF", "DSP", "BRAM18")
        changed = [
            f"{more:+,} {name}" for name, more in zip(names, self.more, strict=True) if more != 0
        ]
        return ", ".join(changed) or "nothing more"

    def dictionary(self) -> dict[str, Any]:
        """Return the step as it stands in report.json."""
        keys = ("lut", "ff", "dsp", "bram18")
        return {"cycles_per_frame": self.cycles, "more": dict(zip(keys, self.more, strict=True))}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the report shows.

    ``graph``: folded and buffered; ``cycles``: predicted for it; ``tools``: (tool, version);
    ``step``: what the next faster folding would be, None if there is none.
    """

    source: Source
    graph: StreamGraph
    cycles: Cycles
    calibration: Calibration
    proofs: tuple[Proof, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    layer_errors: tuple[LayerError, ...] = ()
    accuracy: Accuracy | None = None
    simulation: Simulation | None = None
    tools: tuple[tuple[str, str], ...] = ()
    step: Step | None = None

    @property
    def elements(self) -> tuple[ElementFacts, ...]:
        """The facts of each element, sources first."""
        reading = readers(self.graph)
        return tuple(
            element_facts(element, self.cycles, len(reading[id(element)])) for element in self.graph
        )


def write_report(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``report.html`` into ``folder``, which exists.

    Raises:
        OSError: a file cannot be written.
    """
    text = json.dumps(report_dictionary(report), indent=2, allow_nan=False) + "\n"
    (folder / "report.json").write_text(text, encoding="ascii")
    (folder / "report.html").write_text(report_html(report), encoding="utf-8")


def report_dictionary(report: Report) -> dict[str, Any]:
    """Return the contents of report.json; the order of its keys is fixed."""
    cycles = report.cycles
    return {
        "format": FORMAT,
        "source": asdict(report.source),
        "top": report.graph.name,
        "calibration": asdict(report.calibration),
        "host_operators": list(report.graph.host_operators),
        "cycles": {
            "cycles_per_frame": cycles.cycles_per_frame,
            "latency_cycles": cycles.latency_cycles,
            "lower_bound": cycles.lower_bound,
            "bottleneck": cycles.bottleneck,
        },
        "next_step": report.step.dictionary() if report.step else None,
        "elements": [facts.dictionary() for facts in report.elements],
        "estimated_resources": asdict(total_resources(report.elements)),
        "buffer_bits": buffer_bits(report.elements),
        "proofs": [
            asdict(p)
            | {"accumulator": {"bits": p.accumulator.bits, "signed": p.accumulator.signed}}
            for p in report.proofs
        ],
        "comparisons": [asdict(c) for c in report.comparisons],
        "quantization_error": [
            {"layer": e.layer, "sqnr_db": finite(e.sqnr_db), "rmse": finite(e.rmse)}
            for e in report.layer_errors
        ],
        "accuracy": asdict(report.accuracy) if report.accuracy else None,
        "simulation": asdict(report.simulation) if report.simulation else None,
        "tools": dict(report.tools),
    }


def finite(value: float) -> float | None:
    """Return ``value`` as JSON can hold it: None for infinity and NaN."""
    return value if math.isfinite(value) else None


def report_html(report: Report) -> str:
    """Return the page, complete in itself: style, drawing and plot are inside."""
    elements = report.elements
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            elements=elements,
            products=products(report.graph),
            macs=macs(report.graph),
            buffer_bits=buffer_bits(elements),
            resources=total_resources(elements),
            drawing=draw(report.graph, elements),
            box_width=BOX_WIDTH,
            error_plot=error_plot([(e.layer, e.sqnr_db) for e in report.layer_errors]),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("frontend"),
        autoescape=True,  # every name in a model file is untrusted
        finalize=_without_control_characters,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["decibels"] = decibels
    environment.filters["words"] = _words
    environment.filters["shorten"] = shortened
    return environment


def _without_control_characters(value: object) -> object:
    """Escape what could act on the page though it is no markup, such as a change of direction."""
    return printable(value) if type(value) is str else value


def _words(kind: str) -> str:
    """Return a class name as words: ``MaxPool`` is "Max pool"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).capitalize()
