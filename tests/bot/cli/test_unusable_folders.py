"""Data folders that cannot be used or written: one sentence with the remedy, and reading works where it can."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.db import tables
from rag import Settings, open_rag
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor

PAGE = 4096

NEEDS_MOUNT = pytest.mark.skipif(
    subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True
    ).returncode
    != 0
    if sys.platform == "linux"
    else True,
    reason="no file system can be mounted here",
)

Print = Callable[..., tuple[int, str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Print:
    """Return a function that runs a command with the real engine, and returns its exit code and what it prints."""
    monkeypatch.setenv("MAGPIE_ANSWER__MODEL", "")
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out + err

    return run


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a data folder with one indexed file."""
    data, file = tmp_path / "data", tmp_path / "tide.pdf"
    file.write_text("The tide gauge is alpha.")
    settings = Settings(data=data, answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), histories=[tables.HISTORY]) as rag:
        rag.index([file])
    return data


@pytest.mark.parametrize("below", ["", "deeper"])
def test_data_folder_that_is_a_file_is_refused(tmp_path: Path, printed: Print, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    data = file / below
    for command in (["status"], ["index", file], ["run"], ["config"]):
        code, text = printed("--data", data, *command)
        assert (code, text.splitlines()[0]) == (2, f"The data folder {data} is a file, or is below one.")
        assert "--data DIR" in text


def test_damaged_pages_of_the_catalog_are_named_as_such(filled: Path, printed: Print) -> None:
    with closing(sqlite3.connect(filled / "catalog.db")) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE name IN ('source', 'chunk', 'share')")
        pages = [row[0] for row in roots]
    with (filled / "catalog.db").open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xff" * PAGE)
    for command in (["status"], ["find", "tide"], ["forget", "--yes", "tide.pdf"]):
        code, text = printed("--data", filled, *command)
        assert code == 1
        assert f"The catalog in {filled} is damaged: " in text
        assert "Restore a backup" in text
        assert "Error" not in text


def test_reads_a_folder_that_cannot_be_written(filled: Path) -> None:
    before = sorted(path.name for path in filled.iterdir())
    for path in (filled, *filled.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    script = (
        "import sys; from bot.cli.main import main;"
        "print(*[main(command) for command in (['find', 'tide'], ['status'], ['doctor'],"
        "['forget', '--yes', 'tide.pdf'], ['index', sys.argv[1]])])"
    )
    environment = {**os.environ, "MAGPIE_DATA": str(filled), "MAGPIE_ANSWER__MODEL": "", "COLUMNS": "300"}
    unprivileged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*unprivileged, sys.executable, "-c", script, filled.parent / "tide.pdf"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "tide.pdf, p. 1" in done.stdout
    assert done.stdout.endswith("0 0 1 1 1\n")
    assert f"✗ data folder: {filled} cannot be written" in done.stdout
    assert done.stderr.count("Permission denied: Magpie is not allowed to read or write") == 2
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in filled.iterdir()) == before


@NEEDS_MOUNT
def test_full_disk_is_readable_and_can_be_freed_by_forgetting(tmp_path: Path) -> None:
    script = """
import pathlib, sys
from bot.cli.main import main
from bot.db import tables
from rag import Settings, keep_reserve, open_rag
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
disk, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
file, other_file = folder / "tide.pdf", folder / "moon.txt"
file.write_text("The tide gauge is alpha.")
other_file.write_text("The moon buoy is beta.")
settings = Settings(
    data=disk / "data", answer={"model": ""}, read={"workers": 1}, keep={"min_free_gb": 0}
)
with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), histories=[tables.HISTORY]) as rag:
    rag.index([file])
keep_reserve(settings.data)
with (disk / "other").open("wb", buffering=0) as other:
    for size in (1 << 20, 1):
        try:
            while other.write(bytes(size)) == size:
                pass
        except OSError:
            pass
full = [main(command) for command in (
    ["status"], ["find", "tide"], ["ask", "Where is the tide gauge?"], ["index", str(other_file)],
    ["forget", "--yes", "tide.pdf"], ["find", "tide"],
)]
kept = any((settings.data / "files").iterdir())
freed = [main(command) for command in (["index", str(other_file)], ["find", "moon"])]
print(*full, kept, *freed)
"""
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        **os.environ,
        "MAGPIE_DATA": str(tmp_path / "disk" / "data"),
        "MAGPIE_KEEP__MIN_FREE_GB": "0",
        "MAGPIE_ANSWER__MODEL": "",
        "COLUMNS": "300",
    }
    (tmp_path / "disk").mkdir()
    mounted = f'mount -t tmpfs -o size=290m tmpfs {tmp_path}/disk && exec {sys.executable} -c "$0" "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounted, script, tmp_path / "disk", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 0 0 1 0 0 False 0 0"
    assert "moon.txt, p. 1" in done.stdout
    assert "tide.pdf, p. 1" in done.stdout
    assert "Removed: tide.pdf." in done.stdout
    assert "Nothing is indexed yet." in done.stdout
    assert f"The disk is full: {tmp_path}/disk/data." in done.stderr
    assert "magpie forget FILE" in done.stderr
    assert "Traceback" not in done.stderr


@NEEDS_MOUNT
def test_backup_to_a_full_disk_leaves_nothing_there(filled: Path, tmp_path: Path) -> None:
    script = "import sys; from bot.cli.main import main; print(main(['backup', sys.argv[1]]))"
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        **os.environ,
        "MAGPIE_DATA": str(filled),
        "COLUMNS": "300",
    }
    small = tmp_path / "small"
    small.mkdir()
    mounted = f'mount -t tmpfs -o size=64k tmpfs {small} && {sys.executable} -c "$0" "$@" && ls -A {small}'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounted, script, small / "backup.tar"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    first, second = done.stderr.split("\n")[-3:-1]
    assert first.strip() == f"The disk is full: {small}."
    assert second == "Free some space, then run the same command again."
