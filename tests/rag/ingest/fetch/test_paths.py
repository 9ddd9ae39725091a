"""Tests of listing and copying files from folders that other people can write to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.errors import NotFound, Unreadable
from rag.ingest.fetch.paths import PathFetcher, is_missing, list_files
from rag.setting_groups import ReadSettings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private folder beside the shared one."""
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "id.txt").write_text("secret heron")
    return home


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "menu.txt").write_text("soup and bread")
    (shared / "sub" / "list.txt").write_text("plates")
    return shared


def open_engine(tmp_path: Path) -> Rag:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())


def names(found: list[Path], top: Path) -> list[str]:
    return [str(path.relative_to(top)) for path in found]


def test_links_and_hidden_files_are_skipped_with_the_reason(home: Path, shared: Path) -> None:
    (shared / "notes.txt").symlink_to(home / "keys" / "id.txt")
    (shared / "relative.md").symlink_to("../home/keys/id.txt")
    (shared / "folder").symlink_to(home)
    (shared / "inside.txt").symlink_to(shared / "menu.txt")
    (shared / "loop.txt").symlink_to(shared / "loop.txt")
    (shared / ".hidden.txt").write_text("hidden")
    (shared / ".git").mkdir()
    (shared / ".git" / "a.txt").write_text("hidden")
    files, skipped = list_files(shared)
    assert names(files, shared) == ["menu.txt", "sub/list.txt"]
    assert {str(Path(one.file).relative_to(shared)): one.reason for one in skipped} == {
        ".git": "It is hidden.",
        ".hidden.txt": "It is hidden.",
        "folder": "It is a symbolic link.",
        "inside.txt": "It is a symbolic link.",
        "loop.txt": "It is a symbolic link.",
        "notes.txt": "It is a symbolic link.",
        "relative.md": "It is a symbolic link.",
    }


def test_folder_gives_everything_readable_and_the_types_of_the_rest(shared: Path) -> None:
    readable = ["Budget.XLSX", "a.csv", "b.html", "c.eml", "d.heic", "e.epub", "gateway.log"]
    for name in readable:
        (shared / name).write_bytes(b"\0")
    for name in ("README", "gate.py", "unit.service"):
        (shared / name).write_text("# words of the gate – ü\n" * 400)
    for name in ("film.mp4", "clip.mp4", "binary", "blank.cfg", "all.zip"):
        (shared / name).write_bytes(b"\0\1\2" * 9 if name != "blank.cfg" else b" \n")
    files, skipped = list_files(shared)
    expected = sorted([*readable, "README", "gate.py", "unit.service", "menu.txt", "sub/list.txt"])
    assert names(files, shared) == expected
    assert [(Path(one.file).name, one.reason, one.hint) for one in skipped] == [
        ("all.zip", "Files with `.zip` can't be read.", "Unpack it and share the files in it."),
        ("binary", "Files with no suffix can't be read.", "Export them as PDF or text."),
        ("blank.cfg", "Files with `.cfg` can't be read.", "Export them as PDF or text."),
        ("clip.mp4", "Files with `.mp4` can't be read.", "Export them as PDF or text."),
        ("film.mp4", "Files with `.mp4` can't be read.", "Export them as PDF or text."),
    ]


