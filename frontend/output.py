"""The output folder: everything is written beside it first, then moved in, or nothing is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ir.errors import CompileError


def replace_entries(
    folder: Path, write: Callable[[Path], None], owned: frozenset[str] = frozenset()
) -> None:
    """Let ``write`` fill a scratch folder, then move each entry of it into ``folder``.

    Entries of the same name are replaced, those named in ``owned`` go away even where nothing new
    takes their place, others are left alone.  If anything fails, ``folder`` is as it was before,
    or absent if it was absent.

    Raises:
        CompileError: the folder cannot be written.
    """
    existed = folder.exists()
    if existed and not folder.is_dir():
        raise CompileError("write", str(folder), "must be a folder, not a file", "name another -o")
    scratch: Path | None = None
    try:
        parent = folder if existed else _first_existing(folder)
        scratch = Path(tempfile.mkdtemp(prefix=".millrace-", dir=parent))
        fresh = scratch / "new"
        fresh.mkdir()
        write(fresh)
        if not existed:
            folder.mkdir(parents=True, exist_ok=True)
        _swap(fresh, folder, owned, scratch / "old")
    except OSError as error:
        if not existed and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        reason = error.strerror or type(error).__name__
        raise CompileError(
            "write",
            str(folder),
            f"cannot be written ({reason})",
            "free some space or choose another folder with -o",
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _first_existing(folder: Path) -> Path:
    return next(p for p in folder.absolute().parents if p.exists())


def _swap(fresh: Path, folder: Path, owned: frozenset[str], backup: Path) -> None:
    """Put the entries of ``fresh`` in place of the owned ones; on failure restore these."""
    backup.mkdir()
    names = sorted(entry.name for entry in fresh.iterdir())
    placed: list[str] = []
    try:
        for name in sorted(owned.union(names)):
            target = folder / name
            if target.exists() or target.is_symlink():
                target.rename(backup / name)
        for name in names:
            (fresh / name).rename(folder / name)
            placed.append(name)
    except OSError:
        for name in placed:
            (folder / name).rename(fresh / name)
        for old in list(backup.iterdir()):
            old.rename(folder / old.name)
        raise
