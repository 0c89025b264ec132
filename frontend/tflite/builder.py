"""An ONNX graph with QuantizeLinear and DequantizeLinear, grown from the tensors of a TFLite file.

A quantized tensor is a tensor of uint8 codes with TFLite's own scale; int8 codes and their zero
points are shifted by 128, which changes no real value: onnxruntime on x86 computes with integers on
unsigned activations only. Each operator reads through a DequantizeLinear of its own and writes
through a QuantizeLinear. Weights stay int8. Tensors of floats stay floats. Images are needed in two
layouts: "plain", as TFLite has them (NHWC), and "image", as ONNX's operators take them (NCHW).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from frontend.tflite.model import Model, Operator, Quantization, Tensor
from ir.errors import CompileError

TO_IMAGE = (0, 3, 1, 2)
TO_PLAIN = (0, 2, 3, 1)
CODES = (np.dtype(np.int8), np.dtype(np.uint8))


@dataclass(slots=True)
class Builder:
    """The graph while it grows; ``layer`` names what is appended.

    ``plain`` and ``image`` hold the ONNX tensor of each computed TFLite tensor, codes or floats, in
    the layouts that were needed so far. ``known`` are constants that were computed. ``padded`` has
    the source and the zeros (top, left, bottom, right) of tensors that convolutions pad themselves,
    ``spread`` and ``gathered`` what ``frontend.tflite.dilation`` keeps.
    """

    model: Model
    layer: str = ""
    batch: int = 1
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    plain: dict[int, str] = field(default_factory=dict)
    image: dict[int, str] = field(default_factory=dict)
    known: dict[int, NDArray[Any]] = field(default_factory=dict)
    padded: dict[int, tuple[int, tuple[int, int, int, int]]] = field(default_factory=dict)
    spread: dict[int, Any] = field(default_factory=dict)
    gathered: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def begin(self, operator: Operator) -> None:
        """Begin what ``operator`` becomes; it is named after its first output."""
        self.layer = self.model.tensors[operator.outputs[0]].name

    def refuse(self, problem: str, remedy: str) -> NoReturn:
        """Refuse the current operator."""
        raise CompileError("load", self.layer, problem, remedy)

    def unique(self, name: str) -> str:
        """Return ``name``, numbered where it is taken."""
        candidate, count = name, 1
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate)
        return candidate

    def constant(self, role: str, values: NDArray[Any] | np.generic) -> str:
        """Return a new initializer of the current layer."""
        name = self.unique(f"{self.layer}/{role}")
        self.constants[name] = np.asarray(values)
        return name

    def node(self, operator: str, *inputs: str, role: str = "", **attributes: Any) -> str:
        """Append a node and return its output."""
        name = self.unique(f"{self.layer}/{role}" if role else self.layer)
        output = self.unique(f"{name}:0")
        self.nodes.append(helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def tensor(self, index: int) -> Tensor:
        """Return a tensor that an operator must have."""
        if index < 0:
            raise ValueError("an input is left out")
        tensor = self.model.tensors[index]
        if tensor.open_shape:
            raise CompileError(
                "load", tensor.name, f"its shape {tensor.open_shape} has sizes that are not known",
                "convert the model with fixed sizes",
            )  # fmt: skip
        return tensor

    def values(self, index: int) -> NDArray[Any] | None:
        """Return the values of a constant, codes where it is quantized, or None."""
        return self.known.get(index, self.tensor(index).data)

    def integers(self, index: int, what: str) -> list[int]:
        """Return a constant tensor of sizes, axes or positions."""
        values = self.values(index)
        if values is None or values.dtype.kind != "i":
            self.refuse(f"its {what} must be constant", "convert the model with fixed sizes")
        return [int(value) for value in values.reshape(-1)]

    def frame(self, index: int) -> tuple[int, ...]:
        """Return the shape of one frame of a computed tensor, whose first axis is the batch."""
        shape = self.tensor(index).shape
        if len(shape) < 2 or shape[0] != self.batch:
            self.refuse(
                f"the first axis of {list(shape)} must be the batch, {self.batch}",
                "change the model to keep frames apart",
            )
        return shape[1:]

    def is_read(self, index: int) -> bool:
        """Tell whether an operator takes the tensor, or it is an output."""
        ends = (index for _, index in self.model.outputs)
        return index in ends or any(index in o.inputs for o in self.model.operators)

    def is_image(self, index: int) -> bool:
        """Tell whether a computed tensor is there in the layout of images."""
        return index in self.image

    def quantization(self, index: int) -> Quantization | None:
        """Return the quantization of a tensor of codes, None for one of floats.

        Raises:
            CompileError: its type is neither float32 nor an 8-bit code.
        """
        tensor = self.tensor(index)
        if index in self.known or tensor.type == np.float32:
            return None
        if tensor.type not in CODES or tensor.quantization is None:
            shown = "of another type" if tensor.type is None else tensor.type.name
            self.refuse(
                f"the tensor {tensor.name!r} must be float32 or quantized to 8 bits, not {shown}",
                "convert the model to int8 with representative data",
            )
        return tensor.quantization

    def parameters(self, index: int) -> tuple[str, str]:
        """Return scale and zero point of an activation's codes, as uint8, as constants."""
        quantization = self.quantization(index)
        assert quantization is not None
        if not quantization.is_per_tensor:
            self.refuse("its output has a scale for each channel", "convert the model again")
        zero_point = quantization.zero_point.item() + self.offset(index)
        return (
            self.constant("scale", np.float32(quantization.scale.item())),
            self.constant("zero_point", np.array(zero_point, np.uint8)),
        )

    def offset(self, index: int) -> int:
        """Return what is added to the codes of an activation."""
        return 128 if self.tensor(index).type == np.int8 else 0

    def read(self, index: int, *, image: bool = False) -> str:
        """Return a tensor of floats with the real values of a TFLite tensor."""
        if self.values(index) is not None:
            return self._read_constant(index, image)
        tensor = self._in_layout(index, image)
        if self.quantization(index) is None:
            return tensor
        return self.node("DequantizeLinear", tensor, *self.parameters(index), role="dequantize")

    def write(self, index: int, tensor: str, *, image: bool = False) -> None:
        """Take ``tensor``, floats, as the TFLite tensor ``index``, quantized if that is."""
        if self.quantization(index) is not None:
            tensor = self.node("QuantizeLinear", tensor, *self.parameters(index), role="quantize")
        (self.image if image else self.plain)[index] = tensor

    def _in_layout(self, index: int, image: bool) -> str:
        wanted, other = (self.image, self.plain) if image else (self.plain, self.image)
        if index not in wanted:
            if index not in other:
                raise ValueError("a tensor is read before it is computed")
            tensor, quantized = other[index], self.quantization(index) is not None
            if quantized:
                parameters = self.parameters(index)
                tensor = self.node("DequantizeLinear", tensor, *parameters, role="dequantize")
            perm = TO_IMAGE if image else TO_PLAIN
            tensor = self.node(
                "Transpose", tensor, role="to_nchw" if image else "to_nhwc", perm=perm
            )
            if quantized:
                tensor = self.node("QuantizeLinear", tensor, *parameters, role="quantize")
            wanted[index] = tensor
        return wanted[index]

    def _read_constant(self, index: int, image: bool) -> str:
        """Return a constant operand; as an image it has four axes, so that it broadcasts."""
        values, quantization = self.values(index), self.quantization(index)
        assert values is not None
        if image:
            values = values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(TO_IMAGE)
        if quantization is None:
            return self.constant("constant", values)
        if not quantization.is_per_tensor:
            self.refuse("its constant has a scale for each channel", "convert the model again")
        own = (values.astype(np.int64) + self.offset(index)).astype(np.uint8)
        name = self.constant("constant", own)
        return self.node("DequantizeLinear", name, *self.parameters(index), role="dequantize")


