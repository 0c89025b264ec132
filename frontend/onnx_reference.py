"""Stock onnxruntime as the reference for a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from frontend.batches import fixed_batch, in_batches
from frontend.source import Frames, Run
from ir.errors import CompileError

INPUT_TYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int8)": np.dtype(np.int8),
}


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Return a session as a user gets it: CPU provider, default options, but silent."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def as_input(name: str, frames: Frames, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return frames in the type of the input ``name``.

    Raises:
        CompileError: the input takes codes, and a value is none.
    """
    if kind.kind not in "iu":
        return frames.astype(kind)
    limits = np.iinfo(kind)
    if not np.array_equal(frames, np.clip(np.rint(frames), limits.min, limits.max)):
        raise CompileError(
            "load", name,
            f"the model takes {kind} codes, so frames must be whole numbers from {limits.min} to "
            f"{limits.max}",
            "scale the data to codes with --image-scale and --image-offset",
        )  # fmt: skip
    return frames.astype(kind)


def onnx_run(model: onnx.ModelProto) -> Run:
    """Return a function that computes ``model`` in onnxruntime: frames by input name, outputs.

    Frames of integer inputs, codes, are given as float32, too.
    """
    running, batch = session(model), fixed_batch(model)
    types = {value.name: INPUT_TYPES[value.type] for value in running.get_inputs()}

    def run(frames: Mapping[str, Frames]) -> tuple[Frames, ...]:
        given = [as_input(name, frames[name], kind) for name, kind in types.items()]
        return in_batches(
            given, lambda part: running.run(None, dict(zip(types, part, strict=True))), batch
        )

    return run
