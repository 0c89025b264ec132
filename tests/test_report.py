"""The report: complete, the same on every run, and safe whatever the layers are called."""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from frontend.manifest import macs, products
from frontend.report import (
    Accuracy,
    Calibration,
    Comparison,
    LayerError,
    Proof,
    Report,
    Score,
    Simulation,
    Source,
    Step,
    report_dictionary,
    report_html,
    write_report,
)
from frontend.report_drawing import BOX_WIDTH, draw, shortened
from frontend.summary import print_summary
from ir.cycles import predict
from ir.elements import (
    Element,
    Fork,
    GlobalAverage,
    Input,
    Kernel,
    Lookup,
    Output,
    ProcessingElement,
    Reshape,
    Shape,
    StreamType,
    WidthConverter,
)
from ir.goal import UNLIMITED, Amounts, Goal
from ir.graph import StreamGraph
from ir.numbers import IntegerType
from ir.requantize import ScaleRequantization, ThresholdRequantization
from ir.resources import estimate
from rewrite.stream import schedule
from tests.stream_graphs import Chain

UINT8, INT8 = IntegerType(8, False), IntegerType(8, True)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; rm -rf / #{{ 7*7 }}{% raw %}",
    "日本語の名前" * 30,
    r"$\frac{1}{0}$ --> ]]> &amp;",
    "\u202etrojan\x00\x1b[31m\ud800",
    "x" * 1000,
)


def scale(channels: int) -> ScaleRequantization:
    return ScaleRequantization(np.full(channels, 5), np.zeros(channels, int), 8, 0, 255)


