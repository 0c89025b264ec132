"""A TFLite file as typed values: tensors with their quantization, operators, constants.

The file is a flatbuffer, read with the package ``tflite`` without starting TensorFlow. Its
accessors follow any offset that the file states, so counts and sizes are compared with limits
before anything is read. Source of the format: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from frontend import rules
from frontend.limits import (
    MAX_NAME_LENGTH,
    MAX_TENSORS,
    check_activation,
    check_parameters,
    check_readable_file,
)
from ir.errors import CompileError

MAX_OPERATORS = 2**14
MAX_FILE_TENSORS = 2**16
MAX_RANK = 8

TYPES: dict[int, np.dtype[Any]] = {
    tflite.TensorType.FLOAT32: np.dtype(np.float32),
    tflite.TensorType.FLOAT16: np.dtype(np.float16),
    tflite.TensorType.INT8: np.dtype(np.int8),
    tflite.TensorType.UINT8: np.dtype(np.uint8),
    tflite.TensorType.INT16: np.dtype(np.int16),
    tflite.TensorType.INT32: np.dtype(np.int32),
    tflite.TensorType.INT64: np.dtype(np.int64),
    tflite.TensorType.BOOL: np.dtype(np.bool_),
}


@dataclass(frozen=True, slots=True)
class Quantization:
    """``real = (code - zero_point) * scale``, per tensor or for each index of ``axis``."""

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int

    @property
    def is_per_tensor(self) -> bool:
        """Whether one scale holds for all values."""
        return self.scale.size == 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in TFLite's layout (NHWC; batch first where it is computed).

    ``data``: the values of a constant, None where it is computed.  ``type``: None for types that no
    supported operator takes.  ``open_shape``: the shape as it is shown, where sizes are not known.
    """

    name: str
    shape: tuple[int, ...]
    type: np.dtype[Any] | None
    quantization: Quantization | None
    data: NDArray[Any] | None = field(repr=False)
    open_shape: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; ``inputs`` and ``outputs`` are indices of tensors, -1 for one left out."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    table: Any = field(repr=False)

    def options(self, kind: Any) -> Any:
        """Return the operator's options, a table of the class ``kind``."""
        if self.table is None or self.options_type != getattr(tflite.BuiltinOptions, kind.__name__):
            raise ValueError(f"no {kind.__name__}")
        options = kind()
        options.Init(self.table.Bytes, self.table.Pos)
        return options


