"""The README's table of supported layers, from the front end's own list of them.

python -m tools.layers_table            # print it
python -m tools.layers_table --write    # put it into README.md, between the markers
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from frontend.layers import SUPPORTED, Layer, supported_parameters
from frontend.layers.base import ACTIVATION
from frontend.layers.pointwise import Activation

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->\n"


def table() -> str:
    """Return the table in Markdown: a row for each layer class, with what its parameters may be."""
    names: dict[type[Layer], list[str]] = defaultdict(list)
    for name, kind in SUPPORTED.items():
        names[kind].append(name)
    rows = ["| Keras layer | Parameters |", "|---|---|"]
    for kind, aliases in sorted(names.items(), key=lambda item: (len(item[1]), item[1])):
        layers = ", ".join(f"`{alias}`" for alias in aliases)
        fallback = "any; the layer does nothing in inference" if len(aliases) > 1 else "none"
        rows.append(f"| {layers} | {_parameters(kind) or fallback} |")
    return "\n".join(rows) + "\n"


def _parameters(kind: type[Layer]) -> str:
    """Return what the parameters of ``kind`` may be; those with the same rule stand together.

    The names of the activations stand in one row only.
    """
    by_rule: dict[str, list[str]] = defaultdict(list)
    for parameter, rule in supported_parameters(kind).items():
        repeated = rule is ACTIVATION and kind is not Activation
        text = "as in `Activation`" if repeated else rule.text
        by_rule[text].append(f"`{parameter}`")
    return "; ".join(f"{', '.join(named)}: {text}" for text, named in by_rule.items())


def with_table(readme: str) -> str:
    """Return the text of the README with a current table between its markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md must hold the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}{table()}{end}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table(), end="")
