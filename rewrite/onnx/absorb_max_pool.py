"""Move a max pool into the processing element in front of it.

    MaxPool(Convolution(x, ...), ...) -> ProcessingElement(x, ...)

and the same behind Dense and behind an element that holds a table.  Composition of functions; the
intermediate codes must have no other reader.  A pool that changes the scale needs a table of its
own and stays alone.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.absorb import absorb


def absorb_max_pool(model: ir.Model) -> int:
    """Apply to ``model``; return how many pools were absorbed."""
    return absorb(model, "MaxPool", into=("Convolution", "Dense", "ProcessingElement"))