def spread(graph: Builder, index: int, rank: int, *, image: bool) -> str:
    """Return a computed tensor of fewer than ``rank`` axes with axes of one behind the batch.

    So it broadcasts in any batch as it does in TFLite in one of 1.
    """
    frame = graph.frame(index)
    sizes = [1] * (rank - 1 - len(frame)) + list(frame)
    if image:
        sizes = [sizes[2], *sizes[:2]]
    target = graph.constant("spread", np.array([-1, *sizes], np.int64))
    tensor = graph.node("Reshape", graph.read(index), target, role="spread")
    return requantized(graph, index, tensor)


def as_image(graph: Builder, index: int) -> str:
    """Return a computed image, or a sequence as an image of one row, in the layout of images."""
    if len(graph.frame(index)) == 3:
        return graph.read(index, image=True)
    row = spread(graph, index, 4, image=False)
    image = graph.node("Transpose", row, role="to_nchw", perm=TO_IMAGE)
    return requantized(graph, index, image)


def requantized(graph: Builder, index: int, tensor: str) -> str:
    """Return ``tensor``, values of the TFLite tensor ``index`` moved, with its quantization."""
    if graph.quantization(index) is None:
        return tensor
    scales = graph.parameters(index)
    codes = graph.node("QuantizeLinear", tensor, *scales, role="quantize")
    return graph.node("DequantizeLinear", codes, *scales, role="dequantize")


def same_quantization(graph: Builder, first: int, second: int) -> bool:
    """Tell whether two tensors are floats, or codes of one scale and zero point."""
    before, after = graph.quantization(first), graph.quantization(second)
    if before is None or after is None:
        return before is after
    return bool(
        graph.tensor(first).type == graph.tensor(second).type
        and np.array_equal(before.scale, after.scale)
        and np.array_equal(before.zero_point, after.zero_point)
    )
