"""Small float networks as exporters write them, to be quantized by onnxruntime's own quantizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.onnx_graphs import GRAPHS, Entry, conv, dense_of, ints, normalized
from tests.onnx_models import Graph

SEQUENCE = {"x": ["N", 3, 16]}
TWO_SEQUENCES = {"x": ["N", 3, 16], "y": ["N", 8, 5]}


def behind(operator: str, **attributes: Any) -> Callable[[Graph], str]:
    """An operator between two convolutions."""
    return lambda g: conv(g, g(operator, conv(g), **attributes), 4, 4)


def of_two(operator: str) -> Callable[[Graph], str]:
    """An operator of two branches, and a convolution behind it."""
    return lambda g: conv(g, g(operator, conv(g), g("Sigmoid", conv(g))), 4, 4)


def of_three(operator: str) -> Callable[[Graph], str]:
    """An operator of three branches, and a convolution behind it."""

    def build(g: Graph) -> str:
        a = conv(g)
        return conv(g, g(operator, a, conv(g, a, 4, 4), conv(g, a, 4, 4)), 4, 4)

    return build


def channel_gate(gate: str, activation: str = "Relu", **attributes: Any) -> Callable[[Graph], str]:
    """Squeeze and excite: channels times what a small network makes of their means."""

    def build(g: Graph) -> str:
        y = g(activation, conv(g, "x", 8))
        means = g("GlobalAveragePool", y)
        hidden = g("Relu", g("Conv", means, g.weights(4, 8, 1, 1), g.weights(4)))
        factors = g(gate, g("Conv", hidden, g.weights(8, 4, 1, 1), g.weights(8)), **attributes)
        return conv(g, g("Mul", y, factors), 4, 8)

    return build


def gate_of_dense_layers(g: Graph) -> str:
    y = g("Relu", conv(g, "x", 8))
    hidden = g("Gemm", g("Flatten", g("GlobalAveragePool", y)), g.weights(8, 4), g.weights(4))
    factors = g("Sigmoid", g("Gemm", g("Relu", hidden), g.weights(4, 8), g.weights(8)))
    return conv(g, g("Mul", y, g("Reshape", factors, ints(g, -1, 8, 1, 1))), 4, 8)


def swish(g: Graph, x: str) -> str:
    result: str = g("Mul", x, g("Sigmoid", x))
    return result


def hard_swish(g: Graph, x: str) -> str:
    result: str = g("Mul", x, g("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    return result


def mobile_block(activation: Callable[[Graph, str], str]) -> Callable[[Graph], str]:
    """An inverted residual with a channel gate."""

    def build(g: Graph) -> str:
        y = activation(g, conv(g, "x", 8))
        depthwise = g.weights(8, 1, 3, 3), g.weights(8)
        y = activation(g, g("Conv", y, *depthwise, group=8, pads=[1, 1, 1, 1]))
        means = g("GlobalAveragePool", y)
        hidden = activation(g, g("Conv", means, g.weights(2, 8, 1, 1), g.weights(2)))
        factors = g("Sigmoid", g("Conv", hidden, g.weights(8, 2, 1, 1), g.weights(8)))
        y = g("Conv", g("Mul", factors, y), g.weights(3, 8, 1, 1), g.weights(3))
        result: str = g("Add", y, "x")
        return result

    return build


def halves(g: Graph) -> str:
    a, b = g("Split", conv(g), outputs=2, axis=1)
    result: str = g("Concat", conv(g, a, 4, 2), conv(g, b, 4, 2), axis=1)
    return result


def half_added(g: Graph) -> str:
    a, b = g("Split", conv(g), outputs=2, axis=1)
    result: str = g("Add", a, conv(g, b, 2, 2))
    return result


def slices(g: Graph) -> str:
    y = conv(g)
    a, b = (g("Slice", y, ints(g, i), ints(g, i + 2), ints(g, 1)) for i in (0, 2))
    result: str = g("Concat", conv(g, a, 4, 2), b, axis=1)
    return result


def shuffled_channels(g: Graph) -> str:
    y = g("Reshape", conv(g), ints(g, -1, 2, 2, 8, 8))
    y = g("Transpose", y, perm=[0, 2, 1, 3, 4])
    return conv(g, g("Reshape", y, ints(g, -1, 4, 8, 8)), 4, 4)


def scores(g: Graph) -> str:
    """Products of two computed matrices, and of computed ones and constants."""
    queries, keys, values = (
        g("Add", g("MatMul", "x", g.weights(16, 8)), g.weights(8)) for _ in range(3)
    )
    product = g("MatMul", queries, g("Transpose", keys, perm=[0, 2, 1]))
    result: str = g("MatMul", g("Mul", product, g.constant(0.35)), values)
    return result


def heads(g: Graph) -> str:
    queries, keys, values = (
        g(
            "Transpose",
            g("Reshape", g("MatMul", "x", g.weights(16, 8)), ints(g, 0, -1, 2, 4)),
            perm=[0, 2, 1, 3],
        )
        for _ in range(3)
    )
    product = g("MatMul", queries, g("Transpose", keys, perm=[0, 1, 3, 2]))
    result = g("Transpose", g("MatMul", product, values), perm=[0, 2, 1, 3])
    return str(g("Reshape", result, ints(g, 0, -1, 8)))


def layer_norm(g: Graph, *, summands: bool = True) -> str:
    factors = g.constant(g.random.uniform(0.5, 1.5, 8))
    y = g("MatMul", "x", g.weights(16, 8))
    y = g("LayerNormalization", y, factors, *([g.weights(8)] if summands else []), axis=-1)
    result: str = g("MatMul", y, g.weights(8, 4))
    return result


def two_matrices(g: Graph) -> str:
    left, right = g("MatMul", "x", g.weights(16, 8)), g("MatMul", "y", g.weights(5, 6))
    result: str = g("MatMul", left, right)
    return result


def dense_blocks(g: Graph) -> str:
    y = conv(g)
    for number in (1, 2):
        z = g("Relu", normalized(g, y, 4 * number))
        y = g("Concat", y, conv(g, z, 4, 4 * number), axis=1)
    result: str = g("Flatten", g("GlobalAveragePool", g("Relu", y)))
    return result


def preactivated(g: Graph) -> str:
    y = conv(g)
    z = y
    for _ in range(2):
        z = conv(g, g("Relu", normalized(g, z, 4)), 4, 4)
    result: str = g("Add", y, z)
    return result


SURROUNDED = (0, 0, 1, 1, 0, 0, 1, 1)

LAYERS: dict[str, Entry] = {
    **{
        f"{operator}": Entry(behind(operator, **attributes), opset)
        for operator, opset, attributes in (
            ("Relu", 13, {}), ("LeakyRelu", 13, {}), ("Elu", 13, {}), ("Selu", 13, {}),
            ("Celu", 13, {}), ("ThresholdedRelu", 13, {}), ("Sigmoid", 13, {}),
            ("HardSigmoid", 13, {}), ("HardSwish", 14, {}), ("Tanh", 13, {}), ("Softplus", 13, {}),
            ("Softsign", 13, {}), ("Mish", 18, {}), ("Gelu", 20, {}), ("Exp", 13, {}),
            ("Abs", 13, {}), ("MaxPool", 13, {"kernel_shape": [2, 2], "strides": [2, 2]}),
        )
    },
    **{
        f"{operator} of two": Entry(of_two(operator))
        for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mean")
    },
    **{
        f"{operator} of three": Entry(of_three(operator))
        for operator in ("Max", "Min")
    },
    **{
        name: GRAPHS[name]
        for name in (
            "auto_pad valid", "batch normalization of the input", "MatMul and Add", "squeeze 13",
            "dropout 13", "residual", "split", "groups", "dilation", "hard swish", "GELU",
            "centred pixels", "channels last", "batch of one", "dense layer of a sequence",
            "flatten from shapes", "expanded gate", "slice with steps",
            "every other channel", "focus", "Gather of the last step", "DepthToSpace by columns",
            "statistics of a sequence", "batch normalization 8", "squeeze 12", "slice 9",
            "resize 10", "clip 9",
        )
    },
    "HardSwish at the end": Entry(lambda g: g("HardSwish", conv(g)), 14),
    "Gelu at the end": Entry(lambda g: g("Gelu", conv(g)), 20),
    "slopes": Entry(lambda g: conv(g, g("PRelu", conv(g), g.weights(4, 1, 1)), 4, 4)),
    "batch normalization": Entry(lambda g: conv(g, normalized(g, g("Relu", conv(g)), 4), 4, 4)),
    "global maximum": Entry(lambda g: dense_of(g, g("Flatten", g("GlobalMaxPool", conv(g))))),
    "mean": Entry(
        lambda g: dense_of(g, g("ReduceMean", conv(g), axes=[2, 3], keepdims=0))
    ),
    "mean that keeps its axes": Entry(
        lambda g: g("Conv", g("ReduceMean", conv(g), ints(g, -1, -2)), g.weights(5, 4, 1, 1)), 18
    ),
    "mean of channels": Entry(
        lambda g: conv(g, g("ReduceMean", conv(g), axes=[1]), 4, 1)
    ),
    "means of windows": Entry(
        lambda g: conv(g, g("AveragePool", conv(g), kernel_shape=[3, 2], strides=[3, 2]), 4, 4)
    ),
    "mean of most rows": Entry(
        lambda g: dense_of(
            g, g("Flatten", g("AveragePool", conv(g), kernel_shape=[6, 5], strides=[6, 5]))
        )
    ),
    "border": Entry(lambda g: conv(g, g("Pad", conv(g), ints(g, *SURROUNDED)), 4, 4)),
    "halves": Entry(halves),
    "half of the channels added": Entry(half_added),
    "slices": Entry(slices),
    "shuffled channels": Entry(shuffled_channels),
    "channels moved last": Entry(lambda g: g("Transpose", conv(g), perm=[0, 2, 3, 1])),
    "gate": Entry(channel_gate("Sigmoid")),
    "hard gate": Entry(channel_gate("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "gate of dense layers": Entry(gate_of_dense_layers),
    "mobile block with swish": Entry(mobile_block(swish)),
    "mobile block with hard swish": Entry(mobile_block(hard_swish)),
    "constant factors of channels": Entry(
        lambda g: conv(g, g("Mul", conv(g), g.weights(1, 4, 1, 1)), 4, 4)
    ),
    "dense connections": Entry(dense_blocks),
    "activations in front": Entry(preactivated),
    "sequence of convolutions": Entry(
        lambda g: g(
            "Conv", g("Relu", g("Conv", "x", g.weights(4, 3, 3), g.weights(4))), g.weights(4, 4, 3)
        ),
        inputs=SEQUENCE,
    ),
    "layer normalization": Entry(layer_norm, 17, SEQUENCE),
    "layer normalization without summands": Entry(
        lambda g: layer_norm(g, summands=False), 17, SEQUENCE
    ),
    "a matrix and its transpose": Entry(
        lambda g: g("MatMul", "x", g("Transpose", g("Relu", "x"), perm=[0, 2, 1])), inputs=SEQUENCE
    ),
    "two matrices": Entry(two_matrices, inputs=TWO_SEQUENCES),
    "scores": Entry(scores, inputs=SEQUENCE),
    "heads": Entry(heads, inputs=SEQUENCE),
}  # fmt: skip
"""Everything here compiles as float, and must compile when another tool has quantized it."""
