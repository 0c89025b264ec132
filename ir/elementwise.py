"""ONNX operators that work on each element alone."""

from __future__ import annotations

UNARY = frozenset(
    "Abs Cast Ceil Celu Clip Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Mish Neg "
    "Not PRelu Reciprocal Relu Round Selu Shrink Sigmoid Sign Softplus Softsign Sqrt Tanh "
    "ThresholdedRelu".split()
)
"""One tensor, further operands (bounds, slopes) constant."""

COMBINING = frozenset(
    "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mul Or Pow Sub Where "
    "Xor".split()
)
"""Several tensors with numpy's broadcasting."""

ELEMENTWISE = UNARY | COMBINING
