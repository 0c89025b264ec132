"""ONNX operators that work on each element alone."""

from __future__ import annotations

UNARY = frozenset(
    "Abs Acos Acosh Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu "
    "HardSigmoid HardSwish LeakyRelu Log Mish Neg Not PRelu Reciprocal Relu Round Selu Shrink "
    "Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu".split()
)
"""One tensor, further operands (bounds, slopes) constant."""

COMBINING = frozenset(
    "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mul Or Pow Sub Where "
    "Xor".split()
)
"""Several tensors with numpy's broadcasting."""

ELEMENTWISE = UNARY | COMBINING
