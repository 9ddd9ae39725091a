"""An archive of a data folder that is in use restores to an equal search, and a damaged or hostile one to nothing."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from bot.db import tables
from rag import Scope, Settings, restore_backup, write_backup
from rag.catalog import Catalog
from rag.engine import Rag
from rag.errors import Busy, CatalogUnfit, MagpieError, NotFound, Unreadable, UserCanFix
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag

HISTORIES = [tables.HISTORY]
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
QUESTIONS = ("Which port does the gateway use?", "green lantern", "Where do herons nest?", "page of the seventh file")


def opened(data: Path) -> Rag:
    settings = Settings(data=data, answer={"model": ""}, read={"workers": 1})
    return open_rag(
        settings,
        extractor=TextExtractor,
        embedder=FakeEmbedder(),
        text_embedder=FakeTextEmbedder(),
        histories=HISTORIES,
    )


def write_files(folder: Path, numbers: range) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        text = f"File {number}: the gateway listens on port {8000 + number}\fIts lantern is green\fHerons nest here"
        (folder / f"file{number}.pdf").write_text(text)
    return [folder / f"file{number}.pdf" for number in numbers]


def searched(rag: Rag, documents: frozenset[int]) -> list[object]:
    """Return what searches of these documents find, with every lane. Pages of the same rank come in any order."""
    scope = Scope(None, documents)
    found = [rag.find(question, scope, 60) for question in QUESTIONS]
    return [
        (
            one.found,
            one.lanes,
            {lane: sorted(pages) for lane, pages in one.rankings.items()},
            sorted((hit.name, hit.page, hit.text) for hit in one.hits),
        )
        for one in found
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three files, a glossary and tokens."""
    folder = migrated(tmp_path_factory.mktemp("made") / "data", *HISTORIES)
    with opened(folder) as rag:
        rag.index(write_files(folder.parent / "shared", range(3)))
    (folder / "glossary.toml").write_text("# no entries yet\n")
    (folder / "magpie.toml").write_text('[slack]\nbot_token = "xoxb-secret-token"\n')
    return folder


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture
def archive(data: Path, tmp_path: Path) -> Path:
    write_backup(data, tmp_path / "backup.tar", HISTORIES, "1.2.3")
    return tmp_path / "backup.tar"


def test_backup_during_indexing_restores_to_an_equal_search(tmp_path: Path) -> None:
    data, copies = migrated(tmp_path / "data", *HISTORIES), tmp_path / "copies"
    copies.mkdir()
    more = write_files(tmp_path / "shared", range(18))
    stop, archives = threading.Event(), list[Path]()
    with opened(data) as rag, ThreadPoolExecutor(1) as pool:
        rag.index(more[:3])
        indexing = pool.submit(rag.index, more[3:])
        while not indexing.done() or not archives:
            archives.append(copies / f"{len(archives)}.tar")
            write_backup(data, archives[-1], HISTORIES, "1.2.3")
            stop.wait(0.2)
        indexing.result()
        archives.append(copies / "last.tar")
        write_backup(data, archives[-1], HISTORIES, "1.2.3")
        counts = []
        for number, archive in enumerate((archives[0], archives[-1])):
            folder = tmp_path / f"restored{number}"
            summary = restore_backup(archive, folder, HISTORIES)
            assert summary.missing == 0
            with closing(Catalog(folder, HISTORIES)) as catalog, catalog.read_transaction() as connection:
                complete = "SELECT document_id FROM extraction WHERE state = 'complete' ORDER BY document_id"
                held = frozenset(row[0] for row in connection.exec_driver_sql(complete))
            with opened(folder) as restored:
                restored.index([])  # what waited in the backup is indexed, and the vector store is filled
                assert searched(restored, held) == searched(rag, held)
                lanes = restored.find("lantern", Scope.operator()).lanes
                assert lanes["words"] == lanes["text-vectors"] == lanes["clip-picture"] == "on"
            counts.append(len(held))
    assert counts[0] >= 3
    assert counts[-1] == 18


def test_restored_folder_has_the_files_and_pictures_but_no_tokens(archive: Path, data: Path, tmp_path: Path) -> None:
    restored = tmp_path / "restored"
    summary = restore_backup(archive, restored, HISTORIES)
    assert not summary.tokens
    assert summary.files == sum(1 for path in restored.rglob("*") if path.is_file() and path.suffix != ".lock")

    def content(folder: Path, *parts: str) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for part in parts
            for path in (folder / part).rglob("*")
            if path.is_file()
        }

    assert content(restored, "files", "pictures") == content(data, "files", "pictures")
    assert len(content(restored, "files")) == 3
    assert (restored / "glossary.toml").read_text() == (data / "glossary.toml").read_text()
    assert not (restored / "magpie.toml").exists()
    assert b"xoxb-secret-token" not in archive.read_bytes()
    assert not (restored / "chroma").exists()
    assert list(tmp_path.glob("data/magpie-*")) == list(tmp_path.glob("restored/magpie-*")) == []


