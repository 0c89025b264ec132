"""Dilated convolutions of sequences, as TFLite writes them where the batch is free.

    SPACE_TO_BATCH_ND (rate), EXPAND_DIMS, CONV_2D, RESHAPE, BATCH_TO_SPACE_ND
        -> RESHAPE, SPACE_TO_BATCH_ND (1, rate), CONV_2D, BATCH_TO_SPACE_ND, RESHAPE

Between EXPAND_DIMS and RESHAPE the sequence is an image of one row. Dealt out as such an image it
becomes what ``frontend.tflite.dilation`` makes one convolution of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from frontend.tflite.model import Model, Operator, Tensor

CHAIN = (
    ("SPACE_TO_BATCH_ND",),
    ("EXPAND_DIMS", "RESHAPE"),
    ("CONV_2D", "DEPTHWISE_CONV_2D"),
    ("RESHAPE", "SQUEEZE"),
    ("BATCH_TO_SPACE_ND",),
)


def dilated_rows(model: Model) -> Model:
    """Return ``model`` with the dilated convolutions of sequences as those of one row."""
    readers: dict[int, list[int]] = {}
    for number, operator in enumerate(model.operators):
        for index in operator.inputs:
            readers.setdefault(index, []).append(number)
    added = _Added(model)
    places: dict[int, list[Operator]] = {}
    for number in range(len(model.operators)):
        chain = _chain(model, number, readers)
        if chain is not None:
            places |= {index: [] for index in chain[:-1]}
            places[chain[-1]] = added.as_image([model.operators[n] for n in chain])
    operators = [o for n, op in enumerate(model.operators) for o in places.get(n, [op])]
    return replace(model, tensors=tuple(added.tensors), operators=tuple(operators))


def _chain(model: Model, first: int, readers: dict[int, list[int]]) -> list[int] | None:
    """Return the operators from ``first`` on, if they are such a convolution."""
    public = {index for _, index in model.outputs}
    chain = [first]
    for kinds in CHAIN:
        operator = model.operators[chain[-1]]
        if operator.kind not in kinds:
            return None
        if len(chain) == len(CHAIN):
            break
        behind = readers.get(operator.outputs[0], [])
        if len(behind) != 1 or operator.outputs[0] in public:
            return None
        chain.append(behind[0])
    deal, expand, _, squeeze, gather = (model.operators[number] for number in chain)
    for sequence, image in (
        (expand.inputs[0], expand.outputs[0]),
        (squeeze.outputs[0], squeeze.inputs[0]),
    ):
        shape = model.tensors[sequence].shape
        if len(shape) != 3 or model.tensors[image].shape != (shape[0], 1, *shape[1:]):
            return None
    blocks = [model.tensors[index].data for op in (deal, gather) for index in op.inputs[1:3]]
    sizes = [None if block is None else block.size for block in blocks]
    return chain if sizes == [1, 2, 1, 2] else None


@dataclass(slots=True)
class _Added:
    """The tensors of ``model``, and those that are added behind them."""

    model: Model
    tensors: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.tensors = list(self.model.tensors)

    def as_image(self, chain: list[Operator]) -> list[Operator]:
        """Return the same on an image of one row."""
        deal, _, convolution, _, gather = chain
        source, result = self._row(deal.inputs[0]), self._row(gather.outputs[0])
        dealt = (source, *self._block(deal))
        put_together = (convolution.outputs[0], *self._block(gather))
        return [
            Operator("RESHAPE", deal.inputs[:1], (source,), 0, None),
            replace(deal, inputs=dealt, outputs=convolution.inputs[:1]),
            convolution,
            replace(gather, inputs=put_together, outputs=(result,)),
            Operator("RESHAPE", (result,), gather.outputs, 0, None),
        ]

    def _row(self, index: int) -> int:
        """Return a sequence as an image of one row."""
        old = self.model.tensors[index]
        return self._add(replace(old, shape=(old.shape[0], 1, *old.shape[1:])))

    def _block(self, operator: Operator) -> tuple[int, int]:
        """Return rates and sides (padding or crops) for one row: it is alone, and not padded."""
        rate, sides = (self._values(index).reshape(1, -1) for index in operator.inputs[1:3])
        return (
            self._constant(operator.inputs[1], np.concatenate([[[1]], rate]).reshape(-1)),
            self._constant(operator.inputs[2], np.concatenate([[[0, 0]], sides])),
        )

    def _values(self, index: int) -> NDArray[np.int64]:
        data = self.model.tensors[index].data
        assert data is not None
        return data.astype(np.int64)

    def _constant(self, like: int, values: NDArray[np.int64]) -> int:
        old = self.model.tensors[like]
        return self._add(replace(old, shape=values.shape, type=values.dtype, data=values))

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1
