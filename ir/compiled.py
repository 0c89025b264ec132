"""Loops as machine code, by Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile at the first call; keep the machine code where Numba finds a writable folder."""
    try:
        fast = numba.njit(cache=True)(function)
    except RuntimeError:
        fast = numba.njit(function)
    return cast("Callable[_Parameters, _Result]", fast)
