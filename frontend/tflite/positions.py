"""Dense layers at each position, as TFLite writes them where the batch is free.

    RESHAPE(x; rows, c), FULLY_CONNECTED(W), RESHAPE(; ..., u) -> FULLY_CONNECTED(x, W)

Rows are taken in x's own order and put back, so how many there are need not be known.  The first
RESHAPE may be missing: FULLY_CONNECTED takes rows of any tensor.  Where the positions of x have
another shape than those of the result, x gets that first.  Other reshapes of the product's rows
take its result instead, whose values have the same order.
"""

from __future__ import annotations

import math
from dataclasses import replace

from frontend.tflite.model import Model, Operator


def dense_at_positions(model: Model) -> Model:
    """Return ``model`` with dense layers on the tensors whose positions they take as rows."""
    public = {index for _, index in model.outputs}
    operators = list(model.operators)
    makers = {index: n for n, operator in enumerate(operators) for index in operator.outputs}
    readers: dict[int, list[int]] = {}
    for number, operator in enumerate(operators):
        for index in operator.inputs:
            readers.setdefault(index, []).append(number)
    tensors = list(model.tensors)
    places: dict[int, tuple[Operator, ...]] = {}
    for number, operator in enumerate(operators):
        if operator.kind != "FULLY_CONNECTED" or operator.outputs[0] in public:
            continue
        source = operator.inputs[0]
        if source in makers and operators[makers[source]].kind == "RESHAPE":
            source = operators[makers[source]].inputs[0]
        behind = readers.get(operator.outputs[0], [])
        back = _back(model, source, operator.inputs[1], [(n, operators[n]) for n in behind])
        if back is None:
            continue
        result = operators[back].outputs
        before, wanted = tensors[source], tensors[result[0]].shape[:-1]
        dense = replace(operator, inputs=(source, *operator.inputs[1:]), outputs=result)
        places |= {number: (dense,), back: ()}
        if before.shape[:-1] != wanted:
            tensors.append(replace(before, shape=(*wanted, before.shape[-1])))
            moved = len(tensors) - 1
            dense = replace(dense, inputs=(moved, *operator.inputs[1:]))
            places[number] = (Operator("RESHAPE", (source,), (moved,), 0, None), dense)
        for other in set(behind) - {back}:
            operators[other] = replace(
                operators[other], inputs=(result[0], *operators[other].inputs[1:])
            )
    kept = (o for n, operator in enumerate(operators) for o in places.get(n, (operator,)))
    return replace(model, tensors=tuple(tensors), operators=tuple(kept))


def _back(
    model: Model, source: int, weights: int, behind: list[tuple[int, Operator]]
) -> int | None:
    """Return which of the operators behind a product of rows puts them back to where they were.

    All of them must be reshapes.  ``weights``: (outputs, inputs); frames stay apart.
    """
    before, matrix = model.tensors[source], model.tensors[weights].shape
    if len(before.shape) < 3 or len(matrix) != 2 or before.open_shape:
        return None
    if before.shape[-1] != matrix[1] or any(operator.kind != "RESHAPE" for _, operator in behind):
        return None
    for number, operator in behind:
        after = model.tensors[operator.outputs[0]]
        same = math.prod(after.shape[:-1]) == math.prod(before.shape[:-1])
        kept = len(after.shape) > 2 and after.shape[0] == before.shape[0]
        if same and kept and after.shape[-1] == matrix[0] and not after.open_shape:
            return number
    return None
