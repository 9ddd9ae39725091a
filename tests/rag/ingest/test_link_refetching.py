"""A linked page is fetched again after a while, if its server says that it changed, within budgets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import time

import pytest
from sqlalchemy import text

from rag import (
    IntakePriority,
    Rag,
    Scope,
    Settings,
    Share,
    open_url_fetcher,
    put_share,
    refresh_source,
    source_statuses,
)
from tests.flows.team import until
from tests.rag.ingest.fetch.etag_site import etag_site
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

KIND = "slack-link"


@contextmanager
def serving(folder: Path, **web: int) -> Iterator[Rag]:
    settings = Settings(
        data=folder, answer={"model": ""}, read={"workers": 1}, web={"allow": ("127.0.0.1",), "browser": "off", **web}
    )
    stop = threading.Event()
    with (
        open_rag(
            settings,
            extractor=TextExtractor,
            embedder=NoEmbedder(),
            open_fetchers=lambda read: {KIND: open_url_fetcher(settings, KIND, read)},
        ) as rag,
        ThreadPoolExecutor(1) as pool,
    ):
        served = pool.submit(rag.serve, stop)
        try:
            yield rag
        finally:
            stop.set()
            served.result(30)


def link(rag: Rag, url: str, message: str, at: float, min_age: float = 3600) -> None:
    """Record a message that links to a page, as the bot does."""
    with rag.write_transaction() as connection:
        put_share(connection, Share(KIND, url, "C1", url, url, "U1", message=message, shared_at=at))
        refresh_source(connection, KIND, url, at, min_age)


def states(rag: Rag, *urls: str) -> list[str]:
    with rag.read_transaction() as connection:
        return [str(status.state) for status in source_statuses(connection, KIND, urls, "C1")]


def test_page_is_fetched_again_after_a_minimum_age_if_it_changed(tmp_path: Path) -> None:
    with etag_site(b"first words", '"one"') as site, serving(tmp_path) as rag:
        url = f"{site.url}/page"
        link(rag, url, "1.000001", time())
        until(lambda: states(rag, url) == ["ready"])
        link(rag, url, "2.000001", time())
        assert _waiting(rag) == 0
        link(rag, url, "3.000001", time() + 3700)
        until(lambda: len(site.asked) == 2 and states(rag, url) == ["ready"])
        assert site.conditions() == [None, '"one"']
        assert len(rag.documents(Scope.of("C1"))) == 1
        site.body, site.etag = b"second words", '"two"'
        link(rag, url, "4.000001", time() + 2 * 3700)
        until(lambda: "second words" in _words(rag))
        assert [document.name for document in rag.documents(Scope.of("C1"))] == ["page"]


def test_page_that_is_fetched_again_waits_from_now_on(tmp_path: Path) -> None:
    with open_rag(Settings(data=tmp_path), open_fetchers=lambda _: {}) as rag:
        link(rag, "https://example.org/page", "1.000001", 100.0)
        with rag.write_transaction() as connection:
            connection.execute(text("UPDATE source SET state = 'known', queued_at = 100, priority = 2"))
        link(rag, "https://example.org/page", "2.000001", 4000.0)
        with rag.read_transaction() as connection:
            [(state, priority, queued_at)] = connection.execute(text("SELECT state, priority, queued_at FROM source"))
    assert (state, priority) == ("waiting", IntakePriority.SHARED)
    assert queued_at == pytest.approx(time(), abs=60)


def _waiting(rag: Rag) -> int:
    with rag.read_transaction() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM source WHERE state = 'waiting'")) or 0)


def _words(rag: Rag) -> str:
    with rag.read_transaction() as connection:
        return " ".join(connection.scalars(text("SELECT text FROM chunk")))


def test_pages_beyond_the_budget_of_a_host_wait(tmp_path: Path) -> None:
    with etag_site(b"words", '"one"') as site, serving(tmp_path, host_per_hour=2) as rag:
        urls = [f"{site.url}/{number}" for number in range(3)]
        for number, url in enumerate(urls):
            link(rag, url, f"{number}.000001", time())
        until(lambda: _retry_at(rag) > time() + 1000 and len(site.asked) == 2)
        assert _waiting(rag) == 1


def _retry_at(rag: Rag) -> float:
    with rag.read_transaction() as connection:
        return float(connection.scalar(text("SELECT max(retry_at) FROM source")) or 0)
