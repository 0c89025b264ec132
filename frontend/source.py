"""What every kind of model file becomes: an ONNX graph and a way to run the original.

Keras files are exported (``frontend.load``); ONNX files, and what other tools convert to ONNX, come
through ``frontend.onnx_source.load_onnx``.  From here on the compiler does not ask for the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from frontend.stand_in import InputRange
from ir.errors import CompileError

Shape = tuple[int, ...]
Frames = NDArray[np.float32]
Run = Callable[[Mapping[str, Frames]], tuple[Frames, ...]]
"""Computes frames ``(n, *shape)`` of each input, by name, to those of each output."""


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A trained model as an ONNX graph, whatever file it came from.

    Attributes:
        model: float graph, opset 21, or, if ``is_quantized``, the golden model itself, which is
            compiled as it is.
        is_quantized: the graph holds integers already; nothing in it is quantized again.
        input_shapes: shape of one frame of each input, by name, axes as in ``model``.
        output_shapes: shape of one frame of each output.
        input_ranges: what stands in for calibration data, by input.
        run: the model as its author has it, in Keras or onnxruntime; frames of each input, by
            name, in, float32 also for inputs of integers, those of each output out.
        format: kind of file, such as ``"HDF5"`` or ``"ONNX"``.
    """

    model: onnx.ModelProto
    is_quantized: bool
    input_shapes: dict[str, Shape]
    output_shapes: tuple[Shape, ...]
    input_ranges: dict[str, InputRange]
    run: Run
    format: str

    @property
    def input_name(self) -> str:
        """Name of the only input."""
        if len(self.input_shapes) != 1:
            names = ", ".join(repr(name) for name in self.input_shapes)
            raise CompileError(
                "load", self.model.graph.name or "the model",
                f"has {len(self.input_shapes)} inputs ({names}), where one is needed",
                "make a model with one input",
            )  # fmt: skip
        return next(iter(self.input_shapes))

    def predict(self, frames: Frames) -> Frames:
        """Return what the original computes for frames of the only input: its first output."""
        return self.run({self.input_name: frames})[0]

    def float_accuracy(self, images: Frames, labels: NDArray[np.int64]) -> float:
        """Return the share of frames whose largest output is at the label, 0 to 1."""
        outputs = self.predict(images).reshape(len(images), -1)
        return float(np.mean(np.argmax(outputs, axis=1) == labels))
