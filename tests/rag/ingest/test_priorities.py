"""What people wait for is fetched and extracted first, and nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest
from sqlalchemy import update

from rag import FetchResult, IntakePriority, Rag, Settings, Share, put_share
from rag.catalog.extractions import request_extraction
from rag.catalog.tables import source
from rag.fairness import AGEING, Claimant, FairQueue, rank_of
from rag.model.extraction import ExtractedPage
from tests.flows.team import until
from tests.rag.ingest.test_claims import KIND, serving, standing
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


class Origin:
    """A fetcher that records the order of its downloads, which take `seconds`. `third` is called in the third one."""

    def __init__(self, third: Callable[[], None] = lambda: None, seconds: float = 0) -> None:
        self.fetched: list[str] = []
        self._third = third
        self._seconds = seconds

    def __call__(self, ref: str, into: Path) -> FetchResult:
        self.fetched.append(ref)
        if len(self.fetched) == 3:
            self._third()
        threading.Event().wait(self._seconds)
        into.write_text(f"words of {ref}")
        return FetchResult()


class Recording(TextExtractor):
    """Records the order of extractions. `third` is called in the third one."""

    def __init__(self, extracted: list[str], third: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._extracted = extracted
        self._third = third

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        self._extracted.append(path.read_text().split()[2])
        if len(self._extracted) == 3:
            self._third()
        return super().extract(path, first, last, into)


def opened(folder: Path, origin: Origin, extractor: Callable[[], TextExtractor] = TextExtractor) -> Rag:
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=extractor, embedder=NoEmbedder(), open_fetchers=lambda _: {KIND: origin})


def put(rag: Rag, *refs: str, person: str = "ada", listed: bool = False, asked: bool = False) -> None:
    priority = IntakePriority.ASKED if asked else None
    with rag.write_transaction() as connection:
        for ref in refs:
            when = int(ref.strip("FSQR")) * 10**9
            new = Share(KIND, ref, "C1", ref, None, person, 9, when, listed=listed, priority=priority)
            put_share(connection, new)


FOUND = [f"F{number}" for number in range(200)]


@pytest.mark.timeout(120)
def test_new_file_is_fetched_next_although_hundreds_were_found(tmp_path: Path) -> None:
    origin = Origin(lambda: put(rag, "S1"), seconds=0.1)
    with opened(tmp_path, origin) as rag, serving(rag):
        put(rag, *FOUND, listed=True)
        until(lambda: "S1" in origin.fetched)
    # The list of claimants is at most half a second old.
    assert origin.fetched.index("S1") <= 40
    assert set(origin.fetched[:2]) == {"F199", "F198"}


@pytest.mark.timeout(120)
def test_new_file_is_extracted_next_although_hundreds_were_found(tmp_path: Path) -> None:
    extracted: list[str] = []
    origin = Origin()

    def share_now() -> None:
        put(rag, "S1", "S2")
        until(lambda: {"S1", "S2"} <= set(origin.fetched))
        put(rag, "Q3", person="ben", asked=True)
        until(lambda: "Q3" in origin.fetched)
        threading.Event().wait(0.6)  # the list of claimants is at most half a second old

    with opened(tmp_path, origin, lambda: Recording(extracted, share_now)) as rag, serving(rag):
        put(rag, *FOUND, listed=True)
        until(lambda: len(extracted) > 6)
        until(lambda: standing(rag, "S2").state == "ready")
    assert extracted[3] == "Q3"
    assert set(extracted[4:6]) == {"S1", "S2"}


@pytest.mark.timeout(120)
def test_documents_that_are_read_again_wait_for_new_ones(tmp_path: Path) -> None:
    extracted: list[str] = []
    origin, old = Origin(), [f"F{number}" for number in range(10, 22)]
    with opened(tmp_path, origin) as rag, serving(rag):
        put(rag, *old)
        until(lambda: all(standing(rag, ref).state == "ready" for ref in old))

    def newer() -> TextExtractor:
        return Recording(extracted)

    with opened(tmp_path, origin, newer) as rag:
        put(rag, "F4", listed=True)
        put(rag, "S5")
        with rag.write_transaction() as connection:
            for document in range(1, 13):
                request_extraction(connection, document, "newer")
        with serving(rag):
            until(lambda: len(extracted) == 14)
    # Whichever is fetched first is read first, and old ones are read while the new ones are fetched.
    assert max(extracted.index("S5"), extracted.index("F4")) < 9
    assert set(extracted) == {*old, "F4", "S5"}


def test_waiting_improves_the_rank_but_nothing_overtakes_a_question() -> None:
    found, again = IntakePriority.FOUND, IntakePriority.REREAD
    assert [rank_of(found, 0, now) for now in (0, AGEING - 1, AGEING, 99 * AGEING)] == [2, 2, 1, 1]
    assert [rank_of(again, 0, now) for now in (0, AGEING, 2 * AGEING, 99 * AGEING)] == [3, 2, 1, 1]
    assert rank_of(IntakePriority.SHARED, 0, 99 * AGEING) == 1
    assert rank_of(IntakePriority.ASKED, 0, 99 * AGEING) == 0


def test_work_that_aged_takes_turns_with_new_work() -> None:
    queue = FairQueue()
    mine, new = Claimant(IntakePriority.FOUND, "ada"), Claimant(IntakePriority.SHARED, "ben")
    other = Claimant(IntakePriority.FOUND, "cara")
    left = {mine: 9, other: 9, new: 3}

    def claim(claimant: Claimant | None) -> str | None:
        if claimant is None or not left[claimant]:
            return None
        left[claimant] -= 1
        return claimant.person

    order = [queue.claim(lambda: {mine: 1, other: 1, new: 1}, claim)[0] for _ in range(7)]
    assert order == ["ada", "ben", "cara", "ben", "ada", "ben", "cara"]
    assert queue.has_to_yield(new, dict) is False


@pytest.mark.timeout(120)
def test_found_file_that_waited_for_long_is_not_behind_all_new_ones(tmp_path: Path) -> None:
    origin = Origin()
    with opened(tmp_path, origin) as rag:
        put(rag, "F1", listed=True)
        put(rag, *(f"S{number}" for number in range(2, 40)), person="ben")
        with rag.write_transaction() as connection:
            connection.execute(update(source).where(source.c.ref == "F1").values(queued_at=time() - AGEING - 1))
        with serving(rag):
            until(lambda: "F1" in origin.fetched)
    assert origin.fetched.index("F1") <= 3


def test_known_file_that_a_question_needs_moves_to_the_front(tmp_path: Path) -> None:
    origin = Origin()
    with opened(tmp_path, origin) as rag:
        put(rag, *(f"F{number}" for number in range(20)), listed=True)
        put(rag, "F3", asked=True)
        with serving(rag):
            until(lambda: len(origin.fetched) > 5)
    assert origin.fetched.index("F3") <= 1
