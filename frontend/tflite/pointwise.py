"""Operators that work on each value alone, or on two values at the same place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tflite

from frontend.tflite.activations import clamp, write_activated
from frontend.tflite.builder import Builder, spread
from frontend.tflite.model import Operator

Convert = Callable[[Builder, Operator], None]


def _unary(compute: Callable[[Builder, Operator, str], str]) -> Convert:
    """Return the conversion of an operator on one tensor, in whatever layout that is."""

    def convert(graph: Builder, operator: Operator) -> None:
        source = operator.inputs[0]
        image = graph.is_image(source)
        tensor = compute(graph, operator, graph.read(source, image=image))
        graph.write(operator.outputs[0], tensor, image=image)

    return convert


def _same(name: str, **attributes: Any) -> Convert:
    """Return the conversion to one ONNX operator without parameters."""
    return _unary(lambda graph, _, tensor: graph.node(name, tensor, **attributes))


def _clamped(low: float, high: float) -> Convert:
    return _unary(lambda graph, _, tensor: clamp(graph, tensor, low, high))


def _leaky(graph: Builder, operator: Operator, tensor: str) -> str:
    alpha = operator.options(tflite.LeakyReluOptions).Alpha()
    return graph.node("LeakyRelu", tensor, alpha=float(alpha))


def _gelu(graph: Builder, operator: Operator, tensor: str) -> str:
    is_approximate = operator.options(tflite.GeluOptions).Approximate()
    return graph.node("Gelu", tensor, approximate="tanh" if is_approximate else "none")


def _inverse_root(graph: Builder, _: Operator, tensor: str) -> str:
    return graph.node("Reciprocal", graph.node("Sqrt", tensor, role="root"))


def quantize(graph: Builder, operator: Operator) -> None:
    """QUANTIZE: to codes, from floats or from other codes."""
    source = operator.inputs[0]
    image = graph.is_image(source)
    graph.write(operator.outputs[0], graph.read(source, image=image), image=image)


def dequantize(graph: Builder, operator: Operator) -> None:
    """DEQUANTIZE: to floats; a constant of float16 becomes one of float32."""
    source, result = operator.inputs[0], operator.outputs[0]
    values = graph.values(source)
    if values is not None and values.dtype == np.float16:
        graph.known[result] = values.astype(np.float32)
        return
    quantize(graph, operator)


def softmax(graph: Builder, operator: Operator) -> None:
    """SOFTMAX over the channels -> Softmax."""
    beta = operator.options(tflite.SoftmaxOptions).Beta()
    if beta != 1:
        graph.refuse(f"its beta must be 1, not {beta:g}", "scale the layer in front")
    source = operator.inputs[0]
    image = graph.is_image(source)
    tensor = graph.node("Softmax", graph.read(source, image=image), axis=1 if image else -1)
    graph.write(operator.outputs[0], tensor, image=image)


def _operands(graph: Builder, indices: tuple[int, ...], result: int) -> tuple[list[str], bool]:
    """Return operands that broadcast in any batch, in one layout, and whether it is an image's."""
    rank = len(graph.frame(result)) + 1
    ranks = {i: len(graph.frame(i)) + 1 for i in indices if graph.values(i) is None}
    image = rank == 4 and any(map(graph.is_image, ranks)) and 3 not in ranks.values()
    operands = [
        spread(graph, index, rank, image=image)
        if ranks.get(index, rank) < rank
        else graph.read(index, image=image)
        for index in indices
    ]
    return operands, image


def _binary(name: str, options: Any = None) -> Convert:
    """Return the conversion of an operator on two tensors that broadcast."""

    def convert(graph: Builder, operator: Operator) -> None:
        operands, image = _operands(graph, operator.inputs, operator.outputs[0])
        activation = 0
        if options is not None:
            activation = operator.options(options).FusedActivationFunction()
        tensor = graph.node(name, *operands)
        write_activated(graph, operator.outputs[0], tensor, activation, image=image)

    return convert


def _compare(name: str) -> Convert:
    """Return the conversion of a comparison, whose result is neither codes nor floats."""

    def convert(graph: Builder, operator: Operator) -> None:
        operands, image = _operands(graph, operator.inputs, operator.outputs[0])
        tensor = graph.node(name, *operands)
        (graph.image if image else graph.plain)[operator.outputs[0]] = tensor

    return convert


def select(graph: Builder, operator: Operator) -> None:
    """SELECT, SELECT_V2: by a comparison -> Where."""
    condition, result = operator.inputs[0], operator.outputs[0]
    operands, image = _operands(graph, operator.inputs[1:], result)
    computed = (graph.image if image else graph.plain).get(condition)
    if computed is None or graph.frame(condition) != graph.frame(result):
        graph.refuse("selects by something else than a comparison of its own", "use an activation")
    graph.write(result, graph.node("Where", computed, *operands), image=image)


OPERATORS: dict[str, Convert] = {
    "ABS": _same("Abs"),
    "ADD": _binary("Add", tflite.AddOptions),
    "DEQUANTIZE": dequantize,
    "DIV": _binary("Div", tflite.DivOptions),
    "ELU": _same("Elu"),
    "EXP": _same("Exp"),
    "GELU": _unary(_gelu),
    "GREATER": _compare("Greater"),
    "GREATER_EQUAL": _compare("GreaterOrEqual"),
    "HARD_SWISH": _same("HardSwish"),
    "LEAKY_RELU": _unary(_leaky),
    "LESS": _compare("Less"),
    "LESS_EQUAL": _compare("LessOrEqual"),
    "LOG": _same("Log"),
    "LOGISTIC": _same("Sigmoid"),
    "MAXIMUM": _binary("Max"),
    "MINIMUM": _binary("Min"),
    "MUL": _binary("Mul", tflite.MulOptions),
    "NEG": _same("Neg"),
    "PRELU": _binary("PRelu"),
    "QUANTIZE": quantize,
    "RELU": _clamped(0.0, float("inf")),
    "RELU6": _clamped(0.0, 6.0),
    "RELU_N1_TO_1": _clamped(-1.0, 1.0),
    "RSQRT": _unary(_inverse_root),
    "SELECT": select,
    "SELECT_V2": select,
    "SOFTMAX": softmax,
    "SQRT": _same("Sqrt"),
    "SQUARE": _unary(lambda graph, _, tensor: graph.node("Mul", tensor, tensor)),
    "SUB": _binary("Sub", tflite.SubOptions),
    "TANH": _same("Tanh"),
}
"""By TFLite's names."""
