"""What the full-text indexes of both databases share: fields, their weights and tokens, and joins with the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Select, Subquery, select

from rag.analysis.analyzer import index_tokens
from rag.analysis.languages import detect_languages
from rag.catalog.scope import Shape, is_current, shared_documents_in
from rag.catalog.tables import chunk, document, share, source
from rag.ports import IndexEntry
from rag.text import with_broken_words

COLUMNS = ("title", "heading", "caption", "body")
"""The fields of a chunk with its words as they are written."""

WEIGHTS = {"title": 1.0, "heading": 1.5, "caption": 1.5, "body": 1.0, "forms": 1.25}
"""BM25 weights of the fields. A word in the form of the question counts a little more than its stem."""

Tokens = Mapping[str, Sequence[str]]
"""The tokens of a text, by field."""


def chunk_tokens(entry: IndexEntry) -> Tokens:
    """Return the tokens of a chunk: those of COLUMNS, and their other `forms`."""
    texts = {name: with_broken_words(getattr(entry, name)) for name in ("heading", "caption", "body")}
    tokens = {name: index_tokens(written, entry.language) for name, written in texts.items()}
    title = index_tokens(entry.title, entry.language).words
    forms = list(chain.from_iterable(found.forms for found in tokens.values()))
    return {name: found.words for name, found in tokens.items()} | {"title": title, "forms": forms}


def message_tokens(words: str) -> Tokens:
    """Return the tokens of a message: those of its `words`, and their other `forms`."""
    (language,) = detect_languages([words])
    found = index_tokens(words, language)
    return {"words": found.words, "forms": found.forms}


def with_pages(best: Subquery) -> Select[*tuple[Any, ...]]:
    """Return (chunk, document, page, rank) of chunks by (id, rank), of which the lowest is the best.

    The document of a chunk that is not searched is None.
    """
    return (
        select(chunk.c.id, document.c.id, chunk.c.page, best.c.rank)
        .join_from(best, chunk, chunk.c.id == best.c.id)
        .outerjoin(document, is_current())
        .order_by(best.c.rank, best.c.id)
    )


def shares_in_scope(shape: Shape) -> Select[int]:
    """Return a subquery of the shares that make a document part of a scope."""
    return select(share.c.id).join(source, source.c.id == share.c.source_id).where(*shared_documents_in(shape))
