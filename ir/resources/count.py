"""What a piece of hardware takes of an FPGA of Xilinx' 7-series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """Cells of a 7-series FPGA, as numbers or as estimates of them.

    ``lut``: look-up tables that compute (LUT1 to LUT6); ``lut_memory``: those that are shift
    registers or memory, 4 for each RAM32M or RAM64M; ``ff``: flip-flops; ``dsp``: DSP48E1;
    ``bram18``: block RAMs of 18 kbit, two for each RAMB36.
    """

    lut: float = 0
    lut_memory: int = 0
    ff: float = 0
    dsp: int = 0
    bram18: int = 0

    def __add__(self, other: Resources) -> Resources:
        """Return what both take together."""
        return Resources(
            self.lut + other.lut,
            self.lut_memory + other.lut_memory,
            self.ff + other.ff,
            self.dsp + other.dsp,
            self.bram18 + other.bram18,
        )

    def rounded(self) -> Resources:
        """Return the same in whole cells."""
        return Resources(round(self.lut), self.lut_memory, round(self.ff), self.dsp, self.bram18)
