"""Judge a shown answer by plain string search, independently of the check that decided what is shown.

A statement holds if every number, name and identifier in it is on a page that it cites. This says nothing about what
the words around them mean, and knows no units and no dates: it is a second opinion, not a better check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rag.analysis.content import content_tokens, language_of
from rag.analysis.languages import question_language

_CITATION = re.compile(r"\[(\d+)\]")
_SENTENCE = re.compile(r".+?(?:(?<![.!?。！？])[.!?。！？]+[\"”’»)*_]*(?:\s*\[\d+\])*(?=\s|$)|[。！？]|$)")
_BULLET = re.compile(r"^\s*(?:[-*•–>|]|\d{1,2}[.)]\s|#{1,6}\s)\s*")
_NOTE = re.compile(r"\((?:read from the picture|from a caption written by [^()]*|not found in the cited page)\)")

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,:]\d+)*(?![\w])")
_GROUPED = re.compile(r"(?P<whole>\d{1,3}(?:[.,]\d{3})+)(?:[.,](?P<decimals>\d+))?")
_SPACED = re.compile(r"(?<=\d)[   ](?=\d{3}(?!\d))")
_IDENTIFIER = re.compile(r"(?<![\w@/\\.~+-])(?=[\w@~+]*[\d_@/\\.-])[\w@/\\.~+-]*[\w/]")
_WORD = re.compile(r"\w+")

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen".split()
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth".split()
_NUMBER_WORDS = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_NUMBER_WORDS |= {word: value for value, word in enumerate(_ORDINALS, 1)}
_SPELLED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<unit>{'|'.join([*_UNITS[1:10], *_ORDINALS])}))?"
    rf"|(?P<small>{'|'.join(_UNITS[2:])}))\b",
    re.IGNORECASE,
)
"""English number words from two to ninety-nine, and "thirty-third"; "one" is mostly a pronoun."""

_NOUNS_ARE_CAPITALIZED = frozenset({"de"})
_ANSWERED = 0.5
"""Share of the content words of a right answer without numbers and names that an answer needs."""


@dataclass(frozen=True, slots=True)
class JudgedStatement:
    """A sentence or line of an answer. `missing` are its numbers, names and identifiers that no page it cites has."""

    text: str
    cited: tuple[int, ...]
    missing: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return bool(self.cited) and not self.missing


def judge_statements(text: str, pages: Mapping[int, str]) -> tuple[JudgedStatement, ...]:
    """Judge each statement of an answer whose citations are written as [1][3]. `pages` has the text by number.

    A statement without citations is judged by the next ones of its line, else by those before it, else by all.
    """
    judged: list[JudgedStatement] = []
    everything = tuple(dict.fromkeys(number for number in map(int, _CITATION.findall(text)) if number in pages))
    for line in _NOTE.sub(" ", text).splitlines():
        pieces = [piece.strip() for piece in _SENTENCE.findall(_BULLET.sub("", line)) if _WORD.search(piece)]
        numbers = [tuple(map(int, _CITATION.findall(piece))) for piece in pieces]
        for at, piece in enumerate(pieces):
            own = next((cited for cited in [*numbers[at:], *reversed(numbers[:at])] if cited), everything)
            words = " ".join(_CITATION.sub(" ", piece).split())
            if _WORD.search(words):
                page = "\n".join(pages[number] for number in own if number in pages)
                judged.append(JudgedStatement(words, own, find_missing_values(words, page)))
    return tuple(judged)


def find_missing_values(statement: str, page: str) -> tuple[str, ...]:
    """Return the numbers, names and identifiers of a statement that are not on a page."""
    numbers, folded = _numbers(page), page.casefold()
    words = set(_WORD.findall(folded))
    missing = [written for written, value in _written_numbers(statement) if value not in numbers]
    missing += [name for name in names_in(statement) if not words >= set(_WORD.findall(name.casefold()))]
    missing += [code for code in identifiers_in(statement) if code.casefold() not in folded]
    return tuple(dict.fromkeys(missing))


def has_answer(text: str, right: str) -> bool:
    """Return whether a text has the numbers, names and identifiers of the right answer.

    If the right answer has none, the text needs half of its words.
    """
    values = [*_written_numbers(right), *names_in(right), *identifiers_in(right)]
    if values:
        return not find_missing_values(right, text)
    language = language_of(right)
    wanted = content_tokens(right, language)
    return len(wanted & content_tokens(text, language)) >= _ANSWERED * len(wanted)


def names_in(statement: str) -> list[str]:
    """Return the capitalized words of a statement after its first word; none in German, where all nouns are."""
    words = _WORD.findall(statement)
    if question_language(statement, [word.lower() for word in words], ())[0] in _NOUNS_ARE_CAPITALIZED:
        return []
    return [word for word in words[1:] if word[0].isupper() and len(word) > 1 and not any(map(str.isdigit, word))]


def identifiers_in(statement: str) -> list[str]:
    """Return options, paths, addresses, file names and code words: words with other signs or digits inside."""
    found = [match.group().rstrip(".") for match in _IDENTIFIER.finditer(statement)]
    return [code for code in found if any(map(str.isalpha, code)) and not _is_hyphenated(code)]


def _is_hyphenated(word: str) -> bool:
    return all(part.isalpha() for part in word.split("-"))


def _numbers(text: str) -> set[str]:
    return {value for _, value in _written_numbers(text)}


def _written_numbers(text: str) -> list[tuple[str, str]]:
    """Return the numbers of a text as written, and in one spelling."""
    text = _SPACED.sub("", text)
    found = [(match.group(), _one_spelling(match.group())) for match in _NUMBER.finditer(text)]
    for match in _SPELLED.finditer(text):
        value = sum(_NUMBER_WORDS[word.lower()] for word in match.groups() if word)
        found.append((match.group(), str(value)))
    return found


def _one_spelling(number: str) -> str:
    grouped = _GROUPED.fullmatch(number)
    if grouped:
        number = re.sub("[.,]", "", grouped["whole"]) + (f".{grouped['decimals']}" if grouped["decimals"] else "")
    number = number.replace(",", ".").lstrip("0") or "0"
    return number.rstrip("0").rstrip(".") if "." in number else number
