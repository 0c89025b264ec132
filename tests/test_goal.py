"""Goals from the command line: what they ask for, and what is refused."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from frontend.goal import goal
from ir.goal import DEFAULT_GOAL, DEFAULT_WORTH, Goal, worth
from ir.parts import PARTS

SMALL = "xc7z007s"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, DEFAULT_GOAL),
        ({"cycles": 7}, Goal(7)),
        ({"fps": 1e5}, Goal(1000)),
        ({"fps": 1e8}, Goal(1)),
        # The product of 33.3 and a million is below 33,300,000 in binary.
        ({"fps": 33300.0, "clock_mhz": 33.3}, Goal(1000)),
        ({"fps": 3.0, "clock_mhz": 0.001}, Goal(333)),
        ({"part": SMALL}, Goal(None, (11520, 23040, 66 * 0.8, 80, math.inf), worth(PARTS[SMALL]))),
        (
            {"part": SMALL, "use": 0.5, "budget": "dsp=3, bram36=4", "cycles": 9},
            Goal(9, (7200, 14400, 3, 8, math.inf), worth(PARTS[SMALL])),
        ),
        ({"budget": "uram=0"}, DEFAULT_GOAL),
        (
            {"budget": "products=5,lut=20000", "adder_levels": 2},
            Goal(None, (20000, math.inf, math.inf, math.inf, 5), DEFAULT_WORTH, 2),
        ),
    ],
    ids=str,
)
def test_goals(options: dict[str, Any], expected: Goal) -> None:
    assert goal(**options) == expected


FORM = (
    "--budget must be of the form lut=N, ff=N, dsp=N, bram18=N, bram36=N, products=N, uram=N, not"
)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cycles": 1, "fps": 1.0}, "give --cycles or --fps, not both"),
        ({"fps": 0.0}, "--fps must be a finite number above 0, not 0"),
        ({"fps": math.nan}, "--fps must be a finite number above 0, not nan"),
        ({"fps": math.inf}, "--fps must be a finite number above 0, not inf"),
        ({"fps": 1.0, "clock_mhz": math.inf}, "--clock must be a finite number above 0, not inf"),
        ({"fps": 1.0, "clock_mhz": -1.0}, "--clock must be a finite number above 0, not -1"),
        (
            {"fps": 2e6, "clock_mhz": 1.0},
            "--fps must be at most the clock, 1,000,000, not 2,000,000.0",
        ),
        ({"clock_mhz": 50.0, "cycles": 3}, "--clock must come with --fps, which it is for"),
        ({"use": 0.5}, "--use must come with --part, of which it is a fraction"),
        ({"part": SMALL, "use": 0.0}, "--use must be above 0 and at most 1, not 0"),
        ({"part": SMALL, "use": math.nan}, "--use must be above 0 and at most 1, not nan"),
        ({"part": "x"}, f"--part must be one of {', '.join(PARTS)}, not x"),
        ({"budget": ""}, f"{FORM} ''"),
        ({"budget": "bram=3"}, f"{FORM} 'bram=3'"),
        ({"budget": "lut=1.5"}, f"{FORM} 'lut=1.5'"),
        ({"budget": "lut=5,lut=6"}, "--budget must limit each resource once, not lut again"),
        (
            {"budget": "bram18=5,bram36=6"},
            "--budget must limit each resource once, not bram36 again",
        ),
    ],
    ids=str,
)
def test_what_is_no_goal_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        goal(**options)
