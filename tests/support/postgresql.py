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
from sqlalchemy import URL, NullPool, create_engine, make_url

from bot.db.tables import HISTORY
from rag.catalog.migrate import OWN, migrate

if TYPE_CHECKING:
    from pgserver.postgres_server import PostgresServer

_NUMBERS = count(1)

_OFF = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


@contextmanager
def new_database(template: str = "template1") -> Iterator[URL]:
    """Create a database, a copy of `template`, and drop it in the end."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    _execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url_of(name)
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_catalog() -> Iterator[URL]:
    """Create a database with an empty catalog and the bot's tables, and drop it in the end."""
    with new_database(_template()) as url:
        yield url


@cache
def _template() -> str:
    """Return a database with an empty catalog, which is dropped with the server."""
    name = f"template_{os.getpid()}"
    _execute(f"CREATE DATABASE {name}")
    engine = create_engine(url_of(name), poolclass=NullPool)
    migrate(Path(name), engine, engine, (OWN, HISTORY))
    return name


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