@dataclass(frozen=True, slots=True)
class Model:
    """The main graph of a file.  ``inputs`` and ``outputs``: (public name, tensor)."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Turn the errors that damaged flatbuffers cause into one line about ``path``."""
    try:
        yield
    except (
        struct.error,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise CompileError(
            "load", str(path), "is truncated or damaged", "copy or convert it again"
        ) from error


def read_model(path: Path) -> Model:
    """Read a ``.tflite`` file.

    Raises:
        CompileError: the file is missing, damaged, too large, or has several graphs.
    """
    check_readable_file(path, "load")
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise CompileError(
            "load", str(path), "is no TFLite file", "convert the model with TFLiteConverter"
        )
    with whole(path):
        return _Reader(str(path), tflite.Model.GetRootAs(data, 0)).read()


class _Reader:
    def __init__(self, path: str, model: Any) -> None:
        self._path, self._model, self._parameters = path, model, 0

    def read(self) -> Model:
        model = self._model
        graphs = model.SubgraphsLength()
        if graphs != 1:
            raise CompileError(
                "load",
                self._path,
                f"has {graphs} graphs, not 1",
                "convert one without control flow",
            )
        graph = model.Subgraphs(0)
        for count, limit, what in (
            (graph.TensorsLength(), MAX_FILE_TENSORS, "tensors"),
            (graph.OperatorsLength(), MAX_OPERATORS, "operators"),
            (max(graph.InputsLength(), graph.OutputsLength()), MAX_TENSORS, "inputs or outputs"),
        ):
            if not 0 < count <= limit:
                raise CompileError(
                    "load", self._path, f"has {count} {what}, not 1 to {limit}",
                    "use a smaller model",
                )  # fmt: skip
        tensors = tuple(self._tensor(graph.Tensors(i)) for i in range(graph.TensorsLength()))
        operators = tuple(
            self._operator(graph.Operators(i), len(tensors)) for i in range(graph.OperatorsLength())
        )
        inputs = [_index(graph.Inputs(i), len(tensors)) for i in range(graph.InputsLength())]
        outputs = [_index(graph.Outputs(i), len(tensors)) for i in range(graph.OutputsLength())]
        public = self._public_names()
        return Model(
            tensors,
            operators,
            tuple((public.get(("input", i), tensors[i].name), i) for i in inputs),
            tuple((public.get(("output", i), tensors[i].name), i) for i in outputs),
        )

    def _public_names(self) -> dict[tuple[str, int], str]:
        """Return the names of the only signature, by direction and tensor."""
        if self._model.SignatureDefsLength() != 1:
            return {}
        signature = self._model.SignatureDefs(0)
        ends = [("input", signature.Inputs(i)) for i in range(min(signature.InputsLength(), 256))]
        ends += [
            ("output", signature.Outputs(i)) for i in range(min(signature.OutputsLength(), 256))
        ]
        return {(way, int(end.TensorIndex())): _text(end.Name()) for way, end in ends}

    def _operator(self, operator: Any, tensors: int) -> Operator:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = tflite.BUILTIN_OPCODE2NAME.get(number, f"operator {number}")
        if number == tflite.BuiltinOperator.CUSTOM:
            kind = f"custom operator {_text(code.CustomCode())}"
        ends = []
        for count, end in (
            (operator.InputsLength(), operator.Inputs),
            (operator.OutputsLength(), operator.Outputs),
        ):
            if count > MAX_TENSORS:
                raise ValueError("too many tensors")
            ends.append(tuple(_index(end(i), tensors, -1) for i in range(count)))
        return Operator(
            kind, ends[0], ends[1], operator.BuiltinOptionsType(), operator.BuiltinOptions()
        )

    def _tensor(self, tensor: Any) -> Tensor:
        name = _text(tensor.Name()).split(";")[0]
        rank = tensor.ShapeLength()
        if rank > MAX_RANK:
            raise ValueError("too many axes")
        shape = tuple(int(tensor.Shape(i)) for i in range(rank))
        if min(shape, default=1) < 0:
            raise ValueError("negative size")
        signature = [int(tensor.ShapeSignature(i)) for i in range(tensor.ShapeSignatureLength())]
        open_shape = ""
        if any(size < 0 for size in signature[1:MAX_RANK]):
            open_shape = rules.show([None if size < 0 else size for size in signature])
        kind = TYPES.get(tensor.Type())
        if tensor.Sparsity() is not None or tensor.IsVariable():
            raise CompileError(
                "load", name, "is a sparse tensor or a variable", "convert the model without"
            )
        data = self._data(name, tensor, shape, kind)
        if data is None and 0 not in shape:
            check_activation(name, shape)
        quantization = _quantization(name, tensor, shape, kind)
        return Tensor(name, shape, kind, quantization, data, open_shape)

    def _data(
        self, name: str, tensor: Any, shape: tuple[int, ...], kind: np.dtype[Any] | None
    ) -> NDArray[Any] | None:
        buffer = self._model.Buffers(tensor.Buffer())
        if buffer is None:
            raise ValueError("no such buffer")
        if getattr(buffer, "Offset", int)() > 1:
            raise CompileError(
                "load", name, "lies outside the table of buffers", "convert a smaller model"
            )
        size = buffer.DataLength()
        if not size:
            return None
        self._parameters = check_parameters(name, {"data": shape}, self._parameters)
        if kind is None:
            return np.zeros(0)
        if size != math.prod(shape) * kind.itemsize:
            raise ValueError("size of constant")
        values = np.frombuffer(buffer.DataAsNumpy().tobytes(), kind).reshape(shape)
        if kind.kind == "f" and not np.all(np.isfinite(values)):
            bad = int(np.count_nonzero(~np.isfinite(values)))
            raise CompileError(
                "load", name, f"{bad} of its {values.size} values are NaN or infinite",
                "train the model again",
            )  # fmt: skip
        return values


def _quantization(
    name: str, tensor: Any, shape: tuple[int, ...], kind: np.dtype[Any] | None
) -> Quantization | None:
    table = tensor.Quantization()
    if table is None or not table.ScaleLength():
        return None
    count, axis = table.ScaleLength(), table.QuantizedDimension()
    if count > 1 and not (0 <= axis < len(shape) and count == shape[axis]):
        raise ValueError("scales")
    scale = np.asarray(table.ScaleAsNumpy(), np.float32)
    zero_point = np.zeros(count, np.int64)
    if table.ZeroPointLength():
        if table.ZeroPointLength() not in (1, count):
            raise ValueError("zero points")
        zero_point += np.asarray(table.ZeroPointAsNumpy(), np.int64)
    if not np.all(np.isfinite(scale)) or np.any(scale <= 0):
        raise CompileError(
            "load", name, "its scales must be finite and above 0", "convert the model again"
        )
    if kind is not None and kind.kind in "iu":
        limits = np.iinfo(kind)
        if np.any(zero_point < limits.min) or np.any(zero_point > limits.max):
            raise CompileError(
                "load", name, f"its zero point must be {limits.min} to {limits.max}",
                "convert the model again",
            )  # fmt: skip
    return Quantization(scale, zero_point, axis)


def _index(number: Any, count: int, least: int = 0) -> int:
    if not least <= number < count:
        raise ValueError("no such tensor")
    return int(number)


def _text(value: bytes | None) -> str:
    text = (value or b"").decode("utf-8", "replace")
    return text[:MAX_NAME_LENGTH] or "unnamed"
