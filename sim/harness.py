"""Surrounds a netlist with registers and three pins, so that its own paths limit the clock.

Out of context an element has more ports than a part has pins, and paths from and to pins are no
property of it.  Here each input is driven by a register, and each output captured by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ir.errors import CompileError

HARNESS = "harness"
"""Name of the module around the netlist."""

CLOCKS = ("clk", "aclk")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a netlist and its width."""

    name: str
    is_input: bool
    width: int


@dataclass(frozen=True, slots=True)
class Harness:
    """Verilog around a netlist, and the cells that are not the netlist's own."""

    verilog: str
    flip_flops: int
    luts: int


def ports(verilog: str, top: str) -> list[Port]:
    """Return the ports of module ``top`` in Verilog as GHDL writes it.

    Raises:
        CompileError: there is no such module.
    """
    header = re.search(rf"^module {re.escape(top)}\s*\((.*?)\);", verilog, re.M | re.S)
    if header is None:
        raise CompileError(
            "place and route",
            top,
            "the netlist must have a module of this name",
            "name one that it has",
        )
    found = re.findall(r"\b(input|output)\s+(?:\[(\d+):0\]\s+)?(\w+)", header[1])
    return [Port(name, way == "input", int(high or 0) + 1) for way, high, name in found]


def harness(verilog: str, top: str) -> Harness:
    """Return the module ``HARNESS`` (clk, serial_in, serial_out) around ``top``.

    Ports named as in ``CLOCKS`` are clocks; what has none is a function of its inputs.

    Inputs come from a shift register.  Outputs are captured, then folded into one bit by a chain of
    registers with an exclusive or each: no path of the harness has more than one LUT.

    Raises:
        CompileError: there is no such module.
    """
    found = ports(verilog, top)
    clocks = [f".{port.name}(clk)" for port in found if port.name in CLOCKS]
    inputs = [port for port in found if port.is_input and port.name not in CLOCKS]
    outputs = [port for port in found if not port.is_input]
    driven, captured = (sum(port.width for port in side) for side in (inputs, outputs))
    connections = [*clocks, *_slices(inputs, "driven"), *_slices(outputs, "result")]
    text = "\n".join(
        (
            f"module {HARNESS} (input clk, input serial_in, output serial_out);",
            f"  reg [{driven - 1}:0] driven;",
            f"  wire [{captured - 1}:0] result;",
            f"  reg [{captured - 1}:0] captured, chain;",
            f"  assign serial_out = chain[{captured - 1}];",
            "  always @(posedge clk) begin",
            "    driven <= {driven, serial_in};",
            "    captured <= result;",
            "    chain <= captured ^ {chain, 1'b0};",
            "  end",
            f"  {top} core ({', '.join(connections)});",
            "endmodule\n",
        )
    )
    return Harness(text, driven + 2 * captured, captured - 1)


def _slices(side: list[Port], name: str) -> list[str]:
    """Return the connections of ports with successive bits of a vector."""
    connections, low = [], 0
    for port in side:
        connections.append(f".{port.name}({name}[{low + port.width - 1}:{low}])")
        low += port.width
    return connections
