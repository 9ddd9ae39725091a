"""Leftovers of a crashed process are deleted; folders that a running process uses are kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rag import Settings, open_rag
from rag.data_dir import delete_stale_folders, temporary_folder


def dead() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_deletes_only_folders_of_ended_processes(tmp_path: Path) -> None:
    left, other = tmp_path / f"magpie-query-{dead()}-abc", tmp_path / "magpie-notes"
    for folder in (left, other):
        folder.mkdir()
        (folder / "page.png").write_bytes(b"page")
    with temporary_folder("query", tmp_path) as mine:
        delete_stale_folders(tmp_path)
        assert Path(mine).is_dir()
        assert Path(mine).stat().st_mode & 0o077 == 0
    assert not left.exists()
    assert other.is_dir()
    assert not Path(mine).exists()


def test_owner_deletes_leftovers_when_it_starts(tmp_path: Path) -> None:
    left = tmp_path / "data" / f"magpie-read-{dead()}-abc"
    left.mkdir(parents=True)
    with open_rag(Settings(data=tmp_path / "data", answer={"model": ""})) as rag:
        assert left.exists()
        rag.index([])
    assert not left.exists()
