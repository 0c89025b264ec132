"""Move a table into the processing element in front of it.

    Table(Convolution(x, ...), ...) -> ProcessingElement(x, ...)

and the same behind Dense.  Composition of functions; the intermediate codes must have no other
reader.  The new function's body calls the two old ones.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.absorb import absorb


def absorb_table(model: ir.Model) -> int:
    """Apply to ``model``; return how many tables were absorbed."""
    return absorb(model, "Table", into=("Convolution", "Dense"))
