"""Sliding windows as Keras counts and pads them."""

from __future__ import annotations


def window_steps(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Return how often a window fits along one axis (0 where it does not)."""
    if padding in ("same", "causal"):
        return -(-size // stride)
    return max((size - (kernel - 1) * dilation - 1) // stride + 1, 0)


def window_padding(
    size: int, kernel: int, stride: int, dilation: int, padding: str
) -> tuple[int, int]:
    """Return the zeros (before, after) an axis; with ``same`` the odd one goes after."""
    reach = (kernel - 1) * dilation
    if padding == "causal":
        return reach, 0
    if padding == "valid":
        return 0, 0
    steps = -(-size // stride)
    total = max((steps - 1) * stride + reach + 1 - size, 0)
    return total // 2, total - total // 2


def transposed_steps(size: int, kernel: int, stride: int, extra: int | None, padding: str) -> int:
    """Return the length of an axis behind a transposed convolution, ``extra`` output padding."""
    if extra is None:
        return size * stride + (max(kernel - stride, 0) if padding == "valid" else 0)
    cut = 2 * (kernel // 2) if padding == "same" else 0
    return max((size - 1) * stride + kernel - cut + extra, 0)


def transposed_padding(
    size: int, kernel: int, stride: int, extra: int | None, padding: str
) -> tuple[int, int, int]:
    """Return what a transposed convolution cuts off (before, after), and zeros put behind.

    With ``same`` it is the gradient of a convolution whose input has the length of its output.
    """
    length = transposed_steps(size, kernel, stride, extra, padding)
    whole = (size - 1) * stride + kernel
    before = max(whole - length, 0) // 2 if padding == "same" else 0
    after = whole - before - length
    return before, max(after, 0), max(-after, 0)
