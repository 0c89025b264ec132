"""Float ONNX graphs as exporters write them: every spelling of every operator that is taken.

Each builder appends the nodes of a small network to a ``Graph`` and returns its output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from tests.onnx_models import Graph

Build = Callable[[Graph], str]


@dataclass(frozen=True, slots=True)
class Entry:
    build: Build
    opset: int = 13
    inputs: dict[str, list[Any]] | None = None
    element_type: int = TensorProto.FLOAT

    def model(self) -> onnx.ModelProto:
        g = Graph(1)
        y = self.build(g)
        return g.model(y, inputs=self.inputs, opset=self.opset, element_type=self.element_type)


def conv(g: Graph, x: str = "x", outputs: int = 4, inputs: int = 3, **attributes: Any) -> str:
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    weights = g.weights(outputs, inputs, 3, 3), g.weights(outputs)
    result: str = g("Conv", x, *weights, **(same | attributes))
    return result


def pooled(g: Graph) -> str:
    result: str = g("Flatten", g("GlobalAveragePool", conv(g)))
    return result


def ints(g: Graph, *values: int) -> str:
    return g.constant(values, np.int64)


def normalized(g: Graph, x: str, channels: int) -> str:
    ones = np.ones(channels)
    statistics = (
        g.constant(ones * 1.1), g.weights(channels), g.weights(channels), g.constant(ones * 0.7)
    )  # fmt: skip
    result: str = g("BatchNormalization", x, *statistics)
    return result


def squeezed(g: Graph, opset: int) -> str:
    y = g("GlobalAveragePool", conv(g))
    axes: dict[str, Any] = {"axes": [2, 3]} if opset < 13 else {}
    more = [] if opset < 13 else [ints(g, 2, 3)]
    y = g("Squeeze", y, *more, **axes)
    y = g("Gemm", y, g.weights(4, 6), g.weights(6))
    y = g("Unsqueeze", y, *more, **axes)
    result: str = g("Conv", y, g.weights(3, 6, 1, 1))
    return result


def exported_flatten(g: Graph) -> str:
    """What PyTorch writes for x.view(x.size(0), -1)."""
    y = g("GlobalAveragePool", conv(g))
    batch = g("Gather", g("Shape", y), g.constant(0, np.int64), axis=0)
    target = g("Concat", g("Unsqueeze", batch, ints(g, 0)), ints(g, -1), axis=0)
    result: str = g("Gemm", g("Reshape", y, target), g.weights(4, 5), g.weights(5))
    return result


def sum_of_three(g: Graph, operator: str) -> str:
    a = conv(g)
    result: str = g(operator, a, conv(g, a, 4, 4), conv(g, a, 4, 4))
    return result


def residual(g: Graph) -> str:
    a = g("Relu", conv(g))
    result: str = g("Relu", g("Add", conv(g, a, 4, 4), a))
    return result


def gate(g: Graph) -> str:
    y = conv(g)
    weights = g("Sigmoid", g("Conv", g("GlobalAveragePool", y), g.weights(4, 4, 1, 1)))
    result: str = g("Mul", y, weights)
    return result


def split(g: Graph) -> str:
    a, b = g("Split", conv(g), ints(g, 1, 3), outputs=2, axis=1)
    result: str = g("Concat", conv(g, a, 2, 1), conv(g, b, 2, 3), axis=1)
    return result


def hard_swish(g: Graph) -> str:
    y = conv(g)
    clipped = g("Clip", g("Add", y, g.constant(3.0)), g.constant(0.0), g.constant(6.0))
    result: str = g("Mul", y, g("Div", clipped, g.constant(6.0)))
    return result


def gelu(g: Graph) -> str:
    y = conv(g)
    erf = g("Erf", g("Div", y, g.constant(1.41421356)))
    result: str = g("Mul", g("Mul", y, g("Add", erf, g.constant(1.0))), g.constant(0.5))
    return result


def constant_node(g: Graph) -> str:
    values = g.random.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32)
    weights = g("Constant", value=numpy_helper.from_array(values))
    result: str = g("Conv", "x", weights, kernel_shape=[3, 3])
    return result


def dense_of(g: Graph, x: str) -> str:
    result: str = g("Gemm", x, g.weights(4, 5), g.weights(5))
    return result


def resized(g: Graph, operator: str, *more: str, **attributes: Any) -> str:
    return conv(g, g(operator, conv(g), *more, mode="nearest", **attributes), 4, 4)


SCALES = [1.0, 1.0, 2.0, 2.0]
ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
SEQUENCE = {"x": ["N", 3, 16]}
PADS = [0, 0, 1, 2, 0, 0, 1, 0]


def sequence_conv(g: Graph) -> str:
    weights = g.weights(4, 3, 3), g.weights(4)
    result: str = g("Relu", g("Conv", "x", *weights, kernel_shape=[3], pads=[1, 1]))
    return result


def pooled_sequence(g: Graph) -> str:
    y = g("MaxPool", normalized(g, sequence_conv(g), 4), kernel_shape=[2], strides=[2])
    return dense_of(g, g("Flatten", g("GlobalAveragePool", y)))


def dense_on_sequence(g: Graph) -> str:
    result: str = g("Add", g("MatMul", "x", g.weights(16, 5)), g.weights(5))
    return result


def centred_pixels(g: Graph) -> str:
    mean, deviation = ([[[v]] for v in values] for values in ([120, 110, 100], [60, 61, 62]))
    return conv(g, g("Div", g("Sub", "x", g.constant(mean)), g.constant(deviation)))


def shuffled(g: Graph, y: str, groups: int, channels: int) -> str:
    apart = g("Reshape", y, ints(g, 0, groups, channels // groups, 8, 8))
    result: str = g(
        "Reshape", g("Transpose", apart, perm=[0, 2, 1, 3, 4]), ints(g, 0, channels, 8, 8)
    )
    return result


def shuffle_unit(g: Graph) -> str:
    """ShuffleNetV2: half of the channels pass, then the halves are shuffled."""
    a, b = g("Split", conv(g, "x", 8), ints(g, 4, 4), outputs=2, axis=1)
    return conv(g, shuffled(g, g("Concat", a, conv(g, b, 4, 4), axis=1), 2, 8), 4, 8)


def keras_gelu(g: Graph) -> str:
    """1 - erf(-x / sqrt(2)): the complement that Keras's own export writes."""
    y = conv(g)
    complement = g("Sub", g.constant(1.0), g("Erf", g("Mul", y, g.constant(-0.70710677))))
    result: str = g("Mul", g("Mul", g.constant(0.5), y), complement)
    return result


