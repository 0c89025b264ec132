"""Every network of the zoo, quantized by onnxruntime itself, is computed bit for bit."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import zoo
from frontend.compiler import compile_model
from ir.errors import CompileError
from sim import simulate, simulate_netlist
from tests.qdq import QdqChain
from tests.third_party import STYLES, check_interpreter, float_model, quantized_by_onnxruntime
from tests.verdicts import Simulator, compare_cycles, run_hardware
from zoo.graphs import macs
from zoo.mlperf import MLPERF

NETWORKS = zoo.networks()
MOST_MACS = 100_000
"""More multiplications per frame than this take GHDL minutes."""
SHORT = ["digits_batchnorm", "digits_leaky", "digits_rescaling", "pocket_baseline"]
SIMULATED = [("digits_cnn", "uint8"), ("pool_3x3_stride_2", "int8 operators")]
FLOAT_POOL = "digits_batchnorm"
"""In QOperator form, onnxruntime leaves this one's pools in float, between normalizations."""

IN_FLOAT = "GlobalAveragePool must stand between DequantizeLinear and QuantizeLinear"
TWO_READERS = "must run this Conv in integers, but computes it in float32; quantize activations to"


def refused(name: str, style: str, *, canonical: bool) -> str | None:
    """Return part of the refusal of what onnxruntime computes in float32, None if it does not.

    The pools of the canonical form are quantized in QOperator form.
    """
    if name == "resnet8" and style == "defaults":
        return TWO_READERS  # int8 codes, which residual connections read
    if canonical:
        return None
    if "operators" not in style:
        return None
    return {
        FLOAT_POOL: "MaxPool must stand between DequantizeLinear and QuantizeLinear",
        "mobilenet_025": IN_FLOAT,
    }.get(name)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("third_party")


def quantized(name: str, style: str, folder: Path, *, canonical: bool) -> onnx.ModelProto:
    path = folder / f"{name}.h5"
    if not path.exists():
        zoo.save(name, path)
    return quantized_by_onnxruntime(float_model(path, canonical=canonical), style, folder)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", SHORT)
def test_interpreter_equals_onnxruntime(name: str, style: str, folder: Path) -> None:
    canonical = name == FLOAT_POOL and "operators" in style
    check_interpreter(quantized(name, style, folder, canonical=canonical))


def test_float_pool_between_normalizations_is_refused(folder: Path) -> None:
    model = quantized(FLOAT_POOL, "uint8 operators", folder, canonical=False)
    with pytest.raises(CompileError) as refusal:
        check_interpreter(model)
    assert str(refusal.value) == (
        "maxpool_4: MaxPool must stand between DequantizeLinear and QuantizeLinear, not in float; "
        "quantize its operands and its result, or take it off the end of the model"
    )


def check_hardware(
    name: str,
    style: str,
    folder: Path,
    *,
    canonical: bool = False,
    simulator: Simulator = simulate,
) -> None:
    path = folder / f"{name} {style}.onnx"
    model = quantized(name, style, folder, canonical=canonical)
    onnx.save(model, path)
    compilation = compile_model(path)
    assert compilation.quantized.model.SerializeToString() == model.SerializeToString()
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(
        compilation, frames, folder / path.stem, stalled_frames=3, seed=2, simulator=simulator
    )
    assert result.fault is None
    assert compare_cycles(compilation, result) is None


def test_global_average_by_thresholds_in_hardware(folder: Path) -> None:
    path = folder / "average.onnx"
    onnx.save(QdqChain((2, 6, 6)).average().model(), path)
    compilation = compile_model(path)
    assert [proof.form for proof in compilation.lowered.proofs] == ["thresholds"]
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(compilation, frames, folder / path.stem, stalled_frames=3, seed=2)
    assert result.fault is None
    assert compare_cycles(compilation, result) is None


@pytest.mark.parametrize(("name", "style"), SIMULATED)
def test_hardware_equals_onnxruntime(name: str, style: str, folder: Path) -> None:
    check_hardware(name, style, folder)


@pytest.mark.long
@pytest.mark.parametrize("canonical", [False, True])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_zoo_in_the_interpreter(name: str, style: str, canonical: bool, folder: Path) -> None:
    model = quantized(name, style, folder, canonical=canonical)
    message = refused(name, style, canonical=canonical)
    if message is not None:
        with pytest.raises(CompileError, match=message):
            check_interpreter(model)
    else:
        check_interpreter(model)


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in NETWORKS if macs(NETWORKS[n].network) <= MOST_MACS])
def test_whole_zoo_in_hardware(name: str, folder: Path) -> None:
    check_hardware(name, "uint8", folder)


@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_ds_cnn_as_exported_in_the_netlist(style: str, folder: Path) -> None:
    """Its mean of 24x5 values, which onnxruntime adds in float32, is no convolution there."""
    check_hardware("ds_cnn", style, folder, simulator=simulate_netlist)


@pytest.mark.long
@pytest.mark.parametrize("style", ["uint8", "uint8 per channel", "int8 operators"])
@pytest.mark.parametrize("name", [entry.name for entry in MLPERF])
def test_mlperf_tiny_in_the_netlist(name: str, style: str, folder: Path) -> None:
    check_hardware(name, style, folder, canonical=True, simulator=simulate_netlist)
