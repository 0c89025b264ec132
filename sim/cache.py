"""Keeps what tools made of our own sources, by content: object code of library and benches."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path


def cached_folder(kind: str, key: object, fill: Callable[[Path], None]) -> Path:
    """Return the folder that ``fill`` filled, now or in an earlier run.

    Args:
        kind: of what, such as ``ghdl``.
        key: everything the contents depend on; its ``repr`` decides.
        fill: puts the contents into an empty folder, whose path they may refer to.
    """
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    folder = _base(kind) / digest
    folder.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may fill the same cache
        if not complete.exists():
            fill(folder)
            complete.touch()
    return folder


@cache
def _base(kind: str) -> Path:
    """Return a writable folder: the user's cache, else a temporary one."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    try:
        folder = Path(base) / "millrace" / kind
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"millrace-{kind}-"))
