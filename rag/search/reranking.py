"""Rerank the first pages of a search by a model that reads them together with the question.

A reranker only ever changes the order. If it is off, fails or needs more time than its budget, the pages stay as they
are, and the status says why. It gets the texts, or the images, of pages in scope, as they are in the catalog now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeAlias

from sqlalchemy import Connection

from rag.catalog import Catalog
from rag.catalog.captions import captions_of
from rag.catalog.chunks import chunks_by_id
from rag.catalog.pages import page_images
from rag.catalog.scope import shares_shown
from rag.errors import MagpieError, RerankerBusy, RerankerFailed, TryAgain, Unreadable
from rag.images import model_jpeg
from rag.model.search import PageKey, Scope
from rag.ports import MAX_PASSAGES, PASSAGE_CHARS, ImageReranker, Reranker
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.setting_groups import RerankSettings
from rag.vectors.lazy_embedder import RETRY_DELAY
from rag.vectors.priority_thread import PriorityThread, Urgency

RERANKER = "reranker"
"""The reranker's name among the lanes of a result, and that of its ranking."""

_BY_PICTURE = frozenset({"clip-picture", "clip-text", "pixels", "page-images"})
"""Lanes that find a page by what it looks like. A page that only these found is not judged by its words."""

_MAX_SLOW = 3
"""Searches, one after another, that the reranker may fail or delay before it is left alone for a while."""


_Judged: TypeAlias = tuple[list[PageKey], Callable[[str], list[float]]]
"""The page of each text or image that is judged, and a function that scores these for a question."""


@dataclass(frozen=True, slots=True)
class Reranked:
    """The pages in their new order. `ranking` has those that were scored, best first; None if nothing was reranked."""

    pages: list[PageKey]
    status: LaneStatus
    ranking: Ranking | None = None


class Reranking:
    """A reranker in a thread of its own, so that a search can go on without it."""

    def __init__(self, catalog: Catalog, data: Path, reranker: Reranker, settings: RerankSettings) -> None:
        self._catalog = catalog
        self._data = data
        self._reranker = reranker
        self._settings = settings
        self._thread = PriorityThread("reranker")
        self._is_open = False
        self._late: Future[list[float]] | None = None
        self._slow = 0
        self._off = ON
        self._next_try = float("-inf")

    def close(self) -> None:
        self._reranker.close()  # first, because it ends a request that is waited for
        self._thread.close()

    def load(self) -> None:
        """Begin to load the model if necessary; return at once."""
        self._thread.submit(Urgency.QUESTION, self._open)

    def status(self) -> LaneStatus:
        """Load the model if necessary, and return whether searches are reranked now."""
        if not self._is_open and monotonic() >= self._next_try:
            try:
                self._thread.run(Urgency.QUESTION, self._open)
            except MagpieError as error:
                self._turn_off(error)
        return self._off

    def try_out(self) -> Sequence[float]:
        """Return the scores of a passage that answers a question, and of one that does not. Raise what it raises."""
        passages = ["The gateway listens on port 8443.", "Lunch is served at noon."]

        def score() -> list[float]:
            return self._reranker.score("Which port has the gateway?", passages)

        return self._thread.run(Urgency.QUESTION, lambda: self._open_and(score))

    def rerank(self, query: Query, pages: Sequence[PageKey], rankings: Sequence[Ranking], scope: Scope) -> Reranked:
        """Return the pages with the first ones in the order of their scores. Never raises a MagpieError."""
        unchanged = list(pages)
        if _is_about_places(query) or len(pages) < 2:
            return Reranked(unchanged, self._off)
        if self._off is not ON and monotonic() < self._next_try:
            return Reranked(unchanged, self._off)
        first = pages[: self._settings.pages]
        judged, score = self._judged_by_image(first, scope) or self._judged_by_text(first, rankings, scope)
        if len(set(judged)) < 2:
            return Reranked(unchanged, ON)
        try:
            scores = self._run(lambda: score(query.text), len(judged))
        except MagpieError as error:
            return Reranked(unchanged, self._turn_off(error))
        self._off, self._slow = ON, 0
        best: dict[PageKey, float] = {}
        for page, found in zip(judged, scores, strict=True):
            best[page] = max(found, best.get(page, 0.0))
        ranked = sorted(best, key=lambda page: -best[page])  # equal scores stay in the order of the fusion
        kept = tuple(best[page] for page in ranked) if self._reranker.gives_probabilities else ()
        return Reranked(_reordered(unchanged, ranked), ON, Ranking(RERANKER, tuple(ranked), {}, kept))

    def _judged_by_text(self, pages: Sequence[PageKey], rankings: Sequence[Ranking], scope: Scope) -> _Judged:
        """Return the page of each text by which pages are judged, and what scores these texts for a question."""
        with self._catalog.read_transaction() as connection:
            passages = read_passages(connection, pages, rankings, scope)
        texts = [text for _, text in passages]
        return [page for page, _ in passages], lambda question: self._reranker.score(question, texts)

    def _judged_by_image(self, pages: Sequence[PageKey], scope: Scope) -> _Judged | None:
        """Return the pages that have an image, and what scores these images; None if they are not read."""
        reranker = self._reranker
        if not self._settings.images or not isinstance(reranker, ImageReranker):
            return None
        with self._catalog.read_transaction() as connection:
            paths = page_images(connection, pages, scope)
        pictures: dict[PageKey, bytes] = {}
        for page in pages[:MAX_PASSAGES]:
            if page in paths:
                with suppress(Unreadable):  # removed a moment ago
                    pictures[page] = model_jpeg(self._data / paths[page])
        shown = list(pictures.values())
        return list(pictures), lambda question: reranker.score_images(question, shown)

    def _run(self, score: Callable[[], list[float]], count: int) -> list[float]:
        """Return the scores. Raise RerankerBusy after the budget, at once while an earlier question is not done."""
        if self._late is not None and not self._late.done():
            raise RerankerBusy("it is still busy with an earlier question" if self._is_open else "it is being loaded")
        future = self._thread.submit(Urgency.QUESTION, lambda: self._open_and(score))
        try:
            scores = future.result(self._settings.budget_ms / 1000)
        except TimeoutError:
            future.cancel()
            self._late = future
            if not self._is_open:
                raise RerankerBusy("it is being loaded") from None
            raise RerankerBusy(
                f"it took more than {self._settings.budget_ms} ms",
                "raise MAGPIE_RERANK__BUDGET_MS, or use a smaller model or a GPU",
            ) from None
        if len(scores) != count or not all(map(math.isfinite, scores)):
            raise RerankerFailed("it returned too few scores, or some that are not numbers", "use another reranker")
        return scores

    def _open_and(self, score: Callable[[], list[float]]) -> list[float]:
        self._open()
        return score()

    def _open(self) -> None:
        self._reranker.open()
        self._is_open = True

    def _turn_off(self, error: MagpieError) -> LaneStatus:
        """Record why searches are not reranked. A reranker that fails, or is slow repeatedly, is left alone a while."""
        self._off = LaneStatus(str(error).rstrip("."), error.hint)
        is_temporary = isinstance(error, TryAgain)
        self._slow += 1 if self._is_open else 0  # loading takes a while, and ends
        if not is_temporary or self._slow >= _MAX_SLOW:
            self._next_try = monotonic() + RETRY_DELAY
            self._slow = 0
        return self._off


