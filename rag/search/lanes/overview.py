"""Find the pages that show what a document is about, for questions about the whole of it."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Connection

from rag.catalog import Catalog
from rag.catalog.pages import outline_pages
from rag.catalog.shared_documents import documents_allowed, first_documents
from rag.model.search import Scope
from rag.search.file_names import is_name
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages

OVERVIEW = "overview"

_MAX_DOCUMENTS = 3
"""Documents that one question can be about."""

_PAGES = 6
"""Pages of a document that are shown."""


class OverviewLane:
    """Rank the first page of a document and the pages where its sections begin.

    The document is the one that the question names, or those of a scope that has few, such as a thread's.
    """

    name: ClassVar[str] = OVERVIEW
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, catalog: Catalog, depth: int) -> None:
        self._catalog = catalog
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if query.overview is None:
            return None
        with query.clock.measure("words"), self._catalog.read_transaction() as connection:
            documents = self._documents(connection, query, query.overview, scope)
            if not 0 < len(documents) <= _MAX_DOCUMENTS:
                return None
            found = outline_pages(connection, documents, _PAGES)
        return rank_pages(self.name, found, self._depth) if found else None

    def _documents(self, connection: Connection, query: Query, named: str, scope: Scope) -> set[int]:
        if named:
            return {match.document for match in query.name_matches if is_name(named, match.name)}
        if scope.documents is None:
            return set(first_documents(connection, scope, _MAX_DOCUMENTS + 1))
        if len(scope.documents) > _MAX_DOCUMENTS:
            return set()
        return {one.document for one in documents_allowed(connection, scope.documents, scope)}
