"""Deleted words leave the full-text index step by step, while others write to it."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Index
from rag.catalog.index_filling import complete_version, create_version
from rag.catalog.index_versions import searched_version
from tests.support.migrated import migrated

ROWS, WORDS = 2000, 60


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog whose index has many segments, and in each of them words of rows that are deleted."""
    catalog, draw = Catalog(migrated(tmp_path)), random.Random(1)
    for start in range(0, ROWS, 100):
        with catalog.write_transaction() as connection:
            put(connection, range(start, start + 100), lambda: f"word{draw.randrange(200_000)}")
    with catalog.write_transaction() as connection:
        connection.execute(text(f"DELETE FROM {table(connection)} WHERE rowid % 50 = 0"))
    yield catalog
    catalog.close()


def table(connection: Connection) -> str:
    return searched_version(connection).chunks


def put(connection: Connection, rows: range, word: Callable[[], str]) -> None:
    def body(row: int) -> str:
        return " ".join([f"{'kept' if row % 50 else 'zebra'}{row}", *(word() for _ in range(WORDS))])

    values = [{"id": row, "body": body(row)} for row in rows]
    connection.execute(text(f"INSERT INTO {table(connection)}(rowid, body) VALUES (:id, :body)"), values)


def has_bytes(catalog: Catalog, prefix: str) -> bool:
    """Return whether a block of the index, or a text that it keeps, has these letters."""
    with catalog.read_transaction() as connection:
        blocks = connection.scalars(text(f"SELECT block FROM {table(connection)}_data")).all()
    return any(prefix.encode() in block for block in blocks)


class Transactions:
    """Opens write transactions of a catalog, and does something between each of them and the next."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.count = 0

    @contextmanager
    def __call__(self) -> Iterator[Connection]:
        with self._catalog.write_transaction() as connection:
            yield connection
        self.count += 1
        self.between()

    def between(self) -> None:
        pass


def test_words_of_deleted_rows_are_in_no_block(catalog: Catalog) -> None:
    assert has_bytes(catalog, "zebra")
    assert Fts5Index().erase_deleted(catalog.write_transaction, threading.Event())
    assert not has_bytes(catalog, "zebra")
    assert has_bytes(catalog, "kept")
    assert catalog.checkpoint()
    assert b"zebra" not in catalog.path.read_bytes()


def test_no_transaction_rewrites_more_than_a_part(catalog: Catalog) -> None:
    changes: list[int] = []

    class Counting(Transactions):
        @contextmanager
        def __call__(self) -> Iterator[Connection]:
            with super().__call__() as connection:
                before = connection.scalar(text("SELECT total_changes()"))
                yield connection
                changes.append(connection.scalar(text("SELECT total_changes()")) - before)

    assert Fts5Index().erase_deleted(Counting(catalog), threading.Event())
    assert len(changes) > 5
    assert max(changes) < 0.5 * sum(changes)


def test_others_write_between_the_steps(catalog: Catalog) -> None:
    added = iter(range(ROWS + 1, ROWS + 1000, 2))

    class Writing(Transactions):
        def between(self) -> None:
            row = next(added)
            with closing(sqlite3.connect(catalog.path, timeout=0)) as connection, connection:
                name = f"fulltext_{connection.execute('SELECT max(number) FROM index_version').fetchone()[0]}"
                connection.execute(f"INSERT INTO {name}(rowid, body) VALUES (?, ?)", (row, f"added{row}"))

    transactions = Writing(catalog)
    assert Fts5Index().erase_deleted(transactions, threading.Event())
    assert not has_bytes(catalog, "zebra")
    with catalog.read_transaction() as connection:
        name = table(connection)
        found = connection.scalars(text(f"SELECT rowid FROM {name} WHERE {name} MATCH 'added{ROWS + 1}'"))
        assert found.all() == [ROWS + 1]
        connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('integrity-check')"))


def test_it_can_be_stopped_and_started_again(catalog: Catalog) -> None:
    stop = threading.Event()

    class Stopping(Transactions):
        def between(self) -> None:
            if self.count == 2:
                stop.set()

    assert not Fts5Index().erase_deleted(Stopping(catalog), stop)
    assert has_bytes(catalog, "zebra")
    assert Fts5Index().erase_deleted(catalog.write_transaction, threading.Event())
    assert not has_bytes(catalog, "zebra")


def test_index_that_is_replaced_meanwhile_is_left_alone(catalog: Catalog) -> None:
    class Replacing(Transactions):
        def between(self) -> None:
            if self.count == 2:
                with catalog.write_transaction() as connection:
                    complete_version(connection, create_version(connection, "next"))

    assert Fts5Index().erase_deleted(Replacing(catalog), threading.Event())
