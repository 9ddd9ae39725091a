"""All SQL of rag/, behind functions that take and return plain values.

`Catalog` opens the database and its transactions, each of which is one `with`. `write_transaction` begins IMMEDIATE, so
that two writers wait for each other instead of failing at the first write. `read_transaction` reads one snapshot.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import Timeout
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from rag.catalog.migrate import OWN, MigrationHistory, check_schema, migrate, opening_lock, remove_copies
from rag.catalog.nul_characters import engine_without_nul
from rag.disk import explain_disk_error, primary_code
from rag.errors import CatalogUnfit, MagpieError

if TYPE_CHECKING:
    from sqlalchemy import Engine

BUSY_MS = 60_000
"""Milliseconds that a writer waits for another; a range of eight pages is written in well under a second."""

_PROBE_SECONDS = 1.0
"""Seconds that `is_writable` waits for another writer."""

LEAST_FREE = 32 << 20
"""Bytes that must be free in the catalog before its file is made smaller."""

log = logging.getLogger("magpie")


class ChangeWatch:
    """Tells whether a catalog was changed, by this process or another. Asking takes microseconds and no transaction."""

    def __init__(self, path: Path) -> None:
        self._driver = sqlite3.connect(path, isolation_level=None)
        self._version = -1

    def has_changed(self) -> bool:
        """Return whether it was changed since the last call; True at the first."""
        before, self._version = self._version, self._driver.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version

    def close(self) -> None:
        self._driver.close()


class Catalog:
    """The catalog in `folder`/catalog.db, upgraded to the newest schema when it is opened.

    `histories` are the migrations of other tables in the same file; they are applied together with rag's own, all or
    none. Before an upgrade the catalog is copied to a file beside it. Raise CatalogUnfit for a file that is not a
    catalog, for a schema that a newer version wrote, for an upgrade that fails, and for a file that another program
    keeps locked for `busy_ms` milliseconds; OperatorMustAct if the disk is full or the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        histories: Sequence[MigrationHistory] = (),
        busy_ms: int = BUSY_MS,
        *,
        upgrade: bool = True,
    ) -> None:
        """Without `upgrade`, a catalog of an older schema is not changed: raise CatalogUnfit.

        It can then also be read on a full disk and in a folder that cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "catalog.db"
        self._busy_seconds = busy_ms / 1000
        self._engine = _create_engine(self.path, busy_ms)
        self._writer = self._engine.execution_options(immediate=True)
        try:
            if not upgrade and self.path.exists() and check_schema(self._engine, (OWN, *histories)):
                return
            with opening_lock(self.path):
                _use_write_ahead_log(self.path, self._busy_seconds)
                migrate(self.path, self._engine, self._writer, (OWN, *histories))
        except CatalogUnfit:
            self._engine.dispose()
            raise
        except (sqlite3.DatabaseError, DatabaseError, Timeout) as error:
            self._engine.dispose()
            if upgrade or not self._can_open_frozen(error, histories):
                raise _explain(self.path, error) from error

    def _can_open_frozen(self, error: Exception, histories: Sequence[MigrationHistory]) -> bool:
        """Open the catalog as a file that nothing changes, and return True, if it could only not be written.

        Even a reader of a write-ahead log writes: it creates a file. Another process that works here has one already.
        """
        if _primary_code(error) not in _UNWRITABLE or _has_log(self.path):
            return False
        self._engine = _create_engine(self.path, BUSY_MS, is_frozen=True)
        self._writer = self._engine.execution_options(immediate=True)
        try:
            return check_schema(self._engine, (OWN, *histories))
        except DatabaseError:
            self._engine.dispose()
            return False

    @contextmanager
    def read_transaction(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write_transaction(self) -> Iterator[Connection]:
        with self._writer.connect() as connection, connection.begin():
            yield connection

    def watch(self) -> ChangeWatch:
        """Return a watch, for the thread that calls this. Close it before the catalog."""
        return ChangeWatch(self.path)

    def is_writable(self) -> bool:
        """Return whether a small write succeeds. While another writer works, it is taken to be so."""
        driver = sqlite3.connect(self.path, isolation_level=None, timeout=_PROBE_SECONDS)
        try:
            driver.execute("UPDATE alembic_version SET version_num = version_num")
        except sqlite3.Error as error:
            return _is_locked(error)
        finally:
            driver.close()
        return True

    def checkpoint(self) -> bool:
        """Erase deleted text from the catalog's files. Return False when they are in use: call it again then.

        SQLite keeps deleted text in its log until the log is truncated. A copy from before an upgrade keeps it too, so
        the copy is deleted.
        """
        remove_copies(self.path.parent)
        with self._engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))  # writers wait only for what is new after it
            busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        return not busy

    def give_back_space(self, least: int = LEAST_FREE) -> bool:
        """Make the file smaller if at least a quarter of it and `least` bytes are free. Return whether it was done.

        SQLite keeps the pages of deleted rows for new ones. Writers wait meanwhile, for seconds per gigabyte.
        """
        with self._engine.connect() as connection:
            names = ("freelist_count", "page_count", "page_size")
            free, pages, size = (int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in names)
        if free * size < least or free * 4 < pages:
            return False
        driver = sqlite3.connect(self.path, isolation_level=None, timeout=self._busy_seconds)
        try:
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            log.warning("The catalog's free space is not given back now: %s", error)
            return False
        finally:
            driver.close()
        return True

    def close(self) -> None:
        self._engine.dispose()


def _use_write_ahead_log(path: Path, timeout: float) -> None:
    """Make a new catalog use a write-ahead log.

    SQLite does not wait for other processes while it changes this mode, so the caller holds the opening lock.
    """
    connection = sqlite3.connect(path, timeout=timeout)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)


def _primary_code(error: Exception) -> int:
    return primary_code(error.orig if isinstance(error, DatabaseError) else error)


def _is_locked(error: Exception) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _explain(path: Path, error: Exception) -> MagpieError:
    cause = error.orig if isinstance(error, DatabaseError) else error
    if isinstance(cause, Timeout) or _is_locked(error):
        return CatalogUnfit(
            f"The catalog {path} is kept locked by another program.",
            "End the program that has it open, then try again.",
        )
    return explain_disk_error(error, path.parent) or CatalogUnfit(
        f"The catalog {path} cannot be opened: {cause}.", "Put a backup in its place, or move it away and index again."
    )


def _create_engine(path: Path, busy_ms: int, *, is_frozen: bool = False) -> Engine:
    """Return an engine. `is_frozen`: nothing changes the file, so SQLite needs no locks and no other files."""
    url = f"sqlite:///file:{quote(str(path.absolute()))}?immutable=1&uri=true" if is_frozen else f"sqlite:///{path}"
    engine = engine_without_nul(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(driver: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own transactions are none for a read and a deferred one for a write; `_begin` opens ours instead.
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
        if connection.get_execution_options().get("immediate"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock, so it cannot fail
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN")

    return engine
