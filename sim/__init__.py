"""Simulation of whole networks: bench, vectors, GHDL, verdict."""

from sim.options import SimulationOptions, Stalls
from sim.results import Fault, Hang, Mismatch, ProtocolFault, SimulationResult
from sim.simulate import simulate

__all__ = [
    "Fault",
    "Hang",
    "Mismatch",
    "ProtocolFault",
    "SimulationOptions",
    "SimulationResult",
    "Stalls",
    "simulate",
]
