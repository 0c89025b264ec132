"""Graphs with branches are lowered to forks, weighted sums and concatenations, exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from ir.elements import (
    Concatenate,
    Element,
    Extremum,
    Fifo,
    Fork,
    GlobalAverage,
    Lookup,
    MaxPool,
    Merge,
    PairLookup,
    ProcessingElement,
    Product,
    Reorder,
    Reshape,
    sources,
)
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from rewrite.lower import lower
from rewrite.onnx import fuse, random_inputs
from rewrite.onnx.execution import run
from tests.code_chain import CodeChain
from tests.lowering import kinds, lowered, output_codes, streamed
from tests.qdq import QdqChain

IMAGE = (3, 8, 7)
SAME = [1, 1, 1, 1]


def residual(operator: str = "Add", codes: str = "uint8", growth: float = 1.1) -> QdqChain:
    chain = QdqChain(IMAGE, codes).conv(4, pads=SAME)
    before = chain.here
    chain.conv(4, pads=SAME)
    return chain.join(operator, before, scale=float(chain.scale) * growth)


def twice() -> QdqChain:
    """x + x: both readers are the same element."""
    chain = QdqChain(IMAGE).conv(4)
    x = chain.here
    y = chain.node("Add", [chain.dequantize(), chain.back_to(x).dequantize()])
    return chain.requantize(chain.node("Concat", [y], axis=1), float(chain.scale))


def three_readers() -> QdqChain:
    chain = QdqChain(IMAGE).conv(4, pads=SAME)
    x = chain.here
    left = chain.max_pool(3, strides=[1, 1], pads=SAME).here
    right = chain.back_to(x).conv(2, pads=SAME).here
    return chain.back_to(x).join("Concat", left, right, axis=1, scale=0.5)


def concatenated(axis: int, codes: str = "uint8") -> QdqChain:
    """An image and a part of the same one, of another scale, joined along ``axis``."""
    chain = QdqChain((3, 8, 6), codes)
    x = chain.here
    sizes: dict[int, dict[str, list[int]]] = {
        1: {"pads": SAME},
        2: {"strides": [2, 1], "pads": SAME},
        3: {"strides": [1, 3], "pads": SAME},
    }
    chain.conv(5 if axis == 1 else 3, **sizes[axis])  # type: ignore[arg-type]
    chain.shape = {1: (5, 8, 6), 2: (3, 4, 6), 3: (3, 8, 2)}[axis]
    y = chain.here
    return chain.back_to(x).join("Concat", y, axis=axis).conv(2)


def channels_last() -> QdqChain:
    chain = QdqChain((8, 6, 3)).transpose(0, 3, 1, 2)
    x = chain.here
    left = chain.conv(4, pads=SAME).transpose(0, 2, 3, 1).here
    right = chain.back_to(x).conv(2, pads=SAME).transpose(0, 2, 3, 1)
    return right.join("Concat", left, axis=3).transpose(0, 3, 1, 2).conv(3)


def vectors() -> QdqChain:
    chain = QdqChain((6,))
    x = chain.here
    left = chain.gemm(4).here
    chain.back_to(x).gemm(4).join("Add", left, scale=float(chain.scale))
    chain.join("Concat", x, axis=1)
    return chain.gemm(3)


def flattened() -> QdqChain:
    """Whole maps, flattened channels first, one behind the other."""
    chain = QdqChain((3, 4, 5))
    x = chain.same("Flatten", axis=1).here
    chain.shape = (60,)
    chain.gemm(4, size=60)
    y = chain.here
    chain.back_to(x).shape = (60,)
    return chain.join("Concat", y, axis=1).gemm(5, size=64)


def relu_behind() -> QdqChain:
    chain = residual()
    return chain.clip(0.0, 1e9).conv(2)


def average_of_two() -> QdqChain:
    chain = QdqChain(IMAGE)
    x = chain.here
    chain.unary("Tanh", 1 / 128)
    total = chain.node("Add", [chain.dequantize(), chain.back_to(x).dequantize()])
    half = chain.node("Mul", [total, chain.constant("half", np.float32(0.5))])
    return chain.requantize(half, float(x.scale))


Build = Callable[[], QdqChain | CodeChain]
P, M, C, K = ProcessingElement, Merge, Concatenate, Fork

CASES: dict[str, tuple[Build, list[type[Element]]]] = {
    "Add": (residual, [P, K, Fifo, P, Fifo, M]),
    "Sub": (lambda: residual("Sub"), [P, K, Fifo, P, Fifo, M]),
    "Add of signed codes": (
        lambda: CodeChain(IMAGE, "int8").conv(4).residual(),
        [P, K, Fifo, P, Fifo, M],
    ),
    "average": (average_of_two, [K, Fifo, Fifo, Lookup, M]),
    "clamp": (relu_behind, [P, K, Fifo, P, Fifo, M, Lookup, P]),
    "three readers": (
        three_readers,
        [P, K, Fifo, Lookup, Fifo, MaxPool, Lookup, Fifo, P, Lookup, C],
    ),
    "channels": (lambda: concatenated(1), [K, Fifo, Fifo, P, Lookup, C, P]),
    "signed channels": (
        lambda: CodeChain(IMAGE, "int8").concatenated().conv(2),
        [K, Fifo, Fifo, P, Lookup, Lookup, C, P],
    ),
    "rows": (
        lambda: concatenated(2),
        [K, Fifo, Reshape, Fifo, P, Lookup, Reshape, C, Reshape, P],
    ),
    "columns": (
        lambda: concatenated(3),
        [K, Fifo, Reshape, Fifo, P, Lookup, Reshape, C, Reshape, P],
    ),
    "channels last": (channels_last, [K, Fifo, P, Fifo, P, Lookup, C, P]),
    "vectors": (vectors, [K, Fifo, P, Fifo, P, M, Fifo, Lookup, C, P]),
    "flattened": (flattened, [K, Fifo, Reshape, Fifo, Reshape, P, Lookup, C, P]),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_onnxruntime(case: str) -> None:
    build, expected = CASES[case]
    result = lowered(build().model())
    assert sorted(k.__name__ for k in kinds(result)) == sorted(k.__name__ for k in expected)
    merges = [e for e in result.graph if isinstance(e, Merge)]
    proofs = {p.layer: p for p in result.proofs}
    assert all(proofs[m.layer].evaluated == proofs[m.layer].covered for m in merges)
    assert all(proofs[m.layer].covered > 30_000 for m in merges)


@pytest.mark.parametrize("operator", ["Add", "Sub"])
def test_signed_codes_with_two_readers(operator: str) -> None:
    """onnxruntime moves int8 codes to uint8, and so to integer kernels, for single readers only."""
    fused = fuse(residual(operator, "int8").model())
    message = (
        f"conv_5: onnxruntime {onnxruntime.__version__} must run this Conv in integers, but "
        "computes it in float32; quantize activations to uint8, or in QOperator form"
    )
    with pytest.raises(CompileError) as refusal:
        lower(fused)
    assert str(refusal.value) == message


def test_every_branch_has_its_own_fifo() -> None:
    graph = lowered(three_readers().model()).graph
    (fork,) = (e for e in graph if isinstance(e, Fork))
    readers = [e for e in graph if fork in sources(e)]
    assert len(readers) == 3
    assert all(isinstance(e, Fifo) and e.depth == 2 for e in readers)


def test_one_stream_read_twice_by_one_element() -> None:
    chain = QdqChain(IMAGE).conv(4)
    x = chain.here
    graph = lowered(chain.join("Concat", x, axis=1).model()).graph
    (join,) = (e for e in graph if isinstance(e, Concatenate))
    assert [type(s) for s in join.sources] == [Fifo, Fifo]
    assert join.sources[0] is not join.sources[1]
    assert sources(join.sources[0]) == sources(join.sources[1])


def test_half_even_where_the_scales_say_so() -> None:
    """Halves are ties, which onnxruntime rounds to even: no offset and floor can do that."""
    chain = QdqChain(IMAGE)
    x = chain.here
    chain.same("Relu")
    result = lowered(chain.join("Add", x, scale=2 * float(x.scale), zero_point=3).model())
    (element,) = (e for e in result.graph if isinstance(e, Merge))
    assert (element.factors, element.shift, element.half_even) == ((1, 1), 1, True)


def test_product_of_free_scales() -> None:
    """Floor of a long factor, no rounding: scales in general give no ties."""
    (element,) = merged("Mul", Product)
    assert isinstance(element, Product)
    assert not element.half_even
    assert element.factor.bit_length() > 10


def test_product_where_the_scales_say_so() -> None:
    chain = QdqChain(IMAGE)
    x = chain.here
    chain.unary("Tanh", 1 / 128)
    scale = np.float32(x.scale * chain.scale) * 16
    result = lowered(chain.join("Mul", x, scale=float(scale), zero_point=3).model())
    (element,) = (e for e in result.graph if isinstance(e, Product))
    assert (element.factor, element.shift, element.half_even) == (1, 4, True)


@pytest.mark.parametrize(("operator", "minimum"), [("Max", False), ("Min", True)])
@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_extremum_of_equal_scales(operator: str, minimum: bool, codes: str) -> None:
    chain = QdqChain(IMAGE, codes)
    x = chain.here
    chain.requantize(chain.node("Neg", [chain.dequantize()]), float(x.scale), x.zero_point)
    result = lowered(chain.join(operator, x).model())
    assert sorted(k.__name__ for k in kinds(result)) == [
        "Extremum", "Fifo", "Fifo", "Fork", "Lookup",
    ]  # fmt: skip
    (element,) = (e for e in result.graph if isinstance(e, Extremum))
    assert element.minimum == minimum


def test_extremum_maps_codes_of_another_scale() -> None:
    found = merged("Max", Extremum, Lookup)
    assert [type(e) for e in found] == [Lookup, Lookup, Extremum]


@pytest.mark.parametrize("operator", ["Div", "Pow"])
def test_any_other_function_is_a_table(operator: str) -> None:
    chain = QdqChain(IMAGE)
    x = chain.unary("Sigmoid", 1 / 200).here
    chain.back_to(x).unary("Exp", 1 / 64)
    result = lowered(chain.join(operator, x, scale=0.02, zero_point=0).model())
    (table,) = (e for e in result.graph if isinstance(e, PairLookup))
    assert table.table.shape == (256, 256)
    (proof,) = (p for p in result.proofs if p.layer == table.layer)
    assert (proof.form, proof.covered) == ("table", proof.evaluated)


def merged(operator: str, *found: type[Element]) -> list[Element]:
    """Return the elements of some kinds that a join of free scales is lowered to."""
    return [e for e in lowered(residual(operator).model()).graph if isinstance(e, found)]


def test_crossed_layouts_are_put_in_step() -> None:
    chain = QdqChain((4, 4, 4)).conv(4, pads=SAME)
    x = chain.here
    chain.transpose(0, 1, 3, 2).join("Max", x)
    assert sorted(k.__name__ for k in kinds(lowered(chain.conv(2).model()))) == [
        "Extremum", "Fifo", "Fifo", "Fork", "ProcessingElement", "ProcessingElement", "Reorder",
    ]  # fmt: skip


BROADCASTS: dict[str, Callable[[QdqChain], QdqChain]] = {
    "a value for each channel": lambda chain: chain.average(),
    "a value for each pixel": lambda chain: chain.conv(1, (1, 1)),
    "a row": lambda chain: chain.same("MaxPool", kernel_shape=[8, 1], strides=[8, 1]),
}


@pytest.mark.parametrize("case", BROADCASTS)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("operator", ["Mul", "Add", "Min"])
def test_axes_of_one_are_repeated(case: str, first: bool, operator: str) -> None:
    chain = QdqChain(IMAGE)
    x = chain.here
    BROADCASTS[case](chain)
    if first:
        chain.join(operator, x, scale=0.02)
    else:
        small = chain.here
        chain.back_to(x).join(operator, small, scale=0.02)
    chain.shape = IMAGE
    result = lowered(chain.conv(2).model())
    assert kinds(result).count(Reorder) == 1


def test_both_operands_are_repeated() -> None:
    chain = QdqChain((3, 8, 6))
    x = chain.here
    column = chain.same("MaxPool", kernel_shape=[1, 6], strides=[1, 6]).here
    row = chain.back_to(x).same("MaxPool", kernel_shape=[8, 1], strides=[8, 1])
    result = lowered(row.join("Mul", column, scale=0.02).model())
    assert kinds(result).count(Reorder) == 2


def test_concatenation_of_crossed_layouts() -> None:
    chain = QdqChain((4, 4, 4)).conv(4, pads=SAME)
    x = chain.here
    chain.transpose(0, 1, 3, 2).join("Concat", x, x, axis=2)
    result = lowered(chain.conv(2).model())
    assert kinds(result).count(Reorder) == 1


def test_several_inputs_and_outputs() -> None:
    """Two images in; their sum and the codes in front of it out."""
    chain = QdqChain(IMAGE).conv(4)
    left = chain.here
    right = chain.back_to(left)  # the second input gets its own quantization below
    right.shape, right.tensor = IMAGE, right.quantize("second")
    y = right.conv(4).here
    z = chain.back_to(left).join("Add", y).dequantize()
    model = chain.model_of(z)
    image = helper.make_tensor_value_info("second", TensorProto.FLOAT, ["N", *IMAGE])
    model.graph.input.append(image)
    branch = helper.make_node("DequantizeLinear", [y.tensor, *_parameters(model, y.tensor)], ["b"])
    model.graph.node.append(branch)
    model.graph.output.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, None))
    graph = lower(fuse(model)).graph
    inputs = random_inputs(model, 5)
    entering = {
        i.port: streamed(_input_codes(model, i.layer, inputs), graph.host_tensors[i.port], i)
        for i in graph.inputs
    }
    got = evaluate(graph, entering)
    assert {i.layer for i in graph.inputs} == {"x", "second"}
    assert_outputs(model, graph, got, run(model, None, inputs))


def assert_outputs(
    model: onnx.ModelProto,
    graph: StreamGraph,
    got: dict[str, np.ndarray],
    expected: list[np.ndarray],
) -> None:
    names = [o.name for o in model.graph.output]
    assert len(graph.outputs) == len(names)
    for output in graph.outputs:
        host = graph.host_tensors[output.port]
        codes = output_codes(expected[names.index(host.onnx_name)], host)
        assert np.array_equal(got[output.name], streamed(codes, host, output))


def _parameters(model: onnx.ModelProto, tensor: str) -> list[str]:
    return list(next(n for n in model.graph.node if tensor in n.output).input[1:])


def _input_codes(model: onnx.ModelProto, name: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    quantize = next(n for n in model.graph.node if n.input[0] == name)
    constants = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    scale, zero = (constants[n] for n in quantize.input[1:])
    codes = np.rint(inputs[name] / scale) + zero
    return np.clip(codes, 0, 255).astype(np.int64)


def test_residual_network() -> None:
    """Blocks with identity and strided shortcuts, an average at the end."""
    chain = QdqChain((3, 8, 8)).conv(4, pads=SAME)
    for channels, stride in ((4, 1), (6, 2), (6, 1)):
        before = chain.here
        if channels != chain.shape[0]:
            shortcut = chain.conv(channels, (1, 1), strides=[stride, stride]).here
        else:
            shortcut = before
        chain.back_to(before).conv(channels, pads=SAME, strides=[stride, stride]).clip(0, 1e9)
        chain.conv(channels, pads=SAME)
        chain.join("Add", shortcut, scale=1.3 * float(max(chain.scale, shortcut.scale)))
    result = lowered(chain.average().model())
    counts = {kind: kinds(result).count(kind) for kind in set(kinds(result))}
    assert counts[Merge] == counts[Fork] == 3
    assert counts[Fifo] == 6
    (end,) = (sources(output)[0] for output in result.graph.outputs)
    assert isinstance(end, GlobalAverage | ProcessingElement)  # the latter where it has thresholds
    assert end.output.shape.pixels == 1
