"""Ranges of activations on calibration frames, through onnxruntime's calibrators."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from enum import Enum
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import create_calibrator

from frontend.frames import FloatArray, Frames, batches
from ir.errors import CompileError

BATCH = 64
"""Frames per run of the calibration; a range does not depend on it."""


class Calibration(Enum):
    """How ranges follow from the values seen."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


_METHODS = {
    Calibration.MINMAX: CalibrationMethod.MinMax,
    Calibration.PERCENTILE: CalibrationMethod.Percentile,
    Calibration.ENTROPY: CalibrationMethod.Entropy,
}

Range = tuple[float, float]


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, frames: Frames) -> None:
        self._batches = batches(frames, BATCH)

    def get_next(self) -> dict[str, FloatArray] | None:
        batch = next(self._batches, None)
        return None if batch is None else dict(batch)


def activation_ranges(
    model: onnx.ModelProto,
    frames: Frames,
    tensors: Collection[str],
    method: Calibration,
    percentile: float,
) -> dict[str, Range]:
    """Return the (lowest, highest) value of each of ``tensors``.

    ``frames``: (frames, *shape without batch) of each input.  Raises CompileError, naming the
    tensor, if a range is not finite.
    """
    wanted = set(tensors)
    operators = sorted({n.op_type for n in model.graph.node if wanted & ({*n.input} | {*n.output})})
    options = {"percentile": percentile} if method is Calibration.PERCENTILE else {}
    with tempfile.TemporaryDirectory(prefix="millrace-calibrate-") as folder:
        path = Path(folder) / "float.onnx"
        onnx.save(model, path)
        calibrator = create_calibrator(
            str(path),
            op_types_to_calibrate=operators,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=_METHODS[method],
            extra_options=options,
        )
        calibrator.collect_data(_Frames(frames))
        data = calibrator.compute_data().data
    ranges = {}
    for name in sorted(wanted):
        low, high = (float(np.asarray(v).reshape(-1)[0]) for v in data[name].range_value)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise CompileError(
                "quantize",
                name,
                f"values on the calibration frames must be finite, not {low} to {high}",
                "check the model's weights and the calibration data",
            )
        ranges[name] = (min(low, high), max(low, high))
    return ranges
