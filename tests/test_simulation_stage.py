"""What a compilation says when the hardware is wrong: the element, the remedy, the waveform."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontend.compiler import Compilation, compile_model, simulate_compilation
from frontend.simulation import SimulationRequest
from ir.errors import CompileError
from rtl import write_vhdl
from sim import SimulationOptions, Simulator
from zoo import MODELS


@pytest.fixture(scope="module")
def compilation() -> Compilation:
    return compile_model(MODELS / "digits_mlp.h5")


def spoiled(compilation: Compilation, folder: Path) -> list[Path]:
    """Write the VHDL with other weights in the first layer's tables; return the files."""
    sources = write_vhdl(compilation.graph, folder)
    tables = next(path for path in sources if path.name.endswith("dense_1_tables.vhd"))
    text = re.sub(r'x"[0-9a-f]{32}', 'x"' + "7f" * 16, tables.read_text())
    assert text != tables.read_text()
    tables.write_text(text)
    return sources


@pytest.mark.parametrize(
    ("simulator", "trace", "first", "remedy"),
    [
        (Simulator.GHDL, False, "dense_1", "please report this"),
        (Simulator.NETLIST, True, "dense_1", "please report this"),
        (Simulator.NETLIST, False, "output", "--trace tells which element is the first to differ"),
    ],
)
def test_wrong_hardware_is_named(
    simulator: Simulator,
    trace: bool,
    first: str,
    remedy: str,
    compilation: Compilation,
    tmp_path: Path,
) -> None:
    sources = spoiled(compilation, tmp_path / "vhdl")
    request = SimulationRequest(2, simulator=simulator, trace=trace)
    with pytest.raises(CompileError) as failed:
        simulate_compilation(compilation, request, tmp_path / "sim", sources)
    pattern = (
        rf"digits_mlp: \w*{first}\w* \(layer [\w/]+\): frame \d+, pixel \(y 0, x 0\), channel \d+: "
        rf"expected \d+, got \d+, in cycle \d+ of phase 1; {re.escape(remedy)}"
    )
    assert re.fullmatch(pattern, str(failed.value)), failed.value


@pytest.mark.parametrize(
    ("simulator", "suffix"), [(Simulator.GHDL, ".ghw"), (Simulator.NETLIST, ".fst")]
)
def test_waveform_of_a_failure_is_kept(
    simulator: Simulator, suffix: str, compilation: Compilation, tmp_path: Path
) -> None:
    sources = spoiled(compilation, tmp_path / "vhdl")
    kept = tmp_path / "out_failed"
    request = SimulationRequest(
        1, SimulationOptions(wave=True), simulator, trace=True, failed_wave=kept
    )
    with pytest.raises(CompileError) as failed:
        simulate_compilation(compilation, request, tmp_path / "sim", sources)
    assert str(failed.value).endswith(f"; see {kept}{suffix} in GTKWave, and please report this")
    assert Path(f"{kept}{suffix}").stat().st_size > 0
