"""Simulation of whole networks: bench, vectors, GHDL, verdict."""

from sim.options import SimulationOptions, Stalls
from sim.results import Hang, Mismatch, ProtocolFault, SimulationResult
from sim.simulate import simulate

__all__ = [
    "Hang",
    "Mismatch",
    "ProtocolFault",
    "SimulationOptions",
    "SimulationResult",
    "Stalls",
    "simulate",
]
