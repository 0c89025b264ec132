"""The stream graph beside onnxruntime, on frames, before anything is written."""

from __future__ import annotations

import numpy as np

from frontend.frames import Frames, count_frames
from frontend.golden import GoldenModel
from frontend.report import Comparison
from ir.elements import tolerance
from ir.errors import CompileError
from ir.graph import StreamGraph
from ir.interpreter import evaluate


def check_approximations(
    graph: StreamGraph, golden: GoldenModel, frames: Frames
) -> tuple[Comparison, ...]:
    """Require that elements that approximate keep within their tolerance of onnxruntime."""
    found = []
    elements = {element.name: element for element in graph}
    for name, errors in golden.approximation_errors(frames).items():
        element, allowed = elements[name], tolerance(elements[name])
        if np.any(errors > allowed):
            raise CompileError(
                "compare", element.layer,
                f"codes must be within {allowed} of onnxruntime's, not {errors.max()} away",
                "please report this",
            )  # fmt: skip
        inexact = int(np.count_nonzero(errors))
        what = f"{type(element).__name__} {name} within {allowed} code of onnxruntime, {inexact} "
        what += "of its codes not equal"
        found.append(Comparison(what, count_frames(frames), errors.size, 0))
    return tuple(found)


def compare(graph: StreamGraph, golden: GoldenModel, frames: Frames) -> Comparison:
    """Require that the interpreter sends onnxruntime's integers, port for port."""
    sent = evaluate(graph, golden.input_codes(frames))
    values = 0
    for output in graph.outputs:
        expected = golden.output_codes(frames)[output.port]
        wrong = np.argwhere(sent[output.name] != expected)
        values += expected.size
        if len(wrong):
            frame, y, x, channel = (int(n) for n in wrong[0])
            raise CompileError(
                "compare", output.layer,
                f"the integer interpreter and onnxruntime disagree in {len(wrong)} of "
                f"{expected.size} values, first in frame {frame}, y {y}, x {x}, channel {channel}",
                "a CPU without VNNI instructions saturates in onnxruntime's 8-bit kernels; "
                "otherwise please report this",
            )  # fmt: skip
    what = "interpreter = onnxruntime on quantized.onnx"
    return Comparison(what, count_frames(frames), values, 0)
