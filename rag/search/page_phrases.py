"""Find the pages that a question names: by number, by ordinal, from the end, or by a printed label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rag.search.page_words import FIRST, JOINED, LANGUAGES, LAST, PageWords
from rag.search.query import PageReferences
from rag.text import fold, normalize_unicode

_DIGITS = r"[0-9]{1,4}"
_SIGN = r"(?:(?:(?:no|nr|num|number|nummer|numero)\b\.?|n[°º]|[#№])\s*)?"
_TO = r"(?:to|bis|through|a|à|do|до|-|–)"
_AND = rf"(?:,|;|&|\+|and|und|et|y|e|en|i|и|{_TO})"
_START, _END = r"(?<![\w-])", r"(?!\w)"
_ORDINAL = r"(?:\.|st|nd|rd|th|ste|de|er|ere|e|eme|a|o|-?(?:[иеяю]|ои|ого|ом|ую|ая))"
"""What makes a number an ordinal, without accents: "7.", "7th", "7e", "7a", "7-й"."""

_TAIL = r"\w{0,4}"
"""The inflection of an ordinal, after what it begins with."""

_RANGE = re.compile(rf"({_DIGITS})\s*{_TO}\s*({_DIGITS})")
_MAX_RANGE = 20
"""Pages of a range such as "pages 3 to 7"; of a longer one, only the ends are used."""

_ABBREVIATED = re.compile(rf"{_START}pp?\s?({_DIGITS})(?![\w.]*\w)")
"""Without a dot and in lower case: "p7" is a page, "P100" a product."""

_COUNTED = {
    word: number for number, word in enumerate("first second third fourth fifth sixth seventh eighth".split(), 1)
}
_FROM_END = re.compile(
    rf"{_START}({'|'.join(_COUNTED)})[\s-]+(?:to[\s-]+)?last\s+(?:page|slide){_END}"
    rf"|{_START}(?:page|slide)\s+(?:(?:at|is)\s+)?the\s+(?:({'|'.join(_COUNTED)})[\s-]+(?:to[\s-]+)?)?last{_END}"
)
"""English also counts from the end, "the third-to-last page"."""

_ROMAN = re.compile(rf"{_START}(?:pages?|pp?\.|seiten?|paginas?|s\.)\s*([ivxlc]{{1,8}}){_END}")
_PREFIXED = re.compile(
    rf"{_START}(?:pages?|pp?\.|pg\.?|sheets?|seiten?|paginas?)\s*(?:no\.?\s*|number\s*|#\s*)?"
    rf"([^\W\d_]{{1,8}}[-.\u2010-\u2013]?\d{{1,4}}(?:[-.]\d{{1,4}})?|\d{{1,4}}[a-z]){_END}"
)
"""A printed label with letters: "page A-2", "page 12b"."""
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013", "----")

_KANJI = {sign: value for value, sign in enumerate("〇一二三四五六七八九十")}
_SIGNS = f"(?:{'|'.join(JOINED.split())})"
_JOINED_NUMBER = re.compile(
    rf"(?<![\d全共后後])([0-9]{{1,4}}|[{''.join(_KANJI)}]{{1,3}})\s?{_SIGNS}|{_SIGNS}\s?([0-9]{{1,4}})"
)
_JOINED_FIRST = re.compile(rf"(?:{'|'.join(FIRST.split())})\s?{_SIGNS}")
_JOINED_LAST = re.compile(rf"(?:{'|'.join(LAST.split())})\s?{_SIGNS}")


class _Patterns(NamedTuple):
    """The phrases of one language, for folded questions.

    - `numbers`: one or more numbers after a page; `numbered`: a number before it
    - `named`: a word for a number, with its value in `values`
    - `from_end`: the last page, or the last but one if its group `next` matched
    """

    numbers: re.Pattern[str]
    numbered: re.Pattern[str]
    named: re.Pattern[str]
    values: Mapping[str, int]
    from_end: re.Pattern[str]


def find_page_references(question: str) -> PageReferences:
    """Return the pages that the question names, without `kinds` and `front`."""
    asked = fold(question)
    pages: dict[int, None] = {}
    ends: dict[int, None] = {}
    for found in _FROM_END.finditer(asked):
        ends[_COUNTED.get(found[1] or found[2] or "first", 1)] = None
    rest = _FROM_END.sub(" ", asked)
    for patterns in _PATTERNS:
        pages |= dict.fromkeys(_numbers(patterns, rest))
        ends |= dict.fromkeys(_ends(patterns, rest))
    pages |= dict.fromkeys(int(found[1]) for found in _ABBREVIATED.finditer(question))
    joined, joined_ends = _joined(normalize_unicode("NFKC", question))
    printed = dict.fromkeys(
        found[1].translate(_DASHES) for label in (_ROMAN, _PREFIXED) for found in label.finditer(asked)
    )
    numbered = tuple(page for page in (pages | joined) if page > 0)
    return PageReferences(numbered, tuple(ends | joined_ends), tuple(printed))


def without_page_numbers(question: str) -> str:
    """Return the question without the numbers that name pages in it: "page 12 of The Harbor" is not about 12."""
    places = sorted(match.span() for pattern in _AS_WRITTEN for match in pattern.finditer(question))
    kept, position = [], 0
    for start, end in places:
        kept.append(question[position:start])
        position = max(position, end)
    return " ".join([*kept, question[position:]])


def _numbers(patterns: _Patterns, asked: str) -> Iterator[int]:
    for found in patterns.numbers.finditer(asked):
        for span in _RANGE.finditer(found[1]):
            first, last = int(span[1]), int(span[2])
            if first < last <= first + _MAX_RANGE:
                yield from range(first, last + 1)
        yield from (int(number) for number in re.findall(r"\d+", found[1]))
    for found in patterns.numbered.finditer(asked):
        yield int(found[1] or found[2])
    for found in patterns.named.finditer(asked):
        yield patterns.values[found[1] or found[2]]


def _ends(patterns: _Patterns, asked: str) -> Iterator[int]:
    for found in patterns.from_end.finditer(asked):
        yield 2 if found["next"] else 1


def _joined(question: str) -> tuple[dict[int, None], dict[int, None]]:
    """Return the pages, and those counted from the end, that a question in Chinese, Japanese or Korean names."""
    pages = dict.fromkeys(_value(found[1] or found[2]) for found in _JOINED_NUMBER.finditer(question))
    if _JOINED_FIRST.search(question):
        pages[1] = None
    return pages, {1: None} if _JOINED_LAST.search(question) else {}


def _value(number: str) -> int:
    """Return the value of digits, or of a Chinese numeral below 100."""
    if number.isdecimal():
        return int(number)
    tens, ten, units = number.partition("十")
    if not ten:
        return int("".join(str(_KANJI[sign]) for sign in number))
    return 10 * (_KANJI.get(tens, 1) if tens else 1) + _KANJI.get(units, 0)


def _compile(words: PageWords) -> _Patterns:
    pages, short, numbered = (
        [fold(word) for word in field.split()] for field in (words.pages, words.short, words.numbered)
    )
    page = _any_of(pages)
    ordinals, cardinals = _by_value(words.ordinals), _by_value(words.cardinals)
    nth, cardinal = _any_of(ordinals), _any_of(cardinals)
    named = rf"{_START}(?:({nth}){_TAIL}\s+{page}|{page}\s+({cardinal})){_END}"
    plain = rf"|({_DIGITS})\s+{_any_of(numbered)}{_END}" if numbered else "|(?!)()"
    last, following = (_any_of(fold(word) for word in field.split()) for field in (words.last, words.next_to_last))
    ending = rf"(?:(?P<next>{following})|{last}){_TAIL}"
    return _Patterns(
        _numbers_pattern([*pages, *short]),
        re.compile(rf"{_START}(?:({_DIGITS}){_ORDINAL}\s*{page}{_END}{plain})"),
        re.compile(named),
        ordinals | cardinals,
        re.compile(rf"{_START}{ending}\s+{page}{_END}"),
    )


def _numbers_pattern(pages: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    page = _any_of(pages)
    run = rf"{_DIGITS}(?:\s*{_AND}\s*(?:{page}\s*)?{_DIGITS})*"
    return re.compile(rf"{_START}{page}\s*{_SIGN}({run})(?![\w%°])(?![.,]\d)", flags)


def _by_value(words: str) -> dict[str, int]:
    return {
        fold(word): value
        for value, variants in enumerate(words.split(), 1)
        for word in variants.split("/")
        if word != "-"
    }


def _any_of(words: Iterable[str]) -> str:
    """Return an expression for any of the words, longest first; one that never matches if there is none."""
    found = sorted(dict.fromkeys(words), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, found))})" if found else "(?!)"


_PATTERNS = tuple(_compile(words) for words in LANGUAGES)
_AS_WRITTEN = tuple(_numbers_pattern(words.pages.split() + words.short.split(), re.IGNORECASE) for words in LANGUAGES)
"""Numbers after a page, for questions as they are written, with accents."""
