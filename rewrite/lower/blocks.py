"""DepthToSpace and SpaceToDepth: channels that become blocks of pixels, and back."""

from __future__ import annotations

import onnx_ir as ir

from ir.numbers import IntArray


def shuffled(images: IntArray, node: ir.Node) -> IntArray:
    """Return ``images`` (batch, channels, height, width) as ``node`` moves their values.

    The orders are those of the ONNX operator specification.
    """
    size = node.attributes.get_int("blocksize")
    batch, channels, height, width = images.shape
    if node.op_type == "SpaceToDepth":
        apart = images.reshape(batch, channels, height // size, size, width // size, size)
        moved = apart.transpose(0, 3, 5, 1, 2, 4)
        return moved.reshape(batch, -1, height // size, width // size)
    if node.attributes.get_string("mode", "DCR") == "DCR":
        apart = images.reshape(batch, size, size, -1, height, width)
        moved = apart.transpose(0, 3, 4, 1, 5, 2)
    else:
        apart = images.reshape(batch, -1, size, size, height, width)
        moved = apart.transpose(0, 1, 4, 2, 5, 3)
    return moved.reshape(batch, -1, height * size, width * size)
