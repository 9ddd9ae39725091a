"""Correct typing errors in a question, by words of the documents in scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import Connection

from rag.analysis.analyzer import all_stop_words
from rag.analysis.letters import fold, normalize
from rag.analysis.pieces import Piece, split_pieces
from rag.analysis.question import make_term
from rag.analysis.spelling import max_errors, misspelled_stop_words
from rag.catalog.share_names import find_in_names
from rag.catalog.share_words import shares_with
from rag.model.search import Scope
from rag.ports import FullTextIndex, Term
from rag.search.form_words import form_words

_MAX_WORDS = 4
"""Unknown words of a question that are corrected; with more, it is in another language."""

_MIN_PART = 3
"""Letters of each of two words that were written as one."""

_MIN_LETTERS = 5
"""Letters of a word in which more than exchanged letters are corrected."""

_MAX_CANDIDATES = 3
"""Corrections of one word that are searched for."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """A question with corrected words. `words` maps a word as it was typed to the best correction, both folded.

    Stop words are corrected, too, but are not in `words`: they are not searched for. `others` are
    terms for further corrections of the same words.
    """

    question: str
    words: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Term, ...] = ()

    def notice(self) -> str:
        """Return a sentence for the reader; empty without corrections."""
        if not self.words:
            return ""
        listed = ", ".join(f"“{word}” instead of “{typed}”" for typed, word in self.words.items())
        return f"Showing results for {listed}."


def _is_correction(typed: str, word: str) -> bool:
    """Return whether a similar word may be meant. Most words of four letters are one letter away from another one."""
    is_swapped = sorted(typed) == sorted(word)
    return word not in all_stop_words() and (len(typed) >= _MIN_LETTERS or is_swapped)


def correct_question(
    connection: Connection,
    words: FullTextIndex,
    question: str,
    terms: Sequence[Term],
    languages: Collection[str],
    scope: Scope,
) -> Corrections:
    """Return the question with those words corrected that no chunk in scope has, if it has similar words.

    No errors are a word of a message, of a file's name or of the question's form ("pages"), and two that a chunk has as
    one ("file name"). A stop word corrects only what is a usual error in one.
    """
    text = normalize(question)
    pieces = list(split_pieces(text))
    unknown, stop_words = _unknown_words(connection, words, terms, _mistyped(pieces, terms), scope)
    joined = _joined_words(connection, words, terms, languages, scope) if unknown else frozenset()
    unknown = [word for word in unknown if word not in joined]
    if not unknown and not stop_words:
        return Corrections(question)
    similar = {
        word: telling[:_MAX_CANDIDATES]
        for word, found in words.similar(connection, unknown, scope).items()
        if (telling := [other for other in found if _is_correction(word, other)])
    }
    best = {word: found[0] for word, found in similar.items()}
    best |= _split_words(connection, words, unknown, languages, scope)
    for piece in reversed(pieces):
        if correction := (best | stop_words).get(fold(piece.text)):
            text = text[: piece.start] + correction + text[piece.end :]
    others = tuple(make_term(other, {*languages, "en"}) for found in similar.values() for other in found[1:])
    return Corrections(text, best, others)


def _unknown_words(
    connection: Connection, words: FullTextIndex, terms: Sequence[Term], mistyped: Mapping[str, str], scope: Scope
) -> tuple[list[str], dict[str, str]]:
    """Return the words that nothing in scope has: those to correct, and those of `mistyped` with their stop words."""
    words_only = [
        term
        for term in terms
        if term.surface and (max_errors(term.text) or term.text in mistyped) and term.text not in form_words()
    ]
    missing = set(words.missing(connection, words_only, scope))
    candidates = [term for term in words_only if term.text in missing]
    in_messages = shares_with(connection, candidates, scope) if candidates else {}
    in_names = find_in_names(connection, candidates, scope) if candidates else set()
    unknown = [term.text for term in candidates if not in_messages[term.text] and term.text not in in_names]
    stop_words = {word: mistyped[word] for word in unknown if word in mistyped}
    others = [word for word in unknown if word not in mistyped]
    return others if len(missing - stop_words.keys()) <= _MAX_WORDS else [], stop_words


def _mistyped(pieces: Sequence[Piece], terms: Sequence[Term]) -> dict[str, str]:
    """Return {word: stop word} for typing errors in stop words; none if no other words are asked for.

    A word with a capital inside the question is a name.
    """
    written = {fold(piece.text) for piece in pieces if piece.text.islower() or not piece.start}
    known = misspelled_stop_words()
    found = {word: known[word] for word in written if word in known}
    return found if any(term.text not in found for term in terms) else {}


def _joined_words(
    connection: Connection, words: FullTextIndex, terms: Sequence[Term], languages: Collection[str], scope: Scope
) -> frozenset[str]:
    """Return the words that chunks in scope have as one word with the next or the last one: "filename"."""
    joined = {a.text + b.text: {a.text, b.text} for a, b in pairwise(terms) if a.surface and b.surface}
    made = [make_term(one, {*languages, "en"}) for one in joined]
    missing = set(words.missing(connection, made, scope))
    return frozenset().union(*(joined[term.text] for term in made if term.text not in missing))


def _split_words(
    connection: Connection, words: FullTextIndex, unknown: Sequence[str], languages: Collection[str], scope: Scope
) -> dict[str, str]:
    """Return {word: two words} for the words that chunks in scope have as two words: "file name" for "filename"."""
    split = {f"{word[:at]} {word[at:]}": word for word in unknown for at in range(_MIN_PART, len(word) - _MIN_PART + 1)}
    terms = [make_term(two, {*languages, "en"}) for two in split]
    missing = set(words.missing(connection, terms, scope))
    return {split[term.text]: term.text for term in terms if term.text not in missing}
