"""The words of a full-text index, and those of them that differ from a word of a question by typing errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, Select, String, bindparam, column, select, table, text

from rag.analysis.analyzer import SURFACE
from rag.analysis.spelling import count_errors, max_errors
from rag.catalog.dialects import json_values
from rag.catalog.index_versions import IndexVersion
from rag.ports import Term

_ALPHABETS = tuple(
    "".join(map(chr, range(ord(first), ord(last) + 1))) for first, last in ("az", "αω", "ая", "את", "اي")
)
"""The letters of alphabets that are small enough to try each of them."""

_MAX_SIMILAR = 50
"""Words of the whole index of which those in scope are looked up."""


def add_words(connection: Connection, version: IndexVersion, tokens: Iterable[str]) -> None:
    """Add to the vocabulary of a version those of the tokens that are unstemmed words, in SQLite.

    FTS5 can list its tokens itself, but takes twenty times as long, because it decodes every place of each.
    """
    words = sorted({token for token in tokens if token.startswith(SURFACE) and not _has_digit(token)})
    statement = text(f"INSERT OR IGNORE INTO {version.vocabulary} SELECT value FROM json_each(:words)")
    connection.execute(statement, {"words": json.dumps(words)})


def similar_words(
    connection: Connection,
    version: IndexVersion,
    words: Sequence[str],
    holders: Callable[[Sequence[Term]], Mapping[str, Collection[int]]],
) -> dict[str, list[str]]:
    """Return {word: words like it, of which `holders` names chunks}, the most similar first.

    The words have no accents. `holders` returns {text of the term: the chunks in scope that have it}.
    """
    found = _similar_tokens(connection, version, words)
    tokens = {token for tokens in found.values() for token in tokens}
    held = holders([Term(token, ((token,),)) for token in tokens])
    return {word: [token[len(SURFACE) :] for token in tokens if held[token]] for word, tokens in found.items()}


def _similar_tokens(connection: Connection, version: IndexVersion, words: Sequence[str]) -> dict[str, list[str]]:
    """Return {word: tokens of unstemmed words like it, in the whole index}, the most similar first.

    The first letter is rarely wrong: of words with another one, only those are found that are equal after it.
    """
    typed = [word for word in words if max_errors(word)]
    if not typed or not version.analysis:
        return {}
    found: dict[str, list[str]] = {}
    for word in typed:
        limit, letters = max_errors(word), set(SURFACE + word)
        near = (  # most words are ruled out by their letters alone
            token
            for token in _with_first_letter(connection, version, word)
            if len(letters.symmetric_difference(token)) <= 2 * limit
        )
        counted = [(count_errors(word, token[len(SURFACE) :], limit), token) for token in near]
        counted += [(limit, token) for token in _with_other_first_letter(connection, version, word)]
        similar = sorted((errors, token) for errors, token in counted if errors <= limit and not _has_digit(token))
        found[word] = [token for _, token in similar[:_MAX_SIMILAR]]
    return found


def _with_first_letter(connection: Connection, version: IndexVersion, word: str) -> Sequence[str]:
    length, limit, first = len(SURFACE + word), max_errors(word), SURFACE + word[0]
    rows = text(
        f"SELECT term FROM {version.vocabulary} WHERE term >= :first AND term < :last "
        "AND length(term) BETWEEN :shortest AND :longest"
    )
    values = {"first": first, "last": first + "\U0010ffff", "shortest": length - limit, "longest": length + limit}
    return connection.scalars(rows, values).all()


def _with_other_first_letter(connection: Connection, version: IndexVersion, word: str) -> Sequence[str]:
    """Return the tokens that differ from a word in its first letter only, or in the order of the first two."""
    letters = next((letters for letters in _ALPHABETS if word[0] in letters), "")
    others = [word[1:], word[1] + word[0] + word[2:]]
    others += (letter + rest for letter in letters for rest in (word, word[1:]) if letter + rest != word)
    # Looked up one by one: a condition with a list would read the whole vocabulary.
    tokens = json.dumps([SURFACE + other for other in others])
    return connection.scalars(_known(version.vocabulary), {"tokens": tokens}).all()


@cache
def _known(vocabulary: str) -> Select[str]:
    """Return those of the tokens bound as `tokens` that a vocabulary has."""
    listed = json_values(bindparam("tokens", type_=String)).table_valued("value")
    known = table(vocabulary, column("term"))
    return select(known.c.term).select_from(listed.join(known, known.c.term == listed.c.value))


def _has_digit(token: str) -> bool:
    return any(sign.isdigit() for sign in token)
