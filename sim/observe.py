"""Copies of the printed top in which the streams inside can be seen."""

from __future__ import annotations

from dataclasses import replace

from ir.errors import CompileError
from sim.bench import Bench, BenchStream, environment

_END_OF_PORTS = "\n  );\nend entity;\n"
_END_OF_TOP = "end architecture;\n"


def monitored(top: str, bench: Bench) -> str:
    """Return the text ``top`` of the network's top with a monitor added at each stream inside.

    Raises:
        CompileError: it is not as it was printed.
    """
    _check(top, bench)
    monitors = environment().get_template("observers.vhd.j2").render(bench=bench)
    return f"library millrace;\n\n{top.removesuffix(_END_OF_TOP)}{monitors}{_END_OF_TOP}"


def exposed(top: str, bench: Bench) -> tuple[str, Bench]:
    """Return the text ``top`` with the streams inside as further outputs, and a bench of those.

    Synthesis keeps what leads to outputs; nothing else changes.

    Raises:
        CompileError: it is not as it was printed.
    """
    _check(top, bench)
    prefix = "observed"
    while prefix in top:
        prefix += "_too"
    seen = [
        stream if stream.at_port else _at_outputs(stream, f"{prefix}_{number}")
        for number, stream in enumerate(bench.streams)
    ]
    inside = [pair for pair in zip(bench.streams, seen, strict=True) if not pair[0].at_port]
    template = environment().get_template("exposed.vhd.j2").make_module({"streams": inside})
    entity, end, architecture = top.partition(_END_OF_PORTS)
    body = architecture.removesuffix(_END_OF_TOP)
    ports, assignments = str(template.ports()), str(template.assignments())  # type: ignore[attr-defined]
    text = f"{entity};\n{ports}{end.lstrip()}{body}{assignments}{_END_OF_TOP}"
    return text, replace(bench, streams=tuple(seen))


def _at_outputs(stream: BenchStream, name: str) -> BenchStream:
    return replace(stream, ready=f"{name}_ready", valid=f"{name}_valid", data=f"{name}_data")


def _check(top: str, bench: Bench) -> None:
    if top.count(_END_OF_PORTS) != 1 or not top.endswith(_END_OF_TOP):
        raise CompileError(
            "simulate", bench.top, "its VHDL must be as it was printed", "print it again"
        )
