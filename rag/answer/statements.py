"""Split an answer into statements (sentences, list items and table rows), each with its citations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_CITATION = re.compile(r"\[(\d+)\]")
_CITATIONS = r"(?:[ \t]*\[\d+\])*"
_SENTENCE_END = re.compile(
    rf"(?<![.!?…])[.!?…]+[\"”’»)*_]*{_CITATIONS}[ \t]+(?=[^\s\[])|[。！？]{_CITATIONS}[ \t]*(?=[^\s\[])"
)
_BULLET = re.compile(r"^[ \t>]*(?:[-*•–]|\d{1,2}[.)]|#{1,6})[ \t]+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:\w|pp?|e\.g|i\.e|z\.\s?B|d\.\s?h|dr|mr|mrs|ms|st|no|nos|nr|fig|figs|tab|abb|ca|approx|vs|etc|inc|ltd|co|"
    r"bzw|usw|vol|ed|sec|ch|art|max|min|tel|vgl)|\d{1,2})$",
    re.IGNORECASE,
)
_MAX_ABBREVIATION = 24
_TABLE_RULE = re.compile(r"[|:\-\s]*$")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, list item or table row. `cited` are the passage numbers of its citations.

    `note_position` is the index in the answer's text at which a note about the statement is inserted. `title` is set
    for a Markdown heading. `items` counts the items of the list that the statement introduces.
    """

    text: str
    cited: tuple[int, ...]
    note_position: int
    title: bool = False
    items: int = 0


def split_statements(text: str) -> list[Statement]:
    """Return the statements of an answer whose citations are written as [1][3].

    A line break always ends a statement. A statement without citations gets all citations of its paragraph.
    """
    found: list[Statement] = []
    paragraph_start = 0
    for paragraph in re.split(r"(\n[ \t]*\n)", text):
        statements: list[Statement] = []
        line_start = paragraph_start
        lines = paragraph.split("\n")
        items = _items_after(lines)
        for number, line in enumerate(lines, 1):
            in_line = _split_line(line, line_start)
            if in_line and line.rstrip().endswith(":"):
                in_line[-1] = replace(in_line[-1], items=items[number])
            statements += in_line
            line_start += len(line) + 1
        paragraph_start += len(paragraph)
        cited = tuple(dict.fromkeys(number for statement in statements for number in statement.cited))
        found += [statement if statement.cited else replace(statement, cited=cited) for statement in statements]
    return found


def _items_after(lines: Sequence[str]) -> list[int]:
    """Return, for each line and for the end, the number of consecutive list items that start there."""
    counts = [0]
    for line in reversed(lines):
        counts.append(counts[-1] + 1 if _BULLET.match(line) else 0)
    return counts[::-1]


def _split_line(line: str, line_start: int) -> list[Statement]:
    """Return the statements of a line that begins at index `line_start` of the answer."""
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    title = bool(bullet and "#" in bullet.group())
    found: list[Statement] = []
    for match in [*_SENTENCE_END.finditer(line, start), None]:
        if match and _is_abbreviation(line, start, match):
            continue
        end = match.end() if match else len(line)
        piece = line[start:end]
        text = _CITATION.sub(" ", piece)
        if re.search(r"\w", text) and not _TABLE_RULE.match(text):
            cited = tuple(dict.fromkeys(int(number) for number in _CITATION.findall(piece)))
            found.append(Statement(text, cited, line_start + start + _note_position(piece), title=title))
        elif found and _CITATION.search(piece):  # citations on their own belong to the statement before them
            last = found[-1]
            cited = tuple(dict.fromkeys([*last.cited, *map(int, _CITATION.findall(piece))]))
            found[-1] = replace(last, cited=cited, note_position=line_start + start + _note_position(piece))
        start = end
    return found


def _is_abbreviation(line: str, start: int, end: re.Match[str]) -> bool:
    """Return whether the dot at `end` belongs to an abbreviation or an ordinal number, so that the sentence goes on."""
    if not end.group().startswith(".") or _CITATION.search(end.group()):
        return False
    return _ABBREVIATION.search(line[max(start, end.start() - _MAX_ABBREVIATION) : end.start()]) is not None


def _note_position(piece: str) -> int:
    """Return the index after the last citation; without a citation, the index before the final punctuation."""
    cited = list(_CITATION.finditer(piece))
    if cited:
        return cited[-1].end()
    return len(piece.rstrip().rstrip(".!?…。！？|").rstrip())
