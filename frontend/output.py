"""The output folder: everything is written beside it first, then moved in, or nothing is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ir.errors import CompileError


def replace_entries(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a scratch folder, then move each entry of it into ``folder``.

    Entries of the same name are replaced, others are left alone.  If anything fails, ``folder``
    is as it was before, or absent if it was absent.

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
        _swap(fresh, folder, scratch / "old")
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


def _swap(fresh: Path, folder: Path, backup: Path) -> None:
    """Move the entries of ``fresh`` into ``folder``; on failure move the old ones back."""
    backup.mkdir()
    moved: list[str] = []
    try:
        for entry in sorted(fresh.iterdir()):
            target = folder / entry.name
            if target.exists() or target.is_symlink():
                target.rename(backup / entry.name)
            moved.append(entry.name)
            entry.rename(target)
    except OSError:
        for name in moved:
            target = folder / name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink(missing_ok=True)
            if (backup / name).exists():
                (backup / name).rename(target)
        raise
