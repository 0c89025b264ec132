"""Float rewrites: how often each fires, what it leaves alone, and equality in onnxruntime."""

from __future__ import annotations

import pkgutil

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import numpy_helper

import rewrite.onnx.float as package
from rewrite.onnx.float import apply, canonicalize, fold_affine_after
from tests import float_moving_cases, float_position_cases, float_rewrite_cases
from tests.float_rewrite_cases import (
    BATCH_NORM,
    CONV,
    IMAGE,
    TO_NCHW,
    TO_NHWC,
    Array,
    build,
    conv,
    integers,
    node,
    normal,
    positive,
    scalar,
)

MODULES = (float_rewrite_cases, float_moving_cases, float_position_cases)
FIRES = {name: case for module in MODULES for name, case in module.FIRES.items()}
UNTOUCHED = {name: case for module in MODULES for name, case in module.UNTOUCHED.items()}


def run(model: onnx.ModelProto, frames: Array) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results: list[Array] = session.run(None, {model.graph.input[0].name: frames})
    return results


def assert_equal(before: onnx.ModelProto, after: onnx.ModelProto, frames: int = 1) -> None:
    shape = [d.dim_value for d in before.graph.input[0].type.tensor_type.shape.dim][1:]
    x = normal(frames, *shape)
    assert [o.name for o in before.graph.output] == [o.name for o in after.graph.output]
    for expected, got in zip(run(before, x), run(after, x), strict=True):
        assert expected.shape == got.shape
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def operators(model: onnx.ModelProto) -> str:
    return " ".join(n.op_type for n in model.graph.node)


@pytest.mark.parametrize("name", FIRES)
def test_fires(name: str) -> None:
    case = FIRES[name]
    model = ir.from_proto(case.model)
    assert apply(case.rules, model) == case.fires
    rewritten = ir.to_proto(model)
    onnx.checker.check_model(rewritten, full_check=True)
    assert_equal(case.model, rewritten)
    while apply(case.rules, model):
        pass
    assert_equal(case.model, ir.to_proto(model))
    assert sorted(operators(ir.to_proto(model)).split()) == sorted(case.operators.split())
    assert apply(case.rules, model) == 0


@pytest.mark.parametrize("name", UNTOUCHED)
def test_leaves_alone(name: str) -> None:
    rules, before = UNTOUCHED[name]
    model = ir.from_proto(before)
    assert apply(rules, model) == 0
    assert operators(ir.to_proto(model)) == operators(before)


