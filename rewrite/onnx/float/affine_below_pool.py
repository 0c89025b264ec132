"""MaxPool(f(x)) -> f(MaxPool(x)) and GlobalAveragePool(f(x)) -> f(GlobalAveragePool(x)).

f is one affine operator, constant over each channel: with a factor above 0 it commutes with the
maximum (padding never wins), with any factor it commutes with the mean.  Behind the pool there are
fewer pixels, and the next layer can take f in.  Condition: nothing else reads f(x), and the layer
above x could not take it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.affine import affine_chain, affine_step
from rewrite.onnx.float.values import clone, only_user


class AffineBelowPool(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each pool."""

    def __init__(self, pool: str) -> None:
        super().__init__(f"AffineBelow{pool}", remove_nodes=False)
        self.pool = pool

    def pattern(self, op: Any, x: ir.Value) -> Any:
        """Any such pool."""
        return getattr(op, self.pool)(x, _allow_other_attributes=True, _outputs=["y"])

    def check(self, context: Any, x: ir.Value, y: ir.Value) -> MatchResult:
        """An affine operator above, increasing where that matters."""
        result = MatchResult()
        step = affine_step(x.producer())
        if step is None or only_user(x) is None:
            return result.fail("no affine operator above that only it reads", x)
        chain = affine_chain(x)
        above = chain.source.producer()
        if above is not None and above.op_type in ("Conv", "Gemm"):
            return result.fail("the layer above takes it in", x)
        for part in (step, chain):  # all of the chain can follow
            if part.per_channel() is None:
                return result.fail("constants must vary along the channels only", x)
            if self.pool == "MaxPool" and not np.all(part.scale > 0):
                return result.fail("a factor is not above 0", x)
        return result

    def rewrite(self, op: Any, x: ir.Value, y: ir.Value) -> Any:
        """Swap the two."""
        node, pool, step = x.producer(), y.producer(), affine_step(x.producer())
        assert node is not None
        assert pool is not None
        assert step is not None
        inner = clone(op, pool, [step.source])
        return clone(op, node, [inner if v is step.source else v for v in node.inputs])


RULES: tuple[RewriteRule, ...] = (
    AffineBelowPool.rule("MaxPool"),
    AffineBelowPool.rule("GlobalAveragePool"),
)
