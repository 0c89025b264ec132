"""Sliding windows as Keras counts and pads them."""

from __future__ import annotations


def window_steps(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Return how often a window fits along one axis (0 where it does not)."""
    if padding == "same":
        return -(-size // stride)
    return max((size - (kernel - 1) * dilation - 1) // stride + 1, 0)


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros that ``same`` puts (before, after) an axis: the odd one goes after."""
    steps = -(-size // stride)
    total = max((steps - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
