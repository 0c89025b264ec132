"""Moves registers into ECP5's multipliers and block RAM, as vendors' tools do and yosys does not.

A MULT18X18D has registers at both factors and at its product, a DP16KD one behind its output, with
an enable.  Left in the fabric, they cost routes beside the slow block between two clock edges.
Works on the netlist that yosys writes as JSON, and changes no value at any edge but those before
the first data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

Bit: TypeAlias = int | str
"""A net by number, or a constant."""

Cell: TypeAlias = dict[str, Any]
"""A cell as in yosys' JSON."""


class Control(NamedTuple):
    """What a register follows; ``enable``: 1 if at every edge."""

    clock: Bit
    enable: Bit


OPERAND_BITS, PRODUCT_BITS, MEMORY_BITS = 18, 36, 18
"""Pins of a multiplier's factors and product, and of an output of a memory."""

WIDE_MEMORY = 36
"""Bits of a word that takes both outputs of a memory."""

_PLAIN = {"CLKMUX": "CLK", "REGSET": "RESET"}
"""Of a flip-flop that a block's register can stand for: no inversion."""


def move_registers(module: dict[str, Any]) -> int:
    """Move what registers of ``module`` can be moved into its blocks; return how many groups.

    The output of a block is moved if each of its bits that is read is read by one plain flip-flop
    only, of memories one with an enable, too; a factor if all its bits are constants or come from
    plain flip-flops of one clock, of which those that nothing else reads are taken away.  Memories
    come first: without registers of their own they are the slowest of all.

    Args:
        module: of the JSON that yosys writes, changed in place.
    """
    blocks = _Blocks(module["cells"], module["ports"])
    cells = list(blocks.cells.values())
    moved = sum(blocks.move_word(cell) for cell in cells if cell["type"] == "DP16KD")
    for cell in cells:
        if cell["type"] == "MULT18X18D":
            moved += sum(blocks.move_factor(cell, factor) for factor in "AB")
            moved += blocks.move_product(cell)
            _hold_constant(cell)
    return moved


class _Blocks:
    """The cells of a module, and who reads and drives its nets."""

    def __init__(self, cells: dict[str, Cell], ports: Mapping[str, Any]) -> None:
        self.cells = cells
        self.readers: Counter[Bit] = Counter()
        for cell in cells.values():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "input":
                    self.readers.update(bits)
        for port in ports.values():
            if port["direction"] == "output":
                self.readers.update(port["bits"])
        plain = {name: cell for name, cell in cells.items() if _is_plain(cell)}
        self.behind = {_bit(cell, "DI"): name for name, cell in plain.items()}
        self.driving = {_bit(cell, "Q"): name for name, cell in plain.items()}

    def move_word(self, memory: Cell) -> bool:
        """Move the registers behind the one port of a memory that is read."""
        is_wide = int(memory["parameters"]["DATA_WIDTH_B"], 2) == WIDE_MEMORY
        pins = {side: [f"DO{side}{place}" for place in range(MEMORY_BITS)] for side in "AB"}
        sides = "AB" if is_wide else "".join(s for s in "AB" if self._read(memory, pins[s]))
        if not is_wide and len(sides) != 1:
            return False
        port = "B" if is_wide else sides
        outputs = [pin for side in sides for pin in pins[side]]
        control = self._control_behind(memory, outputs)
        if control is None or control.clock != _bit(memory, f"CLK{port}"):
            return False
        if _bit(memory, f"OCE{port}") != "1" or not self._take_behind(memory, outputs):
            return False
        memory["parameters"] |= {f"REGMODE_{side}": "OUTREG" for side in sides}
        memory["connections"][f"OCE{port}"] = [control.enable]
        return True

    def move_product(self, multiplier: Cell) -> bool:
        """Move the registers behind a multiplier."""
        pins = [f"P{place}" for place in range(PRODUCT_BITS)]
        control = self._control_behind(multiplier, pins)
        if not _may_have(control, multiplier) or not self._take_behind(multiplier, pins):
            return False
        _set_clock(multiplier, control.clock, "REG_OUTPUT_CLK")
        return True

    def move_factor(self, multiplier: Cell, factor: str) -> bool:
        """Move the registers in front of one factor of a multiplier."""
        pins = [f"{factor}{place}" for place in range(OPERAND_BITS)]
        nets = {pin: _bit(multiplier, pin) for pin in pins}
        sources: dict[Bit, str | None] = {
            net: self.driving.get(net) for net in nets.values() if isinstance(net, int)
        }
        control = self._control(sources.values())
        if not _may_have(control, multiplier):
            return False
        for pin, net in nets.items():
            if name := sources.get(net):
                data = _bit(self.cells[name], "DI")
                multiplier["connections"][pin] = [data]
                self.readers[data] += 1
                self.readers[net] -= 1
        for net, name in sources.items():
            if name and not self.readers[net]:
                self._remove(name)
        _set_clock(multiplier, control.clock, f"REG_INPUT{factor}_CLK")
        return True

    def _read(self, cell: Cell, pins: Sequence[str]) -> list[Bit]:
        """Return the nets at ``pins`` that something reads."""
        nets = (_bit(cell, pin) for pin in pins if cell["connections"].get(pin))
        return [net for net in nets if isinstance(net, int) and self.readers[net]]

    def _control(self, names: Iterable[str | None]) -> Control | None:
        """Return the control that all these flip-flops have, None if they do not, or are none."""
        controls = {_control(self.cells[name]) if name else None for name in names}
        return controls.pop() if len(controls) == 1 else None

    def _control_behind(self, cell: Cell, pins: Sequence[str]) -> Control | None:
        """Return the control of the flip-flops behind ``pins``, if they have one."""
        return self._control([self.behind.get(net) for net in self._read(cell, pins)])

    def _take_behind(self, cell: Cell, pins: Sequence[str]) -> bool:
        """Let ``cell`` drive what flip-flops behind ``pins`` drive, if nothing else reads these."""
        nets = self._read(cell, pins)
        if any(self.readers[net] != 1 for net in nets):
            return False
        for pin in pins:
            bits = cell["connections"].get(pin)
            if bits and bits[0] in nets:
                name = self.behind[bits[0]]
                output = _bit(self.cells[name], "Q")
                self._remove(name)
                cell["connections"][pin] = [output]
        return True

    def _remove(self, name: str) -> None:
        flip_flop = self.cells.pop(name)
        data, output = _bit(flip_flop, "DI"), _bit(flip_flop, "Q")
        self.readers[data] -= 1
        if self.behind.get(data) == name:
            del self.behind[data]
        self.driving.pop(output, None)


