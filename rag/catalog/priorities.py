"""The rank of waiting work in SQL; `rag.fairness` explains it."""

from __future__ import annotations

from time import time

from sqlalchemy import ColumnElement, func, select

from rag.catalog.dialects import greatest, least, whole
from rag.catalog.holdings import both_ways
from rag.catalog.scope import is_live
from rag.catalog.tables import extraction, source
from rag.fairness import AGEING, IntakePriority


def rank(priority: ColumnElement[int], queued_at: ColumnElement[float]) -> ColumnElement[int]:
    """Return what `fairness.rank_of` computes."""
    steps = whole((time() - queued_at) / AGEING)
    return least(priority, greatest(priority - steps, int(IntakePriority.SHARED)))


def best_rank() -> ColumnElement[int]:
    """Return the rank of an extraction that is the first of its document: the best one of the document's sources, or of
    those of the files that it is attached to."""
    ranks = both_ways(
        lambda way: (
            select(rank(source.c.priority, source.c.queued_at).label("rank"))
            .where(way.document == extraction.c.document_id, is_live(way))
            .correlate(extraction)
        )
    ).subquery()
    best = select(func.min(ranks.c.rank)).scalar_subquery()
    return func.coalesce(best, int(IntakePriority.REREAD))