def convolution(
    source: Element,
    name: str,
    channels: int,
    *,
    pool: bool = False,
    pe: int = 1,
    requantization: ThresholdRequantization | None = None,
) -> ProcessingElement:
    shape = source.output.shape
    size = 3 if shape.pixels > 1 else 1
    pad = size // 2
    kernel = Kernel(size, size, pad_top=pad, pad_left=pad, pad_bottom=pad, pad_right=pad)
    halving = Kernel(2, 2, 2, 2) if pool else None
    half = 2 if pool else 1
    output = StreamType(Shape(shape.height // half, shape.width // half, channels), UINT8, pe)
    weights = np.ones((size, size, shape.channels, channels), int)
    return ProcessingElement(
        name,
        name,
        source,
        output,
        kernel,
        0,
        weights,
        INT8,
        IntegerType(21, True),
        requantization or scale(channels),
        UINT8,
        pool=halving,
        pe=pe,
        simd=source.output.lanes,
    )


def network(depth: int = 2) -> StreamGraph:
    first = Input("image", "image", "s_axis", StreamType(Shape(8, 8, 1), UINT8, 1), 0)
    last: Element = first
    for number in range(depth):
        last = convolution(last, f"conv_{number}", 4, pool=number == 0, pe=2)
    last = GlobalAverage(
        "average",
        "average",
        last,
        StreamType(Shape(1, 1, 4), UINT8, 2),
        IntegerType(16, True),
        scale(4),
    )
    last = WidthConverter("narrow", "dense", last, StreamType(Shape(1, 1, 4), UINT8, 1))
    thresholds = ThresholdRequantization(np.tile(np.arange(255), (3, 1)), 0)
    last = convolution(last, "dense", 3, requantization=thresholds)
    output = Output("scores", "scores", last, last.output, "m_axis")
    return StreamGraph("tiny", (first,), (output,), {}, ("Softmax",))


def renamed(graph: StreamGraph) -> StreamGraph:
    names = iter(HOSTILE * 9)
    return graph.rebuild(lambda e: replace(e, layer=next(names)))


def full_report(graph: StreamGraph | None = None) -> Report:
    graph = graph or network()
    cycles = predict(graph)
    layers = [element.layer for element in graph]
    return Report(
        source=Source("tiny.h5", "HDF5"),
        graph=graph,
        cycles=cycles,
        calibration=Calibration("images.npz", 256, stand_in=False),
        proofs=(
            Proof(
                "conv_0",
                4,
                IntegerType(21, True),
                -1234567,
                7654,
                "multiplier 4 bits >> 8",
                4954884,
                100_000,
                "proved",
            ),
            Proof("dense", 3, IntegerType(21, True), -5, 9, "255 thresholds", 45, 45, "sampled"),
        ),
        comparisons=(Comparison("interpreter = onnxruntime", 16, 48, 0),),
        layer_errors=tuple(
            LayerError(name, value, 0.01)
            for name, value in zip(
                layers, [41.25, math.inf, -math.inf, math.nan, -3.0, 0.0, 9.0], strict=False
            )
        ),
        accuracy=Accuracy(Score(98, 100), Score(97, 100), Score(9, 10)),
        simulation=Simulation(
            "GHDL 2.0",
            10,
            "random on both sides, seed 1",
            30,
            0,
            cycles.cycles_per_frame,
            cycles.latency_cycles + 7,
            4321,
            12,
        ),
        tools=(("onnxruntime", "1.31.0"),),
    )


class Page(HTMLParser):
    """Tags, attributes and visible text; fails on tags that do not nest."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_json_holds_the_figures(tmp_path: Path) -> None:
    report = full_report()
    write_report(report, tmp_path)
    written = json.loads((tmp_path / "report.json").read_text())
    assert list(written) == [
        "format",
        "source",
        "top",
        "calibration",
        "host_operators",
        "cycles",
        "next_step",
        "elements",
        "estimated_resources",
        "buffer_bits",
        "proofs",
        "comparisons",
        "quantization_error",
        "accuracy",
        "simulation",
        "tools",
    ]
    first = written["elements"][1]
    own = report.cycles.element_cycles["conv_0"]
    estimated = first.pop("estimated_resources")
    assert estimated == asdict(estimate(list(report.graph)[1]).rounded())
    assert first == {
        "name": "conv_0",
        "kind": "ProcessingElement",
        "layer": "conv_0",
        "sources": ["image"],
        "operation": "convolution 3x3 pad 1, then max pool 2x2 stride 2",
        "output": {
            "shape": [4, 4, 4],
            "bits": 8,
            "signed": False,
            "lanes": 2,
            "beats_per_frame": 32,
        },
        "cycles_per_frame": own,
        "share_of_bottleneck": round(own / report.cycles.lower_bound, 6),
        "pe": 2,
        "simd": 1,
        "macs_per_frame": 64 * 9 * 4,
        "weights": 36,
        "weight_bits": 8,
        "accumulator_bits": 21,
        "requantization": "multiplier 4 bits >> 8",
        "buffers": [
            {"name": "line buffer", "words": 4 * 8, "bits": 8},
            {"name": "FIFO", "words": 2, "bits": 16},
            {"name": "values of windows", "words": 2, "bits": 16},
            {"name": "row maxima", "words": 4 * 2, "bits": 16},
            {"name": "pool FIFO", "words": 2, "bits": 16},
        ],
    }
    assert [e["sqnr_db"] for e in written["quantization_error"]][:4] == [41.25, None, None, None]
    assert written["proofs"][0]["accumulator"] == {"bits": 21, "signed": True}
    assert written["elements"][-2]["requantization"] == "255 thresholds"
    assert written["simulation"]["latency_cycles"] == report.cycles.latency_cycles + 7


def test_resources_are_listed_and_summed(tmp_path: Path) -> None:
    ways = Chain(Shape(8, 6, 2)).fork(3, 70, 5)
    graph = ways[0].concatenate(*ways[1:]).graph()
    report = full_report(graph)
    write_report(report, tmp_path)
    written = json.loads((tmp_path / "report.json").read_text())
    parts = [element["estimated_resources"] for element in written["elements"]]
    fork = next(element for element in graph if isinstance(element, Fork))
    assert asdict(estimate(fork, 3).rounded()) in parts
    assert written["estimated_resources"] == {key: sum(p[key] for p in parts) for key in parts[0]}
    total = written["estimated_resources"]
    output = io.StringIO()
    print_summary(report, tmp_path, Console(file=output, width=200))
    luts = total["lut"] + total["lut_memory"]
    assert f"estimated: {luts:,} LUT, {total['ff']:,} FF, 0 DSP, 0 BRAM36" in output.getvalue()
    cells = " ".join(f"{total[key]:,}" for key in ("lut", "lut_memory", "ff", "dsp", "bram18"))
    assert f"all {cells}" in Page(report_html(report)).text


@pytest.mark.parametrize(
    ("step", "line", "tile", "written"),
    [
        (None, "no folding is faster", "One step faster none no folding is faster", None),
        (
            Step(512, (20, 0, -1, 0)),
            "one step faster, 512 cycles: +20 LUT, -1 DSP (estimated)",
            "One step faster 512 cycles per frame: +20 LUT, -1 DSP (estimated)",
            {"cycles_per_frame": 512, "more": {"lut": 20, "ff": 0, "dsp": -1, "bram18": 0}},
        ),
        (
            Step(1, (0, 0, 0, 0)),
            "one step faster, 1 cycle: nothing more (estimated)",
            "One step faster 1 cycle per frame: nothing more (estimated)",
            {"cycles_per_frame": 1, "more": {"lut": 0, "ff": 0, "dsp": 0, "bram18": 0}},
        ),
    ],
    ids=["none", "one", "nothing more"],
)
def test_the_next_step_is_said(
    step: Step | None, line: str, tile: str, written: object, tmp_path: Path
) -> None:
    report = replace(full_report(Chain(Shape(2, 2, 1)).dense(2).graph()), step=step)
    output = io.StringIO()
    print_summary(report, tmp_path, Console(file=output, width=200))
    assert line in output.getvalue().splitlines()
    write_report(report, tmp_path)
    assert tile in Page(report_html(report)).text
    assert json.loads((tmp_path / "report.json").read_text())["next_step"] == written


def test_buffers_are_listed_and_summed(tmp_path: Path) -> None:
    chain, skip = Chain(Shape(8, 6, 2)).fork(3, 70)
    chain.conv(2, Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1), extra_rows=2)
    report = full_report(chain.merge(skip).graph())
    write_report(report, tmp_path)
    bits = json.loads((tmp_path / "report.json").read_text())["buffer_bits"]
    rows = 3 + 1 + 2
    assert bits["line buffer"] == rows * 6 * 2 * 8
    assert bits["branch FIFO"] == (3 + 70) * 8
    assert list(bits.values()) == sorted(bits.values(), reverse=True)
    text = Page(report_html(report)).text
    assert f"line buffer 6 rows {rows * 6 * 2} 8 {rows * 6 * 2 * 8}" in text
    assert "branch FIFO 70 8 560" in text
    assert f"branch FIFO all {(3 + 70) * 8}" in text


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
        write_report(full_report(renamed(network(5))), folder)
    for name in ("report.json", "report.html"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_page_says_what_was_found() -> None:
    text = Page(report_html(full_report())).text
    assert "30 of 30" in text
    assert "4,321 values were compared at 12 streams" in text
    assert "differs by +7" in text
    assert "-1,234,567 to 7,654" in text
    assert "98.00 % 98 of 100" in text
    assert "90.00 % 9 of 10" in text
    assert "multiplier 4 bits >> 8" in text
    assert "Left to the host behind the stream: Softmax." in text
    assert "claimed" not in text
    assert "conv_0 exact 0.01" in text


@pytest.mark.parametrize("limits", [UNLIMITED, (1e9, 1e9, 0.0, 1e9, 1e9)], ids=["any", "adders"])
def test_a_frame_per_cycle_has_as_many_products(limits: Amounts) -> None:
    chain = Chain(Shape(3, 4, 2)).conv(3, Kernel(2, 2))
    graph = schedule(chain.dense(5).dense(2).graph(), Goal(1, limits))
    count = 2 * 3 * (8 * 3) + 18 * 5 + 5 * 2
    assert macs(graph) == products(graph) == count
    text = Page(report_html(full_report(graph))).text
    assert f"Products per cycle {count} for {count} multiplications per frame" in text


def test_products_are_those_of_a_cycle() -> None:
    folded = network()
    assert products(folded) == 2 * 1 + 2 * 2 + 1 * 1


def test_stand_in_claims_no_accuracy() -> None:
    report = replace(full_report(), calibration=Calibration("noise", 64, True), accuracy=None)
    text = Page(report_html(report)).text
    assert "No calibration data: no accuracy is claimed." in text


def test_one_simulated_frame_has_no_pace(tmp_path: Path) -> None:
    report = full_report()
    assert report.simulation is not None
    single = replace(report.simulation, cycles_per_frame=None, latency_cycles=40)
    console = Console(file=io.StringIO(), width=200)
    print_summary(replace(report, simulation=single), tmp_path, console)
    assert isinstance(console.file, io.StringIO)
    assert ": cycles per frame not measured, latency 40 cycles\n" in console.file.getvalue()


def test_one_thing_has_no_s(tmp_path: Path) -> None:
    report = full_report()
    assert report.simulation is not None
    single = replace(report.simulation, frames=1, streams=1)
    output = io.StringIO()
    report = replace(report, simulation=single, proofs=report.proofs[:1])
    print_summary(report, tmp_path, Console(file=output, width=200))
    text = output.getvalue()
    assert "\n1 requantization proved equal to onnxruntime's over 4,954,884 accum" in text
    assert f"outputs equal onnxruntime (1 frame, stalls {single.stalls})\n" in text
    assert "\n4,321 values compared at 1 stream\n" in text
    page = Page(report_html(report)).text
    assert "outputs equal onnxruntime's, 1 frame Pipeline" in page
    assert ", 1 frame, stalls: " in page


def test_mismatches_are_red() -> None:
    report = full_report()
    assert report.simulation is not None
    failed = replace(report, simulation=replace(report.simulation, mismatches=2))
    assert '<b class="bad">28 of 30</b>' in report_html(failed)
    assert '<b class="good">30 of 30</b>' in report_html(report)


def test_optional_parts_may_be_missing() -> None:
    report = full_report()
    bare = Report(report.source, report.graph, report.cycles, report.calibration)
    text = Page(report_html(bare)).text
    assert "Not simulated." in text
    assert "Not measured: no labels were given." in text
    assert "Quantization error" not in text
    assert report_dictionary(bare)["simulation"] is None


def test_nothing_is_fetched() -> None:
    page = Page(report_html(full_report()))
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "image", "base"}
        for key, value in attributes.items():
            if key.rpartition(":")[2] in {"href", "src"}:
                assert (value or "").startswith("#")
    style = report_html(full_report()).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style.replace("url(#", "")
    assert "@import" not in style


def test_hostile_names_are_text() -> None:
    honest = Page(report_html(full_report()))
    hostile_html = report_html(full_report(renamed(network())))
    hostile = Page(hostile_html)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in honest.tags]
    assert [sorted(a) for _, a in hostile.tags] == [sorted(a) for _, a in honest.tags]
    assert "<script>alert(1)</script>" in hostile.text
    assert r"\u202etrojan\x00\x1b[31m\ud800" in hostile.text
    assert all(c.isprintable() or c == "\n" for c in hostile_html)


def test_hundreds_of_elements_fit() -> None:
    graph = network(300)
    report = full_report(graph)
    drawing = draw(graph, report.elements)
    assert len(drawing.boxes) == len(drawing.wires) + 1 == len(list(graph))
    for above, below in zip(drawing.boxes, drawing.boxes[1:], strict=False):
        assert above.y + above.height < below.y
    assert len(Page(report_html(report)).tags) > 300


def test_branches_stand_beside_each_other() -> None:
    """A fork: one way to the first output, a longer one to the second."""
    first = Input("image", "image", "s_axis", StreamType(Shape(1, 1, 4), UINT8, 1), 0)
    table = Lookup("table", "table", first, first.output, np.arange(256))
    flat = Reshape("flat", "flat", table, table.output)
    outputs = (
        Output("a", "a", first, first.output, "m_axis_a"),
        Output("b", "b", flat, flat.output, "m_axis_b"),
    )
    graph = StreamGraph("fork", (first,), outputs, {})
    drawing = draw(graph, full_report(graph).elements)
    places = {box.facts.name: box for box in drawing.boxes}
    assert places["a"].y == places["table"].y
    assert abs(places["a"].x - places["table"].x) > BOX_WIDTH
    assert places["b"].x == places["table"].x
    assert drawing.width > 2 * BOX_WIDTH


@pytest.mark.parametrize(
    ("name", "width", "expected"),
    [
        ("conv", 4, "conv"),
        ("conv2d", 4, "con…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日…"),
        ("a\nb", 9, "a\\nb"),
        ("", 3, ""),
    ],
)
def test_shortened(name: str, width: int, expected: str) -> None:
    assert shortened(name, width) == expected
