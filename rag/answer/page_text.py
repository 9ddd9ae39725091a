"""The words of a cited page in the form in which statements are compared with them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.analysis import languages
from rag.analysis.analyzer import analyze_word
from rag.analysis.languages import question_language
from rag.analysis.pieces import split_spaceless
from rag.analysis.stop_words import is_stop_word
from rag.answer.codes import find_codes
from rag.answer.comparison import find_comparisons
from rag.answer.function_words import detect_language
from rag.answer.names import find_full_names
from rag.answer.negation import Polarity, is_negator, polarity
from rag.answer.numbers import Value, all_numerals, find_values, normalize_text
from rag.answer.units import unit_of
from rag.text import WORD, fold, split_words, stem

STEM_LENGTH = 5

_GAPS = {",": 5.0, ":": 5.0, "、": 5.0, "，": 5.0, "：": 5.0, ";": 8.0, "；": 8.0, "|": 1.0, "\n": 3.0, "(": 1.0}
_SENTENCE_GAP = 14.0
_CLAUSE_GAP = 2.0
"""Distance that punctuation, and a word that begins a clause, adds, in words."""

_SPACELESS_STEP = 0.4
"""Distance of two letters of a script without spaces, in words."""

_STOP_STEP = 0.5
"""Distance of a stop word to the next word."""

_CODE_STEP = 0.2
"""Distance of two words inside a code or a number."""

_MARK = re.compile(r"[.!?…](?=\s|$)|[。！？]|[,:](?!\d)|(?<!\d)[,:](?=\d)|[;|、，：；(\n]")
_IN_NUMBER = re.compile(r"(?<=\d)[.,:'’](?=\d)")
_BETWEEN = re.compile(
    r"(?:\x20?(?:[^\W\d_]{1,3}|%|°C))?\x20?(?:[-–—~〜～]|to|until|till|through|bis|au|à|jusqu'au|a|al|hasta|ao|até|до|по|から|至|到)\x20?",
    re.IGNORECASE,
)
"""What stands between the two ends of a range, with the unit of the first one."""

_MAX_BETWEEN = 16

_HEAD = 5
"""Content words at the beginning of a sentence that say what it is about."""

_CLAUSE_WORDS = frozenset(
    "and but while except und aber sondern außer et mais sauf y pero sino excepto salvo e ma eccetto tranne "
    "и но а кроме".split()
)
"""Words that begin another clause. They come without a comma."""


@dataclass(frozen=True, slots=True)
class Token:
    """A content word, or a pair of letters of a script without spaces, as its stem.

    It begins at index `start` of the text. `place` is its distance from the beginning of the text, in words;
    punctuation adds to it. `clause` is the index of its clause.
    """

    stem: str
    start: int
    place: float
    clause: int


@dataclass(frozen=True)
class Layout:
    """A text's content words, all its words' places, and the bounds of its clauses."""

    tokens: tuple[Token, ...]
    starts: tuple[int, ...]
    places: tuple[float, ...]
    clauses: tuple[tuple[int, int], ...]
    sentences: tuple[int, ...]
    """Index of the sentence of each clause."""
    continued: tuple[bool, ...]
    """Whether each clause begins with a word such as "and", so that it may have the subject of the one before."""

    def sentence(self, index: int) -> int:
        """Return the index of the sentence at an index of the text."""
        at = bisect_right(self.clauses, index, key=lambda clause: clause[0]) - 1
        return self.sentences[max(at, 0)] if self.sentences else 0

    def place(self, index: int) -> float:
        """Return the place of the first word at an index of the text or after it."""
        at = bisect_left(self.starts, index)
        return self.places[min(at, len(self.places) - 1)] if self.places else 0.0


def codes_in(text: str) -> frozenset[int]:
    """Return the indices inside codes, without their first ones."""
    return frozenset(at for code in find_codes(text) for at in range(code.start + 1, code.end))


def lay_out(text: str, language: str) -> Layout:
    """Return the places of the words of a text in a language. Lines are separated by line feeds."""
    tokens: list[Token] = []
    starts: list[int] = []
    places: list[float] = []
    clauses: list[tuple[int, int]] = []
    sentences: list[int] = []
    continued: list[bool] = [False]
    place, begun, sentence = 0.0, 0, 0
    inside = codes_in(text)

    def end_clause(at: int, next_start: int, *, by_word: bool = False) -> None:
        nonlocal begun
        if starts and starts[-1] >= begun:
            clauses.append((begun, at))
            sentences.append(sentence)
            continued.append(by_word)
            begun = next_start

    events = sorted(
        [*((match.start(), match.end(), False) for match in WORD.finditer(text)), *(_marks(text))],
        key=lambda one: one[0],
    )
    for start, end, is_mark in events:
        if is_mark and start in inside:
            continue
        if is_mark:
            sign = text[start]
            is_row = sign == "\n" and text[start - 1 : start] == "|"
            place += _SENTENCE_GAP if is_row else _GAPS.get(sign, _SENTENCE_GAP)
            if sign not in "\n|(" or is_row:
                end_clause(start, end)
            sentence += sign not in _GAPS or is_row
            continue
        word = text[start:end]
        if word.casefold() in _CLAUSE_WORDS:
            end_clause(start, start, by_word=True)
            place += _CLAUSE_GAP
        for stemmed, offset, step in _stems(word, language):
            starts.append(start + offset)
            places.append(place)
            if stemmed:
                tokens.append(Token(stemmed, start + offset, place, len(clauses)))
            place += _CODE_STEP if end in inside or _IN_NUMBER.match(text, end) else step
    end_clause(len(text), len(text))
    return Layout(tuple(tokens), tuple(starts), tuple(places), tuple(clauses), tuple(sentences), tuple(continued))


def _marks(text: str) -> list[tuple[int, int, bool]]:
    return [(match.start(), match.end(), True) for match in _MARK.finditer(text)]


def _stems(word: str, language: str) -> list[tuple[str, int, float]]:
    """Return (stem or nothing for a stop word, index in the word, distance to the next) for the parts of a word."""
    found: list[tuple[str, int, float]] = []
    at = 0
    for part in split_spaceless(word):
        if isinstance(part, str):
            content = not (is_stop_word(part, language) or is_negator(part.casefold(), language))
            found.append(
                (
                    stem(analyze_word(part, language)[0], STEM_LENGTH) if content else "",
                    at,
                    1.0 if content else _STOP_STEP,
                )
            )
            at += len(part)
            continue
        for one, other in pairwise([*part, ""]):
            pair = fold(one + other)
            found.append(("" if not other or _is_kana(pair) else pair, at, _SPACELESS_STEP))
            at += len(one)
    return found


def _is_kana(pair: str) -> bool:
    """Return whether all letters are hiragana, in which Japanese writes endings and particles."""
    return all("\u3041" <= sign <= "\u309f" for sign in pair)


@dataclass(frozen=True, slots=True)
class Fact:
    """A number, date or code on a page, at a place. `values` are all that it may stand for.

    The two ends of a range, such as "6 to 19 January", have the same `range`; other facts have one of their own.
    `sentence` is the index of the sentence.
    """

    kind: str
    values: frozenset[Value]
    unit: str
    place: float
    range: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Name:
    """The words of a name on a page, folded, with the place of its first one and the index of its sentence."""

    words: frozenset[str]
    place: float
    sentence: int


@dataclass(frozen=True)
class PageText:
    """The words of a page. `joined` also has pairs and triples of adjacent words, joined: "KX 200" matches "KX200"."""

    joined: frozenset[str]
    stems: frozenset[str]
    values: frozenset[Value]
    language: str
    analyzed_in: str
    layout: Layout
    places: Mapping[str, Sequence[float]]
    clauses_of: Mapping[str, Sequence[int]]
    sentences: Mapping[str, frozenset[int]]
    """The indices of the sentences that have a word, by its stem."""
    heads: Mapping[int, frozenset[str]]
    """The first content words of each sentence, by its index: what it is about."""
    polarities: tuple[Polarity, ...]
    facts: Mapping[str, Sequence[Fact]]
    names: tuple[Name, ...]
    comparisons: frozenset[int]
    """The indices of the sentences that compare two things."""

    @classmethod
    def of(cls, text: str) -> PageText:
        """Return the comparison form of a page's text."""
        text = "\n".join(map(normalize_text, text.split("\n")))
        flat = text.replace("\n", " ")
        words = split_words(flat)
        folded = [fold(word) for word in words]
        joined = {a + b for a, b in pairwise(folded)}
        joined |= {a + b + c for a, b, c in zip(folded, folded[1:], folded[2:], strict=False)}
        analyzed_in = languages.detect_language(flat) or question_language(flat, [*map(str.lower, words)], ())[0]
        layout = lay_out(text, analyzed_in)
        places: dict[str, list[float]] = defaultdict(list)
        clauses_of: dict[str, list[int]] = defaultdict(list)
        heads: dict[int, set[str]] = defaultdict(set)
        for token in layout.tokens:
            places[token.stem].append(token.place)
            if clauses_of[token.stem][-1:] != [token.clause]:
                clauses_of[token.stem].append(token.clause)
            head = heads[layout.sentences[token.clause]]
            if len(head) < _HEAD:
                head.add(token.stem)
        return cls(
            frozenset(folded) | joined,
            frozenset(stem(word, STEM_LENGTH) for word in folded),
            find_values(flat),
            detect_language(flat),
            analyzed_in,
            layout,
            places,
            clauses_of,
            {word: frozenset(layout.sentences[clause] for clause in clauses) for word, clauses in clauses_of.items()},
            {sentence: frozenset(head) for sentence, head in heads.items()},
            clause_polarities(flat, layout, analyzed_in),
            _facts(flat, layout),
            tuple(
                Name(frozenset(map(fold, split_words(name))), layout.place(start), layout.sentence(start))
                for start, _, name in find_full_names(flat, analyzed_in, title=False)
            ),
            frozenset(map(layout.sentence, find_comparisons(flat))),
        )

    def sentences_of(self, stem: str) -> frozenset[int]:
        """Return the indices of the sentences that have a word."""
        return self.sentences.get(stem, frozenset())

    def has_name(self, name: str) -> bool:
        """Return whether a name is on the page: as written, in parts, or inflected."""
        parts = [fold(part) for part in split_words(name)]
        if "".join(parts) in self.joined:
            return True
        return all(part in self.joined or self._has_inflection(part) for part in parts)

    def _has_inflection(self, word: str) -> bool:
        if len(word) < 4 or any(sign.isdigit() for sign in word) or stem(word, STEM_LENGTH) not in self.stems:
            return False
        return any(
            min(len(word), len(other)) >= 4
            and abs(len(word) - len(other)) <= 3
            and (word.startswith(other) or other.startswith(word))
            for other in self.joined
        )


