"""Reading frames and labels from ``.npy``, ``.npz`` and folders of images.

Sizes are compared with what a header promises before memory is spent; pickled objects are never
loaded.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from frontend.layers import Shape
from frontend.limits import check_readable_file
from ir.errors import CompileError

STAGE = "calibrate"
MAX_ELEMENTS = 2**28
MAX_PIXELS = 2**26
IMAGE_KEYS = ("x", "X", "images", "data", "x_test", "x_train", "frames", "inputs")
LABEL_KEYS = ("y", "Y", "labels", "targets", "y_test", "y_train")
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")

Array = NDArray[Any]


def read_npy(path: Path) -> Array:
    """Return the array of a ``.npy`` file."""
    check_readable_file(path, STAGE)
    return _array(path.read_bytes(), str(path))


def read_npz(path: Path, inputs: Sequence[str]) -> tuple[dict[str, Array], Array | None]:
    """Return the frames of ``inputs`` and the labels of a ``.npz`` file.

    Each array of frames has the name of its input; those of an only input may have the first name
    of the upper list above that occurs, or any name if the file holds nothing else.
    """
    check_readable_file(path, STAGE)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {e.filename.removesuffix(".npy"): e for e in archive.infolist()}
            keys = _frame_keys(path, list(entries), inputs)
            free = [key for key in LABEL_KEYS if key in entries and key not in keys.values()]

            def read(key: str) -> Array:
                if entries[key].file_size > 8 * MAX_ELEMENTS + 65536:
                    raise _too_large(f"{path}[{key}]", entries[key].file_size // 8)
                return _array(archive.read(entries[key]), f"{path}[{key}]")

            frames = {name: read(key) for name, key in keys.items()}
            return frames, read(free[0]) if free else None
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise _damaged(path, error) from error


def _frame_keys(path: Path, entries: Sequence[str], inputs: Sequence[str]) -> dict[str, str]:
    """Return, by input, the name of the array that holds its frames."""
    keys = {name: name for name in inputs if name in entries}
    if len(inputs) == 1 and not keys:
        names = [key for key in IMAGE_KEYS if key in entries]
        if not names and len(entries) == 1 and entries[0] not in LABEL_KEYS:
            names = list(entries)
        keys = dict(zip(inputs, names, strict=False))
    missing = [name for name in inputs if name not in keys]
    if missing:
        held = ", ".join(entries) or "none"
        if len(inputs) == 1:
            what, remedy = "frames", f"name the array one of {', '.join(IMAGE_KEYS)}"
        else:
            what, remedy = f"frames of input {missing[0]!r}", "name each array like its input"
        raise CompileError(STAGE, str(path), f"holds no {what} (its arrays are {held})", remedy)
    return keys


def _array(data: bytes, source: str) -> Array:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if header is None:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        shape, _, dtype = header(stream)
        if dtype.hasobject or dtype.kind not in "biuf":
            raise CompileError(
                STAGE, source, f"holds values of type {dtype}, not numbers", "save it as float32"
            )
        if math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise ValueError(f"{len(data)} bytes are not an array of shape {list(shape)}")
        if math.prod(shape) > MAX_ELEMENTS:
            raise _too_large(source, math.prod(shape))
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, RecursionError, OverflowError) as error:
        raise _damaged(source, error) from error


def read_folder(path: Path, shape: Shape) -> tuple[Array, Array | None, tuple[str, ...]]:
    """Return frames (uint8, resized to ``shape``), labels and class names of a folder of images.

    Images directly in the folder have no labels. Images in sub-folders have the position of their
    folder, in the order of the names, as label. Other files than images are left alone. Channels
    come last, unless only the first axis can be theirs.
    """
    first = channels_first(shape)
    height, width, channels = (*shape[1:], shape[0]) if first else (*shape, 1, 1)[:3]
    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    if len(shape) == 1 or channels not in modes:
        raise CompileError(
            STAGE,
            str(path),
            f"is a folder of images, but the model's input is {list(shape)}",
            "give the frames as .npy or .npz",
        )
    try:
        folders = sorted((p for p in path.iterdir() if p.is_dir()), key=lambda p: p.name)
        by_class = {p.name: files for p in folders if (files := _images_in(p))}
        loose = _images_in(path)
    except OSError as error:
        raise CompileError(
            STAGE, str(path), f"cannot be read ({error.strerror})", "change its permissions"
        ) from error
    if bool(loose) == bool(by_class):
        problem = "holds images beside folders of images" if loose else "holds no images"
        raise CompileError(
            STAGE, str(path), problem, f"give a folder of {', '.join(IMAGE_ENDINGS)} files"
        )
    files = loose or [file for group in by_class.values() for file in group]
    if len(files) * height * width * channels > MAX_ELEMENTS:
        raise _too_large(str(path), len(files) * height * width * channels)
    frames = np.stack([_image(file, (width, height), modes[channels]) for file in files])
    labels = None
    if by_class:
        sizes = [len(group) for group in by_class.values()]
        labels = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    if first:
        frames = frames.reshape(len(files), height, width, channels).transpose(0, 3, 1, 2)
    return frames.reshape(len(files), *shape), labels, tuple(by_class)


def channels_first(shape: Shape) -> bool:
    """True if ``shape`` is that of a grey or colour image with its channels in front (NCHW)."""
    return len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3, 4)


def _images_in(folder: Path) -> list[Path]:
    files = (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_ENDINGS and p.is_file())
    return sorted(files, key=lambda p: p.name)


def _image(path: Path, size: tuple[int, int], mode: str) -> Array:
    """Return one image (height, width[, channels]), resized bilinearly if of another size."""
    check_readable_file(path, STAGE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=IMAGE_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise CompileError(
                        STAGE,
                        str(path),
                        f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS}",
                        "give smaller images",
                    )
                if image.mode.startswith(("I", "F")):
                    raise CompileError(
                        STAGE, str(path), "has more than 8 bits per channel", "save it with 8 bits"
                    )
                converted = image.convert(mode)
        if converted.size != size:
            converted = converted.resize(size, Image.Resampling.BILINEAR)
        return np.asarray(converted, np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise CompileError(
            STAGE, str(path), "is no image or a damaged one", "take it out or save it again"
        ) from error
    except Image.DecompressionBombError as error:
        raise CompileError(
            STAGE, str(path), f"has more than {MAX_PIXELS} pixels", "give smaller images"
        ) from error


def _too_large(source: str, elements: int) -> CompileError:
    return CompileError(
        STAGE,
        source,
        f"holds {elements} values, more than the limit of {MAX_ELEMENTS}",
        "give fewer frames: a few hundred are enough",
    )


def _damaged(source: Path | str, error: Exception) -> CompileError:
    return CompileError(
        STAGE, str(source), f"is truncated, damaged or of another kind ({error})", "save it again"
    )
