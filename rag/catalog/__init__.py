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

from filelock import FileLock, Timeout
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from rag.errors import CatalogUnfit

if TYPE_CHECKING:
    from sqlalchemy import Engine

BUSY_MS = 60_000
"""How long a writer waits for another; a range of eight pages is written in well under a second."""


class Catalog:
    """The catalog in `folder`/catalog.db, brought to the newest schema when it is opened.

    Raise CatalogUnfit for a file that is no catalog, that a newer program wrote, or that another program keeps
    locked for `busy_ms` milliseconds.
    """

    def __init__(self, folder: Path, busy_ms: int = BUSY_MS) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "catalog.db"
        self._engine = _engine(self.path, busy_ms)
        self._writer = self._engine.execution_options(immediate=True)
        try:
            _write_ahead(self.path, busy_ms / 1000)
            self.upgrade(Path(__file__).parent / "migrations", "alembic_version")
        except (sqlite3.DatabaseError, DatabaseError, Timeout) as error:
            raise _unfit(self.path, error) from error

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

    def tidy(self) -> bool:
        """Leave no deleted word in the files: SQLite keeps them until the log is truncated. False: it is in use."""
        with self._engine.connect() as connection:
            busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        return not busy

    def close(self) -> None:
        self._engine.dispose()


def _write_ahead(path: Path, patience: float) -> None:
    """Make a new catalog a WAL one. SQLite waits for nobody meanwhile, so two that open it at once take turns."""
    with FileLock(path.with_name("catalog.lock"), timeout=patience):
        connection = sqlite3.connect(path, timeout=patience)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def _unfit(path: Path, error: Exception) -> CatalogUnfit:
    cause = error.orig if isinstance(error, DatabaseError) else error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the extended codes of a kind share its low byte
    if isinstance(cause, Timeout) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogUnfit(
            f"The catalog {path} is kept locked by another program.",
            "End the program that has it open, then try again.",
        )
    return CatalogUnfit(
        f"The catalog {path} cannot be opened: {cause}.", "Put a backup in its place, or move it away and index again."
    )


def _engine(path: Path, busy_ms: int) -> Engine:
    # An error must not carry what was asked or shared into a log.
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(driver: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # The driver opens no transaction for a read and a deferred one for a write: we begin ourselves.
        driver.isolation_level = None
        for pragma in (
            f"busy_timeout={busy_ms}",
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
