"""From the stream graph to VHDL: a structural top, constant tables, the element library."""

from rtl.printer import print_vhdl, write_vhdl

__all__ = ["print_vhdl", "write_vhdl"]