def focus(g: Graph) -> str:
    """Every other row and column, four ways, as channels."""
    quarters = [
        g("Slice", "x", ints(g, a, b), ints(g, 99, 99), ints(g, 2, 3), ints(g, 2, 2))
        for a in (0, 1)
        for b in (0, 1)
    ]
    return conv(g, g("Concat", *quarters, axis=1), 4, 12)


def expanded_gate(g: Graph) -> str:
    """What PyTorch writes for x * y.expand_as(x)."""
    y = conv(g)
    weights = g("Sigmoid", g("Conv", g("GlobalAveragePool", y), g.weights(4, 4, 1, 1)))
    result: str = g("Mul", y, g("Expand", weights, g("Shape", y)))
    return result


def statistics(g: Graph) -> str:
    """Mean and largest value of a sequence, side by side."""
    y = sequence_conv(g)
    both = [g(o, y, axes=[2], keepdims=0) for o in ("ReduceMean", "ReduceMax")]
    result: str = g("Gemm", g("Concat", *both, axis=1), g.weights(8, 5), g.weights(5))
    return result


def last_step(g: Graph) -> str:
    return dense_of(g, g("Gather", sequence_conv(g), g.constant(-1, np.int64), axis=2))


def reduced(operator: str, *axes: int, keepdims: int = 0) -> Build:
    return lambda g: g(operator, conv(g), axes=list(axes), keepdims=keepdims)


