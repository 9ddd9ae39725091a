"""Upgrade the tables of a catalog to their newest schema.

One file holds the tables of several packages, each with an Alembic history of its own. All of them are upgraded in one
transaction, or none is. Before tables that hold data are changed, the catalog is copied to a file beside it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from sqlalchemy import String
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles

from rag.errors import CatalogUnfit

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection, Engine

log = logging.getLogger("magpie")

MIGRATION_SECONDS = 30 * 60
"""How long to wait for another process that upgrades the same catalog. A process that ends frees its lock."""

_COPIES = "catalog.before-*.sqlite"
_PARTIAL = "catalog.before.partial"


@dataclass(frozen=True, slots=True)
class MigrationHistory:
    """An Alembic history: the folder of its migrations, and the table that records which of them were applied."""

    migrations: Path
    version_table: str


OWN = MigrationHistory(Path(__file__).parent / "migrations", "alembic_version")
"""The history of rag's own tables."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A history that has migrations to apply. `current` is None when none of its tables exists yet."""

    history: MigrationHistory
    current: str | None
    head: str


@compiles(String, "postgresql")
def _string_type(_type: String, _compiler: object, **_options: object) -> str:
    """Return the type of a string column: SQLite does not enforce its length, and what is stored may be longer."""
    return "VARCHAR"


@contextmanager
def opening_lock(path: Path) -> Iterator[None]:
    """Hold the lock under which a catalog is created and upgraded, so that processes do it one after another."""
    with FileLock(path.with_name("catalog.lock"), timeout=MIGRATION_SECONDS):
        yield


def migrate(path: Path, reader: Engine, writer: Engine, histories: Sequence[MigrationHistory]) -> None:
    """Apply the pending migrations of these histories in one transaction; the caller holds `opening_lock`.

    Raise CatalogUnfit for a schema that a newer version wrote, for a copy that cannot be written, and for a migration
    that fails. The catalog is unchanged then.
    """
    with reader.connect() as connection, connection.begin():
        if not _find_pending(connection, histories):
            return
    # The transaction is begun first: other processes cannot write between the copy and the upgrade.
    with writer.connect() as connection, connection.begin():
        pending = _find_pending(connection, histories)
        copy = None
        if any(migration.current is not None for migration in pending):
            copy = _write_copy(path, pending[0].head)
        for migration in pending:
            _upgrade(connection, migration, copy)
    if copy is not None:
        log.info(
            "The catalog was upgraded to schema %s. A copy from before the upgrade is kept in %s until something is "
            "deleted from the catalog.",
            pending[0].head,
            copy,
        )


def check_schema(reader: Engine, histories: Sequence[MigrationHistory]) -> bool:
    """Return whether the catalog has the newest schema, without writing. Return False for an empty catalog.

    Raise CatalogUnfit for an older schema: a bot of an older version may be running on it.
    """
    with reader.connect() as connection, connection.begin():
        pending = _find_pending(connection, histories)
    older = [history.current for history in pending if history.current is not None]
    if older or (pending and len(pending) < len(histories)):
        raise CatalogUnfit(
            f"The catalog was written by an older Magpie (schema {older[0] if older else 'incomplete'}), "
            "and this command does not change it.",
            "Stop the bot, then start it with this version: `magpie run` upgrades the catalog. So does `magpie index`.",
        )
    return not pending


def check_not_newer(path: Path, histories: Sequence[MigrationHistory]) -> None:
    """Raise CatalogUnfit for a file whose schema a newer version wrote, or that is not a catalog."""
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    try:
        with engine.connect() as connection, connection.begin():
            _find_pending(connection, (OWN, *histories))
    except DBAPIError as error:
        raise CatalogUnfit(f"The file {path.name} is not a catalog: {error.orig}.", "Use another backup.") from error
    finally:
        engine.dispose()


def schemas(connection: Connection, histories: Sequence[MigrationHistory]) -> dict[str, str]:
    """Return the schema of each history by its version table."""
    tables = [history.version_table for history in (OWN, *histories)]
    query = "SELECT version_num FROM {}"
    return {table: str(connection.exec_driver_sql(query.format(table)).scalar_one()) for table in tables}


def list_copies(folder: Path) -> list[Path]:
    """Return the copies of the catalog in a folder, including an unfinished one."""
    return [*folder.glob(_COPIES), *folder.glob(_PARTIAL)]


def remove_copies(folder: Path) -> None:
    """Delete the copies of the catalog in a folder: they may hold text that was deleted since."""
    for copy in list_copies(folder):
        copy.unlink(missing_ok=True)


def _find_pending(connection: Connection, histories: Sequence[MigrationHistory]) -> list[_Pending]:
    from alembic.runtime.migration import MigrationContext

    pending = []
    for history in histories:
        scripts = _read_scripts(history)
        context = MigrationContext.configure(connection, opts={"version_table": history.version_table})
        current: Any = context.get_current_revision()
        head = scripts.get_current_head() or ""
        if current == head:
            continue
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise CatalogUnfit(
                f"The catalog was written by a newer Magpie (schema {current}).", "Upgrade this Magpie, then try again."
            )
        pending.append(_Pending(history, current, head))
    return pending


@cache
def _read_scripts(history: MigrationHistory) -> ScriptDirectory:
    """Return the migrations of a history. Reading them takes as long as applying them."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(history.migrations))


def _upgrade(connection: Connection, pending: _Pending, copy: Path | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    config, scripts = Config(), _read_scripts(pending.history)
    config.attributes.update(connection=connection, versions=pending.history.version_table)
    try:
        with EnvironmentContext(config, scripts, fn=lambda revision, _: scripts._upgrade_revs("head", revision)):
            scripts.run_env()
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        kept = f" A copy of the catalog is in {copy}." if copy else ""
        raise CatalogUnfit(
            f"The catalog could not be upgraded to schema {pending.head}: {cause}. It is unchanged.",
            f"Go back to the version of Magpie that you used before, and report this error.{kept}",
        ) from error


def _write_copy(path: Path, head: str) -> Path:
    """Copy the catalog as it is before schema `head`, and delete older copies."""
    copy = path.with_name(f"catalog.before-{head}.sqlite")
    log.info("The catalog is copied to %s before its upgrade.", copy)
    partial = path.with_name(_PARTIAL)
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        partial.replace(copy)
        for other in path.parent.glob(_COPIES):
            if other != copy:
                other.unlink(missing_ok=True)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise CatalogUnfit(
            f"The catalog could not be copied before its upgrade: {cause}. It is unchanged.",
            f"Make sure that {path.parent} can be written and has {_megabytes(path)} MB free, then try again.",
        ) from error
    return copy


def _megabytes(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists()) // 1_000_000 + 1
