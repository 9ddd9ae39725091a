"""Open catalogs in SQLite or PostgreSQL, for tests of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rag.catalog import Catalog
from rag.catalog.migrate import MigrationHistory
from tests.support.migrated import migrated
from tests.support.postgresql import ServerCatalog, server_catalog

AnyCatalog = Catalog | ServerCatalog

DATABASES = ("sqlite", "postgresql")
"""The parameters of a fixture whose tests run on both."""


@contextmanager
def open_catalog(database: str, folder: Path, *histories: MigrationHistory) -> Iterator[AnyCatalog]:
    """Open an empty catalog: in this folder, or on the server."""
    if database == "postgresql":
        with server_catalog() as catalog:
            yield catalog
    else:
        with closing(Catalog(migrated(folder, *histories), histories)) as catalog:
            yield catalog
