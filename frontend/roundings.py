"""What float32 leaves open: how far a graph's results are from those of the same graph in float64.

Two programs for one function differ by their roundings.  Where large numbers cancel (x - tanh(x)
near 0), where an approximation errs by a unit in the last place of 1 (onnxruntime's Sigmoid far
below 0), or beside a step (hard_shrink at 0.5), these are large beside what is left, and no fixed
tolerance tells them from a wrong graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from frontend.frames import count_frames
from frontend.onnx_reference import onnx_run
from frontend.source import Frames

Wide = npt.NDArray[np.float64]

SPREAD = 4.0
"""Times the largest rounding of a graph in a frame: what another program may differ from it."""

UNIT = 2.0**-23
"""In the last place of a float32 from 1 to 2."""
MOVES = 8
"""Times that inputs and constants are moved: beside a step, one of them is likely to pass it."""


def spread(model: onnx.ModelProto, frames: Mapping[str, Frames]) -> list[Wide] | None:
    """Return how far another float32 program may be from ``model`` because of roundings.

    Roundings show in the difference of float32 and float64, and in what becomes of the exact
    results when inputs, constants and what each operator returns move at random by up to a unit in
    their last place.

    Args:
        model: a float graph; slow for large ones, because numpy computes it.
        frames: of each input.

    Returns:
        (frames,) for each output, finite; None if float64 is not to be had.
    """
    exact = _compute(model, frames, None)
    if exact is None:
        return None
    run, count = onnx_run(model), count_frames(dict(frames))
    single = [run(_frame(frames, number)) for number in range(count)]
    others = [[np.concatenate(parts) for parts in zip(*single, strict=True)]]
    for seed in range(MOVES):
        others += [found] if (found := _compute(model, frames, seed)) else []
    return [
        SPREAD * np.max([_largest(other[number], values) for other in others], axis=0)
        for number, values in enumerate(exact)
    ]


def _compute(
    model: onnx.ModelProto, frames: Mapping[str, Frames], seed: int | None
) -> list[Wide] | None:
    """Return each output (frames, ...) in float64, None where the evaluator lacks an operator.

    ``seed``: of what all values are moved by; None if they are not.
    """
    random = None if seed is None else np.random.default_rng(seed)
    wide = widened(model, random)
    moved = {name: _moved(array, random) for name, array in frames.items()}
    try:
        wide = wide if seed is None else _rounding(wide, seed)
        running = ReferenceEvaluator(wide)
        count = count_frames(dict(frames))
        single = [running.run(None, _frame(moved, number)) for number in range(count)]
        return [np.concatenate(parts) for parts in zip(*single, strict=True)]
    except Exception:  # of whatever kind it raises
        return None


def _frame(frames: Mapping[str, npt.NDArray[Any]], number: int) -> dict[str, npt.NDArray[Any]]:
    return {name: array[number : number + 1] for name, array in frames.items()}


def _largest(found: npt.NDArray[Any], exact: Wide) -> Wide:
    """Return the largest difference in each frame (frames,), 0 where it is not finite."""
    if found.shape != exact.shape:  # a moved constant was a size
        return np.zeros(len(exact))
    with np.errstate(invalid="ignore"):
        errors = np.abs(found - exact).reshape(len(exact), -1).max(axis=1, initial=0.0)
    return np.where(np.isfinite(errors), errors, 0.0)


def widened(model: onnx.ModelProto, random: np.random.Generator | None = None) -> onnx.ModelProto:
    """Return ``model`` with float64 wherever there is float32: inputs, constants, casts.

    ``random``: moves constants by up to a unit in their last place.
    """
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    for tensor in _tensors(wide.graph):
        if tensor.data_type == TensorProto.FLOAT:
            values = _moved(numpy_helper.to_array(tensor), random)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in wide.graph.node:
        for attribute in node.attribute:
            if (node.op_type, attribute.name, attribute.i) == ("Cast", "to", TensorProto.FLOAT):
                attribute.i = TensorProto.DOUBLE
            if attribute.type == AttributeProto.FLOAT and random is not None:
                attribute.f *= 1 + UNIT * random.choice((-1, 1))  # a float32 itself
    for value in (*wide.graph.input, *wide.graph.output, *wide.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    return wide


def _rounding(wide: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """Return a float64 graph whose operators return values moved by up to a unit of float32."""
    known = onnx.shape_inference.infer_shapes(wide).graph
    doubles = {
        value.name
        for value in (*known.value_info, *known.output)
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE
    }
    moved = onnx.ModelProto()
    moved.CopyFrom(wide)
    del moved.graph.node[:]
    for node in wide.graph.node:
        copy = moved.graph.node.add()
        copy.CopyFrom(node)
        for number, name in enumerate(node.output):
            if name not in doubles:
                continue
            copy.output[number] = f"{name}/exact"
            factors = helper.make_node(
                "RandomUniformLike",
                [f"{name}/exact"],
                [f"{name}/rounding"],
                low=1 - UNIT,
                high=1 + UNIT,
                seed=float(seed * len(wide.graph.node) + len(moved.graph.node)),
            )
            product = helper.make_node("Mul", [f"{name}/exact", f"{name}/rounding"], [name])
            moved.graph.node.extend([factors, product])
    return moved


def _moved(values: npt.NDArray[Any], random: np.random.Generator | None) -> Wide:
    wide: Wide = values.astype(np.float64)
    if random is not None:
        wide *= 1 + UNIT * random.uniform(-1, 1, values.shape)
    return wide


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from (a.t for a in node.attribute if a.type == AttributeProto.TENSOR)
