"""A watch on the catalog notices what other connections commit."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from rag.catalog import Catalog
from tests.support.migrated import migrated


def test_watch_notices_changes_of_this_process_and_of_others(tmp_path: Path) -> None:
    with closing(Catalog(migrated(tmp_path))) as catalog, closing(catalog.watch()) as watch:
        assert watch.has_changed()  # nothing was looked at yet
        assert not watch.has_changed()
        with catalog.read_transaction() as connection:
            connection.execute(text("SELECT * FROM document"))
        assert not watch.has_changed()
        with catalog.write_transaction() as connection:
            connection.execute(text("UPDATE share_revision SET number = number + 1"))
            assert not watch.has_changed()  # not committed
        assert watch.has_changed()
        assert not watch.has_changed()
        with closing(Catalog(tmp_path)) as other, other.write_transaction() as connection:
            connection.execute(text("UPDATE share_revision SET number = number + 1"))
        assert watch.has_changed()
