"""The golden integers are those of the unmodified graph, whatever its ports look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from frontend.compiler import CompileOptions, compile_model
from frontend.golden import GoldenModel
from frontend.onnx_reference import session
from frontend.onnx_source import load_onnx
from ir.errors import CompileError
from ir.interpreter import evaluate
from rewrite.lower import lower
from rewrite.onnx import fuse
from tests.code_chain import CodeChain
from tests.qdq import QdqChain
from tests.third_party import check_interpreter

IMAGE = (3, 8, 6)


def entering(codes: str, *, leaves: bool = False) -> onnx.ModelProto:
    """A model that takes codes and, if it ``leaves``, sends codes."""
    chain = CodeChain(IMAGE, codes, enters=True).conv(4).max_pool().conv(2)
    return chain.model(codes=leaves)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("leaves", [False, True])
def test_codes_at_the_ports(codes: str, leaves: bool) -> None:
    lowered = check_interpreter(entering(codes, leaves=leaves))
    entry, exit_ = (lowered.graph.host_tensors[p] for p in ("s_axis", "m_axis"))
    assert entry.onnx_name == entry.onnx_tensor == "x"
    assert (exit_.onnx_name == exit_.onnx_tensor) == leaves
    assert entry.scale == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("enters", [False, True])
def test_signed_codes_with_two_readers(enters: bool) -> None:
    """Operators on int8 codes branch; between quantizations onnxruntime needs uint8 for that."""
    model = CodeChain(IMAGE, "int8", enters=enters).residual().model()
    lowered = check_interpreter(model)
    entry, exit_ = (lowered.graph.host_tensors[p] for p in ("s_axis", "m_axis"))
    assert (entry.shift, exit_.shift) == (128, 0)
    assert not lowered.graph.inputs[0].output.number.signed
    assert lowered.graph.outputs[0].output.number.signed


def test_signed_codes_behind_a_pool_and_a_move() -> None:
    chain = CodeChain(IMAGE, "int8").conv(4).max_pool().flat(48)
    check_interpreter(chain.dense(5).model())


def test_moved_codes_at_the_input() -> None:
    chain = CodeChain((8, 6, 3), enters=True).plain("Transpose", perm=[0, 3, 1, 2])
    chain.shape = IMAGE
    check_interpreter(chain.conv(4).model())


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_codes_in_front_of_a_softmax(codes: str) -> None:
    lowered = check_interpreter(QdqChain((6,), codes).gemm(5).model("Softmax"))
    assert lowered.graph.host_operators == ("Softmax",)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_codes_in_front_of_a_quantized_softmax(codes: str) -> None:
    """onnxruntime's integer Softmax hides the codes, and int8 codes do not stand being shown."""
    chain = QdqChain((6,), codes).gemm(5)
    y = chain.node("Softmax", [chain.dequantize()])
    check_interpreter(chain.requantize(y, 1 / 256, np.iinfo(codes).min).model())
    operators = CodeChain((6,), codes).dense(5, bias=True)
    check_interpreter(operators.unary("QLinearSoftmax", 1 / 256, axis=-1, opset=13).model())


def test_layers_in_front_of_the_first_codes_are_the_hosts() -> None:
    chain = QdqChain(IMAGE)
    halved = chain.node("Mul", ["x", chain.constant("c", np.float32(0.5))])
    chain.nodes[0].input[0] = halved
    chain.nodes.insert(0, chain.nodes.pop())
    lowered = check_interpreter(chain.conv(4).model())
    assert lowered.graph.host_tensors["s_axis"].operators == ("Mul",)


def test_codes_are_the_same_as_shown_by_the_graph_itself() -> None:
    """uint8 codes can be shown without changing them: the usual way and ours agree."""
    model = QdqChain(IMAGE).conv(4).max_pool().model()
    codes = model.graph.node[-1].input[0]
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.append(
        onnx.helper.make_tensor_value_info(codes, onnx.TensorProto.UINT8, None)
    )
    graph = lower(fuse(model)).graph
    golden = GoldenModel(model, graph)
    frames = np.random.default_rng(0).normal(0, 3, (9, *IMAGE)).astype(np.float32)
    expected = session(shown).run([codes], {"x": frames})[0].astype(np.int64)
    (port,) = graph.outputs
    assert np.array_equal(golden.output_codes(frames)["m_axis"], golden.streamed(port, expected))
    assert np.array_equal(
        evaluate(graph, golden.input_codes(frames))[port.name],
        golden.output_codes(frames)["m_axis"],
    )


def test_frames_that_are_no_codes(tmp_path: Path) -> None:
    onnx.save(entering("uint8"), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.full((2, *IMAGE), 0.5, np.float32))
    with pytest.raises(CompileError) as refusal:
        compile_model(tmp_path / "m.onnx", CompileOptions(calibration=tmp_path / "x.npy"))
    assert str(refusal.value) == (
        "x: the model takes uint8 codes, so frames must be whole numbers from 0 to 255; scale the "
        "data to codes with --image-scale and --image-offset"
    )


@pytest.mark.parametrize("batch", [1, 3])
def test_fixed_batches(batch: int) -> None:
    model = QdqChain(IMAGE).conv(4).model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    check_interpreter(model, frames=7)
    assert load_onnx(model, name="m").output_shapes == ((4, 6, 4),)


@pytest.mark.parametrize("opset", [10, 12, 13, 19])
def test_quantized_graphs_of_other_operator_sets(opset: int) -> None:
    chain = QdqChain(IMAGE).conv(4, per_channel=False, pads=[1, 1, 1, 1]).max_pool()
    model = chain.conv(2, per_channel=False).model()
    model.opset_import[0].version = opset
    for node in model.graph.node:
        if opset < 13:  # axes of quantizations came with per-channel scales
            kept = [a for a in node.attribute if a.name != "axis"]
            del node.attribute[:]
            node.attribute.extend(kept)
    check_interpreter(model)


def test_int8_codes_that_leave_between_quantizations_are_refused() -> None:
    chain = QdqChain(IMAGE, "int8").conv(4)
    model = chain.model_of(chain.tensor, onnx.TensorProto.INT8)
    with pytest.raises(
        CompileError, match=r"^conv_5: onnxruntime .* must run this Conv in integers"
    ):
        check_interpreter(model)
