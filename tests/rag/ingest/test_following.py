"""Followed folders: what is new, changed, deleted, forgotten, or away for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import FollowedFolder, Rag, Scope, Settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    folder.mkdir()
    return folder


def opened(tmp_path: Path) -> Rag:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())


def walk(rag: Rag, *folders: FollowedFolder, drop_others: bool = True) -> list[tuple[int, int, str]]:
    """Walk the folders and index what waits; return (files, gone, problem) of each."""
    states = rag.follow(folders, drop_others=drop_others)
    rag.retry()
    rag.reindex([])
    return [(state.files, state.gone, state.problem) for state in states]


def names(rag: Rag, space: str) -> list[str]:
    return sorted(row.name for row in rag.documents(Scope.of(space)))


def test_new_changed_and_deleted_files_are_followed(tmp_path: Path, folder: Path) -> None:
    (folder / "a.txt").write_text("alpha")
    (folder / "sub").mkdir()
    (folder / "sub" / "b.txt").write_text("beta")
    (folder / "secret").symlink_to("/etc/hostname")
    followed = FollowedFolder(str(folder), ("C1", "C2"))
    with opened(tmp_path) as rag:
        assert walk(rag, followed) == [(2, 0, "")]
        assert names(rag, "C1") == names(rag, "C2") == ["a.txt", "b.txt"]
        assert names(rag, "C3") == []
        (folder / "a.txt").write_text("gamma and more")
        (folder / "sub" / "b.txt").unlink()
        assert walk(rag, followed) == [(1, 2, "")]
        assert names(rag, "C1") == names(rag, "C2") == ["a.txt"]
        assert [hit.name for hit in rag.find("gamma", Scope.of("C1")).hits] == ["a.txt"]
        assert not rag.find("alpha", Scope.of("C1")).hits


def test_folder_that_is_away_loses_nothing(tmp_path: Path, folder: Path) -> None:
    (folder / "a.txt").write_text("alpha")
    followed = FollowedFolder(str(folder), ("C1",))
    with opened(tmp_path) as rag:
        walk(rag, followed)
        away = folder.rename(tmp_path / "away")
        [(files, gone, problem)] = walk(rag, followed)
        assert (files, gone) == (0, 0)
        assert "does not exist, is empty" in problem
        folder.mkdir()  # the mount point without its disk
        [(_, gone, problem)] = walk(rag, followed)
        assert gone == 0
        assert problem
        assert names(rag, "C1") == ["a.txt"]
        folder.rmdir()
        away.rename(folder)
        assert walk(rag, followed) == [(1, 0, "")]


def test_folder_that_is_not_named_any_more_is_removed(tmp_path: Path, folder: Path) -> None:
    (folder / "a.txt").write_text("alpha")
    beside = tmp_path / "handbook-2"
    beside.mkdir()
    (beside / "b.txt").write_text("beta")
    with opened(tmp_path) as rag:
        rag.index([folder], "C1")  # by the command: it is not followed
        walk(rag, FollowedFolder(str(folder), ("C1", "C2")), FollowedFolder(str(beside), ("C2",)))
        walk(rag, FollowedFolder(str(beside), ("C2",)), drop_others=False)
        assert names(rag, "C2") == ["a.txt", "b.txt"]
        walk(rag, FollowedFolder(str(beside), ("C2",)))
        assert (names(rag, "C1"), names(rag, "C2")) == (["a.txt"], ["b.txt"])


def test_forgotten_file_stays_forgotten(tmp_path: Path, folder: Path) -> None:
    (folder / "a.txt").write_text("alpha")
    followed = FollowedFolder(str(folder), ("C1",))
    with opened(tmp_path) as rag:
        walk(rag, followed)
        assert rag.forget(["a.txt"]) == ["a.txt"]
        walk(rag, followed)
        assert names(rag, "C1") == []


def test_remote_folder_is_followed(tmp_path: Path) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    system = MemoryFileSystem()
    top = f"/{tmp_path.name}"
    for name in ("a.txt", "sub/b.txt", ".hidden/c.txt"):
        system.pipe(f"{top}/{name}", f"alpha {name}".encode())
    followed = FollowedFolder(f"memory:/{top}", ("C1",))
    with opened(tmp_path) as rag:
        assert walk(rag, followed) == [(2, 0, "")]
        assert names(rag, "C1") == ["a.txt", "b.txt"]
        assert walk(rag, followed) == [(2, 0, "")]
        system.rm(f"{top}/a.txt")
        assert walk(rag, followed) == [(1, 1, "")]
        assert names(rag, "C1") == ["b.txt"]
        system.rm(top, recursive=True)
        [(_, gone, problem)] = walk(rag, followed)
        assert gone == 0
        assert "does not exist" in problem
        assert names(rag, "C1") == ["b.txt"]
        [(_, _, problem)] = walk(rag, FollowedFolder("nosuch://bucket", ("C1",)), drop_others=False)
        assert "cannot be opened" in problem
