"""Signals put together of many parts are read part by part; what is read as a whole stays."""

from __future__ import annotations

import pytest

from sim import untangle
from sim.untangle import untangled

NETLIST = """module top
  (input  clk,
   input  [3:0] port,
   output [2:0] result);
  wire [11:0] all_of;
  wire [11:0] n1_o;
  wire [4:0] five;
  reg single;
  wire [1:0] n2_o;
  wire n3_o;
  wire [6:0] n4_o;
  assign all_of = n1_o; // (signal)
  assign n2_o = all_of[8:7];
  assign n3_o = all_of[5];
  assign n4_o = all_of[10:4];
  assign result = {n3_o, all_of[1:0]};
  assign n1_o = {single, 2'b10, port, five};
endmodule
"""
APART = """module top
  (input  clk,
   input  [3:0] port,
   output [2:0] result);
  wire [4:0] five;
  reg single;
  wire [1:0] n2_o;
  wire n3_o;
  wire [6:0] n4_o;
  assign n2_o = port[3:2];
  assign n3_o = port[0];
  assign n4_o = {2'b10, port, five[4]};
  assign result = {n3_o, five[1:0]};
endmodule
"""


@pytest.fixture(autouse=True)
def few_parts_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untangle, "FEWEST_PARTS", 3)


def test_what_is_read_are_the_parts() -> None:
    assert untangled(NETLIST) == APART
    assert untangled(APART) == APART


def test_a_literal_and_a_bit_can_be_read_alone() -> None:
    text = NETLIST.replace("all_of[5];", "all_of[9];").replace("all_of[8:7]", "all_of[11:10]")
    apart = untangled(text)
    assert "assign n3_o = 1'b0;" in apart
    assert "assign n2_o = {single, 1'b1};" in apart


def test_what_is_read_as_a_whole_stays() -> None:
    whole = NETLIST.replace("{n3_o, all_of[1:0]}", "n5_o;\n  assign n6_o = all_of")
    apart = untangled(whole)
    assert "assign all_of = n1_o; // (signal)" in apart
    assert "assign n1_o = {single, 2'b10, port, five};" in apart
    assert "assign n2_o = port[3:2];" in apart


def test_few_parts_and_parts_that_are_no_signals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = NETLIST.replace("port, five", "port + n7, five")
    assert untangled(odd) == odd
    monkeypatch.setattr(untangle, "FEWEST_PARTS", 4)
    assert untangled(NETLIST) == NETLIST
