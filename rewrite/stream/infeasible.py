"""What is said where no folding reaches a goal: by how much, and what would do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ir.errors import CompileError
from ir.goal import UNLIMITED, Amounts
from ir.words import number_of
from rewrite.stream.blocks import Blocks
from rewrite.stream.search import fastest, fastest_in_blocks
from rewrite.stream.solve import Problem

RESOURCES = (
    *(("look-up table", ""), ("flip-flop", ""), ("DSP block", "")),
    *(("block RAM", " of 18 kbit"), ("product", " per cycle")),
)
"""What there is one of, and what follows the word, in the order of ``Amounts``."""


def too_slow(problem: Problem, blocks: Blocks, cycles: int) -> CompileError:
    """Return the error that says which element needs how many more than ``cycles`` per frame."""
    pixelwise = fastest(problem, UNLIMITED)
    assert pixelwise is not None
    found = fastest_in_blocks(blocks, cycles + 1, pixelwise, UNLIMITED)
    faster = blocks.within(found.cycles - 1)
    is_element = faster.least_cycles >= found.cycles
    slowest = faster.least_element if is_element else found.slowest
    return CompileError(
        "fold",
        slowest.layer,
        f"needs at least {found.cycles:,} cycles per frame, not {cycles:,}",
        f"ask for --cycles {found.cycles} or more",
    )


def too_small_for(problem: Problem, blocked: Problem, cycles: int, limits: Amounts) -> CompileError:
    """Return the error that says what ``limits`` lack for ``cycles``, and how many would do.

    ``blocked``: the problem that is too much for them.
    """
    fitting = fastest(problem, limits)
    if fitting is None:
        return too_small(problem, limits)
    return CompileError(
        "fold",
        problem.graph.name,
        f"{number_of(cycles, 'cycle')} per frame need {_lacking(blocked, cycles, limits)}",
        f"ask for --cycles {fitting.cycles} or more, raise the limit or take a larger part",
    )


def too_small(problem: Problem, limits: Amounts) -> CompileError:
    """Return the error that says what ``limits`` lack for the slowest folding."""
    slowest = problem.rates[-1]
    slowly = f"even {number_of(slowest, 'cycle')} per frame, the slowest folding,"
    return CompileError(
        "fold",
        problem.graph.name,
        f"{slowly} need {_lacking(problem, slowest, limits)}",
        "raise the limit or take a larger part",
    )


def lacking(needed: Sequence[float], limits: Amounts) -> list[str]:
    """Return in words what is needed beyond ``limits``."""
    return [
        f"{number_of(math.ceil(need), word)}{rest}, not {limit:,.0f}"
        for (word, rest), need, limit in zip(RESOURCES, needed, limits, strict=True)
        if need > limit
    ]


def _lacking(problem: Problem, cycles: int, limits: Amounts) -> str:
    """Return what a folding within ``cycles`` needs more of than ``limits`` allow.

    Where each resource alone would do, but not all at once, by how much all have to grow.
    """
    missing = lacking(problem.least_amounts(cycles), limits)
    if missing:
        return f"at least {' and '.join(missing)}"
    # Of what is not allowed at all there is no share.
    named = zip(RESOURCES, limits, strict=True)
    limited = [f"{word}s{rest}" for (word, rest), limit in named if 0 < limit < math.inf]
    share = math.ceil(100 * problem.least_share(cycles, limits) - 1e-6)
    return f"{share} % of the {' and '.join(limited)} of the limits, which trade for each other"
