"""FPGAs that a budget can be named after, with what they hold (AMD DS180, DS190, DS891, DS962)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """An FPGA: 6-input look-up tables, flip-flops, DSP blocks, block RAMs of 36 kbit."""

    lut: int
    ff: int
    dsp: int
    bram36: int

    @property
    def amounts(self) -> tuple[float, float, float, float]:
        """Look-up tables, flip-flops, DSP blocks and block RAMs of 18 kbit."""
        return float(self.lut), float(self.ff), float(self.dsp), 2.0 * self.bram36


PARTS = {
    "xc7z007s": Part(14_400, 28_800, 66, 50),
    "xc7z010": Part(17_600, 35_200, 80, 60),
    "xc7z020": Part(53_200, 106_400, 220, 140),
    "xc7z045": Part(218_600, 437_200, 900, 545),
    "xc7a35t": Part(20_800, 41_600, 90, 50),
    "xc7a100t": Part(63_400, 126_800, 240, 135),
    "xc7a200t": Part(133_800, 267_600, 740, 365),
    "xc7k325t": Part(203_800, 407_600, 840, 445),
    "xczu3eg": Part(70_560, 141_120, 360, 216),
    "xczu5ev": Part(117_120, 234_240, 1_248, 144),
    "xczu7ev": Part(230_400, 460_800, 1_728, 312),
    "xczu9eg": Part(274_080, 548_160, 2_520, 912),
    "xcu50": Part(872_000, 1_743_000, 5_952, 1_344),
    "xcu200": Part(1_182_000, 2_364_000, 6_840, 2_160),
    "xcu250": Part(1_728_000, 3_456_000, 12_288, 2_688),
}
