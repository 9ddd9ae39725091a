"""Data folders of earlier versions can be opened, keep every row, and get a copy of the old catalog."""

from __future__ import annotations

import json
import logging
import multiprocessing
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import Scope, Settings, open_rag
from rag.catalog import Catalog
from rag.catalog.migrate import MigrationHistory
from rag.errors import CatalogUnfit
from rag.vectors.fingerprints import KEY_POINTS, POINT, keys_of
from tests.support.absent import NoEmbedder
from tests.support.captioner import FakeCaptioner
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
EXPECTED: dict[str, Any] = json.loads((FIXTURES / "data-e01a02c.json").read_text())
"""What the folder has that commit e01a02c made, as that version saw it."""

NEWEST = "0021"
"""The newest schema."""

RENAMED = {
    "reading": "extraction",
    "dropped": "vector_deletion",
    "wipe": "file_deletion",
    "words": "fulltext",
    "vector": "chunk_vector",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of commit e01a02c, with rows in every table."""
    with tarfile.open(FIXTURES / "data-e01a02c.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "data"


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table in a catalog file, including FTS5's own tables."""
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for (name,) in names}


def renamed(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows under the current names of their tables, without the shares and the sequences of ids."""
    found = {}
    for name, values in rows.items():
        if name.startswith("words_"):
            found[name.replace("words", "fulltext")] = values
        elif name not in ("alembic_version", "alembic_version_bot", "sqlite_sequence", "share", "forgotten"):
            found[RENAMED.get(name, name)] = values
    return found


def copies(data: Path) -> list[Path]:
    return sorted(data.glob("catalog.before*"))


def history(folder: Path, body: str, table: str = "alembic_version_other") -> MigrationHistory:
    """Return a history of one migration with this body."""
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(
        "from alembic import context\n"
        'context.configure(connection=context.config.attributes["connection"],\n'
        '                  version_table=context.config.attributes["versions"])\n'
        "context.run_migrations()\n"
    )
    (folder / "versions" / "0001_one.py").write_text(
        f"from alembic import op\nrevision, down_revision = '0001', None\ndef upgrade():\n    {body}\n"
    )
    return MigrationHistory(folder, table)


def test_keeps_every_row_of_every_table(data: Path) -> None:
    before = rows_of(data / "catalog.db")
    assert {name: len(rows) for name, rows in before.items()} == EXPECTED["tables"] | {"sqlite_sequence": 6}
    Catalog(data).close()
    after = rows_of(data / "catalog.db")
    assert after.pop("alembic_version") == [(NEWEST,)]
    assert after.pop("alembic_version_bot") == [("0005",)]
    sequences, earlier = dict(after.pop("sqlite_sequence")), dict(before["sqlite_sequence"])
    assert sequences.pop("share") == len(after.pop("share"))
    assert sequences == {RENAMED.get(table, table): last for table, last in earlier.items()}
    assert after.pop("share_fulltext_content") == []
    assert after.pop("index_version") == [(0, "", 0, 0, 1)]
    assert (after.pop("outage"), after.pop("share_revision"), after.pop("attachment")) == ([], [(0,)], [])
    assert (after.pop("name_word"), after.pop("attachment_word")) == (
        [],
        [],
    )  # they are filled in with the full-text index
    assert after.pop("page_tokens") == []
    keys = after.pop("fingerprint_keys")
    assert [row[:3] for row in keys] == [row[:3] for row in after["fingerprint"]]
    for row, (*_, points) in zip(keys, after["fingerprint"], strict=True):  # made as they are made today
        assert row[3] == keys_of(np.frombuffer(points, POINT)[:KEY_POINTS]).tobytes()
    assert after.pop("text_index") == []  # its vectors are those of the tests' embedders
    kept = {name: rows for name, rows in after.items() if not name.startswith("share_fulltext")}
    assert kept.keys() == renamed(before).keys()
    for name, rows in renamed(before).items():  # columns that were added since then are the last
        width = len(rows[0])
        assert sorted((row[:width] for row in kept[name]), key=repr) == rows, name


def test_has_the_indexes_of_a_new_folder(data: Path, tmp_path: Path) -> None:
    def indexes(folder: Path) -> set[tuple[str, str, str]]:
        with closing(sqlite3.connect(folder / "catalog.db")) as database:
            rows = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            return set(database.execute(rows).fetchall())

    for folder in (data, tmp_path / "new"):
        Catalog(folder).close()
    assert indexes(data) >= indexes(tmp_path / "new")  # it also has the bot's


def test_keeps_shares_with_what_was_hidden_and_removed(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalog.db")) as database:
        database.execute("INSERT INTO forgotten VALUES ('slack', 'FUNKNOWN', 'C0000000007', 5)")
        database.commit()
        ids = {(kind, ref): id for id, kind, ref in database.execute("SELECT id, kind, ref FROM source")}
        shares = database.execute("SELECT * FROM share").fetchall()
        removed = database.execute("SELECT * FROM forgotten").fetchall()
    Catalog(data).close()
    columns = (
        "source_id, space, message, thread, name, link, shared_by, shared_at, words, visible_from, state, state_at"
    )
    with closing(sqlite3.connect(data / "catalog.db")) as database:
        unknown = database.execute("SELECT id FROM source WHERE ref = 'FUNKNOWN' AND state = 'gone'").fetchone()[0]
        found = set(database.execute(f"SELECT {columns} FROM share").fetchall())
    ids["slack", "FUNKNOWN"] = unknown
    expected = {
        (source, space, "", "", name, link, by, at, "", visible_from)
        + (("shared", at) if hidden is None else ("checking", hidden / 1e9))
        for source, space, name, link, by, at, visible_from, hidden in shares
    }
    expected |= {
        (ids[kind, ref], space, "", "", "", None, None, at, "", 0.0, "forgotten", at)
        for kind, ref, space, at in removed
    }
    assert found == expected
    assert [row[-2] for row in found].count("checking") == 1
    assert [row[-2] for row in found].count("forgotten") == 2


def test_keeps_a_copy_from_before_the_upgrade_and_says_where(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = rows_of(data / "catalog.db")
    (data / "catalog.before-0004.sqlite").write_bytes(b"of an earlier upgrade")
    with caplog.at_level(logging.INFO, "magpie"):
        Catalog(data).close()
    [copy] = copies(data)
    assert copy.name == f"catalog.before-{NEWEST}.sqlite"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows_of(copy) == before
    assert [str(copy) in record.message for record in caplog.records if record.name == "magpie"] == [True, True]
    written = copy.stat().st_mtime_ns
    Catalog(data).close()
    assert copy.stat().st_mtime_ns == written


def test_new_folder_gets_no_copy(tmp_path: Path) -> None:
    Catalog(tmp_path, [history(tmp_path / "other", "op.execute('CREATE TABLE other (id INTEGER)')")]).close()
    assert not copies(tmp_path)
    assert "other" in rows_of(tmp_path / "catalog.db")


def test_copy_is_deleted_at_the_next_deletion(data: Path) -> None:
    catalog = Catalog(data)
    assert copies(data)
    assert catalog.checkpoint()
    assert not copies(data)
    catalog.close()


def test_finds_and_counts_the_same_as_before(data: Path) -> None:
    settings = Settings(data=data, answer={"model": ""}, search={"lanes": "words", "min_confidence": 0})
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        status = rag.status()
        assert status.documents == EXPECTED["status"]["documents"]
        assert (status.pages, status.chunks) == (EXPECTED["status"]["pages"], EXPECTED["status"]["chunks"])
        for asked in EXPECTED["queries"]:
            if "query" in asked:
                scope = Scope.operator() if asked["spaces"] is None else Scope.of(*asked["spaces"])
                hits = [[hit.name, hit.page] for hit in rag.find(asked["query"], scope).hits]
                assert (hits[0] if hits else None) == asked["first"], asked["query"]


def test_continues_unfinished_work(data: Path) -> None:
    read = {"workers": 1, "ocr": False, "layout": False, "render_px": 400}  # as then
    settings = Settings(data=data, answer={"model": ""}, read=read)
    captioner = FakeCaptioner("ollama:sees:1b")
    with open_rag(settings, embedder=FakeEmbedder(), text_embedder=FakeTextEmbedder(), captioner=captioner) as rag:
        rag.index([])
        documents = rag.documents(Scope.operator())
    expected = EXPECTED["settled"]
    assert [[one.name, one.pages, one.sha256] for one in documents] == expected["documents"]
    assert sorted(path.name for path in (data / "files").iterdir()) == expected["files"]
    rows = rows_of(data / "catalog.db")
    for name in ("source", "document", "page", "caption", "dropped", "wipe"):
        assert len(rows[RENAMED.get(name, name)]) == expected["tables"][name], name
    # All are extracted again. The one that failed has failed again, and its first failure stays.
    assert len(rows["extraction"]) == expected["tables"]["reading"] + 1
    assert len(rows["share"]) == expected["tables"]["share"] + expected["tables"]["forgotten"]
    assert not copies(data)  # a document without shares was erased


def test_failing_migration_changes_nothing(data: Path, tmp_path: Path) -> None:
    before = rows_of(data / "catalog.db")
    body = "op.execute('CREATE TABLE other (id INTEGER)')\n    op.execute('DELETE FROM document')\n    op.execute('NO')"
    with pytest.raises(CatalogUnfit, match="could not be upgraded") as raised:
        Catalog(data, [history(tmp_path / "broken", body)])
    [copy] = copies(data)
    assert str(copy) in raised.value.hint
    assert rows_of(data / "catalog.db") == before
    assert rows_of(copy) == before
    Catalog(data).close()
    assert rows_of(data / "catalog.db")["alembic_version"] == [(NEWEST,)]


def test_failing_migration_leaves_a_new_folder_empty(tmp_path: Path) -> None:
    with pytest.raises(CatalogUnfit, match="could not be upgraded"):
        Catalog(tmp_path, [history(tmp_path / "broken", "raise RuntimeError('no')")])
    assert rows_of(tmp_path / "catalog.db") == {}


def test_refuses_a_newer_schema_of_any_history_before_it_changes_anything(data: Path, tmp_path: Path) -> None:
    before = rows_of(data / "catalog.db")
    with pytest.raises(CatalogUnfit, match="newer Magpie"):
        Catalog(data, [history(tmp_path / "older", "pass", "alembic_version_bot")])
    assert rows_of(data / "catalog.db") == before
    assert not copies(data)


def test_does_not_upgrade_when_no_copy_can_be_written(data: Path) -> None:
    before = rows_of(data / "catalog.db")
    (data / "catalog.before.partial").mkdir()
    with pytest.raises(CatalogUnfit, match="could not be copied"):
        Catalog(data)
    assert rows_of(data / "catalog.db") == before


def _open(data: Path, meet: Callable[[], object]) -> None:
    meet()
    Catalog(data).close()


@pytest.fixture
def openers(data: Path) -> Iterator[list[multiprocessing.context.SpawnProcess]]:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3, timeout=60)
    processes = [spawn.Process(target=_open, args=(data, barrier.wait)) for _ in range(barrier.parties)]
    for process in processes:
        process.start()
    yield processes
    for process in processes:
        process.kill()


def test_processes_that_open_the_folder_together_wait_for_the_upgrade(
    data: Path, openers: list[multiprocessing.context.SpawnProcess]
) -> None:
    for process in openers:
        process.join(60)
    assert [process.exitcode for process in openers] == [0, 0, 0]
    assert len(copies(data)) == 1
    assert rows_of(data / "catalog.db")["alembic_version"] == [(NEWEST,)]
