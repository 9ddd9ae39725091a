"""Whether a cited passage says what the sentence before the citation says: its numbers and names, and its words.

Lexical, on purpose: a number or a name that is nowhere on the cited page was made up, or misread, whatever a model
thinks of it. What this cannot tell is a sentence that is false in the page's own words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from rag.answer.numbers import numerals, plain, values
from rag.text import STOP_WORDS, bare, normalized, split_words

UNFOUND = "(not found in the cited page)"
READ = "(read from the picture)"

_OURS = re.compile(r"not found in the cited page|read from the picture|from a caption written by.*", re.DOTALL)
_PARENTHESES = re.compile(r"\s?[(（﹙⁽]([^()（）﹙﹚⁽⁾]+)[)）﹚⁾]")
_MAX_NESTED = 8


def without_marks(text: str) -> str:
    """Return a model's text without what only this check may say, however the model spells it.

    The invisible characters have to be removed before. Marks nested too deep, which no sentence needs, lose their
    parentheses.
    """
    for _ in range(_MAX_NESTED):
        kept = _PARENTHESES.sub(lambda match: "" if _is_mark(match[1]) else match[0], text)
        if kept == text:
            return text
        text = kept
    return text.translate(str.maketrans("()（）﹙﹚⁽⁾", " " * 8))


def _is_mark(inside: str) -> bool:
    return _OURS.fullmatch(" ".join(bare(inside).casefold().split())) is not None


class Verdict(StrEnum):
    HELD = "held"
    READ = "read"
    """Not in the words of the page; a model that saw the cited picture says so."""
    CAPTIONED = "captioned"
    """Only in the caption that a model wrote of the cited picture."""
    UNFOUND = "unfound"


@dataclass(frozen=True)
class Ground:
    """What a passage can bear out. `words`: its own, its page's, its place. `seen`: the model saw its picture, and
    readers can be shown it. `captioner`: the model that wrote `caption`."""

    words: str
    seen: bool = False
    caption: str = ""
    captioner: str = ""

    @cached_property
    def page(self) -> Page:
        return Page.of(self.words)

    @cached_property
    def captioned(self) -> Page:
        return Page.of(f"{self.words}\n{self.caption}")


@dataclass(frozen=True)
class Page:
    """A page's words, as sentences are held against them."""

    tokens: frozenset[str]
    stems: frozenset[str]
    values: frozenset[str]
    language: str

    @classmethod
    def of(cls, text: str) -> Page:
        text = plain(text)
        words = [_folded(word) for word in split_words(text)]
        joined = {a + b for a, b in pairwise(words)}
        joined |= {a + b + c for a, b, c in zip(words, words[1:], words[2:], strict=False)}
        stems = frozenset(word[:_STEM] for word in words)
        return cls(frozenset(words) | joined, stems, values(text), language_of(text))

    def has(self, name: str) -> bool:
        """Whether a name is on the page: whole, in its parts, or inflected."""
        whole = "".join(map(_folded, split_words(name)))
        if whole in self.tokens:
            return True
        parts = [_folded(part) for part in split_words(name)]
        return all(part in self.tokens or self._inflected(part) for part in parts)

    def _inflected(self, word: str) -> bool:
        if len(word) < 4 or any(sign.isdigit() for sign in word) or word[:_STEM] not in self.stems:
            return False
        return any(
            min(len(word), len(other)) >= 4
            and abs(len(word) - len(other)) <= 3
            and (word.startswith(other) or other.startswith(word))
            for other in self.tokens
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, or a row, with its citations. `mark` is where in the text something is said of it."""

    text: str
    cited: tuple[int, ...]
    mark: int
    title: bool = False
    items: int = 0
    """How many items of a list it introduces."""


@dataclass(frozen=True)
class Checked:
    """Statements with their verdicts, in order, and what no ground bears out of each."""

    text: str
    statements: tuple[Statement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ()
    read_from: tuple[int, ...] = ()
    captioners: Mapping[int, str] = field(default_factory=dict)
    """By the statement's index."""

    @property
    def unfound(self) -> list[int]:
        return [index for index, verdict in enumerate(self.verdicts) if verdict is Verdict.UNFOUND]

    def marked(self) -> str:
        """The text, with a mark behind every statement that its page does not bear out in words."""
        text = self.text
        for index in reversed(range(len(self.statements))):
            said = {Verdict.UNFOUND: UNFOUND, Verdict.READ: READ}.get(self.verdicts[index], "")
            if self.verdicts[index] is Verdict.CAPTIONED:
                said = f"(from a caption written by {self.captioners[index]})"
            if said:
                at = self.statements[index].mark
                text = f"{text[:at]} {said}{text[at:]}"
        return text


def check_support(text: str, grounds: Mapping[int, Ground], most_read: int = 3) -> Checked:
    """Hold each statement against the passages it cites; `text` has its citations as [1][3], of `grounds` alone.

    A statement without a citation of its own is held against those of its paragraph, else against all. At most
    `most_read` pictures may be given as what was read from, for no more are shown.
    """
    found, read_from, language = statements(text), dict[int, None](), language_of(text)
    verdicts: list[Verdict] = []
    lacking: list[tuple[str, ...]] = []
    captioners: dict[int, str] = {}
    for index, one in enumerate(found):
        cited = [number for number in one.cited or tuple(grounds) if number in grounds]
        missing = _missing(one, [grounds[number].page for number in cited], language)
        verdict = Verdict.HELD
        if missing:
            captioned = [grounds[number] for number in cited if grounds[number].caption]
            seen = [each for each in cited if grounds[each].seen and (each in read_from or len(read_from) < most_read)]
            if seen:
                verdict = Verdict.READ
                read_from[seen[0]] = None
            elif captioned and not _missing(
                one, [*(grounds[each].page for each in cited), *(each.captioned for each in captioned)], language
            ):
                verdict = Verdict.CAPTIONED
                captioners[index] = captioned[0].captioner
            else:
                verdict = Verdict.UNFOUND
        verdicts.append(verdict)
        lacking.append(missing)
    return Checked(text, tuple(found), tuple(verdicts), tuple(lacking), tuple(read_from), captioners)


# ---------------------------------------------------------------- what a text states


_CITED = re.compile(r"\[(\d+)\]")
_CITES = r"(?:[ \t]*\[\d+\])*"
_END = re.compile(rf"(?<![.!?…])[.!?…]+[\"”’»)*_]*{_CITES}[ \t]+(?=[^\s\[])|[。！？]{_CITES}[ \t]*(?=[^\s\[])")
_BULLET = re.compile(r"^[ \t>]*(?:[-*•–]|\d{1,2}[.)]|#{1,6})[ \t]+")
_ABBREVIATED = re.compile(
    r"(?:\b(?:\w|pp?|e\.g|i\.e|z\.\s?B|d\.\s?h|dr|mr|mrs|ms|st|no|nos|nr|fig|figs|tab|abb|ca|approx|vs|etc|inc|ltd|co|"
    r"bzw|usw|vol|ed|sec|ch|art|max|min|tel|vgl)|\d{1,2})$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 24
_RULE = re.compile(r"[|:\-\s]*$")


def statements(text: str) -> list[Statement]:
    """The sentences of a text with their citations; lines, items and rows of a table end one, too."""
    found: list[Statement] = []
    start = 0
    for paragraph in re.split(r"(\n[ \t]*\n)", text):
        inside: list[Statement] = []
        at = start
        lines = paragraph.split("\n")
        items = _items_after(lines)
        for number, line in enumerate(lines, 1):
            made = _of_line(line, at)
            if made and line.rstrip().endswith(":"):
                made[-1] = replace(made[-1], items=items[number])
            inside += made
            at += len(line) + 1
        start += len(paragraph)
        cited = tuple(dict.fromkeys(number for one in inside for number in one.cited))
        found += [one if one.cited else replace(one, cited=cited) for one in inside]
    return found


def _items_after(lines: Sequence[str]) -> list[int]:
    """How many items of a list follow one another from each line on."""
    counts = [0]
    for line in reversed(lines):
        counts.append(counts[-1] + 1 if _BULLET.match(line) else 0)
    return counts[::-1]


def _of_line(line: str, at: int) -> list[Statement]:
    bullet = _BULLET.match(line)
    first = bullet.end() if bullet else 0
    title = bool(bullet and "#" in bullet.group())
    found: list[Statement] = []
    for match in [*_END.finditer(line, first), None]:
        end = match.end() if match else len(line)
        dot = match is not None and match.group().startswith(".") and not _CITED.search(match.group())
        if (
            match
            and dot
            and _ABBREVIATED.search(line[max(first, match.start() - _LONGEST_ABBREVIATION) : match.start()])
        ):
            continue
        piece = line[first:end]
        said = _CITED.sub(" ", piece)
        if re.search(r"\w", said) and not _RULE.match(said):
            cited = tuple(dict.fromkeys(int(number) for number in _CITED.findall(piece)))
            found.append(Statement(said, cited, at + first + _mark(piece), title=title))
        elif found and _CITED.search(piece):  # citations that stand alone belong to what is before them
            last = found[-1]
            cited = tuple(dict.fromkeys([*last.cited, *map(int, _CITED.findall(piece))]))
            found[-1] = replace(last, cited=cited, mark=at + first + _mark(piece))
        first = end
    return found


def _mark(piece: str) -> int:
    """Where a remark on a sentence stands: behind its last citation, else before its last mark."""
    cited = list(_CITED.finditer(piece))
    if cited:
        return cited[-1].end()
    return len(piece.rstrip().rstrip(".!?…。！？|").rstrip())


# ---------------------------------------------------------------- what a statement claims


_NAME = re.compile(r"[^\W_]+(?:[-'’./&][^\W_]+)*")
_STEM = 5
_UNIT = re.compile(r"\d+(?:[-/.,]\d+)*(?:[-/]?[^\W\d_]+)?$")
"""40m, 3-year, 10/12, 4x: numbers, checked as such."""

_BEFORE_FIRST_WORD = frozenset(':;.!?…|“„«"(–—*_-')
_LABEL = re.compile(r"^\s*\*\*[^*\n]{1,80}\*\*:?|^\s*[^\W\d][^:.!?\n]{0,40}:(?=\s)")

_LEAST_SHARE = 0.25
"""Share of a sentence's content words that its page must have, in the same language; a paraphrase has more."""

_NO_NAMES = frozenset(
    """i i'm i'd i'll figure fig table tab diagram chart picture image photo page pages section chapter appendix step
    file document passage note yes no ok pdf abbildung tabelle diagramm seite abschnitt kapitel ja nein not found
    figura tableau tabla tabella página pagina oui non sí""".split()
)

_FUNCTION_WORDS = {
    "en": "the of and to in is that for it with as was on are be this by at from not or an which you there has have",
    "de": "der die das und ist in den von zu mit sich auf für nicht es ein eine dem des im werden wird auch als sind",
    "fr": "le la les de des et est en un une du que qui dans pour pas sur au aux avec par sont ce il elle ne",
    "es": "el la los las de del y es en un una que por para con no se su al lo como más pero son está",
    "it": "il lo la gli le di del della e è in un una che per con non si su al come sono dei nel alla",
}
_FUNCTION = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}


def language_of(text: str, least: int = 2) -> str:
    """en, de, fr, es or it by the commonest words, `least` of them; empty where they do not tell."""
    words = [word.casefold() for word in split_words(text)[:2000]]
    counts = sorted(((sum(word in known for word in words), name) for name, known in _FUNCTION.items()), reverse=True)
    (first, language), (second, _) = counts[:2]
    return language if first >= least and first > second else ""


def _missing(one: Statement, pages: Sequence[Page], language: str) -> tuple[str, ...]:
    """The numbers and names that none of the pages has; of a sentence without any all its words, where the pages share
    too few of them. How many items follow a sentence it may count itself."""
    text = plain(one.text)
    held = frozenset[str]({str(one.items)} if one.items else ()).union(*(page.values for page in pages))
    named = list(_names(text, language, title=one.title))
    inside = {at for start, name in named for at in range(start, start + len(name))}
    numbers = [each for each in numerals(text) if each.start not in inside]
    lacking = [each.written for each in numbers if not any(reading <= held for reading in each.readings)]
    lacking += [name for _, name in named if not any(page.has(name) for page in pages)]
    if numbers or named or _shares(text, pages):
        return tuple(dict.fromkeys(lacking))
    return (text.strip(),)


def _shares(text: str, pages: Sequence[Page]) -> bool:
    """Whether a sentence has enough of its words from the pages; only asked within one language."""
    language = language_of(text)
    if not language or language not in {page.language for page in pages}:
        return True
    stop = STOP_WORDS if language == "en" else _FUNCTION[language]
    words = {_folded(word) for word in split_words(text)}
    content = {word for word in words if word not in stop and len(word) > 2 and not word.isdigit()}
    if len(content) < 2:
        return True
    stems = frozenset[str]().union(*(page.stems for page in pages))
    return sum(word[:_STEM] in stems for word in content) >= _LEAST_SHARE * len(content)


def _names(text: str, language: str, *, title: bool) -> Iterator[tuple[int, str]]:
    """Where something looks like a name, and it: capitals within a sentence, capitals alone, letters with digits.

    In German every noun has a capital, so that capitals alone and digits tell there. A title claims no names.
    """
    german = "de" in (language, language_of(text, least=1))
    label = _LABEL.match(text)
    start = label.end() if label else 0
    words = list(_NAME.finditer(text))
    shouted = text.isupper()
    for index, match in enumerate(words):
        word = match.group().removesuffix("'s").removesuffix("’s")
        digits, letters = any(map(str.isdigit, word)), any(map(str.isalpha, word))
        if word.casefold() in _NO_NAMES or (numerals(word) and not letters):
            continue
        if digits and letters and not _UNIT.match(word):
            yield match.start(), word
        if digits or title or match.start() < start:
            continue
        acronym = len(word) > 1 and word.isupper() and not shouted
        if acronym or (word[0].isupper() and not german and _is_name(text, words, index)):
            yield match.start(), word


def _is_name(text: str, words: Sequence[re.Match[str]], index: int) -> bool:
    """Whether a capitalised word is more than the first of its sentence, a weekday or a month."""
    match = words[index]
    if numerals(match.group()) or match.group().casefold() in STOP_WORDS:
        return False
    if not _begins_sentence(text, match.start()):
        return True
    after = words[index + 1] if index + 1 < len(words) else None
    beside = after is not None and text[match.end() : after.start()] == " " and after.group()[0].isupper()
    return beside and after is not None and after.group().casefold() not in STOP_WORDS and not numerals(after.group())


def _begins_sentence(text: str, at: int) -> bool:
    """Whether only space and opening marks are between a position and the beginning, or a mark that ends something."""
    while at > 0 and text[at - 1].isspace():
        at -= 1
    return at == 0 or text[at - 1] in _BEFORE_FIRST_WORD


def _folded(word: str) -> str:
    """Without case and accents, so that Zürich is Zurich."""
    return "".join(sign for sign in normalized("NFKD", word.casefold()) if not unicodedata.combining(sign))
