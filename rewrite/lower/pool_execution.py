"""The operator that onnxruntime runs for an average pool of codes, as in the whole model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from ir.elements import Kernel
from ir.numbers import IntArray
from rewrite.lower.reading import Quantization, Stage
from rewrite.onnx.average_execution import AverageKey, Averages
from rewrite.onnx.execution import run
from rewrite.onnx.graphs import MICROSOFT


@dataclass(frozen=True, slots=True)
class PoolExecution:
    """A QLinearAveragePool from ``entering`` to ``leaving`` codes, run on codes of one ``dtype``.

    Windows are those of ``kernel``, and padding that counts does (``counts_padding``).
    """

    entering: Quantization
    leaving: Quantization
    kernel: Kernel
    counts_padding: bool
    dtype: np.dtype[Any]

    @property
    def output_shift(self) -> int:
        """By how much codes of ``leaving`` are higher where they are computed."""
        return self._shift(self.leaving)

    def _shift(self, codes: Quantization) -> int:
        return int(np.iinfo(self.dtype).min) - codes.number.minimum

    def run(self, codes: IntArray) -> IntArray:
        """Return what onnxruntime makes of ``codes``, (frames, channels, height, width)."""
        kernel = self.kernel
        constants = {
            f"{role}_{kind}": value
            for role, side in (("x", self.entering), ("y", self.leaving))
            for kind, value in (
                ("scale", np.asarray(side.scale)),
                ("zero", np.asarray(side.zero_point + self._shift(side), self.dtype)),
            )
        }
        node = helper.make_node(
            "QLinearAveragePool",
            ["x", *constants],
            ["y"],
            domain=MICROSOFT,
            kernel_shape=[kernel.height, kernel.width],
            strides=[kernel.stride_height, kernel.stride_width],
            pads=[kernel.pad_top, kernel.pad_left, kernel.pad_bottom, kernel.pad_right],
            count_include_pad=int(self.counts_padding),
        )
        code = helper.np_dtype_to_tensor_dtype(self.dtype)
        graph = helper.make_graph(
            [node],
            "pool",
            [helper.make_tensor_value_info("x", code, codes.shape)],
            [helper.make_tensor_value_info("y", code, None)],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        imports = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=10)
        (result,) = run(model, None, {"x": (codes + self._shift(self.entering)).astype(self.dtype)})
        shown: IntArray = result.astype(np.int64) - self.output_shift
        return shown


def execution_of(stage: Stage, kernel: Kernel, averages: Averages) -> PoolExecution | None:
    """Return how the pool ``stage`` runs, None if it does in float, or it is not known how."""
    assert stage.operator is not None
    x, y = stage.quantization(stage.operand(0)), stage.output
    zeros = (x.zero_point - x.number.minimum, y.zero_point - y.number.minimum)
    key = AverageKey((float(x.scale), float(y.scale)), zeros, kernel.taps)
    found = averages.get(key, frozenset())
    if len(found) != 1:
        return None
    (signed,) = found
    counts_padding = bool(stage.operator.attributes.get_int("count_include_pad", 0))
    return PoolExecution(x, y, kernel, counts_padding, np.dtype(np.int8 if signed else np.uint8))