def test_newest_part_of_a_log_above_the_limit_is_copied(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_bytes(b"old line of the log\n" * 300_000 + b"the newest line\n")
    copy = tmp_path / "copy"
    fetched = PathFetcher(ReadSettings(max_mb=5, max_pages=10))(str(log), copy)
    assert fetched.size == copy.stat().st_size
    assert 3 << 20 < copy.stat().st_size <= 5 << 20
    assert copy.read_bytes().endswith(b"the newest line\n")
    with pytest.raises(Unreadable, match="the limit is 5 MB"):  # all of it would be extracted: nothing would say so
        PathFetcher(ReadSettings(max_mb=5))(str(log), copy)
    other = log.rename(tmp_path / "gateway.pdf")
    with pytest.raises(Unreadable, match="the limit is 5 MB"):
        PathFetcher(ReadSettings(max_mb=5, max_pages=10))(str(other), copy)


def test_links_given_by_the_operator_are_followed(home: Path, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "to-file").symlink_to(home / "keys" / "id.txt")
    (tmp_path / "to-folder").symlink_to(shared)
    assert list_files(tmp_path / "to-file") == ([home / "keys" / "id.txt"], [])
    assert names(list_files(tmp_path / "to-folder")[0], shared) == ["menu.txt", "sub/list.txt"]
    with open_engine(tmp_path) as rag:
        assert [one.state for one in rag.index([tmp_path / "to-file", tmp_path / "to-folder"])] == ["new"] * 3


def test_name_that_is_not_utf_8_is_skipped(shared: Path, tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(shared) + b"/\xff.txt")).write_text("words")
    except OSError:
        pytest.skip("this file system does not allow such names")
    with open_engine(tmp_path) as rag:
        *read, skipped = rag.index([shared])
    assert [one.state for one in read] == ["new", "new"]
    assert (skipped.state, skipped.reason) == ("skipped", "Its name is not valid UTF-8.")
    assert skipped.file.endswith(r"\xff.txt")


def test_deeply_nested_folders_are_listed(shared: Path) -> None:
    deep = shared
    for _ in range(600):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("deep")
    assert len(list_files(shared)[0]) == 3


def swap_file(shared: Path, home: Path) -> None:
    (shared / "sub" / "list.txt").unlink()
    (shared / "sub" / "list.txt").symlink_to(home / "keys" / "id.txt")


def swap_folder(shared: Path, home: Path) -> None:
    (home / "keys" / "id.txt").rename(home / "keys" / "list.txt")
    (shared / "sub").rename(shared / "old")
    (shared / "sub").symlink_to(home / "keys")


def swap_top(shared: Path, home: Path) -> None:
    (home / "sub").mkdir()
    (home / "keys" / "id.txt").rename(home / "sub" / "list.txt")
    shared.rename(shared.with_name("old"))
    shared.symlink_to(home)


@pytest.mark.parametrize("swap", [swap_file, swap_folder, swap_top])
def test_link_created_after_the_listing_is_not_followed(
    swap: Callable[[Path, Path], None], shared: Path, home: Path, tmp_path: Path
) -> None:
    files, _ = list_files(shared)
    swap(shared, home)
    assert files[1].read_text() == "secret heron"
    with pytest.raises(Unreadable, match="symbolic link"):
        PathFetcher(ReadSettings())(str(files[1]), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert is_missing(files[1])


@pytest.mark.parametrize("swap", [swap_file, swap_folder])
def test_file_replaced_by_a_link_is_removed_from_the_space(
    swap: Callable[[Path, Path], None], shared: Path, home: Path, tmp_path: Path
) -> None:
    with open_engine(tmp_path) as rag:
        rag.index([shared])
        swap(shared, home)
        states = {Path(one.file).name: one.state for one in rag.index([shared])}
        assert states["menu.txt"] == "unchanged"
        assert "skipped" in states.values()
        assert "secret heron" not in " ".join(hit.text for hit in rag.find("secret heron", Scope.operator()).hits)


@pytest.mark.timeout(30)
def test_pipe_does_not_block(shared: Path, tmp_path: Path) -> None:
    files, _ = list_files(shared)
    files[0].unlink()
    os.mkfifo(files[0])
    with pytest.raises(Unreadable, match="no longer a regular file"):
        PathFetcher(ReadSettings())(str(files[0]), tmp_path / "copy")
    assert names(list_files(shared)[0], shared) == ["sub/list.txt"]


def test_file_is_copied_with_its_modification_time_and_size(shared: Path, tmp_path: Path) -> None:
    fetched = PathFetcher(ReadSettings())(str(shared / "menu.txt"), tmp_path / "copy")
    stat = (shared / "menu.txt").stat()
    assert (fetched.mtime_ns, fetched.size) == (stat.st_mtime_ns, stat.st_size)
    assert (tmp_path / "copy").read_text() == "soup and bread"


def test_missing_path_raises_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list_files(tmp_path / "nothing")
    assert is_missing(tmp_path / "nothing")
