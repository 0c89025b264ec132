"""Calibration data: the frames whose ranges decide the quantization, with labels where known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frontend.calibration_files import STAGE, Array, channels_first, read_folder, read_npy, read_npz
from frontend.frames import count_frames, frames_by_input
from frontend.layers import Shape
from frontend.stand_in import InputRange, ordinary_range, stand_in_frames
from ir.errors import CompileError

NO_ACCURACY = "no accuracy is claimed"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """``x * scale + offset``, for models without a preprocessing layer, such as ``1/255, 0``."""

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """Frames as the model's inputs take them.

    Attributes:
        inputs: read-only float32 of each input by name, (frames, height, width, channels) or
            (frames, features).
        labels: int64 class numbers (frames,), or None.
        source: where the frames come from, for reports.
        is_stand_in: no data were given, so that reports must say that no accuracy is claimed.
        class_names: names of the classes, by number, where the data have any.
    """

    inputs: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int64] | None
    source: str
    is_stand_in: bool
    class_names: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return count_frames(self.inputs)


def load_calibration(
    path: Path | None,
    shapes: Mapping[str, Shape],
    *,
    preprocessing: Preprocessing | None = None,
    stand_in: Mapping[str, InputRange] | None = None,
    classes: int | None = None,
) -> CalibrationSet:
    """Return the calibration frames of ``path``, or the documented stand-in where it is None.

    Args:
        path: ``.npy`` (frames), ``.npz`` (frames and labels), or a folder of images; for several
            inputs ``.npz`` with an array for each, of its name.
        shapes: by input, shape of one frame, NHWC without batch. A missing channel axis of length
            1 and flattened frames are taken, too.
        preprocessing: applied to whatever the file holds, but not to the stand-in.
        stand_in: by input, range of the stand-in, from ``frontend.stand_in.input_ranges``; by
            default 0 to 1 for images and standardized values for vectors.
        classes: number of the model's classes, to check the labels.

    Raises:
        CompileError: the data are missing, damaged, of another shape, or not finite.
    """
    how = preprocessing or Preprocessing()
    if path is None:
        return _stand_in(shapes, stand_in or {})
    if len(shapes) > 1 and how != Preprocessing():
        raise CompileError(
            STAGE, str(path),
            f"a factor or summand must be left out for a model with {len(shapes)} inputs",
            "scale the arrays of the file",
        )  # fmt: skip
    found, labels, names = _read(path, shapes)
    inputs = {
        name: _preprocessed(_fitted(array, shapes[name], where), how, where)
        for name, (array, where) in found.items()
    }
    frames = count_frames(frames_by_input(inputs, list(shapes)))
    numbers = None if labels is None else _class_numbers(labels, frames, classes, str(path))
    return CalibrationSet(inputs, numbers, str(path), False, names)


def _stand_in(shapes: Mapping[str, Shape], ranges: Mapping[str, InputRange]) -> CalibrationSet:
    """Draw frames for each input, from a seed of its own and as many of each."""
    values = {name: ranges.get(name) or ordinary_range(shape) for name, shape in shapes.items()}
    drawn = {
        name: stand_in_frames(shape, values[name], seed)
        for seed, (name, shape) in enumerate(shapes.items())
    }
    count = min(len(frames) for frames in drawn.values())
    inputs = {name: frames[:count] for name, frames in drawn.items()}
    for frames in inputs.values():
        frames.setflags(write=False)
    what = values[next(iter(shapes))].reason
    if len(shapes) > 1:
        what = ", ".join(f"{value.reason} for {name}" for name, value in values.items())
    source = f"stand-in: {count} random frames, {what}; {NO_ACCURACY}"
    return CalibrationSet(inputs, None, source, True)


Found = dict[str, tuple[Array, str]]
"""By input, the array of the file and what to call it in messages."""


def _read(path: Path, shapes: Mapping[str, Shape]) -> tuple[Found, Array | None, tuple[str, ...]]:
    ending = path.suffix.lower()
    if ending == ".npz" and not path.is_dir():
        arrays, labels = read_npz(path, list(shapes))
        several = len(shapes) > 1
        return (
            {n: (array, f"{path}[{n}]" if several else str(path)) for n, array in arrays.items()},
            labels,
            (),
        )
    if (path.is_dir() or ending == ".npy") and len(shapes) > 1:
        raise CompileError(
            STAGE, str(path), f"must be a .npz file, as the model has {len(shapes)} inputs",
            f"give an array for each, named {' and '.join(map(repr, shapes))}",
        )  # fmt: skip
    (name, shape), *_ = shapes.items()
    if path.is_dir():
        images, labels, names = read_folder(path, shape)
        return {name: (images, str(path))}, labels, names
    if ending == ".npy":
        return {name: (read_npy(path), str(path))}, None, ()
    problem = "is no calibration data" if path.exists() else "does not exist"
    raise CompileError(STAGE, str(path), problem, "name a .npy or .npz file or a folder of images")


def _fitted(found: Array, shape: Shape, source: str) -> Array:
    """Return ``found`` as (frames, *shape) where that loses or invents nothing."""
    frame = found.shape[1:]
    same_size = math.prod(frame) == math.prod(shape)
    flat = len(frame) == 1 or len(shape) == 1
    channel = (*frame, 1) == shape or frame == (*shape, 1) or (1, *frame) == shape
    if found.ndim < 2 or not (frame == shape or (same_size and (flat or channel))):
        remedy = "give frames of the model's input shape"
        if len(shape) == 3 and frame == (shape[2], *shape[:2]):
            remedy = "move the channels to the last axis (NHWC)"
        if channels_first(shape) and frame == (*shape[1:], shape[0]):
            remedy = "move the channels to the first axis (NCHW)"
        raise CompileError(
            STAGE,
            source,
            f"its shape must be {['frames', *shape]}, not {list(found.shape)}".replace("'", ""),
            remedy,
        )
    if len(found) == 0:
        raise CompileError(STAGE, source, "holds no frames", "give a few hundred frames")
    return found.reshape(len(found), *shape)


def _preprocessed(frames: Array, how: Preprocessing, source: str) -> NDArray[np.float32]:
    if not (math.isfinite(how.scale) and math.isfinite(how.offset)) or how.scale == 0:
        raise CompileError(
            STAGE,
            source,
            f"scale {how.scale} and offset {how.offset} must be finite, the scale not 0",
            "give for example a scale of 1/255",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        images = frames.astype(np.float32)
        if how.scale != 1:
            images *= np.float32(how.scale)
        if how.offset != 0:
            images += np.float32(how.offset)
    bad = len(images) - int(np.isfinite(images.reshape(len(images), -1)).all(axis=1).sum())
    if bad:
        raise CompileError(
            STAGE, source, f"{bad} of {len(images)} frames hold NaN or infinity", "take them out"
        )
    images.setflags(write=False)
    return images


def _class_numbers(
    labels: Array, frames: int, classes: int | None, source: str
) -> NDArray[np.int64]:
    """Return labels as (frames,) int64; columns of one-hot labels are turned into their numbers."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        one_hot = np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(axis=1) == 1)
        if one_hot:
            labels = labels.argmax(axis=1)
    elif labels.ndim == 2:
        labels = labels[:, 0]
    if labels.shape != (frames,):
        raise CompileError(
            STAGE,
            source,
            f"its labels must have the shape [{frames}] or be one-hot, not {list(labels.shape)}",
            "give one class number for each frame",
        )
    limit = 2**31 if classes is None else classes
    if not np.all((labels >= 0) & (labels < limit) & (labels == np.floor(labels))):
        raise CompileError(
            STAGE,
            source,
            f"its labels must be whole numbers from 0 to {limit - 1}, not "
            f"{labels.min()} to {labels.max()}",
            "number the classes from 0 in the order of the model's outputs",
        )
    numbers = labels.astype(np.int64)
    numbers.setflags(write=False)
    return numbers
