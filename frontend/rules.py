"""Rules that read one layer parameter from a configuration, and say what they accept.

A rule turns the JSON value of a parameter into a plain Python value, or raises ``ValueError``
whose text completes the sentence ``<parameter> must be ...``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_DIMENSION = 2**26
MAX_AXES = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter may be: ``text`` for people, ``read`` for the loader."""

    text: str
    read: Callable[[object], object]


def parameter(rule: Rule, **default: Any) -> Any:
    """Return a dataclass field that is read by ``rule``; optional where a ``default`` is given."""
    return dataclasses.field(metadata={"rule": rule}, **default)


def show(value: object) -> str:
    """Return ``value`` for an error message, shortened; code and objects are not printed."""
    if isinstance(value, dict):
        return "a custom object"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def integer(value: object, low: int, high: int = MAX_DIMENSION) -> int:
    """Return ``value`` as an integer in ``low .. high``; booleans are no integers here."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"not {show(value)}")
    return value


def number(value: object) -> float:
    """Return ``value`` as a finite float that float32 can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"not {show(value)}")
    if not math.isfinite(value) or abs(value) > 3.4e38:
        raise ValueError(f"not {show(value)}")
    return float(value)


def _each(low: int, count: int, high: int = MAX_DIMENSION) -> Callable[[object], tuple[int, ...]]:
    """Return a reader of one whole number for all of ``count`` axes, or a list of one for each."""

    def read(value: object) -> tuple[int, ...]:
        if not isinstance(value, list | tuple):
            return (integer(value, low, high),) * count
        if len(value) != count:
            raise ValueError(f"not {show(value)}")
        return tuple(integer(item, low, high) for item in value)

    return read


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_AXES:
        raise ValueError(f"not {show(value)}")
    sizes = tuple(-1 if item in (-1, None) else integer(item, 1) for item in value)
    if sizes.count(-1) > 1:
        raise ValueError(f"not {show(value)}")
    return sizes


def _axes(value: object) -> tuple[int, ...]:
    axes = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(axes) <= MAX_AXES:
        raise ValueError(f"not {show(value)}")
    return tuple(integer(axis, 1, MAX_AXES) for axis in axes)


def _frame_axes(value: object) -> tuple[int, ...]:
    axes = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(axes) <= MAX_AXES or 0 in axes:
        raise ValueError(f"not {show(value)}")
    return tuple(integer(axis, -MAX_AXES, MAX_AXES) for axis in axes)


def _axis_pair(value: object) -> tuple[int, int]:
    axes = value if isinstance(value, list | tuple) else [value, value]
    if len(axes) != 2:
        raise ValueError(f"not {show(value)}")
    first, second = (integer(axis, -MAX_AXES, MAX_AXES) for axis in axes)
    return first, second


def _padding(value: object) -> tuple[tuple[int, int], tuple[int, int]]:
    if not isinstance(value, list | tuple):
        single = integer(value, 0)
        return (single, single), (single, single)
    if len(value) != 2:
        raise ValueError(f"not {show(value)}")
    sides = []
    for side in value:
        both = side if isinstance(side, list | tuple) else (side, side)
        if len(both) != 2:
            raise ValueError(f"not {show(value)}")
        sides.append((integer(both[0], 0), integer(both[1], 0)))
    return sides[0], sides[1]


def _axis(value: object) -> int:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return integer(value, -8, 8)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"not {show(value)}")
    return value


def _at_least_zero(value: object) -> float:
    result = number(value)
    if result < 0:
        raise ValueError(f"not {show(value)}")
    return result


def _above_zero(value: object) -> float:
    result = number(value)
    if result <= 0:
        raise ValueError(f"not {show(value)}")
    return result


def _numbers(value: object) -> tuple[float, ...]:
    """Flatten a number or nested lists of numbers, at most 65,536 of them."""
    flat: list[float] = []
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list | tuple):
            pending.extend(reversed(item))
        else:
            flat.append(number(item))
        if len(flat) + len(pending) > 65_536:
            raise ValueError("not more than 65536 values")
    if not flat:
        raise ValueError("not an empty list")
    return tuple(flat)


def optional(rule: Rule) -> Rule:
    """Return ``rule`` that accepts None too."""
    return Rule(f"{rule.text} or None", lambda value: None if value is None else rule.read(value))


def one_of(*choices: object) -> Rule:
    """Return the rule of a parameter with listed values."""

    def read(value: object) -> object:
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise ValueError(f"not {show(value)}")

    return Rule(" or ".join(repr(choice) for choice in choices), read)


POSITIVE_INTEGER = Rule("a whole number from 1 up", lambda value: integer(value, 1))
PAIR = Rule("one or two whole numbers from 1 up", _each(1, 2))
SINGLE = Rule("a whole number from 1 up", _each(1, 1))
COUNT_PAIR = Rule("one or two whole numbers from 0 up", _each(0, 2))
COUNT = Rule("a whole number from 0 up", _each(0, 1))
SIDES = Rule("whole numbers from 0 up: n or [before, after]", _each(0, 2))
TARGET_SHAPE = Rule("1 to 4 whole numbers from 1 up, one may be -1", _sizes)
AXES = Rule("1 to 4 axes from 1 up", _axes)
PADDING = Rule("whole numbers from 0 up: n, [rows, columns] or [[t, b], [l, r]]", _padding)
AXIS = Rule("the last axis", _axis)
ANY_AXIS = Rule("an axis but the batch", lambda value: integer(value, -MAX_AXES, MAX_AXES))
FRAME_AXES = Rule("one or more axes but the batch", _frame_axes)
AXIS_PAIR = Rule("one or two axes but the batch", _axis_pair)
AXIS_OR_NONE = Rule(
    "the last axis or None", lambda value: None if value in (None, [], ()) else _axis(value)
)
FLAG = Rule("true or false", _flag)
NUMBER = Rule("a finite number", number)
NUMBERS = Rule("finite numbers", _numbers)
AT_LEAST_ZERO = Rule("a finite number from 0 up", _at_least_zero)
ABOVE_ZERO = Rule("a finite number above 0", _above_zero)
