"""Turn a question into the terms to search for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.analysis.analyzer import analyze_code, analyze_part, analyze_word, token_in_capitals
from rag.analysis.dates import dates
from rag.analysis.languages import COMPOUNDING, language_for, question_language
from rag.analysis.letters import fold, normalize
from rag.analysis.numbers import grouped_numbers
from rag.analysis.pieces import Piece, digit_parts, split_pieces, split_spaceless
from rag.analysis.stop_words import is_stop_word
from rag.ports import Term

_MIN_PART = 3
"""Characters of a part of a code that is searched for by itself: "10" and "b" are everywhere."""

_POLITE = frozenset("i sie ihr ihre ihnen ihrem ihren ihrer lei loro usted ustedes u uw вы вас вам ваш".split())
"""Pronouns with a capital inside a sentence."""


_MIN_TITLED = 4
"""Letters of a word that has a capital in a title."""

_CONTRACTION = re.compile(
    r"(?<=[^\W\d_])['’](?:s|d|m|ll|re|ve)\b"
    r"|\b(?:do|does|did|is|are|was|were|has|have|had|ca|could|would|should|must|need|wo)n['’]t\b",
    re.IGNORECASE,
)
"""What is left out of "what's", "the company's" and "don't" like a stop word."""

_SIGNS = frozenset("+#&/")
"""Signs that make a name of single letters: "C++", "R&D", "I/O", but not of "i.e."."""

_MIN_PREFIX = 4
"""Letters of a word that begins longer ones."""


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """The terms of a question: its words without stop words, and `more` to search for that no answer must have.

    `more` has the `parts` of codes and dates, and two words as one ("file name" as "filename"). `pairs` are phrases of
    two terms that are neighbors. `language` is empty if no stop word tells it.
    """

    terms: tuple[Term, ...]
    more: tuple[Term, ...] = ()
    pairs: tuple[Term, ...] = ()
    language: str = ""
    parts: tuple[Term, ...] = ()
    has_only_stop_words: bool = False


def make_term(text: str, languages: Iterable[str], compounding: Collection[str] = ()) -> Term:
    """Return the term for a word, a code or a phrase, analyzed in each of the languages.

    In the languages of `compounding`, a word is also found at the beginning of longer ones.
    """
    text = normalize(text)
    pieces = list(split_pieces(text))
    code = pieces[0].whole if len(pieces) == 1 else ""
    anywhere: dict[tuple[str, ...], None] = {}
    written: dict[tuple[str, ...], None] = {}
    surface, prefixes = "", dict[str, None]()
    for language in dict.fromkeys(language_for(text, language) for language in languages):
        analyzed = [tokens for piece in pieces for part in piece.parts for tokens in analyze_part(part, language)]
        phrase = tuple(tokens[0] for tokens in analyzed)
        if code:
            anywhere[analyze_code(code, language),] = None
            if len(phrase) > 1 or len(phrase[0]) >= _MIN_PART:
                written[phrase] = None
            continue
        anywhere[phrase] = None
        if len(analyzed) == 1:
            surface = analyzed[0][1]
            written |= dict.fromkeys((token,) for token in analyzed[0][2:])
            if parts := digit_parts(text):
                written[tuple(analyze_word(part, language)[0] for part in parts)] = None
            if language in compounding and text.isalpha() and len(phrase[0]) >= _MIN_PREFIX:
                prefixes[phrase[0]] = None
    return Term(
        fold(text),
        tuple(filter(all, filter(None, anywhere))),
        tuple(phrase for phrase in written if phrase and all(phrase) and phrase not in anywhere),
        surface,
        tuple(prefixes),
    )


def question_terms(question: str, languages: Collection[str]) -> QuestionTerms:
    """Return the terms of a question, analyzed in each of these languages: those of the texts to search."""
    return _Question(normalize(question), languages).terms()


class _Question:
    """A normalized question, its pieces, and its stop words."""

    def __init__(self, text: str, languages: Collection[str]) -> None:
        self._text = text
        self._pieces = list(split_pieces(text))
        self._contracted = {
            piece.start
            for match in _CONTRACTION.finditer(text)
            for piece in self._pieces
            if match.start() <= piece.start < match.end()
        }
        words = [part for piece in self._pieces if piece.start not in self._contracted for part in piece.parts]
        language, is_sure = question_language(text, words, languages)
        self._language, self._sure_language = language, language if is_sure else ""
        self._languages = tuple(dict.fromkeys((*sorted(languages), language, "en")))
        self._compounding = {language} & COMPOUNDING if is_sure else COMPOUNDING.intersection(languages)
        self._is_shouted = text.isupper()
        # In "What Is The Port Of The Gateway?", a capital says nothing.
        self._are_capitals_names = any(word.islower() and len(word) >= _MIN_TITLED for word in words)
        ends = (b.start for a, b in pairwise(self._pieces) if text[a.end : b.start].strip(" \"'“”«»()"))
        self._starts = {*(piece.start for piece in self._pieces[:1]), *ends}

    def terms(self) -> QuestionTerms:
        terms: list[Term] = []
        parts: list[Term] = []
        covered = [""] * len(self._text)
        for start, end, number in grouped_numbers(self._text):
            terms.append(_also(self._term(self._text[start:end]), number))
            covered[start:end] = ["number"] * (end - start)
        for start, end, forms in dates(self._text):
            if not all(covered[start:end]):
                terms.append(_also(self._term(self._text[start:end]), *forms))
                covered[start:end] = ["date"] * (end - start)
        for piece in self._pieces:
            if covered[piece.start] == "date" and _is_long(piece):
                parts.append(self._term(piece.text))
        pieces = [piece for piece in self._pieces if not covered[piece.start]]
        for piece in pieces:
            terms += self._piece_terms(piece)
            parts += self._code_parts(piece)
        if not terms:  # a question of stop words only keeps them
            terms = [self._term(piece.text) for piece in self._pieces]
            pairs = self._pairs(self._pieces, " ")
            return QuestionTerms(_distinct(terms), (), _distinct(pairs), self._sure_language, has_only_stop_words=True)
        plain = [piece for piece in pieces if not piece.whole and not self._is_stop(piece.text, piece)]
        known = {term.text for term in terms}
        more = _distinct([*parts, *self._pairs(plain, "")], known)
        pairs = self._pairs(plain, " ")
        return QuestionTerms(_distinct(terms), more, _distinct(pairs), self._sure_language, _distinct(parts, known))

    def _pairs(self, pieces: Sequence[Piece], joiner: str) -> list[Term]:
        """Return two neighboring pieces as one term: as a phrase, or as one word if `joiner` is empty."""
        neighbors = [(a.text, b.text) for a, b in pairwise(pieces) if self._text[a.end : b.start].isspace()]
        return [self._term(a + joiner + b) for a, b in neighbors if joiner or len(a + b) > _MIN_PART]

    def _term(self, text: str) -> Term:
        return make_term(text, self._languages, self._compounding)

    def _is_stop(self, part: str, piece: Piece) -> bool:
        if piece.start in self._contracted:
            return True
        if not is_stop_word(part, self._language):
            return False
        if self._is_shouted or part.islower() or len(part) == 1:
            return True
        is_name = self._are_capitals_names and piece.start not in self._starts and fold(part) not in _POLITE
        return not (part.isupper() or is_name)

    def _piece_terms(self, piece: Piece) -> list[Term]:
        if piece.whole:
            is_name = all(len(part) == 1 for part in piece.parts) and not _SIGNS.isdisjoint(piece.whole)
            if not is_name and all(self._is_stop(part, piece) for part in piece.parts):
                return []
            named = token_in_capitals(piece.whole)
            return [_also(self._term(piece.text), named) if named else self._term(piece.text)]
        found: list[Term] = []
        for part in piece.parts:
            for segment in split_spaceless(part):
                if isinstance(segment, list):
                    pairs = ["".join(pair) for pair in pairwise(segment)] or segment
                    found += (self._term(pair) for pair in pairs if not self._is_stop(pair, piece))
                elif not self._is_stop(segment, piece):
                    named = "" if self._is_shouted else token_in_capitals(segment)
                    found.append(Term(fold(segment), ((named,),)) if named else self._term(segment))
        return found

    def _code_parts(self, piece: Piece) -> list[Term]:
        """Return the parts of a code that are searched for by themselves."""
        if not piece.whole or len(piece.parts) == 1:
            return []
        return [self._term(part) for part in piece.parts if len(part) >= _MIN_PART and not self._is_stop(part, piece)]


def _is_long(piece: Piece) -> bool:
    return len(piece.text) >= _MIN_PART and piece.text.isalnum()


def _also(term: Term, *tokens: str) -> Term:
    """Return a term that is found by these tokens everywhere, and by its own in words as they are written."""
    anywhere = tuple((token,) for token in tokens)
    others = dict.fromkeys((*term.anywhere, *term.as_written))
    return Term(term.text, anywhere, tuple(phrase for phrase in others if phrase not in anywhere))


def _distinct(terms: Iterable[Term], known: Collection[str] = ()) -> tuple[Term, ...]:
    found: dict[str, Term] = {}
    for term in terms:
        if term.anywhere and term.text not in known:
            found.setdefault(term.text, term)
    return tuple(found.values())
