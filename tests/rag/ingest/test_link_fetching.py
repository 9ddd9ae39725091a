"""Third-party servers do not block extraction or each other, and their errors fail one source only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from rag import Fetcher, FetchResult, Rag, Settings, Share, SourceStatus, TryAgain, put_share, source_statuses
from rag.ingest.fetch.urls import UrlFetcher
from rag.ports import HostFetcher
from rag.setting_groups import ReadSettings, WebSettings
from tests.flows.team import until
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

KIND = "slack-link"


class Hosts:
    """A HostFetcher that returns a few words; `slow` hosts answer when `released` is set."""

    def __init__(self, *slow: str) -> None:
        self.released = threading.Event()
        self.most: Counter[str] = Counter()
        self._slow = slow
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()

    def host(self, ref: str) -> str:
        return urlsplit(ref).hostname or ""

    def __call__(self, ref: str, into: Path) -> FetchResult:
        host = self.host(ref)
        with self._lock:
            self._now[host] += 1
            self.most[host] = max(self.most[host], self._now[host])
        if host in self._slow:
            self.released.wait(50)
        into.write_text(f"words of {ref}")
        with self._lock:
            self._now[host] -= 1
        return FetchResult(name=ref)


@contextmanager
def serving(folder: Path, fetcher: Fetcher) -> Iterator[Rag]:
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
    stop = threading.Event()
    with open_rag(
        settings, extractor=TextExtractor, embedder=NoEmbedder(), open_fetchers=lambda _: {KIND: fetcher}
    ) as rag:
        thread = threading.Thread(target=rag.serve, args=(stop,), daemon=True)
        thread.start()
        try:
            yield rag
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()


def share(rag: Rag, *refs: str, kind: str = KIND) -> None:
    with rag.write_transaction() as connection:
        for ref in refs:
            put_share(connection, Share(kind, ref, "C1", ref, ref))


def standing(rag: Rag, ref: str, kind: str = KIND) -> SourceStatus:
    with rag.read_transaction() as connection:
        [found] = source_statuses(connection, kind, [ref], "C1")
    return found


def test_url_fetcher_is_a_host_fetcher() -> None:
    fetcher = UrlFetcher(WebSettings(), ReadSettings())
    assert isinstance(fetcher, HostFetcher)
    assert fetcher.host("https://Docs.Example.:443/a") == fetcher.host("http://docs.example/b") == "docs.example"
    assert fetcher.host("http://[") == ""


@pytest.mark.timeout(60)
def test_slow_host_does_not_block_other_hosts_or_extraction(tmp_path: Path) -> None:
    fetcher = Hosts("slow.example")
    (tmp_path / "paper.txt").write_text("words on paper")
    slow = [f"http://slow.example/{number}" for number in range(5)]
    with serving(tmp_path, fetcher) as rag:
        share(rag, *slow, "http://quick.example/a", "http://quick.example/b")
        share(rag, str(tmp_path / "paper.txt"), kind="path")
        until(lambda: standing(rag, "http://quick.example/b").state == "ready")
        until(lambda: standing(rag, str(tmp_path / "paper.txt"), "path").state == "ready")
        assert {standing(rag, ref).state for ref in slow} == {"waiting", "reading"}
        fetcher.released.set()
        until(lambda: {standing(rag, ref).state for ref in slow} == {"ready"})
    assert fetcher.most == {"slow.example": 1, "quick.example": 1}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("error", [RuntimeError("boom"), UnicodeError("no label"), AssertionError(), RecursionError()])
def test_unexpected_error_fails_one_source_and_is_logged(
    error: Exception, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Hosts):
        def __call__(self, ref: str, into: Path) -> FetchResult:
            if ref.endswith("odd"):
                raise error
            return super().__call__(ref, into)

    with serving(tmp_path, Failing()) as rag:
        share(rag, "http://a.example/odd", "http://a.example/fine")
        until(lambda: standing(rag, "http://a.example/fine").state == "ready")
        found = standing(rag, "http://a.example/odd")
    assert (found.state, found.reason) == ("failed", "It could not be fetched because of an unexpected error.")
    assert type(error).__name__ in caplog.text


@pytest.mark.timeout(60)
def test_disk_error_is_reported_without_its_path(tmp_path: Path) -> None:
    class Full(Hosts):
        def __call__(self, ref: str, into: Path) -> FetchResult:
            raise OSError(28, "No space left on device", str(into))

    with serving(tmp_path, Full()) as rag:
        share(rag, "http://a.example/a")
        until(lambda: _reason(rag) != "")
        assert _reason(rag) == "It could not be saved: No space left on device."


def _reason(rag: Rag) -> str:
    with rag.read_transaction() as connection:
        return connection.scalar(text("SELECT reason FROM source")) or ""


@pytest.mark.timeout(60)
def test_third_party_server_is_retried_at_growing_intervals(tmp_path: Path) -> None:
    class Down(Hosts):
        def __call__(self, ref: str, into: Path) -> FetchResult:
            raise TryAgain("Down.")

    with serving(tmp_path, Down()) as rag:
        share(rag, "http://a.example/a")

        def after_hours() -> bool:
            with rag.write_transaction() as connection:
                return bool(connection.execute(text(f"{_PUT_OFF} WHERE state = 'waiting' AND delays > 0")).rowcount)

        def row(column: str) -> float:
            with rag.read_transaction() as connection:
                return float(connection.scalar(text(f"SELECT {column} FROM source")) or 0)

        until(after_hours)
        until(lambda: row("delays") == 17)
        assert row("retry_at") - time() > 30_000
        assert standing(rag, "http://a.example/a").state == "waiting"


_PUT_OFF = "UPDATE source SET delays = 16, retry_at = 0"
