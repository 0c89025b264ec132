"""Quantized chains whose scales are powers of two, as tools write them that quantize for shifts."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from tests.qdq import Array, QdqChain


def power_of_two(scale: Any) -> Any:
    """Return the nearest power of two, by ratio."""
    return (2.0 ** np.round(np.log2(scale))).astype(np.float32)


class ShiftChain(QdqChain):
    """A chain with powers of two for scales and one zero point everywhere."""

    def __init__(self, shape: tuple[int, ...], codes: str = "int8", zero: int = 0) -> None:
        super().__init__(shape, codes)
        self.nodes.clear()
        self.scale, self.zero_point, self.only = np.float32(2.0**-5), zero, zero
        self.tensor = self.quantize("x")

    def requantize(self, value: str, scale: float, zero_point: int | None = None) -> QdqChain:
        return super().requantize(value, float(power_of_two(np.float32(scale))), self.only)

    def weights(
        self, shape: tuple[int, ...], axis: int, *, codes: str, per_channel: bool, zero: int = 0
    ) -> tuple[str, Array]:
        low, high = {"int4": (-8, 7), "uint4": (0, 15)}.get(codes) or (-127, 127)
        values = self.random.integers(low, high, shape, endpoint=True)
        count = (shape[axis],) if per_channel else ()
        kind = np.dtype(getattr(ml_dtypes, codes, codes))
        scales = power_of_two(self.random.uniform(0.001, 0.01, count))
        inputs = [
            self.constant("w", values.astype(kind)),
            self.constant("w_scale", scales),
            self.constant("w_zero", np.full(count, zero).astype(kind)),
        ]
        return self.node("DequantizeLinear", inputs, axis=axis), scales

    def transposed(
        self,
        channels: int,
        *,
        kernel: tuple[int, int] = (3, 3),
        group: int = 1,
        per_channel: bool = False,
        bias: str = "codes",
        weight_zero: int = 0,
        codes: str = "int8",
        **attributes: Any,
    ) -> QdqChain:
        """Append a ConvTranspose; ``bias``: of codes, of numbers, or none."""
        x = self.dequantize()
        shape = (self.shape[0], channels // group, *kernel)
        w, scales = self.weights(shape, 1, codes=codes, per_channel=per_channel, zero=weight_zero)
        operands = [x, w]
        if bias == "codes":
            operands.append(self.bias(channels, scales, 1000))
        elif bias == "numbers":
            steps = self.random.integers(-99, 99, channels) * float(self.scale) * scales
            operands.append(self.constant("bias", steps.astype(np.float32)))
        y = self.node(
            "ConvTranspose", operands, kernel_shape=list(kernel), group=group, **attributes
        )
        self.shape = (channels, 99, 99)
        return self.requantize(y, self.spread(scales, 30))
