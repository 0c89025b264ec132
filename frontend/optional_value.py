"""Options of the command line that stand alone or with a value: ``--simulate``, ``--simulate X``.

Typer has either flags or options with a value; this is the difference, before it reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def filled(arguments: Sequence[str], optional: Mapping[str, Sequence[str]]) -> list[str]:
    """Return ``arguments`` with the first of its values after each option that has none.

    ``optional``: by option, the values that it takes.  What follows an option and is none of them
    is not its value: it is the model or another option.  Nothing after ``--`` is an option.
    """
    complete: list[str] = []
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*complete, *arguments[index:]]
        complete.append(argument)
        values = optional.get(argument)
        if values is not None and arguments[index + 1 : index + 2] not in [[v] for v in values]:
            complete.append(values[0])
    return complete
