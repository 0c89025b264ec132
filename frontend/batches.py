"""Running a model on any number of frames, whatever batch its file was written for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]


class UnbatchedOutputError(ValueError):
    """The first axis of an output is not the batch."""


BATCH = 256
"""Frames per call where a model takes any number; the arithmetic of a frame does not depend on it.
"""


def fixed_batch(model: onnx.ModelProto) -> int | None:
    """Return the number of frames that ``model`` takes at a time, None if that is free."""
    constants = {i.name for i in model.graph.initializer}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in constants and len(dims) and dims[0].dim_value > 0:
            return int(dims[0].dim_value)
    return None


def in_batches(
    frames: Sequence[Array],
    compute: Callable[[list[Array]], Iterable[Any]],
    batch: int | None = None,
) -> tuple[Array, ...]:
    """Compute some frames at a time; return the outputs of all together.

    Args:
        frames: (n, *shape) of each input.
        compute: takes (batch, *shape) of each input, returns the outputs, batch first.
        batch: the only size that ``compute`` takes; the last frame fills an incomplete batch up,
            and what is computed for it is dropped.  None: any size from 1 to ``BATCH``.

    Raises:
        UnbatchedOutputError: an output's first axis is not the batch.
    """
    count, step = len(frames[0]), batch or BATCH
    parts = []
    for start in range(0, count, step):
        part = [f[start : start + step] for f in frames]
        taken = len(part[0])
        if batch is not None and taken < batch:
            part = [np.concatenate([p, np.repeat(p[-1:], batch - taken, 0)]) for p in part]
        outputs = [_batched(np.asarray(output), len(part[0]), batch) for output in compute(part)]
        parts.append([output[:taken] for output in outputs])
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def _batched(output: Array, frames: int, batch: int | None) -> Array:
    """Return an output of ``frames`` frames with the batch first.

    A model that takes one frame at a time may leave the batch axis out.
    """
    if output.ndim and len(output) == frames:
        return output
    if batch != 1:
        raise UnbatchedOutputError
    return output[None]
