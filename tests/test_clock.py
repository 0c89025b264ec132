"""Clock speed: the harness, registers that move into blocks, and the figure of some elements."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ir.errors import CompileError
from sim.block_registers import move_registers
from sim.harness import harness
from sim.place_and_route import Effort, Timing, place_and_route
from tests.clock import (
    BEGIN,
    END,
    PAGE,
    Speed,
    element,
    markdown,
    with_figures,
    written_rows,
)

NETLIST = """module element
  (input  clk,
   input  reset,
   input  [2:0] input_data,
   output output_valid,
   output [1:0] output_data);
endmodule
"""


def test_every_port_gets_registers() -> None:
    around = harness(NETLIST, "element")
    connections = (
        "element core (.clk(clk), .reset(driven[0:0]), .input_data(driven[3:1]), "
        ".output_valid(result[0:0]), .output_data(result[2:1]));"
    )
    assert connections in around.verilog
    assert (around.flip_flops, around.luts) == (4 + 3 + 3, 2)


def test_an_unknown_top_is_refused() -> None:
    with pytest.raises(CompileError) as refused:
        harness(NETLIST, "other")
    assert str(refused.value) == (
        "other: the netlist must have a module of this name; name one that it has"
    )


def flip_flop(data: int, output: int, **changed: Any) -> dict[str, Any]:
    connections = {"CLK": [1], "DI": [data], "LSR": ["0"], "Q": [output]}
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "1 ", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET"},
        "connections": connections | changed,
        "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
    }


def multiplier() -> dict[str, Any]:
    """Return one of a bit by two bits: nets 20 and 21 by 22 and a constant; product 30."""
    inputs = {"A0": [20], "A1": [21], "B0": [22], "B1": ["1"]}
    return {
        "type": "MULT18X18D",
        "parameters": {},
        "connections": {**inputs, "P0": [30], "P1": [31]},
        "port_directions": {**dict.fromkeys(inputs, "input"), "P0": "output", "P1": "output"},
    }


def module() -> dict[str, Any]:
    """Return a multiplier between registers; P1 is not read."""
    cells = {
        "a0": flip_flop(10, 20),
        "a1": flip_flop(11, 21),
        "b0": flip_flop(12, 22),
        "product": multiplier(),
        "p0": flip_flop(30, 40),
    }
    return {"cells": cells, "ports": {"p": {"direction": "output", "bits": [40]}}}


def test_registers_move_into_a_multiplier() -> None:
    moved = module()
    assert move_registers(moved) == 3
    assert list(moved["cells"]) == ["product"]
    cell = moved["cells"]["product"]
    clocked = {"CLK0": [1], "CE0": ["1"], "RST0": ["0"]}
    factors = {"A0": [10], "A1": [11], "B0": [12], "B1": ["1"]}
    assert cell["connections"] == {**factors, "P0": [40], "P1": [31], **clocked}
    registers = ("REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_OUTPUT_CLK")
    assert cell["parameters"] == dict.fromkeys(registers, "CLK0")
    again = deepcopy(moved)
    assert move_registers(again) == 0
    assert again == moved


def test_a_constant_factor_is_held_with_the_other() -> None:
    constant = module()
    constant["cells"]["product"]["connections"]["B0"] = ["1"]
    assert move_registers(constant) == 2
    registers = ("REG_INPUTA_CLK", "REG_OUTPUT_CLK", "REG_INPUTB_CLK")
    assert constant["cells"]["product"]["parameters"] == dict.fromkeys(registers, "CLK0")


def test_what_else_is_read_stays() -> None:
    shared = module()
    shared["ports"]["a"] = {"direction": "output", "bits": [20, 30]}
    assert move_registers(shared) == 2  # both factors
    assert list(shared["cells"]) == ["a0", "product", "p0"]
    assert shared["cells"]["product"]["connections"]["A0"] == [10]


@pytest.mark.parametrize(
    "changed",
    [
        {"connections": {"LSR": [7]}},
        {"connections": {"CLK": [2]}},
        {"parameters": {"CEMUX": "CE"}},
        {"parameters": {"REGSET": "SET"}},
        {"parameters": {"CLKMUX": "INV"}},
    ],
    ids=str,
)
def test_other_registers_stay(changed: dict[str, dict[str, Any]]) -> None:
    """A reset, another clock, an enable, a set, the other edge: at a bit of the factor A."""
    other = module()
    for part, values in changed.items():
        other["cells"]["a0"][part] |= values
    assert move_registers(other) == 2
    assert list(other["cells"]) == ["a0", "a1", "product"]
    assert "REG_INPUTA_CLK" not in other["cells"]["product"]["parameters"]


def memory(width: int, **clocks: Any) -> dict[str, Any]:
    connections = {"OCEA": ["1"], "OCEB": ["1"], "DOA0": [30], "DOB0": [31], **clocks}
    widths = {"DATA_WIDTH_A": f"{width:b}", "DATA_WIDTH_B": f"{width:b}"}
    ways = {pin: "output" if pin.startswith("DO") else "input" for pin in connections}
    return {
        "type": "DP16KD",
        "parameters": {**widths, "REGMODE_A": "NOREG", "REGMODE_B": "NOREG"},
        "connections": connections,
        "port_directions": ways,
    }


def test_registers_move_into_a_memory() -> None:
    cells = {"memory": memory(18, CLKA=[1], CLKB=["0"]), "p0": flip_flop(30, 40)}
    moved = {"cells": cells, "ports": {"p": {"direction": "output", "bits": [40]}}}
    assert move_registers(moved) == 1
    assert list(cells) == ["memory"]
    assert cells["memory"]["connections"]["DOA0"] == [40]
    assert cells["memory"]["parameters"]["REGMODE_A"] == "OUTREG"
    assert cells["memory"]["parameters"]["REGMODE_B"] == "NOREG"


def test_a_wide_word_is_registered_at_the_clock_of_port_b() -> None:
    cells = {
        "memory": memory(36, CLKA=["0"], CLKB=[1]),
        "p0": flip_flop(30, 40),
        "p1": flip_flop(31, 41),
    }
    moved = {"cells": cells, "ports": {"p": {"direction": "output", "bits": [40, 41]}}}
    assert move_registers(moved) == 1
    assert cells["memory"]["connections"]["DOB0"] == [41]
    assert {cells["memory"]["parameters"][f"REGMODE_{side}"] for side in "AB"} == {"OUTREG"}


def test_a_memory_that_is_read_twice_keeps_its_registers() -> None:
    cells = {"memory": memory(18, CLKA=[1], CLKB=[1])}
    cells |= {"p0": flip_flop(30, 40), "p1": flip_flop(31, 41)}
    moved = {"cells": cells, "ports": {"p": {"direction": "output", "bits": [40, 41]}}}
    assert move_registers(moved) == 0


def test_only_the_figures_of_the_page_change() -> None:
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    assert with_figures(page, "new\n") == f"{head}{BEGIN}new\n{END}{rest.partition(END)[2]}"


def test_rows_that_are_not_measured_stay() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = written_rows(page, "Elements")
    assert sorted(rows) == list(rows)
    assert rows["window"].startswith("| window | ")
    timing = Timing(99.6, "element.a", "element.b", 3, 1.25, 10.0, 1234, 56, 7, 8)
    speeds = [Speed("window", timing, 90.0)]
    changed = with_figures(page, markdown(page, {"Elements": speeds, "Networks": []}))
    row = written_rows(changed, "Elements")["window"]
    assert row.startswith("| window | 100 | 90 | a | b | 3 | 1.2 | 10.0 | 1,234 | 56 | 7 | 8 | 20")
    assert written_rows(changed, "Elements") == rows | {"window": row}
    assert written_rows(changed, "Networks") == written_rows(page, "Networks")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "mhz"),
    [("matrix_vector", 175), ("depthwise_vector", 140), ("pointwise", 160), ("stream_fifo", 210)],
)
def test_clock_of_elements(name: str, mhz: int) -> None:
    """Some 15 % below what was seen with seed 1: 204, 162, 188 and 259 MHz."""
    timing = place_and_route(*element(name), Effort())
    assert timing.fmax_mhz >= mhz
