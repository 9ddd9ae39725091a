"""SQL, and nothing but SQL: the truth about sources, documents, chunks and vectors.

Writers begin IMMEDIATE (`writing`), so two of them queue up instead of failing at the first write;
readers get a snapshot (`reading`). One transaction is one `with`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from rag.errors import CatalogUnfit

if TYPE_CHECKING:
    from sqlalchemy import Engine

BUSY_MS = 60_000
"""How long a writer waits for another; a range of eight pages is written in well under a second."""


class Catalog:
    """The catalog in `folder`/catalog.db, brought to the newest schema when it is opened."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "catalog.db"
        self._engine = _engine(self.path)
        self._writer = self._engine.execution_options(immediate=True)
        try:
            self.upgrade(Path(__file__).parent.parent / "migrations", "alembic_version")
        except DatabaseError as error:
            raise CatalogUnfit(
                f"The catalog {self.path} cannot be opened: {error.orig}.",
                "Put a backup in its place, or move it away and index again.",
            ) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._writer.connect() as connection, connection.begin():
            yield connection

    def upgrade(self, migrations: Path, versions: str) -> None:
        """Bring tables to the newest schema by an Alembic folder; `versions` is the table that keeps count.

        Raise CatalogUnfit for a schema that a newer program wrote.
        """
        _upgrade(self._writer, migrations, versions)

    def tidy(self) -> None:
        """Leave no deleted word in the files: SQLite keeps them until the log is truncated."""
        with self._engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def close(self) -> None:
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    # An error must not carry what was asked or shared into a log.
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(driver: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # The driver opens no transaction for a read and a deferred one for a write: we begin ourselves.
        driver.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            driver.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _upgrade(writer: Engine, migrations: Path, versions: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations))
    scripts = ScriptDirectory.from_config(config)
    with writer.connect() as connection, connection.begin():
        found = MigrationContext.configure(connection, opts={"version_table": versions})
        current: Any = found.get_current_revision()
        if current == scripts.get_current_head():
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise CatalogUnfit(
                f"The catalog was written by a newer Magpie (schema {current}).", "Upgrade this Magpie, then try again."
            )
        config.attributes.update(connection=connection, versions=versions)
        command.upgrade(config, "head")
