"""Sizes beyond which a model file is refused before memory is spent on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ir.errors import CompileError

MAX_FILE_BYTES = 2**30
MAX_CONFIG_BYTES = 2**26
MAX_PARAMETERS = 2**26
MAX_ACTIVATION_ELEMENTS = 2**26
MAX_LAYERS = 4096
MAX_NESTING = 16
MAX_TENSORS = 256
"""Tensors that one call may take, inputs and outputs that one model may have."""
MAX_NAME_LENGTH = 1000


def check_readable_file(path: Path, stage: str) -> None:
    """Refuse what is not a readable, non-empty file of at most ``MAX_FILE_BYTES`` bytes."""
    shown = str(path)
    try:
        if path.is_dir():
            raise CompileError(stage, shown, "is a directory, not a file", "name a file")
        size = path.stat().st_size
        if not path.is_file():
            raise CompileError(stage, shown, "is a device or pipe, not a file", "name a file")
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CompileError(stage, shown, "does not exist", "check the path") from error
    except PermissionError as error:
        raise CompileError(
            stage, shown, "may not be read by this user", "change its permissions"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CompileError(
            stage, shown, f"cannot be opened ({reason})", "check the path"
        ) from error
    if size == 0:
        raise CompileError(stage, shown, "is empty (0 bytes)", "save or copy it again")
    if size > MAX_FILE_BYTES:
        raise CompileError(
            stage,
            shown,
            f"has {size} bytes, more than the limit of {MAX_FILE_BYTES}",
            "save the model without the optimizer's state (include_optimizer=False)",
        )


def check_inside(folder: Path, file: Path) -> None:
    """Refuse a file that is too large, no file, or a link to somewhere outside ``folder``."""
    check_readable_file(file, "load")
    if not file.resolve().is_relative_to(folder.resolve()):
        raise CompileError(
            "load", str(file), "is a link that leads out of the model's folder",
            "copy the file itself",
        )  # fmt: skip


def check_activation(layer: str, shape: tuple[int, ...]) -> None:
    """Refuse a tensor (one frame, no batch axis) without elements or of absurd size."""
    elements = math.prod(shape)
    if elements <= 0:
        raise CompileError(
            "load",
            layer,
            f"its output {list(shape)} has no elements",
            "enlarge the input or shrink kernels, pools and strides",
        )
    if elements > MAX_ACTIVATION_ELEMENTS:
        raise CompileError(
            "load",
            layer,
            f"its output {list(shape)} has {elements} elements, more than the limit of "
            f"{MAX_ACTIVATION_ELEMENTS}",
            "use a smaller input or a larger stride",
        )


def check_parameters(layer: str, weights: Mapping[str, tuple[int, ...]], before: int) -> int:
    """Add the parameters of one layer to those ``before`` it and hold the sum to the limit."""
    total = before + sum(math.prod(shape) for shape in weights.values())
    if total > MAX_PARAMETERS:
        raise CompileError(
            "load",
            layer,
            f"brings the model to {total} parameters, more than the limit of {MAX_PARAMETERS}",
            "use a smaller layer",
        )
    return total
