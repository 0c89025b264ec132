"""The TensorFlow operators that may stand in a network.

All compute their outputs from their inputs alone: none reads or writes files, keeps state, draws
random numbers or runs code. Everything else is refused before TensorFlow sees the graph.
"""

from __future__ import annotations

from frontend import rules
from ir.errors import CompileError

ARITHMETIC = """
    Abs Add AddN AddV2 BiasAdd BiasAddV1 Cast ClipByValue Div DivNoNan Elu Equal Erf Erfc Exp
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Greater GreaterEqual LeakyRelu Less LessEqual
    Log LogicalAnd LogicalNot LogicalOr Maximum Minimum Mul Neg Pow RealDiv Reciprocal Relu Relu6
    Rsqrt Select SelectV2 Selu Sigmoid Softmax Softplus Softsign Sqrt Square SquaredDifference Sub
    Tanh
""".split()

WINDOWS = """
    AvgPool BatchMatMul BatchMatMulV2 BatchToSpaceND Conv2D Conv2DBackpropInput
    DepthwiseConv2dNative MatMul MaxPool SpaceToBatchND
""".split()

REDUCTIONS = "ArgMax Max Mean Min Prod Sum".split()

SHAPING = """
    ConcatV2 Const ExpandDims Fill GatherV2 Identity IdentityN MirrorPad OnesLike Pack Pad PadV2
    Placeholder Range Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Shape Slice Split
    SplitV Squeeze StopGradient StridedSlice Tile Transpose Unpack ZerosLike
""".split()

ALLOWED = frozenset((*ARITHMETIC, *WINDOWS, *REDUCTIONS, *SHAPING))

TYPES = ("float32", "int32", "int64", "bool")
"""Types of tensors: numbers of the network itself, and of the shapes in it."""


def check_operator(name: str, operator: str) -> None:
    """Refuse an operator that is not on the list, in the words of the node ``name``."""
    if operator not in ALLOWED:
        raise CompileError(
            "load",
            name,
            f"uses the TensorFlow operator {rules.show(operator)}, which is not supported",
            "save the model for inference only, without it",
        )
