"""Frames of a model's inputs: one array for each, by name, all of the same number of frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx

from ir.errors import CompileError

FloatArray = npt.NDArray[np.float32]
Frames: TypeAlias = Mapping[str, FloatArray]
"""float32 (frames, *shape) of each input, by name."""


def frames_by_input(frames: FloatArray | Frames, names: Sequence[str]) -> Frames:
    """Return frames by input name; those of an only input may come as an array.

    Raises:
        CompileError: an input has no frames, or they differ in number.
    """
    if isinstance(frames, np.ndarray):
        frames = dict.fromkeys(names, frames) if len(names) == 1 else {}
    missing = [name for name in names if name not in frames]
    if missing:
        raise CompileError(
            "frames", missing[0], "there must be frames of each input", "give an array for each"
        )
    counts = {name: len(frames[name]) for name in names}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
        raise CompileError(
            "frames", names[0], f"there must be as many frames of each input, not {listed}",
            "give the same number of each",
        )  # fmt: skip
    return {name: frames[name] for name in names}


def count_frames(frames: Frames) -> int:
    """Return the number of frames, which all inputs have."""
    return len(next(iter(frames.values())))


def first_frames(frames: Frames, count: int) -> Frames:
    """Return the first ``count`` frames of each input."""
    return {name: array[:count] for name, array in frames.items()}


def batches(frames: Frames, size: int) -> Iterator[Frames]:
    """Yield the frames, at most ``size`` at a time, contiguous and float32."""
    for start in range(0, count_frames(frames), size):
        yield {
            name: np.ascontiguousarray(array[start : start + size], np.float32)
            for name, array in frames.items()
        }


def input_names(model: onnx.ModelProto) -> list[str]:
    """Return the names of the inputs of ``model`` that are no initializers, too."""
    constants = {initializer.name for initializer in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in constants]
