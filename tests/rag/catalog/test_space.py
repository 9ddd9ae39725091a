"""Space of deleted rows is given back, and rows of ended runs are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rag.catalog import Catalog, runs
from rag.catalog.runs import PreviousRun
from rag.catalog.tables import run


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path)
    yield catalog
    catalog.close()


def fill(catalog: Catalog, rows: int) -> None:
    with catalog.write_transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS filler (id INTEGER PRIMARY KEY, text TEXT)")
        for _ in range(rows):
            connection.exec_driver_sql("INSERT INTO filler (text) VALUES (?)", ("gateway " * 500,))


def test_file_becomes_smaller_if_much_of_it_is_free(catalog: Catalog) -> None:
    fill(catalog, 500)
    assert catalog.checkpoint()
    full = catalog.path.stat().st_size
    assert not catalog.give_back_space(1)  # nothing is free
    with catalog.write_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM filler WHERE id > 5")
    assert catalog.checkpoint()
    assert catalog.path.stat().st_size == full
    assert not catalog.give_back_space(full)  # too little to be worth it
    assert catalog.give_back_space(1)
    assert catalog.path.stat().st_size < full / 2
    with catalog.read_transaction() as connection:
        assert connection.exec_driver_sql("SELECT id FROM filler ORDER BY id").scalars().all() == [1, 2, 3, 4, 5]


def test_only_the_row_of_the_last_run_is_kept(catalog: Catalog) -> None:
    for number in range(5):
        with catalog.write_transaction() as connection:
            assert not runs.start_run(connection, f"run {number}", number).crashed
        with catalog.write_transaction() as connection:
            runs.end_run(connection, f"run {number}")
    with catalog.write_transaction() as connection:
        assert connection.scalar(select(func.count()).select_from(run)) == 1
        runs.start_run(connection, "crashes", 9)
        assert runs.start_run(connection, "next", 10) == PreviousRun("crashes", crashed=True)
