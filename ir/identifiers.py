"""Names from model files become VHDL identifiers here, and nowhere else."""

from __future__ import annotations

import re
import unicodedata

_RESERVED = frozenset(
    """abs access after alias all and architecture array assert assume assume_guarantee attribute
    begin block body buffer bus case component configuration constant context cover default
    disconnect downto else elsif end entity exit fairness file for force function generate generic
    group guarded if impure in inertial inout is label library linkage literal loop map mod nand
    new next nor not null of on open or others out package parameter port postponed procedure
    process property protected pure range record register reject release rem report restrict
    restrict_guarantee return rol ror select sequence severity shared signal sla sll sra srl strong
    subtype then to transport type unaffected units until use variable vmode vprop vunit wait when
    while with xnor xor
    boolean bit bit_vector character integer natural positive real string time std_logic
    std_ulogic std_logic_vector std_ulogic_vector signed unsigned true false ieee std work
    clk reset aclk aresetn millrace millrace_pkg""".split()
)
"""VHDL-2008 (IEEE 1076-2008, 15.10) and the names our own VHDL uses."""

_RESERVED_IN_VERILOG = frozenset(
    """always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config
    deassign default defparam design disable edge else end endcase endconfig endfunction
    endgenerate endmodule endprimitive endspecify endtable endtask event for force forever fork
    function generate genvar highz0 highz1 if ifnone incdir include initial inout input instance
    integer join large liblist library localparam macromodule medium module nand negedge nmos nor
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1
    pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat
    rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam
    strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand
    trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor
    xor""".split()
)
"""Verilog (IEEE 1364-2005, annex B): the netlist of the top is Verilog, or its user's design."""

MAXIMUM_LENGTH = 48


class Identifiers:
    """Hands out distinct basic VHDL identifiers, in the order of the calls."""

    def __init__(self, reserved: frozenset[str] = frozenset()) -> None:
        self._taken = set(_RESERVED | _RESERVED_IN_VERILOG | reserved)

    def new(self, name: str) -> str:
        """Return an identifier that resembles ``name`` and was not handed out before.

        Only [a-z0-9_] survives, starting with a letter, without double or trailing underscores.
        """
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAXIMUM_LENGTH].strip("_")
        stem = words if words[:1].isalpha() else f"n_{words}".strip("_")
        candidate, number = stem, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{stem}_{number}"
        self._taken.add(candidate)
        return candidate
