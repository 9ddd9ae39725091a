"""The migrations build the schema that rag/catalog/tables.py defines."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from rag.catalog import Catalog
from rag.catalog.tables import metadata


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
