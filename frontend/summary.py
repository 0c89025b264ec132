"""What the command line prints in the end: tables for people, on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from frontend.report import Accuracy, Report, Score
from frontend.report_elements import ElementFacts, total_resources
from ir.errors import printable
from ir.words import number_of

NOISY_DB = 10.0
"""Below this signal to noise ratio, a layer's output has little to do with the float model's."""


def print_summary(report: Report, folder: Path, console: Console | None = None) -> None:
    """Print the elements, the cycles, the accuracies and the verdict of a compilation."""
    console = console or Console()
    console.print(_elements(report))
    cycles = report.cycles
    console.print(
        f"{_cycles(cycles.cycles_per_frame, ' per frame')} (bottleneck {cycles.bottleneck}, "
        f"lower bound {cycles.lower_bound:,}), latency {_cycles(cycles.latency_cycles)}"
    )
    taken = total_resources(report.elements)
    console.print(
        f"estimated: {taken.lut + taken.lut_memory:,} LUT, {taken.ff:,} FF, {taken.dsp:,} DSP, "
        f"{taken.bram18 / 2:,g} BRAM36 (7-series, before place and route)"
    )
    if report.step is None:
        console.print("no folding is faster")
    else:
        console.print(
            f"one step faster, {_cycles(report.step.cycles)}: {report.step.difference} (estimated)"
        )
    if report.simulation is not None:
        measured = report.simulation
        pace = _cycles(measured.cycles_per_frame, " per frame")
        console.print(
            f"measured in {measured.simulator}: {pace}, latency {_cycles(measured.latency_cycles)}"
        )
    if report.accuracy is not None:
        console.print(_accuracies(report.accuracy))
    if report.calibration.stand_in:
        console.print("[yellow]No calibration data: no accuracy is claimed.[/]")
    _warn_of_noise(report, console)
    for comparison in report.comparisons:
        console.print(f"{comparison.what}: {comparison.values:,} values, no mismatch")
    console.print(
        f"{number_of(len(report.proofs), 'requantization')} proved equal to onnxruntime's over "
        f"{sum(proof.values for proof in report.proofs):,} accumulator values"
    )
    if report.simulation is not None:
        verdict = report.simulation
        console.print(
            f"[bold green]{verdict.outputs:,} of {verdict.outputs:,} outputs equal onnxruntime[/] "
            f"({number_of(verdict.frames, 'frame')}, stalls {escape(verdict.stalls)})"
        )
        console.print(
            f"{verdict.values:,} values compared at {number_of(verdict.streams, 'stream')}"
        )
        if verdict.wave is not None:
            wave = printable(str(folder / "sim" / verdict.wave))
            console.print(f"waveform: gtkwave {escape(wave)}")
    for tensor in report.graph.host_tensors.values():
        if tensor.operators:
            name = f"{tensor.onnx_name}: {', '.join(tensor.operators)}"
            console.print(f"left to the host in front of input {escape(printable(name))}")
    if report.graph.host_operators:
        operators = ", ".join(report.graph.host_operators)
        console.print(f"left to the host: {escape(printable(operators))}")
    console.print(f"written to {escape(printable(str(folder)))}")


def print_times(seconds: Mapping[str, float], console: Console | None = None) -> None:
    """Print how long each stage took on this machine."""
    table = Table(title="Seconds", box=box.SIMPLE_HEAD, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for stage, spent in (*seconds.items(), ("all", sum(seconds.values()))):
        table.add_row(stage, f"{spent:.1f}")
    (console or Console()).print(table)


def _cycles(count: int | None, suffix: str = "") -> str:
    if count is None:
        return f"cycles{suffix} not measured"
    return f"{number_of(count, 'cycle')}{suffix}"


def _warn_of_noise(report: Report, console: Console) -> None:
    noisy = [e for e in report.layer_errors if e.sqnr_db < NOISY_DB]
    if noisy:
        first = noisy[0]
        console.print(
            f"[yellow]{escape(printable(first.layer))} keeps {first.sqnr_db:.0f} dB over its "
            f"quantization noise: check its weights and the calibration data "
            f"({len(noisy)} such layers).[/]"
        )


def _elements(report: Report) -> Table:
    title = f"Processing elements of {escape(printable(report.source.name))}"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for heading in ("element", "of layer"):
        table.add_column(heading, overflow="fold")
    for heading in ("output", "type", "pe x simd", "lanes", "cycles", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for facts in report.elements:
        table.add_row(*_row(facts))
    return table


def _row(facts: ElementFacts) -> tuple[str, ...]:
    return (
        facts.name,
        "" if facts.layer == facts.name else escape(printable(facts.layer)),
        str(facts.output.shape),
        str(facts.output.number),
        "" if facts.pe is None else f"{facts.pe} x {facts.simd}",
        str(facts.output.lanes),
        f"{facts.cycles:,}",
        f"{facts.share:.0%}",
    )


def _accuracies(accuracy: Accuracy) -> Table:
    table = Table(title="Accuracy", box=box.SIMPLE_HEAD)
    for heading in ("model", "correct", "frames", "accuracy"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    rows: list[tuple[str, Score | None]] = [
        ("float", accuracy.float_model),
        ("quantized (onnxruntime)", accuracy.quantized),
        ("hardware (simulated)", accuracy.simulated),
    ]
    for name, score in rows:
        if score is not None:
            table.add_row(name, f"{score.correct}", f"{score.frames}", f"{score.share:.2%}")
    return table
