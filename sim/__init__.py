"""Simulation of whole networks: in GHDL, and as a netlist in Verilator."""

from sim.netlist import simulate_netlist
from sim.options import SimulationOptions, Simulator, Stalls
from sim.results import Fault, Hang, Mismatch, ProtocolFault, SimulationResult
from sim.simulate import simulate
from sim.synthesis import synthesize

__all__ = [
    "Fault",
    "Hang",
    "Mismatch",
    "ProtocolFault",
    "SimulationOptions",
    "SimulationResult",
    "Simulator",
    "Stalls",
    "simulate",
    "simulate_netlist",
    "synthesize",
]
