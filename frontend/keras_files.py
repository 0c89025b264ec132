"""Opening Keras files: the configuration, and the HDF5 group that holds the weights.

Nothing in a file is trusted: sizes are looked at before anything is read, links that lead out of
an HDF5 file are not followed, and no part of an archive is ever written to disk.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import h5py

from frontend.limits import MAX_CONFIG_BYTES, MAX_FILE_BYTES, check_inside, check_readable_file
from ir.errors import CompileError

FORMATS = {
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".keras": "Keras archive",
    ".json": "JSON architecture",
}

MAX_METADATA_BYTES = 2**20

_SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"\x93NUMPY", "NumPy"),
)


@dataclass(frozen=True, slots=True)
class KerasFile:
    """An open model file; valid inside ``open_keras_file`` only.

    Attributes:
        config: the parsed model configuration.
        weights: HDF5 group of the weights.
        layout: ``"legacy"`` (``weight_names`` in a group for each layer) or ``"v3"`` (``layers/``).
        format: what the user is told the file is.
        keras_version: version that wrote it, ``"unknown"`` where the file is silent.
        source: the file that holds the weights, for messages.
    """

    config: object
    weights: h5py.Group
    layout: str
    format: str
    keras_version: str
    source: str


@contextmanager
def open_keras_file(path: Path, weights: Path | None = None) -> Iterator[KerasFile]:
    """Open a ``.h5``, ``.keras`` or ``.json`` model and the weights that belong to it.

    Args:
        path: the model file, or the folder that ``model.save(folder, zipped=False)`` wrote.
        weights: weights of a ``.json``; by default ``X_weights.h5`` beside ``X.json``.

    Raises:
        CompileError: the file is missing, not readable, too large, damaged or of another kind.
    """
    kind = "Keras folder" if is_keras_folder(path) else FORMATS.get(path.suffix.lower())
    if kind != "Keras folder":
        check_readable_file(path, "load")
    if kind is None:
        _refuse(path, "is not named as a Keras model", f"name one of {', '.join(FORMATS)}")
    if weights is not None and kind != "JSON architecture":
        _refuse(path, "holds its own weights", "name a .json file, or give no weights file")
    if kind == "Keras folder":
        settings, wrote, stored = _read_folder(path)
        with _open_hdf5(stored) as file:
            yield KerasFile(settings, file, "v3", kind, wrote, str(stored))
    elif kind == "HDF5":
        with _open_hdf5(path) as file:
            text = _attribute(file, "model_config", path)
            if text is None:
                _refuse(path, "holds weights only", "name the .json of the architecture")
            version = _attribute(file, "keras_version", path)
            group = _weights_group(file, path)
            yield KerasFile(
                _parse(text, path), group, "legacy", kind, version or "unknown", str(path)
            )
    elif kind == "Keras archive":
        packed, version, data = _read_archive(path)
        with _open_hdf5(path, data) as file:
            yield KerasFile(_parse(packed, path), file, "v3", kind, version, str(path))
    else:
        config, version = _read_architecture(path)
        weights = weights or _weights_beside(path)
        check_readable_file(weights, "load")
        with _open_hdf5(weights) as file:
            legacy = not ("layers" in file or "_layer_checkpoint_dependencies" in file)
            group = _weights_group(file, weights) if legacy else file
            layout = "legacy" if legacy else "v3"
            yield KerasFile(config, group, layout, f"{kind} + HDF5", version, str(weights))


def hard_link(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Return the member ``name`` (a path), or None; links that may leave the file are refused."""
    node: Any = group
    for part in name.split("/"):
        if not part:
            continue
        if not isinstance(node, h5py.Group):
            return None
        link = node.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise CompileError(
                "load",
                name,
                "is a link to somewhere else instead of weights",
                "save the model again with Keras",
            )
        node = node.get(part)
    return node


def text_list(group: h5py.Group, name: str) -> list[str] | None:
    """Return a list of names kept in an attribute (or in numbered parts of it), or None."""
    values: list[object] = []
    if name in group.attrs:
        values = list(_items(group.attrs[name]))
    elif f"{name}0" in group.attrs:
        part = 0
        while f"{name}{part}" in group.attrs:
            values.extend(_items(group.attrs[f"{name}{part}"]))
            part += 1
    else:
        return None
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]


def _items(value: Any) -> list[object]:
    return list(value.tolist()) if hasattr(value, "tolist") and value.ndim == 1 else []


def _refuse(path: Path, problem: str, remedy: str) -> NoReturn:
    raise CompileError("load", str(path), problem, remedy)


