"""Split an answer into statements (sentences, list items and table rows), each with its citations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rag.analysis.languages import question_language
from rag.analysis.stop_words import is_stop_word
from rag.answer.numbers import is_month
from rag.text import split_words

_CITATION = re.compile(r"\[(\d+)\]")
_CITATIONS = r"(?:[ \t]*\[\d+\])*"
_CLOSING = r"[\"”’»)*_」』）】]*"
_SENTENCE_END = re.compile(
    rf"(?<![.!?…])[.!?…]+{_CLOSING}{_CITATIONS}(?:[ \t]+|(?<=\]))(?=[^\s\[])"
    rf"|[。！？｡．।॥؟۔]{_CLOSING}{_CITATIONS}[ \t]*(?=[^\s\[])"
)
_BULLET = re.compile(r"^[ \t>]*(?:[-*•–]|\d{1,2}[.)]|#{1,6})[ \t]+")
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|z\.\s?B|d\.\s?h|dr|mr|mrs|ms|prof|st|approx|vs|cf|resp|bzw|vgl|bv|bijv|p\.\s?ej|ej|p\.\s?ex|ex|inkl|evtl|ggf|sog|bspw|ca|mme|mlle|sra?"
    r"|[^\W\d_])$",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(
    r"\b(?:pp?|nos?|nr|n°|fig|figs|tab|abb|vol|ed|sec|ch|chap|kap|art|max|min|tel|par|eq|pos|ziff|pág|núm|рис|табл|стр)$",
    re.IGNORECASE,
)
_LAST_OF_A_LIST = re.compile(r"\b(?:etc|usw|inc|ltd|co|al|jr|sr|u\.\s?a|др|пр)$", re.IGNORECASE)
_SHORT_NUMBER = re.compile(r"(?<![\w.,])\d{1,2}$")
_NEXT_WORD = re.compile(r"[\"“„«'(*_]*([^\W_]+)")
_MAX_ABBREVIATION = 24
_MAX_WORDS = 300
"""Words by which the language of an answer is detected."""

_TABLE_RULE = re.compile(r"[|:\-\s]*$")


class Form(StrEnum):
    """What a statement is in its text."""

    SENTENCE = "sentence"
    ITEM = "item"
    HEADING = "heading"
    HEAD = "head"
    """The first row of a table."""
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, list item or table row, at `start` to `end` of the answer's text with its citations.

    `cited` are the passage numbers of its citations; `inherited` is set if they are those of its paragraph. A note
    about the statement is inserted at `note_position`. `items` counts the items of the list that the statement
    introduces.
    """

    text: str
    cited: tuple[int, ...]
    start: int
    end: int
    note_position: int
    inherited: bool = False
    form: Form = Form.SENTENCE
    items: int = 0

    @property
    def title(self) -> bool:
        """Whether it is a Markdown heading or the head of a table: any word may be capitalized there."""
        return self.form in (Form.HEADING, Form.HEAD)


def split_statements(text: str) -> list[Statement]:
    """Return the statements of an answer whose citations are written as [1][3].

    A line break always ends a statement. A statement without citations gets all citations of its paragraph.
    """
    found: list[Statement] = []
    paragraph_start = 0
    german = is_german(text)
    for paragraph in re.split(r"(\n[ \t]*\n)", text):
        statements: list[Statement] = []
        line_start = paragraph_start
        lines = paragraph.split("\n")
        items = _items_after(lines)
        for number, line in enumerate(lines, 1):
            in_line = split_line(line, line_start, form_of(line, lines[number : number + 1]), german=german)
            if in_line and line.rstrip().endswith(":"):
                in_line[-1] = replace(in_line[-1], items=items[number])
            statements += in_line
            line_start += len(line) + 1
        paragraph_start += len(paragraph)
        cited = tuple(dict.fromkeys(number for statement in statements for number in statement.cited))
        found += [
            statement if statement.cited else replace(statement, cited=cited, inherited=True)
            for statement in statements
        ]
    return found


def is_german(text: str) -> bool:
    """Return whether an answer is in German, where a dot may follow an ordinal number."""
    return question_language(text, [word.lower() for word in split_words(text)[:_MAX_WORDS]], ())[0] == "de"


def _items_after(lines: Sequence[str]) -> list[int]:
    """Return, for each line and for the end, the number of consecutive list items that start there."""
    counts = [0]
    for line in reversed(lines):
        counts.append(counts[-1] + 1 if is_item(line) else 0)
    return counts[::-1]


def is_item(line: str) -> bool:
    """Return whether a line is an item of a list, or a heading."""
    return _BULLET.match(line) is not None


def form_of(line: str, following: Sequence[str]) -> Form:
    """Return what the statements of a line are. `following`: the next line, if there is one."""
    if line.lstrip().startswith("|"):
        is_head = bool(following) and "-" in following[0] and _TABLE_RULE.match(following[0]) is not None
        return Form.HEAD if is_head else Form.ROW
    bullet = _BULLET.match(line)
    if bullet is None:
        return Form.SENTENCE
    return Form.HEADING if "#" in bullet.group() else Form.ITEM


def split_line(line: str, line_start: int, form: Form, *, german: bool, is_rest: bool = False) -> list[Statement]:
    """Return the statements of a line that begins at index `line_start` of the answer.

    `is_rest`: only the end of a line is given, so that it has no bullet.
    """
    bullet = None if is_rest else _BULLET.match(line)
    start = bullet.end() if bullet else 0
    found: list[Statement] = []
    ends = _SENTENCE_END.finditer(line, start) if form not in (Form.HEAD, Form.ROW) else ()
    for match in [*ends, None]:
        if match and _goes_on(line, start, match, german=german):
            continue
        end = match.end() if match else len(line)
        piece = line[start:end]
        text = _CITATION.sub(" ", piece)
        note = line_start + start + _note_position(piece)
        if re.search(r"\w", text) and not _TABLE_RULE.match(text):
            cited = tuple(dict.fromkeys(int(number) for number in _CITATION.findall(piece)))
            found.append(Statement(text, cited, line_start + start, line_start + end, note, form=form))
        elif found and _CITATION.search(piece):  # citations on their own belong to the statement before them
            last = found[-1]
            cited = tuple(dict.fromkeys([*last.cited, *map(int, _CITATION.findall(piece))]))
            found[-1] = replace(last, cited=cited, end=line_start + end, note_position=note)
        start = end
    return found


def _goes_on(line: str, start: int, end: re.Match[str], *, german: bool) -> bool:
    """Return whether the dot at `end` belongs to an abbreviation or a German ordinal number."""
    if not end.group().startswith(".") or _CITATION.search(end.group()):
        return False
    before = line[max(start, end.start() - _MAX_ABBREVIATION) : end.start()]
    following = _NEXT_WORD.match(line[end.end() : end.end() + _MAX_ABBREVIATION])
    word = following[1] if following else ""
    if _SHORT_NUMBER.search(before):
        is_noun = german and not is_stop_word(word, "de") and not word[:1].isdigit()
        return word[:1].islower() or is_noun or is_month(word)
    if _ABBREVIATION.search(before):
        return True
    if _BEFORE_NUMBER.search(before):
        return any(map(str.isdigit, word))
    return _LAST_OF_A_LIST.search(before) is not None and not word[:1].isupper()


def _note_position(piece: str) -> int:
    """Return the index after the last citation; without a citation, the index before the final punctuation."""
    cited = list(_CITATION.finditer(piece))
    if cited:
        return cited[-1].end()
    return len(piece.rstrip().rstrip(".!?…。！？｡．।॥؟۔|").rstrip())
