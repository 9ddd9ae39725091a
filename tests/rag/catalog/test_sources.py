"""Claims are exclusive, attempts are counted, claims of crashed runs are released, and a folder has one owner."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from rag.catalog import Catalog, runs, sources, statuses
from rag.catalog.documents import put_document
from rag.catalog.share_ends import drop_shares
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import source
from rag.errors import CatalogUnfit
from rag.ingest.ownership import is_owned, try_own
from tests.support.databases import DATABASES, AnyCatalog, open_catalog
from tests.support.migrated import migrated


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path) as catalog:
        yield catalog


def put(catalog: AnyCatalog, ref: str, space: str = "local", mtime_ns: int = 1) -> tuple[int, bool]:
    with catalog.write_transaction() as connection:
        return record_share(connection, Share("path", ref, space, ref, size=10, changed_ns=mtime_ns))


def state(catalog: AnyCatalog, source_id: int) -> str:
    with catalog.read_transaction() as connection:
        return str(connection.scalar(select(source.c.state).where(source.c.id == source_id)))


def test_four_threads_claim_every_source_once(catalog: AnyCatalog) -> None:
    wanted = {put(catalog, f"file {number}")[0] for number in range(120)}
    ready = threading.Barrier(4)

    def claim_all() -> list[int]:
        ready.wait()
        claimed: list[int] = []
        while True:
            with catalog.write_transaction() as connection:
                row = sources.claim_source(connection, ["path"])
            if row is None:
                return claimed
            claimed.append(row.id)

    with ThreadPoolExecutor(4) as pool:
        claimed = [one for future in [pool.submit(claim_all) for _ in range(4)] for one in future.result()]
    assert len(claimed) == len(wanted)
    assert set(claimed) == wanted


def test_next_owner_releases_claims_of_a_crashed_run(tmp_path: Path) -> None:
    catalog = Catalog(migrated(tmp_path))
    source_id, _ = put(catalog, "a")
    with catalog.write_transaction() as connection:
        assert not runs.start_run(connection, "dead", 1).crashed
        assert sources.claim_source(connection, ["path"]) is not None
    with try_own(catalog, tmp_path) as ownership:
        assert ownership is not None
        assert ownership.unclean
        assert state(catalog, source_id) == "waiting"
        with catalog.write_transaction() as connection:
            again = sources.claim_source(connection, ["path"])
        assert again is not None
        assert again.attempts == 2
    with try_own(catalog, tmp_path) as ownership:
        assert ownership is not None
        assert not ownership.unclean


def test_data_folder_has_one_owner(tmp_path: Path) -> None:
    catalog = Catalog(migrated(tmp_path))
    with try_own(catalog, tmp_path) as first, try_own(catalog, tmp_path) as second:
        assert first is not None
        assert second is None
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)


def test_changed_file_is_work_and_an_unchanged_one_is_not(catalog: AnyCatalog) -> None:
    source_id, work = put(catalog, "a")
    assert work
    with catalog.write_transaction() as connection:
        claimed = sources.claim_source(connection, ["path"])
        assert claimed is not None
        assert sources.finish_source(connection, claimed, _document(connection), mtime_ns=1, size=10)
    assert put(catalog, "a") == (source_id, False)
    assert put(catalog, "a", space="other") == (source_id, False)
    with catalog.write_transaction() as connection:
        assert sources.claim_source(connection, ["path"]) is None
    assert put(catalog, "a", mtime_ns=2) == (source_id, True)
    assert state(catalog, source_id) == "waiting"
    with catalog.write_transaction() as connection:
        again = sources.claim_source(connection, ["path"])
        assert again is not None
        assert again.id == source_id


def test_failed_source_waits_again_when_recorded_again(catalog: AnyCatalog) -> None:
    source_id, _ = put(catalog, "a")
    with catalog.write_transaction() as connection:
        claimed = sources.claim_source(connection, ["path"])
        assert claimed is not None
        sources.fail_source(connection, claimed, "It is encrypted.", "Remove its password.")
    with catalog.read_transaction() as connection:
        (row,) = statuses.list_statuses(connection)
    assert (row.state, row.reason, row.hint) == ("failed", "It is encrypted.", "Remove its password.")
    assert put(catalog, "a") == (source_id, True)
    assert state(catalog, source_id) == "waiting"
    with catalog.write_transaction() as connection:
        again = sources.claim_source(connection, ["path"])
        assert again is not None
        assert (again.id, again.attempts) == (source_id, 1)


def test_source_without_shares_is_not_finished(catalog: AnyCatalog) -> None:
    source_id, _ = put(catalog, "a")
    with catalog.write_transaction() as connection:
        claimed = sources.claim_source(connection, ["path"])
        assert claimed is not None
        drop_shares(connection, [source_id])
        assert not sources.finish_source(connection, claimed, _document(connection), mtime_ns=1, size=10)
    assert state(catalog, source_id) == "gone"


def test_refuses_a_catalog_of_a_newer_version(tmp_path: Path) -> None:
    catalog = Catalog(migrated(tmp_path))
    with catalog.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    catalog.close()
    with pytest.raises(CatalogUnfit, match="newer"):
        Catalog(tmp_path)


def test_reports_a_damaged_catalog_and_does_not_change_it(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database, but another file" * 100)
    with pytest.raises(CatalogUnfit, match="is damaged"):
        Catalog(tmp_path)
    assert (tmp_path / "catalog.db").read_bytes().startswith(b"not a database")


def test_locked_catalog_is_not_reported_as_damaged(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogUnfit, match="locked by another program") as raised:
            Catalog(tmp_path, busy_ms=50)
        assert "move it away" not in raised.value.hint
    Catalog(tmp_path, busy_ms=50).close()


def _document(connection: Connection) -> int:
    return put_document(connection, "0" * 64, 10, "test")
