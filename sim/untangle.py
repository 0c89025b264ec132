"""Signals that a netlist puts together of thousands of parts, and takes apart again.

    assign n1_o = {a, b, c};  assign values = n1_o;  assign n2_o = values[9:4];

becomes ``assign n2_o = b;`` and the like.  GHDL makes one signal of a vector of values of different
widths.  Verilator copies all of it for each part, which takes minutes to compile and more stack
than there is, and takes each value for one that depends on all others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEWEST_PARTS = 64
"""Of a signal that is worth it."""

_MODULE = re.compile(r"^module .*?^endmodule", re.M | re.S)
_JOINED = re.compile(r"^  assign (\w+) = \{([^{}\n]+)\};\n", re.M)
_COPY = re.compile(r"^  assign (\w+) = (\w+); // \(signal\)\n", re.M)
_DECLARED = re.compile(r"^ *\(?(?:input|output|wire|reg) +(?:\[(\d+):0\] )?(\w+)(?= *[;,)])", re.M)
_LITERAL = re.compile(r"(\d+)'b([01]+)\Z")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a signal: ``text`` stands for its bits ``low`` to ``low + width - 1``."""

    text: str
    low: int
    width: int

    def slice(self, high: int, low: int) -> str:
        """Return the bits of the signal from ``low`` to ``high``, all of which are the part's."""
        first, last = low - self.low, high - self.low
        if first == 0 and last == self.width - 1:
            return self.text
        literal = _LITERAL.match(self.text)
        if literal:
            bits = literal[2][self.width - 1 - last : self.width - first]
            return f"{len(bits)}'b{bits}"
        return f"{self.text}[{last}]" if first == last else f"{self.text}[{last}:{first}]"


def untangled(verilog: str) -> str:
    """Return GHDL's netlist ``verilog`` without such signals."""
    return _MODULE.sub(lambda module: _untangled(module[0]), verilog)


def _untangled(module: str) -> str:
    joined = [match for match in _JOINED.finditer(module) if match[2].count(",") >= FEWEST_PARTS]
    if not joined:
        return module
    widths = {name: int(high or 0) + 1 for high, name in _DECLARED.findall(module)}
    copies = {source: copy for copy, source in _COPY.findall(module)}
    for match in joined:
        parts = _parts(match[2].split(", "), widths)
        names = [match[1], *([copies[match[1]]] if match[1] in copies else [])]
        if parts is not None:
            module = _taken_apart(module, names, parts)
    return module


def _parts(texts: Sequence[str], widths: Mapping[str, int]) -> list[_Part] | None:
    """Return the parts of a concatenation, the lowest first; None if one is no plain signal."""
    found: list[_Part] = []
    low = 0
    for text in reversed(texts):
        literal = _LITERAL.match(text)
        width = int(literal[1]) if literal else widths.get(text)
        if width is None or (literal and len(literal[2]) != width):
            return None
        found.append(_Part(text, low, width))
        low += width
    return found


def _taken_apart(module: str, names: Sequence[str], parts: Sequence[_Part]) -> str:
    """Return ``module`` with the parts in place of what is read of the signals ``names``."""
    owner = [part for part in parts for _ in range(part.width)]

    def bits(match: re.Match[str]) -> str:
        high = int(match[1])
        low = high if match[2] is None else int(match[2])
        texts = []
        place = high
        while place >= low:
            part = owner[place]
            texts.append(part.slice(place, max(low, part.low)))
            place = part.low - 1
        return texts[0] if len(texts) == 1 else "{" + ", ".join(texts) + "}"

    either = "|".join(map(re.escape, names))
    module = re.sub(rf"\b(?:{either})\[(\d+)(?::(\d+))?\]", bits, module)
    own = rf"^  (?:assign|wire) (?:\[\d+:0\] )?(?:{either})(?: = [^;]*)?;[^\n]*\n"
    without = re.sub(own, "", module, flags=re.M)
    return module if re.search(rf"\b(?:{either})\b", without) else without