def divided(g: Graph, *, broadcast: bool) -> str:
    y = conv(g)
    below = g("GlobalAveragePool", y) if broadcast else conv(g, y, 4, 4)
    result: str = g("Div", y, g("Add", g("Sigmoid", below), g.constant(0.5)))
    return result


def group_normalization(g: Graph) -> str:
    """What PyTorch writes: an InstanceNormalization of groups, then factors and summands."""
    groups = g("Reshape", conv(g), ints(g, 0, 2, -1))
    both = g("InstanceNormalization", groups, g.constant([1.0, 1.0]), g.constant([0.0, 0.0]))
    y = g("Mul", g("Reshape", both, ints(g, -1, 4, 8, 8)), g.weights(4, 1, 1))
    result: str = g("Relu", g("Add", y, g.weights(4, 1, 1)))
    return result


def around(g: Graph, mode: str) -> str:
    sides = ints(g, 0, 0, 2, 1, 0, 0, 1, 2)
    return conv(g, g("Pad", conv(g), sides, mode=mode), 4, 4, pads=[0, 0, 0, 0])


def class_token(g: Graph) -> str:
    """A vector in front of a sequence, for each frame, and a summand for each place."""
    y = dense_on_sequence(g)
    frames = g("Unsqueeze", g("Gather", g("Shape", y), g.constant(0, np.int64)), ints(g, 0))
    sizes = g("Concat", frames, ints(g, 1, 5), axis=0)
    token = g("Expand", g.weights(1, 1, 5), sizes)
    result: str = g("Add", g("Concat", token, y, axis=1), g.weights(1, 4, 5))
    return result