def _kind_of_content(start: bytes) -> str:
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return name
    printable = all(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return "text" if printable else "unknown"


@contextmanager
def _open_hdf5(path: Path, data: bytes | None = None) -> Iterator[h5py.File]:
    if data is None:
        with path.open("rb") as stream:
            start = stream.read(64)
    else:
        start = data[:64]
    found = _kind_of_content(start)
    if found != "HDF5" and not (data is None and h5py.is_hdf5(path)):
        _refuse(
            path,
            f"is not an HDF5 file (its content is {found})",
            "save the model with Keras, or give the file its right ending",
        )
    try:
        with h5py.File(path if data is None else io.BytesIO(data), "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise CompileError(
            "load", str(path), f"is truncated or damaged ({reason})", "copy or save it again"
        ) from error


def _attribute(file: h5py.File, name: str, path: Path) -> str | None:
    value = file.attrs.get(name)
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        _refuse(path, f"has a {name} that is no text", "save the model again with Keras")
    return value


def _weights_group(file: h5py.File, path: Path) -> h5py.Group:
    group = hard_link(file, "model_weights") if "model_weights" in file else file
    if not isinstance(group, h5py.Group) or text_list(group, "layer_names") is None:
        _refuse(path, "holds no weights of a Keras model", "save the model with its weights")
    return group


def _parse(text: str | bytes, path: Path) -> Any:
    def not_a_number(value: str) -> NoReturn:
        raise ValueError(f"{value} is no JSON value")

    if len(text) > MAX_CONFIG_BYTES:
        _refuse(
            path,
            f"has a configuration of {len(text)} bytes, more than the limit of {MAX_CONFIG_BYTES}",
            "save the model again with Keras",
        )
    try:
        return json.loads(text, parse_constant=not_a_number)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"has a damaged configuration ({error})", "save the model again with Keras")


def _read_architecture(path: Path) -> tuple[object, str]:
    if path.stat().st_size > MAX_CONFIG_BYTES:
        _refuse(
            path,
            f"has {path.stat().st_size} bytes, more than the limit of {MAX_CONFIG_BYTES}",
            "name the .json that model.to_json() wrote",
        )
    config = _parse(path.read_bytes(), path)
    version = config.get("keras_version") if isinstance(config, dict) else None
    return config, str(version or "unknown")


def _weights_beside(path: Path) -> Path:
    names = [f"{path.stem}_weights.h5", f"{path.stem}.weights.h5"]
    for name in names:
        if path.with_name(name).exists():
            return path.with_name(name)
    _refuse(path, f"has no weights {names[0]} beside it", "name the weights file with --weights")


def is_keras_folder(path: Path) -> bool:
    """Tell whether ``path`` is a folder that Keras 3 wrote with ``zipped=False``."""
    return path.is_dir() and (path / "config.json").exists()


def _read_folder(path: Path) -> tuple[object, str, Path]:
    """Return configuration, Keras version and the file of the weights of an unpacked ``.keras``."""
    names = ("config.json", "metadata.json", "model.weights.h5")
    config, metadata, weights = (path / name for name in names)
    for file in (config, weights, *([metadata] if metadata.exists() else [])):
        check_inside(path, file)
    version = "unknown"
    if metadata.exists():
        if metadata.stat().st_size > MAX_METADATA_BYTES:
            _refuse(metadata, f"has more than {MAX_METADATA_BYTES} bytes", "save the model again")
        version = _version(metadata.read_bytes(), metadata)
    return _read_architecture(config)[0], version, weights


def _version(text: bytes, path: Path) -> str:
    metadata = _parse(text, path)
    known = metadata if isinstance(metadata, dict) else {}
    return str(known.get("keras_version", "unknown"))


def _read_archive(path: Path) -> tuple[bytes, str, bytes]:
    """Return configuration, Keras version and the HDF5 image of the weights of a ``.keras``."""
    try:
        with zipfile.ZipFile(path) as archive:
            present = archive.namelist()
            if "config.json" not in present:
                _refuse(path, "is an archive but no Keras model", "save the model with Keras")
            if "model.weights.h5" not in present:
                _refuse(path, "holds no model.weights.h5", "save the model with its weights")
            config = _member(archive, "config.json", MAX_CONFIG_BYTES, path)
            version = "unknown"
            if "metadata.json" in present:
                version = _version(
                    _member(archive, "metadata.json", MAX_METADATA_BYTES, path), path
                )
            return config, version, _member(archive, "model.weights.h5", MAX_FILE_BYTES, path)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        with path.open("rb") as stream:
            found = _kind_of_content(stream.read(64))
        what = f"is truncated or damaged ({error})"
        if found != "ZIP":
            what = f"is not a Keras archive (its content is {found})"
        _refuse(path, what, "copy or save it again")


def _member(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    """Return one member; Keras stores them uncompressed, so a large ratio is an attack."""
    entry = archive.getinfo(name)
    if entry.file_size > limit or entry.file_size > 100 * entry.compress_size + 2**20:
        _refuse(
            path,
            f"its {name} unpacks from {entry.compress_size} to {entry.file_size} bytes",
            "save the model again with Keras",
        )
    with archive.open(entry) as stream:
        return stream.read(limit + 1)
