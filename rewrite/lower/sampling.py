"""Compare single elements with onnxruntime on random codes: a second look at the arithmetic.

The proofs rest on a formula for what onnxruntime computes; here onnxruntime itself runs each
fused call, alone, on codes inside the ranges that the proofs assume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ir.elements import Element, Input, tolerance
from ir.elements import sources as sources_of
from ir.errors import CompileError
from ir.interpreter import apply
from ir.numbers import IntArray
from rewrite.lower.alone import model_alone, run_alone
from rewrite.lower.arithmetic import Reference
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream
from rewrite.onnx.census import float_operators

_VALUES = 20_000
_MOST_FRAMES = 64


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One element was compared with onnxruntime at ``values`` output values, without difference.

    ``inexact``: values of an approximating element that differed, by no more than its tolerance.
    ``in_float``: operators with integer kernels that onnxruntime ran in float all the same.
    """

    layer: str
    frames: int
    values: int
    in_float: tuple[str, ...] = ()
    inexact: int = 0


def sample(
    stages: tuple[Stage, ...],
    sources: tuple[Stream, ...],
    result: Stream,
    reference: Reference | None = None,
) -> SampleRecord:
    """Run ``stages`` in onnxruntime and the elements from ``sources`` to ``result`` in numpy.

    ``reference``: what to run in place of ``stages``, and on what codes beside random ones.

    Raises:
        CompileError: a value differs, or differs by more than an approximating element may.
    """
    frames = 4 + min(_MOST_FRAMES, _VALUES // max(s.shape.size for s in sources))
    codes: dict[int, IntArray] = {}
    for number, source in enumerate(sources):
        codes.setdefault(id(source.element), _random_codes(source, frames, number))
    if reference is not None and reference.hard is not None:
        (source,) = sources
        codes[id(source.element)] = _with_hard(source, codes[id(source.element)], reference.hard)
        frames += len(reference.hard)
    tensors = [codes[id(s.element)].reshape(frames, -1)[:, s.positions] for s in sources]
    expected = run_alone(stages, *tensors) if reference is None else reference.run(*tensors)
    streamed = _interpret(result.element, codes)
    got = streamed.reshape(frames, -1)[:, result.positions]
    assert got.shape == expected.shape
    differences = np.abs(got - expected)
    wrong = np.argwhere(differences > tolerance(result.element))
    if len(wrong):
        raise CompileError(
            "sample",
            result.layer,
            f"onnxruntime must compute what the element computes, but {len(wrong)} of {got.size} "
            "values differ",
            "on a CPU without VNNI onnxruntime's 8-bit products may saturate; if it has VNNI, this "
            "is a bug, please report it",
        )
    alone = model_alone(stages, *(t.shape for t in tensors))
    in_float = tuple(operator for operator, _ in float_operators(alone))
    return SampleRecord(
        result.layer, frames, got.size, in_float, int(np.count_nonzero(differences))
    )


def _random_codes(source: Stream, frames: int, seed: int) -> IntArray:
    """Return codes (frames, height, width, channels): the extremes, mixtures, uniform ones."""
    shape = source.shape
    generator = np.random.default_rng(seed)
    size = (frames, shape.height, shape.width, shape.channels)
    codes = generator.integers(source.lows, source.highs, size, endpoint=True)
    codes[0], codes[1] = source.lows, source.highs
    codes[2] = np.where(generator.random(size[1:]) < 0.5, source.lows, source.highs)
    return codes


def _with_hard(source: Stream, codes: IntArray, hard: IntArray) -> IntArray:
    """Return ``codes`` and behind them frames of which the tensors are ``hard``, within reach."""
    frames = codes[np.arange(len(hard)) % len(codes)].reshape(len(hard), -1)
    frames[:, source.positions] = hard
    inside = np.clip(frames.reshape(len(hard), *codes.shape[1:]), source.lows, source.highs)
    return np.concatenate([codes, inside])


def _interpret(element: Element, codes: Mapping[int, IntArray]) -> IntArray:
    if id(element) in codes:
        return codes[id(element)]
    assert not isinstance(element, Input)
    return apply(element, *(_interpret(source, codes) for source in sources_of(element)))