def _is_plain(cell: Cell) -> bool:
    """Whether a cell is a flip-flop without reset, whose enable, if it has one, is not inverted."""
    if cell["type"] != "TRELLIS_FF" or _bit(cell, "LSR") not in ("0", "x"):
        return False
    enable = _parameter(cell, "CEMUX", "1")
    return enable in ("1", "CE") and all(
        _parameter(cell, name, value) == value for name, value in _PLAIN.items()
    )


def _control(flip_flop: Cell) -> Control:
    always = _parameter(flip_flop, "CEMUX", "1") == "1"
    return Control(_bit(flip_flop, "CLK"), "1" if always else _bit(flip_flop, "CE"))


def _parameter(cell: Cell, name: str, default: str) -> str:
    return str(cell["parameters"].get(name, default)).strip()


def _bit(cell: Cell, port: str) -> Bit:
    bits: list[Bit] = cell["connections"].get(port) or ["0"]
    return bits[0]


def _may_have(control: Control | None, multiplier: Cell) -> TypeGuard[Control]:
    """Whether registers of the multiplier, which have no enable here, can have this control."""
    if control is None or control.enable != "1":
        return False
    return _bit(multiplier, "CLK0") in ("0", control.clock)


def _hold_constant(multiplier: Cell) -> None:
    """Have a factor that is constant in a register if the other one is.

    It changes nothing, but timing is known of multipliers with registers at both factors.
    """
    for factor, other in ("AB", "BA"):
        bits = (_bit(multiplier, f"{factor}{place}") for place in range(OPERAND_BITS))
        is_held = multiplier["parameters"].get(f"REG_INPUT{other}_CLK") == "CLK0"
        if is_held and all(isinstance(bit, str) for bit in bits):
            multiplier["parameters"][f"REG_INPUT{factor}_CLK"] = "CLK0"


def _set_clock(multiplier: Cell, clock: Bit, register: str) -> None:
    multiplier["parameters"][register] = "CLK0"
    multiplier["connections"] |= {"CLK0": [clock], "CE0": ["1"], "RST0": ["0"]}
    multiplier["port_directions"] |= {"CLK0": "input", "CE0": "input", "RST0": "input"}
