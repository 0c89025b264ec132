"""TFLite files that must not be taken: damaged, hostile, or not supported. One line each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend import limits
from frontend.open_model import open_model
from frontend.tflite import read_tflite
from ir.errors import CompileError
from tests.tflite_models import convert, edit, keras, packed, schema

L = keras.layers


@pytest.fixture(scope="session")
def original() -> bytes:
    """A good file: padding, convolution, dense layer."""
    x = keras.Input((6, 6, 2), name="x")
    y = L.Conv2D(3, 3, name="conv")(L.ZeroPadding2D()(x))
    y = L.LeakyReLU()(L.Reshape((36, 3), name="reshape")(y))
    keras.utils.set_random_seed(1)
    return convert(keras.Model(x, L.Dense(2, name="dense")(L.Flatten()(y)), name="net"))


def refusal(data: bytes, folder: Path) -> str:
    """Return the one line with which a file of ``data`` is refused."""
    (folder / "m.tflite").write_bytes(data)
    with pytest.raises(CompileError) as caught:
        read_tflite(folder / "m.tflite")
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message.replace(f"{folder}/", "")


def test_the_good_one_is_read(original: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(packed(edit(original)))
    model = read_tflite(tmp_path / "m.tflite")
    assert [i.name for i in model.graph.input] == ["x"]
    assert [n.op_type for n in model.graph.node if "antize" not in n.op_type] == [
        "Transpose", "Conv", "Transpose", "Reshape", "LeakyRelu", "Reshape", "Gemm",
    ]  # fmt: skip


# The file


def test_files_of_another_kind(tmp_path: Path) -> None:
    remedy = "convert the model with TFLiteConverter"
    assert refusal(b"\x89PNG\r\n\x1a\n", tmp_path) == f"m.tflite: is no TFLite file; {remedy}"
    assert refusal(b"", tmp_path) == "m.tflite: is empty (0 bytes); save or copy it again"
    assert refusal(b"\xff\xff\xff\x7fTFL3", tmp_path) == (
        "m.tflite: is truncated or damaged; copy or convert it again"
    )
    os.mkfifo(tmp_path / "p.tflite")
    with pytest.raises(CompileError, match=r"is a device or pipe, not a file; name a file$"):
        read_tflite(tmp_path / "p.tflite")
    with (tmp_path / "b.tflite").open("wb") as stream:
        stream.truncate(limits.MAX_FILE_BYTES + 1)
    with pytest.raises(CompileError, match="has 1073741825 bytes, more than the limit"):
        read_tflite(tmp_path / "b.tflite")


def test_weights_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").touch()
    with pytest.raises(CompileError) as caught:
        open_model(tmp_path / "m.tflite", weights=Path("w.h5"))
    assert str(caught.value) == "w.h5: a .tflite file holds its own weights; leave --weights out"


def test_no_truncation_gets_through(original: bytes, tmp_path: Path) -> None:
    refused = 0
    for cut in range(8, len(original), len(original) // 60):
        (tmp_path / "m.tflite").write_bytes(original[:cut])
        with pytest.raises(CompileError):
            read_tflite(tmp_path / "m.tflite")
        refused += 1
    assert refused > 50


def test_damaged_bytes_never_escape_as_other_errors(original: bytes, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    refused = 0
    for position in random.integers(8, len(original), 400):
        broken = bytearray(original)
        broken[position] = int(random.integers(0, 256))
        (tmp_path / "m.tflite").write_bytes(broken)
        try:
            read_tflite(tmp_path / "m.tflite")
        except CompileError:
            refused += 1
    assert refused > 20


# The graph


def tensor(model: Any, position: int, end: str = "inputs") -> Any:
    """Return an input or output tensor of the convolution."""
    return model.subgraphs[0].tensors[getattr(operator(model, "CONV_2D"), end)[position]]


def operator(model: Any, kind: str) -> Any:
    number = getattr(schema.BuiltinOperator, kind)
    codes = [code.builtinCode for code in model.operatorCodes]
    return next(o for o in model.subgraphs[0].operators if codes[o.opcodeIndex] == number)


def code(model: Any, kind: str) -> Any:
    number = getattr(schema.BuiltinOperator, kind)
    return next(c for c in model.operatorCodes if c.builtinCode == number)


def two_graphs(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def no_operators(model: Any) -> None:
    model.subgraphs[0].operators = []


def many_axes(model: Any) -> None:
    tensor(model, 0, "outputs").shape = [1] * 9


def huge(model: Any) -> None:
    tensor(model, 0, "outputs").shape = [1, 2**20, 2**10, 1]


def huge_constant(model: Any) -> None:
    tensor(model, 1).shape = [2**15, 2**15, 1, 1]


def unknown_size(model: Any) -> None:
    tensor(model, 0).shapeSignature = [-1, -1, 8, 2]


def missing_tensor(model: Any) -> None:
    chosen = operator(model, "CONV_2D")
    chosen.inputs = [chosen.inputs[0], 999, chosen.inputs[2]]


def missing_buffer(model: Any) -> None:
    tensor(model, 1).buffer = 999


def small_buffer(model: Any) -> None:
    model.buffers[tensor(model, 1).buffer].data = [0]


def no_weights(model: Any) -> None:
    model.buffers[tensor(model, 1).buffer].data = None


def no_options(model: Any) -> None:
    operator(model, "CONV_2D").builtinOptions = None


def other_options(model: Any) -> None:
    operator(model, "CONV_2D").builtinOptionsType = schema.BuiltinOptions.Pool2DOptions


def no_stride(model: Any) -> None:
    operator(model, "CONV_2D").builtinOptions.padding = schema.Padding.SAME
    operator(model, "CONV_2D").builtinOptions.strideH = 0


def unknown_operator(model: Any) -> None:
    code(model, "CONV_2D").builtinCode = schema.BuiltinOperator.LSTM
    code(model, "LSTM").deprecatedBuiltinCode = schema.BuiltinOperator.LSTM


def custom_operator(model: Any) -> None:
    chosen = code(model, "CONV_2D")
    chosen.builtinCode = chosen.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    chosen.customCode = b"a\x1b[31m\nb"


def new_operator(model: Any) -> None:
    code(model, "CONV_2D").builtinCode = 30_000


def fused_tanh(model: Any) -> None:
    options = operator(model, "CONV_2D").builtinOptions
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH


def words(model: Any) -> None:
    tensor(model, 0, "outputs").type = schema.TensorType.INT16


def no_scale(model: Any) -> None:
    tensor(model, 0, "outputs").quantization = None


def zero_scale(model: Any) -> None:
    tensor(model, 0, "outputs").quantization.scale = [0.0]


def infinite_scale(model: Any) -> None:
    tensor(model, 0, "outputs").quantization.scale = [float("inf")]


def wild_zero_point(model: Any) -> None:
    tensor(model, 0, "outputs").quantization.zeroPoint = [300]


def scales_for_nothing(model: Any) -> None:
    tensor(model, 1).quantization.quantizedDimension = 7


def scales_for_inputs(model: Any) -> None:
    quantization = tensor(model, 1).quantization
    quantization.quantizedDimension = 1
    quantization.scale = [0.1] * 3
    quantization.zeroPoint = [0] * 3


def other_bias(model: Any) -> None:
    quantization = tensor(model, 2).quantization
    quantization.scale = [2 * scale for scale in quantization.scale]


def wide_bias(model: Any) -> None:
    tensor(model, 2).type = schema.TensorType.INT64
    model.buffers[tensor(model, 2).buffer].data = [0] * 24


def sparse(model: Any) -> None:
    tensor(model, 1).sparsity = schema.SparsityParametersT()


def batch(model: Any) -> None:
    end = tensor(model, 0, "outputs")
    end.shape, end.shapeSignature = [2, 6, 6, 3], None


def merged_frames(model: Any) -> None:
    graph = model.subgraphs[0]
    end = graph.tensors[operator(model, "RESHAPE").outputs[0]]
    end.shape, end.shapeSignature = [1, 35, 3], None


def other_result(model: Any) -> None:
    graph = model.subgraphs[0]
    end = graph.tensors[graph.outputs[0]]
    end.shape, end.shapeSignature = [1, 5], None


def read_before(model: Any) -> None:
    model.subgraphs[0].operators.reverse()


DAMAGED = "m.tflite: is truncated or damaged; copy or convert it again"
CONV = "net_1/conv_1/convolution"
AGAIN = "convert the model again"

GRAPHS: dict[str, tuple[Callable[[Any], None], str]] = {
    "two graphs": (two_graphs, "m.tflite: has 2 graphs, not 1; convert one without control flow"),
    "no operators": (
        no_operators, "m.tflite: has 0 operators, not 1 to 16384; use a smaller model"
    ),
    "many axes": (many_axes, DAMAGED),
    "huge": (
        huge,
        f"{CONV}: its output [1, 1048576, 1024, 1] has 1073741824 elements, more than the limit of "
        "67108864; use a smaller input or a larger stride",
    ),
    "huge constant": (
        huge_constant,
        "net_1/conv_1/convolution: brings the model to 1073742048 parameters, more than the "
        "limit of 67108864; use a smaller layer",
    ),
    "unknown size": (
        unknown_size,
        "serving_default_x:0: its shape [None, None, 8, 2] has sizes that are not known; "
        "convert the model with fixed sizes",
    ),
    "missing tensor": (missing_tensor, DAMAGED),
    "missing buffer": (missing_buffer, DAMAGED),
    "small buffer": (small_buffer, DAMAGED),
    "no weights": (no_weights, f"{CONV}: its weights must be constant; {AGAIN}"),
    "no options": (no_options, DAMAGED),
    "other options": (other_options, DAMAGED),
    "no stride": (no_stride, DAMAGED),
    "unknown operator": (
        unknown_operator,
        f"{CONV}: uses the TFLite operator 'LSTM', which is not supported; replace the layer",
    ),
    "custom operator": (
        custom_operator,
        f"{CONV}: uses the TFLite operator 'custom operator a\\x1b[31m\\nb', which is not "
        "supported; replace the layer",
    ),
    "new operator": (
        new_operator,
        f"{CONV}: uses the TFLite operator 'operator 30000', which is not supported; replace the "
        "layer",
    ),
    "fused tanh": (
        fused_tanh,
        f"{CONV}: has a fused activation that is no clamp; use the activation as a layer",
    ),
    "words": (
        words,
        f"{CONV}: the tensor '{CONV}' must be float32 or quantized to 8 bits, not int16; "
        "convert the model to int8 with representative data",
    ),
    "no scale": (
        no_scale,
        f"{CONV}: the tensor '{CONV}' must be float32 or quantized to 8 bits, not int8; "
        "convert the model to int8 with representative data",
    ),
    "zero scale": (zero_scale, f"{CONV}: its scales must be finite and above 0; {AGAIN}"),
    "infinite scale": (infinite_scale, f"{CONV}: its scales must be finite and above 0; {AGAIN}"),
    "wild zero point": (
        wild_zero_point, f"{CONV}: its zero point must be -128 to 127; {AGAIN}"
    ),
    "scales for nothing": (scales_for_nothing, DAMAGED),
    "scales for inputs": (
        scales_for_inputs, f"{CONV}: its weights have a scale for each input; {AGAIN}"
    ),
    "other bias": (other_bias, f"{CONV}: its bias has not the scale of the products; {AGAIN}"),
    "wide bias": (wide_bias, f"{CONV}: its bias must be int32, not int64; convert to int8"),
    "sparse": (
        sparse,
        "net_1/conv_1/convolution: is a sparse tensor or a variable; "
        "convert the model without",
    ),
    "batch": (
        batch,
        "net_1/reshape_1/Reshape: the first axis of [2, 6, 6, 3] must be the batch, 1; "
        "change the model to keep frames apart",
    ),
    "merged frames": (
        merged_frames, f"net_1/reshape_1/Reshape: makes [35, 3] of [6, 6, 3]; {AGAIN}"
    ),
    "other result": (
        other_result, "m: has shapes that contradict each other; copy or convert it again"
    ),
    "read before": (read_before, DAMAGED),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_are_refused(name: str, original: bytes, tmp_path: Path) -> None:
    change, message = GRAPHS[name]
    model = edit(original)
    change(model)
    assert refusal(packed(model), tmp_path) == message


def test_more_padding_than_the_file_states(tmp_path: Path) -> None:
    x = keras.Input((6, 6, 2), name="x")
    y = L.GlobalAveragePooling2D()(L.ZeroPadding2D(1, name="pad")(x))
    model = edit(convert(keras.Model(x, y, name="net")))
    sides = np.array([0, 0, 0, 2**30, 1, 2**30, 0, 0], np.int32)
    index = operator(model, "PAD").inputs[1]
    model.buffers[model.subgraphs[0].tensors[index].buffer].data = list(sides.tobytes())
    assert refusal(packed(model), tmp_path) == (
        "net_1/pad_1/Pad:0: its output [1073741830, 1073741831, 2] has 2305843037130981460 "
        "elements, more than the limit of 67108864; use a smaller input or a larger stride"
    )


def test_dynamic_range_quantization(tmp_path: Path) -> None:
    x = keras.Input((64,), name="x")
    model = keras.Model(x, L.Dense(64, name="dense")(x))
    assert refusal(convert(model, only_codes=False), tmp_path).endswith(
        ": quantizes its input while it runs (dynamic range quantization); "
        "convert the model with representative data"
    )


def test_dilation_in_one_dimension_without_its_end(tmp_path: Path) -> None:
    """Nothing puts the steps together that were dealt out, since what they are is an output."""
    x = keras.Input((12, 3), name="x")
    file = edit(convert(keras.Model(x, L.Conv1D(4, 3, dilation_rate=2)(x))))
    graph = file.subgraphs[0]
    convolution = next(o for o in graph.operators if len(o.inputs) == 3 and len(o.outputs) == 1
                       and len(graph.tensors[o.inputs[1]].shape) == 4)  # fmt: skip
    graph.outputs = [convolution.outputs[0]]
    file.signatureDefs = []
    assert refusal(packed(file), tmp_path).endswith(
        ": has the rates [2] and the padding [0, 0], not two and four; convert the model with a "
        "fixed batch of 1, where it becomes a convolution's dilation"
    )
