"""What is said where no folding reaches a goal: by how much, and what would do."""

from __future__ import annotations

import math

from ir.errors import CompileError
from ir.goal import UNLIMITED, Amounts
from rewrite.stream.blocks import Blocks
from rewrite.stream.search import fastest, fastest_in_blocks
from rewrite.stream.solve import Problem

NAMES = (
    *("look-up tables", "flip-flops", "DSP blocks", "block RAMs of 18 kbit"),
    "products per cycle",
)


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
        f"{cycles_in_words(cycles)} per frame need {_lacking(blocked, cycles, limits)}",
        f"ask for --cycles {fitting.cycles} or more, raise the limit or take a larger part",
    )


def too_small(problem: Problem, limits: Amounts) -> CompileError:
    """Return the error that says what ``limits`` lack for the slowest folding."""
    slowest = problem.rates[-1]
    lacking = _lacking(problem, slowest, limits)
    return CompileError(
        "fold",
        problem.graph.name,
        f"even {cycles_in_words(slowest)} per frame, the slowest folding, need {lacking}",
        "raise the limit or take a larger part",
    )


def cycles_in_words(count: int) -> str:
    """Return a number of cycles, with its noun."""
    return f"{count:,} cycle{'s' if count > 1 else ''}"


def _lacking(problem: Problem, cycles: int, limits: Amounts) -> str:
    """Return what a folding within ``cycles`` needs more of than ``limits`` allow.

    Where each resource alone would do, but not all at once, by how much all have to grow.
    """
    needed = problem.least_amounts(cycles)
    missing = [
        f"{math.ceil(need):,} {name}, not {limit:,.0f}"
        for name, need, limit in zip(NAMES, needed, limits, strict=True)
        if need > limit
    ]
    if missing:
        return f"at least {' and '.join(missing)}"
    # Of what is not allowed at all there is no share.
    limited = [name for name, limit in zip(NAMES, limits, strict=True) if 0 < limit < math.inf]
    share = math.ceil(100 * problem.least_share(cycles, limits) - 1e-6)
    return f"{share} % of the {' and '.join(limited)} of the limits, which trade for each other"