def test_archive_is_private_and_says_what_made_it(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as tar:
        last = tar.getmembers()[-1]
        manifest = json.loads(tar.extractfile(last).read())  # type: ignore[union-attr]
    assert last.name == "manifest.json"
    assert manifest["magpie"] == "1.2.3"
    assert set(manifest["schemas"]) == {"alembic_version", "alembic_version_bot"}


def test_tokens_are_copied_only_if_asked_for(data: Path, tmp_path: Path) -> None:
    assert write_backup(data, tmp_path / "all.tar", HISTORIES, "1", with_tokens=True).tokens
    empty = tmp_path / "empty"
    restore_backup(tmp_path / "all.tar", empty, HISTORIES)
    assert "xoxb-secret-token" in (empty / "magpie.toml").read_text()
    own = tmp_path / "own"
    own.mkdir()
    (own / "magpie.toml").write_text("# mine\n")
    restore_backup(tmp_path / "all.tar", own, HISTORIES)
    assert (own / "magpie.toml").read_text() == "# mine\n"
    restore_backup(tmp_path / "all.tar", own, HISTORIES, replace=True)
    assert "xoxb-secret-token" in (own / "magpie.toml").read_text()


def test_folder_with_data_is_replaced_only_if_asked_for(archive: Path, tmp_path: Path) -> None:
    other = migrated(tmp_path / "other", *HISTORIES)
    (other / "evidence").mkdir()
    (other / "evidence" / "old.png").write_bytes(b"old")
    with pytest.raises(UserCanFix, match=r"not empty: it has catalog\.db"):
        restore_backup(archive, other, HISTORIES)
    restore_backup(archive, other, HISTORIES, replace=True)
    assert not (other / "evidence").exists()
    with opened(other) as rag:
        assert rag.find("gateway", Scope.operator()).found


def test_running_magpie_is_not_pulled_from_under_its_data(archive: Path, data: Path) -> None:
    with FileLock(data / "owner.lock"), pytest.raises(Busy, match="A Magpie process works on"):
        restore_backup(archive, data, HISTORIES, replace=True)
    with opened(data) as rag:
        assert rag.find("gateway", Scope.operator()).found


@pytest.mark.parametrize("place", ["beginning", "catalog", "file", "manifest", "end", "half", "empty", "no tar"])
def test_damaged_archive_is_refused_and_changes_nothing(archive: Path, data: Path, tmp_path: Path, place: str) -> None:
    content = bytearray(archive.read_bytes())
    with tarfile.open(archive) as tar:
        offsets = {entry.name.split("/")[0]: (entry.offset_data, entry.size) for entry in tar}
    at = {"catalog": "catalog.db", "file": "files", "manifest": "manifest.json"}.get(place)
    if place == "beginning":
        content[0] ^= 1
    elif place == "half":
        del content[len(content) // 2 :]
    elif place == "end":
        del content[offsets["manifest.json"][0] + 100 :]
    elif place == "empty":
        content.clear()
    elif place == "no tar":
        content[:] = b"%PDF-1.4 no archive" * 99
    else:
        start, size = offsets[str(at)]
        content[start + size // 2] ^= 1
    broken = tmp_path / "broken.tar"
    broken.write_bytes(content)
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    with pytest.raises(Unreadable, match="is not a backup of Magpie, or it is damaged"):
        restore_backup(broken, data, HISTORIES, replace=True)
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert {path: after.get(path) for path in before} == before


def with_entry(archive: Path, target: Path, entry: tarfile.TarInfo, content: bytes = b"") -> Path:
    """Copy an archive with one more entry at its beginning, which the manifest lists too."""
    import hashlib

    entry.size = len(content)
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        new.addfile(entry, io.BytesIO(content))
        for one in old:
            data = old.extractfile(one).read()  # type: ignore[union-attr]
            if one.name == "manifest.json":
                manifest = json.loads(data)
                digest = hashlib.sha256(content).hexdigest()
                manifest["files"][entry.name] = {"size": len(content), "sha256": digest}
                data = json.dumps(manifest).encode()
            one.size = len(data)
            new.addfile(one, io.BytesIO(data))
    return target


def _link(kind: bytes) -> Callable[[str], tarfile.TarInfo]:
    def make(name: str) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "../../outside"
        return entry

    return make


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("../outside", tarfile.TarInfo),
        ("/tmp/outside", tarfile.TarInfo),
        ("files/../../outside", tarfile.TarInfo),
        ("pictures/1/../../../outside", tarfile.TarInfo),
        ("bot.lock", tarfile.TarInfo),
        ("chroma/chroma.sqlite3", tarfile.TarInfo),
        (f"files/{'a' * 64}", _link(tarfile.SYMTYPE)),
        (f"files/{'a' * 64}", _link(tarfile.LNKTYPE)),
        (f"files/{'a' * 64}", _link(tarfile.FIFOTYPE)),
    ],
)
def test_entries_that_no_backup_has_are_refused(
    archive: Path, tmp_path: Path, name: str, make: Callable[[str], tarfile.TarInfo]
) -> None:
    hostile = with_entry(archive, tmp_path / "hostile.tar", make(name))
    with pytest.raises(Unreadable):
        restore_backup(hostile, tmp_path / "deep" / "restored", HISTORIES)
    assert not list(tmp_path.rglob("outside"))
    assert not list((tmp_path / "deep" / "restored").glob("*.db"))


def test_archive_of_a_newer_version_is_refused(data: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    restore_backup(_backup(data, tmp_path / "one.tar"), newer, HISTORIES)
    with closing(sqlite3.connect(newer / "catalog.db")) as driver, driver:
        driver.execute("UPDATE alembic_version_bot SET version_num = '9999'")
    with pytest.raises(CatalogUnfit, match="written by a newer Magpie"):
        write_backup(newer, tmp_path / "two.tar", HISTORIES, "9")
    # A program of that version made it.
    archive = tmp_path / "three.tar"
    with tarfile.open(tmp_path / "one.tar") as old, tarfile.open(archive, "w") as new:
        _copy_with_catalog(old, new, (newer / "catalog.db").read_bytes())
    with pytest.raises(CatalogUnfit, match="written by a newer Magpie"):
        restore_backup(archive, tmp_path / "restored", HISTORIES)
    assert not (tmp_path / "restored" / "catalog.db").exists()


def test_archive_of_an_older_version_is_upgraded_when_it_is_opened(data: Path, tmp_path: Path) -> None:
    with tarfile.open(FIXTURES / "data-e01a02c.tar.xz") as packed:
        packed.extractall(tmp_path / "old", filter="data")
    archive = tmp_path / "old.tar"
    with tarfile.open(_backup(data, tmp_path / "one.tar")) as old, tarfile.open(archive, "w") as new:
        _copy_with_catalog(old, new, (tmp_path / "old" / "data" / "catalog.db").read_bytes())
    restored = tmp_path / "restored"
    restore_backup(archive, restored, HISTORIES)
    with pytest.raises(CatalogUnfit, match="older Magpie"):
        Catalog(restored, HISTORIES, upgrade=False)
    with opened(restored) as rag:
        assert rag.status().pages > 0
    assert list(restored.glob("catalog.before-*.sqlite"))


def _backup(data: Path, target: Path) -> Path:
    write_backup(data, target, HISTORIES, "1")
    return target


def _copy_with_catalog(old: tarfile.TarFile, new: tarfile.TarFile, catalog: bytes) -> None:
    import hashlib

    for entry in old:
        data = old.extractfile(entry).read()  # type: ignore[union-attr]
        if entry.name == "catalog.db":
            data = catalog
        elif entry.name == "manifest.json":
            manifest = json.loads(data)
            manifest["files"]["catalog.db"] = {
                "size": len(catalog),
                "sha256": hashlib.sha256(catalog).hexdigest(),
            }
            data = json.dumps(manifest).encode()
        entry.size = len(data)
        new.addfile(entry, io.BytesIO(data))


def test_backup_of_nothing_over_something_or_into_the_data_is_refused(
    data: Path, archive: Path, tmp_path: Path
) -> None:
    def refused(kind: type[MagpieError], folder: Path, target: Path) -> str:
        with pytest.raises(kind) as raised:
            write_backup(folder, target, HISTORIES, "1")
        return str(raised.value)

    assert "exists already" in refused(UserCanFix, data, archive)
    assert "in the data folder" in refused(UserCanFix, data, data / "files" / "backup.tar")
    assert "nothing to back up" in refused(NotFound, tmp_path / "none", tmp_path / "x.tar")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "catalog.db").write_bytes(b"SQLite format 3\0" + b"x" * 9000)
    assert "cannot be copied" in refused(CatalogUnfit, tmp_path / "damaged", tmp_path / "x.tar")
    assert not list(tmp_path.glob("x.tar*"))
    with pytest.raises(NotFound):
        restore_backup(tmp_path / "absent.tar", tmp_path / "restored", HISTORIES)


def test_file_that_is_deleted_meanwhile_is_counted(data: Path, tmp_path: Path) -> None:
    next((data / "files").iterdir()).unlink()
    assert write_backup(data, tmp_path / "backup.tar", HISTORIES, "1").missing == 1
    restore_backup(tmp_path / "backup.tar", tmp_path / "restored", HISTORIES)
