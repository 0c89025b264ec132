"""What GHDL's synthesis makes of an entity does not depend on what it has read before.

GHDL 2.0 keeps the assignments of a whole design in a table that grows from 1024 entries by
doubling.  It loses what is assigned in the middle of what the same process or function has assigned
before, if the table grows at that moment: assign such numbers as a whole, or from one end to the
other.  So each entity is read behind one with so many assignments that the table is full at each of
its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from rtl.library import VHDL_FOLDER, compile_order
from sim.synthesis import synthesize

TABLE = 1024
MOST = 60
"""More than the assignments that GHDL keeps of any of the entities."""

FILLER = """
library ieee;
use ieee.std_logic_1164.all;

entity filler is
  generic (count : positive);
  port (input_bit : in std_ulogic; copies : out std_ulogic_vector(count - 1 downto 0));
end entity;

architecture rtl of filler is
begin
  fill : process (all)
  begin
    for place in copies'reverse_range loop
      copies(place) <= input_bit;
    end loop;
  end process;
end architecture;
"""

TOP = """
library ieee;
use ieee.std_logic_1164.all;

use work.millrace_pkg.all;

entity neighbours is
  generic (count : positive);
  port (
    input_bit : in std_ulogic;
    copies : out std_ulogic_vector(count - 1 downto 0);
{ports}
  );
end entity;

architecture rtl of neighbours is
begin
  before : entity work.filler
    generic map (count => count)
    port map (input_bit => input_bit, copies => copies);

  behind : entity work.{name}
    generic map ({generics})
    port map ({formals});
end architecture;
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """An entity, its generics, and its ports with their widths, None for a single bit."""

    name: str
    generics: str
    inputs: dict[str, int | None]
    outputs: dict[str, int | None]


CLOCKED: dict[str, int | None] = {"clk": None, "reset": None, "input_valid": None}
SUBJECTS = (
    Subject(
        "inverse_root",
        "half_width => 16, roots => (1 to 42 => (others => '1'))",
        CLOCKED | {"input_radicand": 32},
        {"output_valid": None, "output_root": 18, "output_moved": 4},
    ),
    Subject(
        "divide",
        "numerator_bits => 4, denominator_bits => 4, quotient_bits => 4, lanes => 1",
        CLOCKED | {"input_data": 4, "input_denominator": 4},
        {"output_valid": None, "output_data": 4},
    ),
    Subject(
        "threshold",
        "input_bits => 8, output_bits => 8, output_signed => false, low => 0, levels => 7, "
        "lanes => 1, folds => 1, thresholds => (1 to 1 => (others => '1'))",
        CLOCKED | {"input_data": 8},
        {"output_valid": None, "output_data": 8},
    ),
    Subject(
        "stream_fork",
        "ways => 3, width => 1",
        {"input_valid": None, "input_data": 1, "output_ready": 3},
        {"input_ready": None, "output_valid": 3, "output_data": 1},
    ),
    Subject(
        "axis_output",
        "bits => 3, is_signed => false, lanes => 3, beats => 2",
        CLOCKED | {"input_data": 9, "m_axis_tready": None},
        {"input_ready": None, "m_axis_tvalid": None, "m_axis_tlast": None, "m_axis_tdata": 24},
    ),
)


def top(subject: Subject) -> str:
    """Return the VHDL of a design that has the filler and, behind it, the entity."""

    def lines(ports: dict[str, int | None], direction: str) -> list[str]:
        return [
            f"    {name} : {direction} std_ulogic"
            + ("" if width is None else f"_vector({width - 1} downto 0)")
            for name, width in ports.items()
        ]

    return TOP.format(
        name=subject.name,
        generics=subject.generics,
        ports=";\n".join(lines(subject.inputs, "in") + lines(subject.outputs, "out")),
        formals=", ".join(f"{port} => {port}" for port in subject.inputs | subject.outputs),
    )


def netlist(subject: Subject, sources: list[Path], count: int) -> str:
    """Return the netlist of the entity behind ``count`` assignments, without numbers of wires."""
    verilog = synthesize("neighbours", sources, {"count": count})
    found = re.search(rf"^module {subject.name}_.*?^endmodule", verilog, re.M | re.S)
    assert found is not None
    return re.sub(r"\bn\d+(?=_|\b)", "n", found[0])


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_nothing_is_lost_behind_other_entities(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "filler.vhd").write_text(FILLER)
    (tmp_path / "neighbours.vhd").write_text(top(subject))
    library = [VHDL_FOLDER / f"{unit}.vhd" for unit in compile_order(frozenset({subject.name}))]
    sources = [*library, tmp_path / "filler.vhd", tmp_path / "neighbours.vhd"]
    alone = netlist(subject, sources, 1)
    wrong = [
        count for count in range(TABLE - MOST, TABLE) if netlist(subject, sources, count) != alone
    ]
    assert wrong == []
