"""What a simulation run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Simulator(Enum):
    """What simulates a network: GHDL its VHDL, Verilator the netlist that GHDL synthesizes."""

    GHDL = "ghdl"
    NETLIST = "netlist"


class Stalls(Enum):
    """Which sides of the core stall at random."""

    NONE = "none"
    INPUT = "input"
    OUTPUT = "output"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """A run has up to three phases, each after a reset.

    First ``timed_frames`` frames without stalls, which are timed; then, if ``reset_in_frame``,
    stalled frames that a reset cuts off in mid-frame; then ``stalled_frames`` (None: all) frames
    with ``stalls``.  ``stall_percent``: how often a side stalls before a beat; ``longest_stall``:
    cycles of the longest of the stalls that each port has about once per frame, by default half a
    frame, at most 1000; ``seed`` of all randomness.  ``generics``: those of the top to override,
    by name.  ``timeout_seconds``: of the simulator's run, None for no limit.  ``wave``: write the
    waveform of all signals, too.  ``jobs``: processes that build at a time, None for one per
    processor.
    """

    stalls: Stalls = Stalls.BOTH
    stall_percent: int = 30
    longest_stall: int | None = None
    seed: int = 0
    timed_frames: int = 4
    stalled_frames: int | None = None
    reset_in_frame: bool = True
    generics: Mapping[str, int] = field(default_factory=dict)
    timeout_seconds: float | None = None
    wave: bool = False
    jobs: int | None = None

    @classmethod
    def unstalled(cls, frames: int, *, wave: bool = False) -> SimulationOptions:
        """Return the options of one pass of ``frames`` frames, without stalls and resets."""
        return cls(
            Stalls.NONE, timed_frames=frames, stalled_frames=0, reset_in_frame=False, wave=wave
        )

    @property
    def input_stall_percent(self) -> int:
        """How often the input stalls."""
        return self.stall_percent if self.stalls in (Stalls.INPUT, Stalls.BOTH) else 0

    @property
    def output_stall_percent(self) -> int:
        """How often the output stalls."""
        return self.stall_percent if self.stalls in (Stalls.OUTPUT, Stalls.BOTH) else 0
