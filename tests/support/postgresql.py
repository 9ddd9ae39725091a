"""A PostgreSQL server for the tests of this run, and empty databases in it.

The server comes from a wheel and listens on a socket only. All workers of a run share it; the last one to end stops it
and deletes its files. It does not wait for the disk.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import URL, Connection, NullPool, create_engine, func, make_url, select

from bot.db.tables import HISTORY
from rag.catalog.migrate import OWN, migrate
from rag.catalog.nul_characters import engine_without_nul

if TYPE_CHECKING:
    from pgserver.postgres_server import PostgresServer

_NUMBERS = count(1)

_FREE: list[ServerCatalog] = []

_WRITER = 1
"""The advisory lock that a writer holds."""

_EMPTY_TABLES = """
CREATE FUNCTION empty_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name regclass;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no triggers, among them those of foreign keys
    FOR name IN
        SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('alembic_version', 'alembic_version_bot', 'share_revision', 'index_version',
            'fulltext_1_size', 'share_fulltext_1_size')
    LOOP
        IF pg_relation_size(name) > 1000000 THEN
            EXECUTE 'TRUNCATE ' || name::text || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || name::text;  -- faster
        END IF;
    END LOOP;
    UPDATE share_revision SET number = 0;
    UPDATE fulltext_1_size SET texts = 0, tokens = 0;
    UPDATE share_fulltext_1_size SET texts = 0, tokens = 0;
    PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S';
END $$
"""

_OFF = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


@contextmanager
def new_database() -> Iterator[URL]:
    """Create an empty database, and drop it in the end."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    _execute(f"CREATE DATABASE {name}")
    try:
        yield url_of(name)
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


class ServerCatalog:
    """The transactions of a catalog in PostgreSQL, as `rag.catalog.Catalog` has them.

    A writer waits for another one, as in SQLite: what a transaction reads before it writes stays true until it ends. A
    reader sees one snapshot.
    """

    def __init__(self, url: URL) -> None:
        engine = engine_without_nul(url)
        self._writer = engine
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def read_transaction(self) -> Iterator[Connection]:
        with self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write_transaction(self) -> Iterator[Connection]:
        with self._writer.connect() as connection, connection.begin():
            connection.execute(select(func.pg_advisory_xact_lock(_WRITER)))
            yield connection

    @contextmanager
    def claim_transaction(self) -> Iterator[Connection]:
        """Open a transaction that waits for no writer: nothing but claims is safe in it."""
        with self._writer.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self._writer.dispose()


@contextmanager
def server_catalog() -> Iterator[ServerCatalog]:
    """Lend an empty catalog, with the bot's tables. It is emptied when it is given back, and lent again."""
    catalog = _FREE.pop() if _FREE else _create_catalog()
    try:
        yield catalog
    finally:
        with catalog.write_transaction() as connection:
            connection.execute(select(func.empty_tables()))
        _FREE.append(catalog)


@contextmanager
def upgraded_catalog(url: URL) -> Iterator[ServerCatalog]:
    """Open an empty database as a catalog of its own, for tests that create tables."""
    catalog = _migrated(url)
    try:
        yield catalog
    finally:
        catalog.close()


def _create_catalog() -> ServerCatalog:
    name = f"catalog_{os.getpid()}_{next(_NUMBERS)}"
    _execute(f"CREATE DATABASE {name}")
    catalog = _migrated(url_of(name))
    with catalog.write_transaction() as connection:
        connection.exec_driver_sql(_EMPTY_TABLES)
    return catalog


def _migrated(url: URL) -> ServerCatalog:
    engine = create_engine(url, poolclass=NullPool)
    migrate(Path(url.database or ""), engine, engine, (OWN, HISTORY))
    return ServerCatalog(url)


def url_of(database: str) -> URL:
    """Return the URL of a database of the server."""
    # The wheel says "postgresql://postgres:@/postgres?host=…", for libpq.
    return make_url(_server().get_uri(database)).set(drivername="postgresql+psycopg")


def _execute(statement: str) -> None:
    with psycopg.connect(_server().get_uri(), autocommit=True) as connection:
        connection.execute(statement.encode())


@cache
def _server() -> PostgresServer:
    if sys.platform == "linux" and platform.machine() != "x86_64":
        pytest.skip("there is no wheel of the server for this machine")
    with warnings.catch_warnings(action="ignore"):  # where XDG_RUNTIME_DIR is not set
        from pgserver.postgres_server import get_server
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
    # Not below pytest's folders: another user runs the server if root runs the tests.
    server = get_server(Path(gettempdir()) / f"magpie-postgresql-{run}", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in _OFF:
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
    return server
