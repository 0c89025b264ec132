"""The output folder is replaced as a whole or not at all; manifest.json keeps its contract."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frontend.output import replace_entries
from ir.errors import CompileError


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.txt")}


def write_new(folder: Path) -> None:
    (folder / "vhdl").mkdir()
    (folder / "vhdl" / "top.txt").write_text("new")
    (folder / "manifest.txt").write_text("new")


def test_entries_are_replaced_and_others_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "vhdl").mkdir(parents=True)
    (out / "vhdl" / "stale.txt").write_text("old")
    (out / "mine.txt").write_text("mine")
    replace_entries(out, write_new)
    assert snapshot(out) == {
        "vhdl/top.txt": b"new", "manifest.txt": b"new", "mine.txt": b"mine",
    }  # fmt: skip
    assert [p.name for p in sorted(out.iterdir())] == ["manifest.txt", "mine.txt", "vhdl"]


def test_owned_entries_go_away_even_where_nothing_replaces_them(tmp_path: Path) -> None:
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "bench.txt").write_text("of another model")
    replace_entries(tmp_path, write_new, frozenset({"sim", "vivado"}))
    assert snapshot(tmp_path) == {"vhdl/top.txt": b"new", "manifest.txt": b"new"}


def test_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    replace_entries(out, write_new)
    before = snapshot(out)

    def fail(folder: Path) -> None:
        (folder / "manifest.txt").write_text("half")
        raise CompileError("lower", "conv", "is bad", "mend it")

    with pytest.raises(CompileError, match="conv: is bad; mend it"):
        replace_entries(out, fail)
    assert snapshot(out) == before
    assert len(list(out.iterdir())) == 2


def test_failure_leaves_an_absent_folder_absent(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "a" / "b"
    message = rf"{out}: cannot be written \(No space left on device\); free some space"
    with pytest.raises(CompileError, match=message):
        replace_entries(out, fail)
    assert not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_move_puts_the_old_entries_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    replace_entries(out, write_new)
    (out / "vhdl" / "top.txt").write_text("before")
    (out / "mine.txt").write_text("mine")
    rename = Path.rename

    def fail_on_vhdl(self: Path, target: Path) -> Path:
        if self.name == "vhdl" and self.parent.name == "new":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_vhdl)
    with pytest.raises(CompileError, match="Permission denied"):
        replace_entries(out, write_new, frozenset({"mine.txt"}))
    monkeypatch.undo()
    assert snapshot(out) == {
        "vhdl/top.txt": b"before", "manifest.txt": b"new", "mine.txt": b"mine",
    }  # fmt: skip


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    with pytest.raises(CompileError, match="must be a folder, not a file"):
        replace_entries(out, write_new)
    assert out.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CompileError, match="Permission denied"):
            replace_entries(tmp_path / "out", write_new)
    finally:
        tmp_path.chmod(0o700)
