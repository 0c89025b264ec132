"""Frames that stand in for calibration data where none are given.

They are drawn from what the model says about its own inputs: a leading Normalization or
BatchNormalization holds mean and variance, a small factor of a leading Rescaling means pixels of
0 to 255, other images are taken as 0 to 1, other vectors as standardized features. They set the
ranges of a quantization that computes; how accurate it is, nobody can say from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frontend.calibration_files import channels_first
from frontend.layers import Shape, TrainingOnly
from frontend.layers.pointwise import BatchNormalization, Normalization, Rescaling
from frontend.network import Input, Network

FRAMES = 64
MAX_ELEMENTS = 2**26
_BLOCK = 4


@dataclass(frozen=True, slots=True)
class InputRange:
    """What the values of an input look like, for each channel or for all.

    Half of the frames are normal (``mean``, ``deviation``), half uniform, all within
    ``low .. high``.  ``whole``: whole numbers only.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reason: str
    whole: bool = False


PIXELS = InputRange((127.5,), (64.0,), (0.0,), (255.0,), "pixels of 0 to 255")
UNIT = InputRange((0.5,), (0.25,), (0.0,), (1.0,), "pixels of 0 to 1")
STANDARDIZED = InputRange((0.0,), (1.0,), (-3.0,), (3.0,), "standardized features")


def input_ranges(network: Network) -> dict[str, InputRange]:
    """Return, by input, the range that the layers on that input are made for."""
    return {source.name: input_range(network, source) for source in network.inputs}


def input_range(network: Network, source: Input | None = None) -> InputRange:
    """Return the range that the layers on ``source``, by default the first input, are made for."""
    source = source or network.inputs[0]
    shape, consumers = source.shape, network.consumers()
    pending = list(consumers[source])
    while pending:
        step = pending.pop(0)
        layer = step.layer
        if isinstance(layer, TrainingOnly):
            pending.extend(consumers[step])
        if isinstance(layer, Rescaling) and 0 < max(map(abs, layer.scale)) <= 1 / 16:
            return PIXELS
        if isinstance(layer, Normalization):
            mean = layer.mean if layer.mean is not None else step.weights["mean"]
            variance = step.weights["variance"] if layer.variance is None else layer.variance
            return _around(np.array(mean), np.array(variance), "the Normalization layer's")
        if isinstance(layer, BatchNormalization):
            mean, variance = step.weights["moving_mean"], step.weights["moving_variance"]
            return _around(mean, variance, "the BatchNormalization layer's")
    return ordinary_range(shape)


def ordinary_range(shape: Shape) -> InputRange:
    """Return the range of an input of which nothing else is known."""
    return STANDARDIZED if len(shape) == 1 else UNIT


def _around(mean: NDArray[np.floating], variance: NDArray[np.floating], of: str) -> InputRange:
    center = np.atleast_1d(mean).astype(np.float64).ravel()
    deviation = np.sqrt(np.maximum(np.atleast_1d(variance).astype(np.float64).ravel(), 1e-12))
    return InputRange(
        tuple(center.tolist()),
        tuple(deviation.tolist()),
        tuple((center - 3 * deviation).tolist()),
        tuple((center + 3 * deviation).tolist()),
        f"{of} mean and variance",
    )


def stand_in_frames(shape: Shape, values: InputRange, seed: int = 0) -> NDArray[np.float32]:
    """Return the frames ``(n, *shape)``, always the same for the same arguments.

    Every second image is made of 4x4 blocks of one value, because neighbouring pixels of real
    images are alike and plain noise would average out in convolutions. The first two frames are
    all ``low`` and all ``high``.
    """
    if channels_first(shape) and len(values.low) == 1:
        frames = stand_in_frames((*shape[1:], shape[0]), values, seed).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(frames)
    count = max(2, min(FRAMES, MAX_ELEMENTS // math.prod(shape)))
    random = np.random.default_rng(2024 + seed)
    frames = np.empty((count, *shape), np.float32)
    low, high = np.array(values.low), np.array(values.high)
    for index in range(count):
        blocks = len(shape) == 3 and index % 2 == 0
        drawn = shape
        if blocks:
            drawn = (-(-shape[0] // _BLOCK), -(-shape[1] // _BLOCK), shape[2])
        if index % 4 < 2:
            frame = random.uniform(low, high, drawn)
        else:
            frame = random.normal(values.mean, values.deviation, drawn)
        if blocks:
            frame = frame.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)[: shape[0], : shape[1]]
        frames[index] = np.clip(frame, low, high)
    frames[0], frames[1] = low, high
    return np.rint(frames) if values.whole else frames