def _is_about_places(query: Query) -> bool:
    """Return whether a query is a picture, or a question about pages that it names or about a whole document.

    What is on these pages does not say whether they are meant.
    """
    return query.kind is QueryKind.PICTURE or bool(query.references) or query.overview is not None


def read_passages(
    connection: Connection, pages: Sequence[PageKey], rankings: Sequence[Ranking], scope: Scope
) -> list[tuple[PageKey, str]]:
    """Return the texts by which pages are judged: the best chunk of each, then further ones, at most MAX_PASSAGES.

    A text starts with the file's name, and with the words of the message that matched, if one did. Pages that are not
    in scope, and those without words, have none.
    """
    by_words = [ranking for ranking in rankings if ranking.lane not in _BY_PICTURE]
    matched = {page: share for ranking in by_words for page, share in ranking.shares.items()}
    chunks = {page: _chunks_of(page, by_words) for page in pages}
    rows = chunks_by_id(connection, [chunk for ids in chunks.values() for chunk in ids])
    generated = captions_of(connection, rows)
    shown = shares_shown(connection, [document for document, _ in pages], scope, list(matched.values()))
    found: list[tuple[int, PageKey, str]] = []
    for page in pages:
        if page[0] not in shown:
            continue
        share = shown[page[0]]
        said = share.posted.words if page in matched else ""
        for number, row in enumerate(rows[chunk] for chunk in chunks[page] if chunk in rows):
            words = "\n".join(filter(None, (row.heading, row.caption, *generated.get(row.id, ())[:1], row.text)))
            if (row.document, row.page) == page and words.strip():
                found.append((number, page, "\n".join(filter(None, (share.name, said, words)))[:PASSAGE_CHARS]))
    found.sort(key=lambda one: one[0])
    return [(page, text) for _, page, text in found[:MAX_PASSAGES]]


def _chunks_of(page: PageKey, rankings: Sequence[Ranking]) -> list[int]:
    """Return the chunks that show a page, the best one of each lane first."""
    lists = [ranking.chunks.get(page, ()) for ranking in rankings]
    longest = max(map(len, lists), default=0)
    return list(dict.fromkeys(chunks[rank] for rank in range(longest) for chunks in lists if rank < len(chunks)))


def _reordered(pages: Sequence[PageKey], ranked: Sequence[PageKey]) -> list[PageKey]:
    """Return the pages with those of `ranked` in its order, in the places that they have together; others stay."""
    order, moved = iter(ranked), frozenset(ranked)
    return [next(order) if page in moved else page for page in pages]
