"""The migrations build the schema that rag/catalog/tables.py defines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, NullPool, create_engine, select

from bot.db import tables as bot_tables
from rag.catalog import Catalog, tables
from rag.catalog.migrate import OWN, migrate
from rag.catalog.tables import metadata
from tests.support.postgresql import new_database, server_catalog


def _not_full_text(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return not (kind == "table" and (name or "").startswith(("fulltext", "share_fulltext")))


def test_migrated_schema_matches_the_tables(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    with catalog.read_transaction() as connection:
        found = MigrationContext.configure(connection, opts={"include_object": _not_full_text})
        assert compare_metadata(found, metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    catalog.close()


def test_ids_of_deleted_rows_are_not_reused(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    with catalog.read_transaction() as connection:
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        kept = {name for name, sql in made if sql and "AUTOINCREMENT" in sql}
    catalog.close()
    assert kept >= {"chunk", "extraction", "document", "source"}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """A PostgreSQL database that all migrations were applied to."""
    with server_catalog() as catalog, catalog.write_transaction() as connection:
        yield connection


@pytest.mark.parametrize("declared", [metadata, bot_tables.metadata], ids=["rag", "bot"])
def test_migrations_create_the_declared_tables_in_postgresql(declared: MetaData, connection: Connection) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        # The order of rows is a column there, which SQLite has in every table.
        return name in declared.tables if kind == "table" else name not in ("rowid", "uq_chunk_vector_rowid")

    found = MigrationContext.configure(connection, opts={"include_object": ours})
    assert compare_metadata(found, declared) == []


def test_postgresql_stores_what_is_longer_than_declared(connection: Connection) -> None:
    """As SQLite does. The media types of office documents are longer than 64 characters, for example."""
    values = {"sha256": "1" * 64, "size": 1, "media_type": "application/" + "x" * 100}
    connection.execute(tables.document.insert().values(**values))
    assert connection.scalar(select(tables.document.c.media_type)) == values["media_type"]


@pytest.mark.parametrize("is_first", [True, False])
def test_database_may_have_pgvector_before_its_tables_and_get_it_after_them(is_first: bool) -> None:
    with new_database() as url:
        engine = create_engine(url, poolclass=NullPool)
        for has_extension in (is_first, not is_first):
            if has_extension:
                with engine.begin() as connection:
                    connection.exec_driver_sql("CREATE EXTENSION vector")
            else:
                migrate(Path(url.database or ""), engine, engine, [OWN])
        with engine.begin() as connection:
            assert connection.exec_driver_sql("SELECT vector_dims('[1, 2]'::vector)").scalar() == 2
            assert connection.scalar(select(tables.chunk_vector.c.data)) is None
