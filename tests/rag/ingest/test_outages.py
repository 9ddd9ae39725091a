"""While an origin cannot be used, its files wait; no file pays for it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rag import FetchResult, OperatorMustAct, OriginUnavailable, Rag, Settings, Share, put_share
from rag.catalog import outages
from rag.catalog.tables import outage, source
from tests.flows.team import until
from tests.rag.ingest.test_claims import KIND, serving, standing
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


class Origin:
    """A fetcher whose origin is down while `error` is set; it counts the downloads that fail at the same time."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.failed: list[str] = []
        self.broken: set[str] = set()
        self._at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self, ref: str, into: Path) -> FetchResult:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once) if self.failed else 0
        try:
            if self.error is not None or ref in self.broken:
                threading.Event().wait(0.02)
                self.failed.append(ref)
                raise self.error or OriginUnavailable("It is broken.")
            into.write_text(f"words of {ref}")
            return FetchResult()
        finally:
            with self._lock:
                self._at_once -= 1


def opened(folder: Path, origin: Origin) -> Rag:
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), open_fetchers=lambda _: {KIND: origin})


def put(rag: Rag, *refs: str) -> None:
    with rag.write_transaction() as connection:
        for ref in refs:
            put_share(connection, Share(KIND, ref, "C1", ref, None, "ada", 9, 1))


def is_ready(rag: Rag, *refs: str) -> bool:
    return all(standing(rag, ref).state == "ready" for ref in refs)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("error", [OriginUnavailable("Slack is busy (503)."), OperatorMustAct("No token.", "Get one.")])
def test_outage_is_probed_by_one_file_at_a_time_and_costs_no_attempt(tmp_path: Path, error: Exception) -> None:
    origin, refs = Origin(error), [f"F{number}" for number in range(12)]
    with opened(tmp_path, origin) as rag:
        with serving(rag):
            put(rag, *refs)
            until(lambda: len(origin.failed) >= 4)
            [found] = rag.status().outages
            assert (found.kind, found.reason, found.waiting) == (KIND, str(error), 12)
            assert found.needs_operator is isinstance(error, OperatorMustAct)
            with rag.read_transaction() as connection:
                rows = connection.execute(select(source.c.attempts, source.c.delays)).all()
            assert all(row.delays == 0 for row in rows)
            assert sum(row.attempts for row in rows) <= 1  # the probe in progress
            assert origin.most_at_once == 1
            origin.error = None
            with rag.write_transaction() as connection:
                outages.probe_now(connection)
            until(lambda: is_ready(rag, *refs))
        assert rag.status().outages == ()
        with rag.read_transaction() as connection:
            assert connection.execute(select(outage)).all() == []


@pytest.mark.timeout(120)
def test_file_that_always_fails_delays_the_others_by_a_moment_and_fails_in_the_end(tmp_path: Path) -> None:
    origin = Origin()
    origin.broken.add("F0")
    with opened(tmp_path, origin) as rag, serving(rag):
        put(rag, "F0")
        until(lambda: bool(origin.failed))
        with rag.write_transaction() as connection:  # as after many failures, each of them while others succeeded
            connection.execute(update(source).where(source.c.ref == "F0").values(delays=10**6))
        put(rag, "F1", "F2")
        until(lambda: is_ready(rag, "F1", "F2"))
        until(lambda: standing(rag, "F0").state == "failed")
        put(rag, "F3")
        until(lambda: is_ready(rag, "F3"))