GRAPHS: dict[str, Entry] = {
    "auto_pad": Entry(
        lambda g: g(
            "MaxPool",
            g("Conv", "x", g.weights(4, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
            kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER",
        ), 9,
    ),
    "auto_pad valid": Entry(lambda g: g("Conv", "x", g.weights(4, 3, 3, 3), auto_pad="VALID")),
    "batch normalization 8": Entry(lambda g: normalized(g, conv(g), 4), 8),
    "batch normalization of the input": Entry(lambda g: conv(g, normalized(g, "x", 3))),
    "Gemm with everything": Entry(
        lambda g: g(
            "Gemm", pooled(g), g.weights(5, 4), g.weights(5), transB=1, alpha=0.5, beta=2.0
        )
    ),
    "Gemm with a transposed input": Entry(
        lambda g: g(
            "Gemm", g("Transpose", pooled(g), perm=[1, 0]), g.weights(4, 5), g.weights(5), transA=1
        )
    ),
    "Gemm with one bias": Entry(
        lambda g: g("Gemm", pooled(g), g.weights(5, 4), g.constant(0.3), transB=1)
    ),
    "Gemm without bias": Entry(lambda g: g("Gemm", pooled(g), g.weights(4, 5))),
    "Gemm 8": Entry(lambda g: dense_of(g, pooled(g)), 8),
    "MatMul and Add": Entry(
        lambda g: g("Relu", g("Add", g.weights(5), g("MatMul", pooled(g), g.weights(4, 5))))
    ),
    "squeeze 12": Entry(lambda g: squeezed(g, 12), 12),
    "squeeze 13": Entry(lambda g: squeezed(g, 13), 13),
    "clip 9": Entry(lambda g: g("Clip", conv(g), min=0.0, max=6.0), 9),
    "clip above 9": Entry(lambda g: g("Clip", conv(g), max=1.0), 9),
    "clip below": Entry(lambda g: g("Clip", conv(g), g.constant(-0.5))),
    "pad 9": Entry(
        lambda g: g("Conv", g("Pad", "x", pads=PADS), g.weights(4, 3, 3, 3)), 9
    ),
    "pad 13": Entry(
        lambda g: g("Conv", g("Pad", "x", ints(g, *PADS)), g.weights(4, 3, 3, 3))
    ),
    "dropout 9 and identity": Entry(
        lambda g: g("Relu", g("Identity", g("Dropout", conv(g), ratio=0.3))), 9
    ),
    "dropout 13": Entry(lambda g: g("Relu", g("Dropout", conv(g), g.constant(0.3)))),
    "upsample 8": Entry(lambda g: resized(g, "Upsample", scales=SCALES), 8),
    "upsample 9": Entry(lambda g: resized(g, "Upsample", g.constant(SCALES)), 9),
    "linear upsample 9": Entry(
        lambda g: g("Upsample", conv(g), g.constant(SCALES), mode="linear"), 9
    ),
    "upsample 9 by 3 and 2": Entry(
        lambda g: g("Upsample", conv(g), g.constant([1.0, 1.0, 3.0, 2.0])), 9
    ),
    "resize 10": Entry(lambda g: resized(g, "Resize", g.constant(SCALES)), 10),
    "resize 11 without region": Entry(
        lambda g: resized(g, "Resize", "", g.constant(SCALES), **ASYMMETRIC), 11
    ),
    "resize 13": Entry(lambda g: resized(g, "Resize", "", g.constant(SCALES))),
    "ReduceMean 12": Entry(
        lambda g: dense_of(g, g("ReduceMean", conv(g), axes=[-1, -2], keepdims=0)), 12
    ),
    "ReduceMean 18": Entry(lambda g: g("ReduceMean", conv(g), ints(g, 2, 3)), 18),
    "ReduceSum": Entry(lambda g: g("ReduceSum", conv(g), ints(g, 2, 3), keepdims=0)),
    "Sum": Entry(lambda g: sum_of_three(g, "Sum")),
    "Mean": Entry(lambda g: sum_of_three(g, "Mean")),
    "residual": Entry(residual),
    "gate": Entry(gate),
    "split": Entry(split),
    "slice 9": Entry(
        lambda g: conv(g, g("Slice", conv(g), starts=[1, 2], ends=[7, 100], axes=[2, 3]), 4, 4), 9
    ),
    "channel shuffle": Entry(shuffle_unit),
    "slice with steps": Entry(
        lambda g: g("Slice", conv(g), ints(g, 1), ints(g, 99), ints(g, 3), ints(g, 3))
    ),
    "every other channel": Entry(
        lambda g: g("Slice", conv(g), ints(g, 0), ints(g, 9), ints(g, 1), ints(g, 2))
    ),
    "focus": Entry(focus),
    "Gather of the last step": Entry(last_step, inputs=SEQUENCE),
    "Gather of rows": Entry(lambda g: g("Gather", conv(g), ints(g, 5, 0, 1), axis=2)),
    "DepthToSpace": Entry(lambda g: g("DepthToSpace", conv(g), blocksize=2, mode="DCR")),
    "DepthToSpace by columns": Entry(
        lambda g: conv(g, g("DepthToSpace", conv(g, "x", 8), blocksize=2, mode="CRD"), 4, 2)
    ),
    "SpaceToDepth": Entry(lambda g: g("SpaceToDepth", conv(g), blocksize=2), 9),
    "expanded gate": Entry(expanded_gate),
    "mean of rows": Entry(reduced("ReduceMean", 2)),
    "mean of columns": Entry(reduced("ReduceMean", -1, keepdims=1)),
    "mean of channels": Entry(reduced("ReduceMean", 1, keepdims=1)),
    "mean of all": Entry(reduced("ReduceMean", 1, 2, 3)),
    "sum of channels and rows": Entry(
        lambda g: g("ReduceSum", conv(g), ints(g, 1, 2), keepdims=0)
    ),
    "largest of channels": Entry(reduced("ReduceMax", 1)),
    "largest of columns": Entry(reduced("ReduceMax", 3)),
    "smallest of rows": Entry(reduced("ReduceMin", 2, keepdims=1)),
    "statistics of a sequence": Entry(statistics, inputs=SEQUENCE),
    "GELU by the complement": Entry(keras_gelu),
    "sine": Entry(lambda g: g("Sin", conv(g))),
    "quotient": Entry(lambda g: divided(g, broadcast=False)),
    "quotient by channels": Entry(lambda g: divided(g, broadcast=True)),
    "group normalization": Entry(group_normalization),
    "GroupNormalization": Entry(
        lambda g: g("GroupNormalization", conv(g), g.weights(4), g.weights(4), num_groups=2), 21
    ),
    "length of the channels": Entry(reduced("ReduceL2", 1, keepdims=1)),
    "sum of absolute values": Entry(reduced("ReduceL1", 2, 3)),
    "sum of squares": Entry(reduced("ReduceSumSquare", 2)),
    "softmax 12 along the last axis": Entry(
        lambda g: conv(g, g("Softmax", conv(g), axis=3), 4, 4), 12
    ),
    "class token": Entry(class_token, inputs=SEQUENCE),
    "LayerNormalization of an image": Entry(
        lambda g: g("LayerNormalization", conv(g), g.weights(4, 8, 8), g.weights(4, 8, 8), axis=1),
        17,
    ),
    "instance normalization": Entry(
        lambda g: g("InstanceNormalization", conv(g), g.weights(4), g.weights(4))
    ),
    "average pool that rounds up": Entry(
        lambda g: g("AveragePool", conv(g), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    ),
    "average pool that rounds up and counts": Entry(
        lambda g: g(
            "AveragePool", conv(g), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1,
            pads=[1, 1, 1, 1], count_include_pad=1,
        ), 19,
    ),
    "reflected": Entry(lambda g: around(g, "reflect")),
    "edges": Entry(lambda g: around(g, "edge")),
    "wrapped": Entry(lambda g: around(g, "wrap"), 19),
    "a summand for each pixel": Entry(lambda g: g("Add", conv(g), g.weights(1, 4, 8, 8))),
    "a factor for each step": Entry(
        lambda g: g("Mul", "x", g.weights(3, 16)), inputs=SEQUENCE
    ),
    "whole average pool": Entry(lambda g: g("AveragePool", conv(g), kernel_shape=[8, 8])),
    "max pool that rounds up": Entry(
        lambda g: g("MaxPool", conv(g), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    ),
    "flatten from shapes": Entry(exported_flatten),
    "groups": Entry(lambda g: conv(g, "x", 6, 1, group=3)),
    "dilation": Entry(lambda g: conv(g, pads=[2, 2, 2, 2], dilations=[2, 2])),
    "hard swish": Entry(hard_swish),
    "GELU": Entry(gelu),
    "softmax 9": Entry(lambda g: g("Softmax", dense_of(g, pooled(g))), 9),
    "centred pixels": Entry(centred_pixels),
    "pixels as bytes": Entry(
        lambda g: conv(g, g("Mul", g("Cast", "x", to=TensorProto.FLOAT), g.constant(1 / 255))),
        element_type=TensorProto.UINT8,
    ),
    "sequence": Entry(pooled_sequence, inputs=SEQUENCE),
    "dense layer of a sequence": Entry(dense_on_sequence, inputs=SEQUENCE),
    "channels last": Entry(
        lambda g: g(
            "Transpose", conv(g, g("Transpose", "x", perm=[0, 3, 1, 2])), perm=[0, 2, 3, 1]
        ),
        inputs={"x": ["N", 8, 8, 3]},
    ),
    "batch of one": Entry(
        lambda g: dense_of(g, g("Reshape", g("GlobalAveragePool", conv(g)), ints(g, 1, 4))),
        inputs={"x": [1, 3, 8, 8]},
    ),
    "batch of four": Entry(
        lambda g: dense_of(g, g("Reshape", g("GlobalAveragePool", conv(g)), ints(g, 4, 4))),
        inputs={"x": [4, 3, 8, 8]},
    ),
    "one frame, whatever the input says": Entry(
        lambda g: dense_of(g, g("Reshape", g("GlobalAveragePool", conv(g)), ints(g, 1, 4)))
    ),
    "one input for one frame": Entry(
        lambda g: g("Add", conv(g), conv(g, "z")),
        inputs={"x": [1, 3, 8, 8], "z": ["N", 3, 8, 8]},
    ),
    "constant node": Entry(constant_node),
}  # fmt: skip
