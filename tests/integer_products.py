"""Models whose layers are ConvInteger or MatMulInteger."""

from __future__ import annotations

from typing import Any

import onnx

from tests.onnx_models import Graph


def product(
    operator: str,
    *,
    codes: str = "uint8",
    weights: str = "int8",
    weight_zero: int = 0,
    per_channel: bool = False,
    bias: bool = True,
    scales: str = "constant",
    activation: str = "",
    largest: int = 120,
    **attributes: Any,
) -> onnx.ModelProto:
    """The operator, Cast, Mul, Add, between quantizations, as old quantizers wrote them."""
    g = Graph()
    zero = 13 if codes == "uint8" else -3
    x = [g.constant(0.02), g.constant(zero, codes)]
    y = [g.constant(0.5), g.constant(100 if codes == "uint8" else 5, codes)]
    conv = operator == "ConvInteger"
    shape, channels = ((4, 3, 3, 3), 4) if conv else ((108, 5), 5)
    low = 0 if weights == "uint8" else -largest
    w = g.constant(g.random.integers(low, largest, shape, endpoint=True), weights)
    each: tuple[int, ...] = (1, channels, 1, 1) if conv else (channels,)
    source = g("QuantizeLinear", "x", *x)
    source = source if conv else g("Flatten", source)
    sums = g(operator, source, w, x[1], g.constant(weight_zero, weights), **attributes)
    s = g.constant(0.02 * g.random.uniform(0.002, 0.01, each if per_channel else ()))
    if scales == "product":
        s = g("Mul", x[0], g.constant(0.005))
    elif scales == "negative":
        s = g.constant(-0.001)
    value = g("Mul", s, g("Cast", sums, to=onnx.TensorProto.FLOAT))
    if bias:
        value = g("Add", value, g.constant(g.random.normal(0, 2, each)))
    if activation:
        value = g(activation, value)
    result = g("DequantizeLinear", g("QuantizeLinear", value, *y), *y)
    for number, node in enumerate(g.nodes):
        node.name = f"{node.op_type.lower()}_{number}"
    return g.model(result, inputs={"x": ["N", 3, 6, 6]})
