"""The one family of errors that a user of the compiler can see."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` on one line: control characters and line breaks are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class CompileError(Exception):
    """The model cannot be compiled, or a proof failed.

    Args:
        stage: part of the chain that refuses, such as ``"load"`` or ``"quantize"``.
        node: the layer, file or option concerned, by the name its author gave it.
        problem: what is wrong, as ``X must be Y, not Z``.
        remedy: what the user can do about it.
    """

    def __init__(self, stage: str, node: str, problem: str, remedy: str) -> None:
        super().__init__(stage, node, problem, remedy)
        self.stage = stage
        self.node = node
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return printable(f"{self.node}: {self.problem}; {self.remedy}")