def with_reader(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return ``model`` with another reader of tensor ``name``: a branch that leaves the graph."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.node.append(onnx.helper.make_node("Neg", [name], ["branch"], "layer_branch"))
    copy.graph.output.append(
        onnx.helper.make_tensor_value_info("branch", onnx.TensorProto.FLOAT, None)
    )
    return onnx.shape_inference.infer_shapes(copy, strict_mode=True, data_prop=True)


@pytest.mark.parametrize("name", FIRES)
def test_branches_stay_right(name: str) -> None:
    """Whatever is read twice is either left alone or right for both readers."""
    case = FIRES[name]
    outputs = {o.name for o in case.model.graph.output}
    inner = [o for n in case.model.graph.node for o in n.output if o not in outputs]
    for tensor in inner:
        before = with_reader(case.model, tensor)
        model = ir.from_proto(before)
        apply(case.rules, model)
        assert_equal(before, ir.to_proto(model))


def test_every_rewrite_has_a_case() -> None:
    tested = {id(case.rules) for case in FIRES.values()} & {id(r) for r, _ in UNTOUCHED.values()}
    helpers = {"affine", "values"}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in helpers:
            assert id(getattr(package, module.name).RULES) in tested, module.name


def test_fold_rounds_once() -> None:
    """The folded weight is the float32 nearest to the product of all factors."""
    weight, factors = CONV["w"], [positive(1, 4, 1, 1) for _ in range(3)]
    nodes = [conv("x", "c0")]
    nodes += [node("Mul", f"c{i} s{i}", f"c{i + 1}") for i in range(3)]
    constants = CONV | {f"s{i}": s for i, s in enumerate(factors)}
    model = ir.from_proto(build(IMAGE, nodes, constants, outputs=("c3",)))
    apply(fold_affine_after.RULES, model)
    folded = {i.name: numpy_helper.to_array(i) for i in ir.to_proto(model).graph.initializer}
    product = weight.astype(np.float64)
    for factor in factors:
        product = product * factor.reshape(4, 1, 1, 1).astype(np.float64)
    assert np.array_equal(folded["layer_c0.weight"], product.astype(np.float32))


def keras_like() -> onnx.ModelProto:
    """NHWC in, layout changes in the middle, affine layers and pads where they are hard to fold."""
    constants = {
        "mean": normal(3), "w1": normal(4, 3, 3, 3), "b1": normal(4), "w2": normal(5, 4, 3, 3),
        "b2": normal(5), "w3": normal(5, 20), "shape": integers(-1, 20), "w4": normal(20, 7),
        "pads": integers(0, 1, 0, 0, 0, 1, 2, 0), "lo": scalar(0), "hi": scalar(6), "t": normal(7),
    } | BATCH_NORM  # fmt: skip
    nodes = [
        node("Sub", "x mean", "centred"),
        node("Pad", "centred pads", "padded"),
        node("Transpose", "padded", "nchw", perm=TO_NCHW),
        node("Conv", "nchw w1 b1", "conv1", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Clip", "conv1 lo hi", "relu6"),
        node("BatchNormalization", "relu6 g o m v", "normal"),
        node("MaxPool", "normal", "pooled", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "pooled w2 b2", "conv2", pads=[1, 1, 1, 1]),
        node("Relu", "conv2", "relu2"),
        node("Transpose", "relu2", "nhwc", perm=TO_NHWC),
        node("Reshape", "nhwc shape", "flat"),
        node("MatMul", "flat w4", "dense"),
        node("Add", "dense t", "y"),
    ]
    return build((8, 7, 3), nodes, constants)


def test_canonicalize() -> None:
    before = keras_like()
    after = canonicalize(before)
    onnx.checker.check_model(after, full_check=True)
    names = [n.name for n in after.graph.node]
    assert names == list(dict.fromkeys(names))
    assert operators(after).split().count("Conv") == 4  # two affine elements in front of padding
    assert operators(after).split().count("Transpose") == 2
    assert not {"BatchNormalization", "Pad", "MatMul", "Add", "Sub"} & set(operators(after).split())
    assert_equal(before, after)
    batch = after.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param == "N"
    x = normal(5, 8, 7, 3)
    one_by_one = np.concatenate([run(before, frame[None])[0] for frame in x])
    np.testing.assert_allclose(run(after, x)[0], one_by_one, rtol=1e-4, atol=1e-4)


def test_canonicalize_is_idempotent_and_deterministic() -> None:
    before = keras_like()
    once = canonicalize(before)
    twice = canonicalize(once)
    assert operators(once) == operators(twice)
    constants = {i.name: i for i in once.graph.initializer}
    assert {i.name: i for i in twice.graph.initializer} == constants
    assert canonicalize(before).SerializeToString() == once.SerializeToString()


def test_inputs_keep_their_names() -> None:
    """A layout change of one pixel with one channel goes away, and its result's name with it."""
    model = build(
        (1, 1, 1),
        [node("Transpose", "x", "moved", perm=TO_NCHW), node("Relu", "moved", "y")],
        {},
    )
    after = canonicalize(model)
    assert operators(after) == "Relu"
    assert [value.name for value in after.graph.input] == ["x"]
    assert_equal(model, after)


def test_shapes_computed_in_the_graph_become_constant() -> None:
    """What tf2onnx writes for Flatten: Shape, Gather, Cast, Slice, Concat."""
    model = build(
        IMAGE,
        [
            node("Shape", "x", "s"),
            node("Cast", "s", "s32", to=6),
            node("Slice", "s32 zero one", "batch"),
            node("Concat", "batch rest", "target32", axis=0),
            node("Cast", "target32", "target", to=7),
            node("Reshape", "x target", "y"),
        ],
        {
            "zero": integers(0),
            "one": integers(1),
            "rest": np.array([90], np.int32),
        },
    )
    after = canonicalize(model)
    assert operators(after) == "Reshape"
    assert_equal(model, after)
