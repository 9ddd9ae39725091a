"""The rank of waiting work in SQL; `rag.fairness` explains it."""

from __future__ import annotations

from time import time

from sqlalchemy import ColumnElement, Integer, cast, func, select

from rag.catalog.scope import is_live
from rag.catalog.tables import extraction, source
from rag.fairness import AGEING, IntakePriority


def rank(priority: ColumnElement[int], queued_at: ColumnElement[float]) -> ColumnElement[int]:
    """Return what `fairness.rank_of` computes."""
    steps = cast((time() - queued_at) / AGEING, Integer)
    return func.min(priority, func.max(priority - steps, int(IntakePriority.SHARED)))


def best_rank() -> ColumnElement[int]:
    """Return the rank of an extraction that is the first of its document: the best one of the document's sources."""
    mine = (source.c.document_id == extraction.c.document_id) & is_live()
    best = select(func.min(rank(source.c.priority, source.c.queued_at))).where(mine).scalar_subquery()
    return func.coalesce(best, int(IntakePriority.REREAD))
