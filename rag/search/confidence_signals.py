"""What a search says about itself: the signals from which it is decided whether anything was found."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from sqlalchemy import Connection

from rag.catalog.chunks import pages_by_chunk
from rag.model import Scope
from rag.ports import WordIndex
from rag.search.fusion import Page, Ranking
from rag.search.query_analysis import Asked, names
from rag.text import tokens

SCORE, FALL, NAMES, PAIRS = "score", "fall", "names", "pairs"
HELD, AGREEMENT = "held", "agreement"

_LEAST_WORDS = 3
"""Recognised words from which a picture can be identified by them."""

_K1 = 1.2
"""BM25's k1, which FTS5 does not let anybody change: a word counts at most (k1 + 1) times its IDF."""

_LEAST_IDF = 1e-6
"""What FTS5 gives a word that more than half of all chunks have."""

_LEAST_CHUNKS = 100
"""Chunks from which on BM25 tells something: in a handful nearly every word is common and weighs nothing."""

DECIDES: Mapping[str, tuple[str, ...]] = {
    "question": (SCORE, FALL, NAMES, PAIRS),
    "few": (HELD, NAMES, PAIRS),
    "picture": (HELD, AGREEMENT),
}
"""What each decision looks at; "few" decides on questions where there is no `score`."""

_UNKNOWN = 2.0
"""How many times the IDF of the question's rarest word a word may count that nobody has. Between 1 and 3 it makes no
measurable difference where much is indexed."""

_TENTH = 9


def of_question(
    connection: Connection,
    words: WordIndex,
    asked: Asked,
    scope: Scope,
    by_words: Ranking,
    best: Page | None,
) -> dict[str, float]:
    """Signals of a question, each 0 to 1 and higher where an answer is likelier; one that cannot be had is left out.

    `score`: the best page's BM25, as a share of the most that a page could have; left out among few chunks. `held`: the
    share, by IDF, of the question's words that the page `best` has. `fall`: how far the tenth page's
    lies below it. `names`: the share, by IDF, of the question's names and numbers that the document of the page
    `best` has. `pairs`: the share of its neighbouring words that this document has side by side.
    """
    total = words.count(connection, Scope.operator())
    counts = words.counts(connection, asked.words)
    idf = _idf(counts, total)
    named = [word for word in names(asked.about) if word in idf]
    whole = (_K1 + 1) * sum(idf[word] for word in asked.searched if word in idf)
    first = by_words.scores[0] if by_words.scores else 0.0
    found: dict[str, float] = {}
    if total >= _LEAST_CHUNKS:
        found[SCORE] = min(1.0, first / whole) if whole else 0.0
    if first > 0:
        tenth = by_words.scores[_TENTH] if len(by_words.scores) > _TENTH else 0.0
        found[FALL] = 1 - tenth / first
    pairs = neighbours(asked.about, asked.words)
    if best is None or not asked.words:
        return found
    inside = replace(scope, documents=frozenset((best[0],)))
    holders = words.holders(connection, [*dict.fromkeys((*asked.words, *pairs))], inside)
    held = {word for word, chunks in holders.items() if chunks}
    page = pages_by_chunk(connection, [best]).keys()
    found[HELD] = _share(asked.words, {word for word in held if holders[word] & page}, _smooth_idf(counts, total))
    if named:
        found[NAMES] = _share(named, held, idf)
    if pairs:
        found[PAIRS] = _share(pairs, held, dict.fromkeys(pairs, 1.0))
    return found


def neighbours(question: str, wanted: Collection[str]) -> list[str]:
    """The distinct phrases of two wanted words that stand side by side."""
    row, known = tokens(question), set(wanted)
    return list(dict.fromkeys(f"{a} {b}" for a, b in pairwise(row) if {a, b} <= known))


def _idf(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """As FTS5 has it, over all that is indexed: only so do its scores have a highest. `counts` are chunks by word."""
    idf = {word: max(math.log((total - n + 0.5) / (n + 0.5)), _LEAST_IDF) for word, n in counts.items()}
    rarest = max((idf[word] for word, n in counts.items() if n), default=_LEAST_IDF)
    return {word: value if counts[word] else min(value, _UNKNOWN * rarest) for word, value in idf.items()}


def _smooth_idf(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """BM25's IDF as Lucene has it, which is above 0 for every word; a word that nobody has counts as the rarest does,
    for it may be as telling and no more."""
    idf = {word: math.log(1 + (total - n + 0.5) / (n + 0.5)) for word, n in counts.items()}
    rarest = max((idf[word] for word, n in counts.items() if n), default=1.0)
    return {word: min(value, rarest) for word, value in idf.items()}


def _share(parts: Sequence[str], held: Collection[str], weights: Mapping[str, float]) -> float:
    return sum(weights[part] for part in parts if part in held) / sum(weights[part] for part in parts)


def of_picture(
    connection: Connection,
    words: WordIndex,
    wanted: Sequence[str],
    scope: Scope,
    pages: Sequence[Page],
    agreement: float | None,
) -> dict[str, float] | None:
    """Signals of a picture, each 0 to 1; one that cannot be had is left out, and None is returned for none at all.

    `held`: the share of the IDF mass of the words recognised in it that the best of these pages holds. `agreement`: how
    far the page that looks most like it agrees with it, where they could be compared.
    """
    found = {} if agreement is None else {AGREEMENT: agreement}
    if len(wanted) >= _LEAST_WORDS:
        found[HELD] = _held_mass(connection, words, wanted, scope, pages)
    return found or None


def _held_mass(
    connection: Connection, words: WordIndex, wanted: Sequence[str], scope: Scope, pages: Sequence[Page]
) -> float:
    """The share, 0 to 1, of the words' IDF mass that the best of these pages holds."""
    total = words.count(connection, scope)
    on_page = pages_by_chunk(connection, pages)
    held = dict.fromkeys(pages, 0.0)
    known: list[float] = []
    holders = words.holders(connection, wanted, scope)
    for having in filter(None, holders.values()):
        # BM25's IDF, never negative.
        known.append(math.log(1 + (total - len(having) + 0.5) / (len(having) + 0.5)))
        for page in {on_page[chunk_id] for chunk_id in having & on_page.keys()}:
            held[page] += known[-1]
    if not known:
        return 0.0
    # A word that nobody has weighs as much as the rarest that is there, for it may be as telling and no more.
    return max(held.values(), default=0.0) / (sum(known) + (len(holders) - len(known)) * max(known))
