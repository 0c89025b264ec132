"""What onnx and onnxruntime say about a model, in one line without their own source code."""

from __future__ import annotations

import re

_NOISE = (
    re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : "),
    re.compile(r"^Non-zero status code returned while running \w+ node\. Name:'[^']*' "),
    re.compile(r"^Status Message: "),
    re.compile(r"^(/\S+/)?\w+\.(cc|h):\d+ "),
    re.compile(r"^.* was false\. (?=\S)"),
    re.compile(r"^Compute (?=\S)"),
)
"""What stands before the words that a user can do something with, in this order."""


def first_line(error: Exception) -> str:
    """Return what is wrong in the first line of a message from onnx or onnxruntime."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[0]
    for pattern in _NOISE:
        line = pattern.sub("", line)
    return line.rstrip(".")