def clause_polarities(text: str, layout: Layout, language: str) -> tuple[Polarity, ...]:
    """Return the polarity of each clause of a text. Codes do not count: `--no-device` denies nothing."""
    plain = list(text)
    for code in find_codes(text):
        if code.kind != "identifier":
            plain[code.start : code.end] = "_" * (code.end - code.start)
    masked = "".join(plain)
    return tuple(polarity(masked[start:end], language) for start, end in layout.clauses)


def _facts(text: str, layout: Layout) -> Mapping[str, Sequence[Fact]]:
    """Return the numbers, dates and codes of a page by their kind."""
    found: dict[str, list[Fact]] = defaultdict(list)
    codes = find_codes(text)
    in_codes = {at for code in codes for at in range(code.start, code.end)}
    for code in codes:
        for one in (code, code.name):
            if one is not None:
                place = layout.place(code.start)
                found[one.kind].append(Fact(one.kind, one.keys, "", place, code.start, layout.sentence(code.start)))
    last_end, last_range = 0, 0
    for numeral in sorted(all_numerals(text), key=lambda numeral: numeral.start):
        if numeral.start in in_codes:
            continue
        kind = kind_of(numeral.readings[0])
        values = frozenset[Value]().union(*numeral.readings)
        between = text[last_end : min(numeral.start, last_end + _MAX_BETWEEN)]
        is_range = last_end + len(between) == numeral.start and _BETWEEN.fullmatch(between)
        last_end, last_range = numeral.end, last_range if is_range else numeral.start
        unit = unit_of(text, numeral.start, numeral.end)
        place, sentence = layout.place(numeral.start), layout.sentence(numeral.start)
        found[kind].append(Fact(kind, values, unit, place, last_range, sentence))
    return found


def kind_of(reading: frozenset[Value]) -> str:
    """Return date, month, weekday, or number; a time is a number, because either may stand where the other does."""
    kind = next((value.partition(":")[0] for value in reading if ":" in value), "number")
    return "number" if kind == "time" else kind
