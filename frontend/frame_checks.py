"""Frames of a float model on their own: what is compiled must compute them as the model does.

The hardware computes each frame alone.  So must the model, and so must the graph that the compiler
makes of it: with any number of frames at a time, it must put out what the original does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx

from frontend.batches import UnbatchedOutputError, fixed_batch, in_batches
from frontend.frames import Frames, count_frames
from frontend.onnx_reference import INPUT_TYPES, as_input, onnx_run, session
from frontend.roundings import spread
from frontend.source import Frames as Array
from frontend.source import Run
from ir.errors import CompileError

STAGE = "load"
CHECKED = slice(2, 5)
"""Frames that are tried; the first ones of a stand-in are all low and all high."""
TOLERANCE = 1e-3
"""Of the largest output: most roundings stay far below, what is computed of other values far above.
Roundings that do not are found by ``frontend.roundings``."""


def check_outputs_batched(model: onnx.ModelProto, frames: Frames) -> None:
    """Refuse a model with an output whose first axis is not the batch.

    Args:
        model: it runs in onnxruntime.
        frames: of each input, those of a batch at least.
    """
    running, batch = session(model), fixed_batch(model) or 2
    feed = {
        value.name: as_input(value.name, frames[value.name][:batch], INPUT_TYPES[value.type])
        for value in running.get_inputs()
    }
    for output, value in zip(running.get_outputs(), running.run(None, feed), strict=True):
        sizes = list(np.shape(value))
        if sizes[:1] != [batch]:
            raise CompileError(
                STAGE, output.name,
                f"its first axis must be the batch, but its shape is {sizes} for a batch of "
                f"{batch}",
                "export the model with the batch as the first axis of each output",
            )  # fmt: skip


def check_frames_apart(run: Run, frames: Frames, names: Sequence[str]) -> None:
    """Refuse a model whose outputs are random, or whose frames have to do with each other.

    Args:
        run: the model.
        frames: of each input; a few are tried.
        names: of the outputs.
    """
    few = _few(frames)
    try:
        together, again = run(few), run(few)
        alone = [run({n: a[i : i + 1] for n, a in few.items()}) for i in range(count_frames(few))]
    except UnbatchedOutputError:
        raise _mixed(names[0]) from None
    for number, name in enumerate(names):
        if _differ(together[number], again[number]):
            raise CompileError(
                STAGE, name, "its values differ from run to run, for the same frames",
                "export the model for inference: without dropout or random numbers",
            )  # fmt: skip
        parts = [outputs[number] for outputs in alone]
        if _differ(together[number], np.concatenate(parts)):
            raise _mixed(name)


def _mixed(name: str) -> CompileError:
    return CompileError(
        STAGE, name, "the frames of a batch must be computed apart, and here they are not",
        "keep the batch the first axis of every layer, and reduce or mix no frames",
    )  # fmt: skip


def check_same_frames(
    run: Run,
    source: onnx.ModelProto,
    canonical: onnx.ModelProto,
    frames: Frames,
    names: Sequence[str],
) -> None:
    """Refuse to go on with a graph that does not compute what the original does.

    Args:
        run: the original.
        source: the original, or a graph that was held to it; what its own roundings are in float32
            is allowed.
        canonical: what the compiler made of it; its batch is free.
        frames: of each input; a few are tried.
        names: of the outputs.
    """
    few = _few(frames)
    expected = run(few)
    together = _in_batches_of(count_frames(few), canonical, few)
    if _wrong(expected, together) is None:
        return
    allowed = spread(source, few)
    if _wrong(expected, together, allowed) is None:
        return
    wrong = _wrong(expected, _in_batches_of(1, canonical, few), allowed)
    if wrong is None:
        raise _batch_moves(names[0], canonical)
    raise CompileError(
        "canonicalize", names[wrong],
        "the graph that was made of the model computes something else",
        "report the model, this is a defect of the compiler",
    )  # fmt: skip


def _in_batches_of(size: int, model: onnx.ModelProto, frames: Frames) -> tuple[Array, ...] | None:
    """Return what ``model`` computes for ``size`` frames at a time, None if it does not run."""
    compute, names = onnx_run(model), list(frames)
    try:
        return in_batches(
            list(frames.values()), lambda part: compute(dict(zip(names, part, strict=True))), size
        )
    except Exception:  # of whatever kind onnxruntime raises
        return None


def _wrong(
    expected: Sequence[Array],
    got: Sequence[Array] | None,
    allowed: Sequence[npt.NDArray[np.float64]] | None = None,
) -> int | None:
    """Return the number of the first output that is not as ``expected``.

    ``allowed``: (frames,) of each output, what its values may differ whatever their size.
    """
    if got is None:
        return 0
    floors = allowed or [np.zeros(len(wanted)) for wanted in expected]
    differ = (_differ(*triple) for triple in zip(expected, got, floors, strict=True))
    return next((number for number, found in enumerate(differ) if found), None)


def _batch_moves(name: str, canonical: onnx.ModelProto) -> CompileError:
    """Return why a graph computes something else with several frames at a time."""
    for node in canonical.graph.node:
        order = next((list(a.ints) for a in node.attribute if a.name == "perm"), [0])
        if node.op_type == "Transpose" and order[0] != 0:
            return CompileError(
                "canonicalize", node.name,
                "a Transpose must leave the batch the first axis, not move it",
                "export layers that take the batch first",
            )  # fmt: skip
    return CompileError(
        "canonicalize", name,
        "its layers must take the batch first and keep it there, and one does not",
        "export layers that take the batch first, with a free batch size",
    )  # fmt: skip


def _few(frames: Frames) -> Frames:
    chosen = CHECKED if count_frames(frames) >= CHECKED.stop else slice(CHECKED.stop)
    return {name: array[chosen] for name, array in frames.items()}


def _differ(wanted: Array, computed: Array, floors: npt.NDArray[np.float64] | float = 0.0) -> bool:
    """Tell whether values differ by more than roundings; what overflows is refused elsewhere.

    ``floors``: what is allowed beside ``TOLERANCE``, for all frames or (frames,) each.
    """
    if wanted.shape != computed.shape:
        return True
    finite = np.isfinite(wanted)
    scale = float(np.abs(wanted[finite]).max(initial=0.0))
    limits = np.maximum(TOLERANCE * scale, floors).reshape(-1, *[1] * (wanted.ndim - 1))
    errors = np.abs(wanted[finite].astype(np.float64) - computed[finite])
    return bool(np.any(~(errors <= np.broadcast_to(limits, wanted.shape)[finite])))
