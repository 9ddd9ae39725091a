"""The names that files are shared under, by their words, searched within the scope's visible shares."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from sqlalchemy import Connection, delete, func, insert, select

from rag.analysis.analyzer import index_tokens
from rag.analysis.languages import detect_languages
from rag.catalog.any_of import is_any_of
from rag.catalog.scope import shared_documents_in
from rag.catalog.tables import name_word, share, source
from rag.model import Scope
from rag.ports import Term

_ENGLISH = "en"
_MAX_WORD = 64


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A document that is shared under this name, which has these terms of a question, by their texts."""

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


def search_names(connection: Connection, terms: Sequence[Term], scope: Scope, limit: int) -> list[NameMatch]:
    """Return the documents in scope whose name has at least one of the terms: most terms first, then newest.

    A document that is shared under several names comes once.
    """
    terms_of: dict[str, set[str]] = {}
    for term in terms:
        for word in _tokens_of(term):
            terms_of.setdefault(word, set()).add(term.text)
    if not terms_of:
        return []
    rows = (
        select(source.c.document_id, share.c.id, share.c.name, func.json_group_array(name_word.c.word).label("words"))
        .select_from(name_word)
        .join(share, share.c.id == name_word.c.share_id)
        .join(source, source.c.id == share.c.source_id)
        .where(is_any_of(name_word.c.word, terms_of), *shared_documents_in(scope))
        .group_by(share.c.id)
        .order_by(func.count().desc(), share.c.shared_at.desc(), share.c.id.desc())
        .limit(limit)
    )
    found: dict[int, NameMatch] = {}
    for row in connection.execute(rows):
        held = frozenset[str]().union(*(terms_of[word] for word in json.loads(row.words)))
        match = NameMatch(row.document_id, row.id, row.name, held)
        known = found.get(match.document)
        if known is None or len(held) > len(known.terms):
            found[match.document] = match
    return sorted(found.values(), key=lambda match: -len(match.terms))


def terms_in_name(connection: Connection, share_id: int, terms: Sequence[Term]) -> set[str]:
    """Return the texts of the terms that the name of a share has."""
    mine = connection.scalars(select(name_word.c.word).where(name_word.c.share_id == share_id))
    words = set(mine)
    return {term.text for term in terms if not words.isdisjoint(_tokens_of(term))}


def _words(name: str) -> set[str]:
    """Return the tokens of a name, in its own language and in English, without those of its ending alone."""
    path = PurePath(name)
    text = f"{path.stem} {path.name}"
    (language,) = detect_languages([path.stem])
    tokens = (index_tokens(text, each) for each in {language, _ENGLISH})
    found = {token for one in tokens for token in (*one.words, *one.forms)}
    endings = index_tokens(path.suffix.removeprefix("."), _ENGLISH)
    own = index_tokens(path.stem, _ENGLISH)
    only_ending = {*endings.words, *endings.forms} - {*own.words, *own.forms}
    return {token for token in found - only_ending if token and len(token) <= _MAX_WORD}


def _tokens_of(term: Term) -> set[str]:
    """Return the single tokens that a text with the term has."""
    alone = {phrase[0] for phrase in (*term.anywhere, *term.as_written) if len(phrase) == 1}
    return alone | ({term.surface} if term.surface else set())
