"""The names of shared files and of their attachments, by their words, searched within the scope's visible shares."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    bindparam,
    delete,
    desc,
    func,
    insert,
    select,
    text,
    union_all,
)

from rag.analysis.analyzer import index_tokens
from rag.analysis.languages import detect_languages
from rag.catalog.any_of import as_list, is_any_of, is_in
from rag.catalog.dialects import json_list
from rag.catalog.holdings import ATTACHED, OWN, Holding
from rag.catalog.scope import Shape, shape_of, shared_documents_in, values_of
from rag.catalog.tables import attachment, attachment_word, name_word, share, source
from rag.model.search import Scope
from rag.ports import Term

_ENGLISH = "en"
_MAX_WORD = 64

_WORDS_OF_NAME = select(name_word.c.word).where(name_word.c.share_id == bindparam("share", type_=Integer))


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A document that a share has under this name, which has these terms of a question, by their texts."""

    document: int
    share: int
    name: str
    terms: frozenset[str]


def put_name_words(connection: Connection, shares: Collection[int]) -> None:
    """Store the words of the names of these shares, instead of those that they had."""
    connection.execute(delete(name_word).where(is_any_of(name_word.c.share_id, shares)))
    rows = connection.execute(select(share.c.id, share.c.name).where(is_any_of(share.c.id, shares))).all()
    words = [{"share_id": row.id, "word": word} for row in rows for word in sorted(_words(row.name))]
    if words:
        connection.execute(insert(name_word), words)


def put_attachment_words(connection: Connection, those: ColumnElement[bool]) -> None:
    """Store the words of the names of attachments, all that an extraction found, instead of those that they had."""
    rows = connection.execute(select(attachment).where(those)).all()
    known = is_any_of(attachment_word.c.extraction_id, {row.extraction_id for row in rows})
    connection.execute(delete(attachment_word).where(known))
    words = [
        {"extraction_id": row.extraction_id, "number": row.number, "word": word}
        for row in rows
        for word in sorted(_words(row.name))
    ]
    if words:
        connection.execute(insert(attachment_word), words)


def attached_to_shares(shares: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that an attachment is in a file of these shares."""
    documents = select(source.c.document_id).join(share, share.c.source_id == source.c.id)
    return attachment.c.document_id.in_(documents.where(is_any_of(share.c.id, shares)))


def search_names(connection: Connection, terms: Sequence[Term], scope: Scope, limit: int) -> list[NameMatch]:
    """Return the documents in scope whose name has at least one of the terms: most terms first, then newest.

    A document that has several names comes once.
    """
    terms_of: dict[str, set[str]] = {}
    for term in terms:
        for word in _tokens_of(term):
            terms_of.setdefault(word, set()).add(term.text)
    if not terms_of:
        return []
    values = values_of(scope, words=as_list(terms_of), limit=limit)
    found: dict[int, NameMatch] = {}
    for row in connection.execute(_best_names(shape_of(scope)), values):
        held = frozenset[str]().union(*(terms_of[word] for word in json.loads(row.words)))
        match = NameMatch(row.document, row.id, row.name, held)
        known = found.get(match.document)
        if known is None or len(held) > len(known.terms):
            found[match.document] = match
    return sorted(found.values(), key=lambda match: -len(match.terms))


def find_in_names(connection: Connection, terms: Sequence[Term], scope: Scope) -> set[str]:
    """Return the texts of the terms that the name of at least one document in scope has."""
    tokens_of = {term.text: _tokens_of(term) for term in terms}
    wanted = frozenset[str]().union(*tokens_of.values())
    if not wanted:
        return set()
    held = set(connection.scalars(_words_in_names(shape_of(scope)), values_of(scope, words=as_list(wanted))))
    return {text for text, tokens in tokens_of.items() if not held.isdisjoint(tokens)}


@cache
def _words_in_names(shape: Shape) -> CompoundSelect[*tuple[Any, ...]]:
    return union_all(
        *(
            select(way.word)
            .select_from(way.named)
            .where(is_in(way.word, "words"), *shared_documents_in(shape, way))
            .distinct()
            for way in (OWN, ATTACHED)
        )
    )


@cache
def _best_names(shape: Shape) -> CompoundSelect[*tuple[Any, ...]]:
    rows = union_all(*(_names_with(way, shape) for way in (OWN, ATTACHED)))
    order = (desc(text(column)) for column in ("number", "shared_at", "id"))
    return rows.order_by(*order).limit(bindparam("limit", type_=Integer))


def _names_with(way: Holding, shape: Shape) -> Select[Any]:
    """Return the names of one way that have some of the words, with the words."""
    return (
        select(
            way.document.label("document"),
            share.c.id.label("id"),
            way.file_name.label("name"),
            json_list(way.word.distinct()).label("words"),
            func.count(way.word.distinct()).label("number"),
            share.c.shared_at.label("shared_at"),
        )
        .select_from(way.named)
        .where(is_in(way.word, "words"), *shared_documents_in(shape, way))
        .group_by(way.document, share.c.id, way.file_name)
    )


def terms_in_name(connection: Connection, share_id: int, terms: Sequence[Term]) -> set[str]:
    """Return the texts of the terms that the name of a share has."""
    words = set(connection.scalars(_WORDS_OF_NAME, {"share": share_id}))
    return {term.text for term in terms if not words.isdisjoint(_tokens_of(term))}


def _words(name: str) -> set[str]:
    """Return the tokens of a name, in its own language and in English, without those of its ending alone."""
    path = PurePath(name)
    twice = f"{path.stem} {path.name}"
    (language,) = detect_languages([path.stem])
    tokens = (index_tokens(twice, each) for each in {language, _ENGLISH})
    found = {token for one in tokens for token in (*one.words, *one.forms)}
    endings = index_tokens(path.suffix.removeprefix("."), _ENGLISH)
    own = index_tokens(path.stem, _ENGLISH)
    only_ending = {*endings.words, *endings.forms} - {*own.words, *own.forms}
    return {token for token in found - only_ending if token and len(token) <= _MAX_WORD}


def _tokens_of(term: Term) -> set[str]:
    """Return the single tokens that a text with the term has."""
    alone = {phrase[0] for phrase in (*term.anywhere, *term.as_written) if len(phrase) == 1}
    return alone | ({term.surface} if term.surface else set())
