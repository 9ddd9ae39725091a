"""Tables of contents, lists of figures and indexes: lists of page numbers, which the layout model takes for tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.model.extraction import Block, BlockKind, Box, Word

_LEADERS = re.compile(r"[.·‥…_]{3,}|[‥…]+")
_LEADER_SIGNS = frozenset(".·‥…_")

_PAGE = re.compile(r"([A-Z]?)-?(\d{1,4})(?:[-\u2013]\d{1,4})?[,;]?")
_ROMAN = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})[,;]?", re.IGNORECASE)
_SECTION = re.compile(r"[A-Z]?\d{1,3}[A-Za-z]?(?:\.\d{1,3})*[.):]?|(?:[A-Z]|[IVX]{1,6})[.):]")
"""The number of a chapter, a section or a figure."""

_GAP = 1.0
"""Space between a title and its page number, as a multiple of the line's height: wider than between words."""

_MIN_ENTRIES, _MIN_ENTRIES_WITHOUT_LEADERS = 3, 5
_MOST = 0.6
"""Share of the rows that must be entries (other rows continue a title, or are a heading), and of those with leaders."""

_MAX_OTHER = 0.1
"""Share of the rows that may be anything else, such as the words above the columns; one may always be."""

_MIN_ORDERED = 0.85
"""Share of the entries that must be in order: by page, or by the alphabet."""

_MIN_TITLE, _MIN_NUMBERED_TITLE = 2.5, 1.5
"""Mean words of titles without leaders, if they have no numbers and if they have. Rising numbers beside names of months
or sizes are a table."""

_MIN_SEVERAL = 0.2
"""Share of an index's entries whose pages follow a comma."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A title with its first page. `column`: how many entries are before it in its row."""

    title: tuple[str, ...]
    page: int
    column: int
    has_leaders: bool
    has_comma: bool

    @property
    def name(self) -> str:
        return " ".join(self.title).casefold()


def as_list(block: Block) -> Block:
    """Return a table of page numbers as a list without dot leaders; other blocks unchanged."""
    if block.kind is not BlockKind.TABLE or block.turn or not _is_page_list([line.words for line in block.lines]):
        return block
    lines = [replace(line, words=tuple(_without_leaders(line.words))) for line in block.lines]
    return replace(block, kind=BlockKind.LIST, lines=tuple(line for line in lines if line.words), rows=(), columns=())


def _is_page_list(rows: Sequence[Sequence[Word]]) -> bool:
    found = [_entries(row) for row in rows]
    entries = [entry for of_row in found if of_row for entry in of_row]
    if len(entries) < _MIN_ENTRIES or sum(bool(of_row) for of_row in found) < _MOST * len(rows):
        return False
    if found.count(None) > max(1, _MAX_OTHER * len(rows)):
        return False
    columns = {entry.column for entry in entries}
    pairs = [pair for column in columns for pair in pairwise(entry for entry in entries if entry.column == column)]
    is_rising = sum(first.page <= second.page for first, second in pairs) >= _MIN_ORDERED * len(pairs)
    is_alphabetical = sum(first.name <= second.name for first, second in pairs) >= _MIN_ORDERED * len(pairs)
    if sum(entry.has_leaders for entry in entries) >= _MOST * len(entries):
        return is_rising or is_alphabetical
    if len(entries) < _MIN_ENTRIES_WITHOUT_LEADERS:
        return False
    if sum(entry.has_comma for entry in entries) >= _MIN_SEVERAL * len(entries):
        return is_alphabetical
    return is_rising and _are_titles(entries)


def _are_titles(entries: Sequence[_Entry]) -> bool:
    numbered = sum(any(_SECTION.fullmatch(text) for text in entry.title[:2]) for entry in entries)
    words = sum(not _SECTION.fullmatch(text) for entry in entries for text in entry.title)
    return words >= (_MIN_NUMBERED_TITLE if numbered >= _MOST * len(entries) else _MIN_TITLE) * len(entries)


def _entries(row: Sequence[Word]) -> list[_Entry] | None:
    """Return the titles of a row that have a page number; None if two titles or two numbers are side by side."""
    entries: list[_Entry] = []
    title: list[str] = []
    for texts, has_leaders in _parts(row):
        has_title = any(not _SECTION.fullmatch(text) for text in title)
        is_label = len(title) <= 2 and bool(title) and _SECTION.fullmatch(title[-1]) is not None  # such as "Item 1."
        pages = _last_pages(texts)
        if len(pages) == len(texts) and has_title:
            entries.append(_Entry(tuple(title), pages[0], len(entries), has_leaders, has_comma=len(pages) > 1))
            title = []
        elif (has_title and not is_label) or (title and len(pages) == len(texts)):
            return None
        elif 0 < len(pages) < len(texts):
            name = (*title, *texts[: -len(pages)])
            entries.append(_Entry(name, pages[0], len(entries), has_leaders=False, has_comma=True))
            title = []
        elif all(_page_number(text) is not None for text in texts) and not _is_section(texts):
            return None
        else:
            title += texts
    return None if title and all(_SECTION.fullmatch(text) for text in title) else entries


def _is_section(texts: Sequence[str]) -> bool:
    return len(texts) == 1 and _SECTION.fullmatch(texts[0]) is not None


def _last_pages(texts: Sequence[str]) -> list[int]:
    """Return the page numbers at the end of a part of a row; each is alone or follows a comma."""
    pages: list[int] = []
    for index in range(len(texts) - 1, -1, -1):
        page = _page_number(texts[index])
        if page is None or (index and texts[index - 1][-1] not in ",;"):
            break
        pages.append(page)
    return pages[::-1]


def _page_number(text: str) -> int | None:
    """Return a number that is larger for a later page: roman numbers come first, and those of appendices last."""
    if match := _PAGE.fullmatch(text):
        return 10_000 * (ord(match[1]) if match[1] else 0) + int(match[2])
    if match := _ROMAN.fullmatch(text):
        ones = match[2].lower()
        return 10 * len(match[1]) + {"ix": 9, "iv": 4}.get(ones, 5 * ones.count("v") + ones.count("i")) - 10_000
    return None


def _parts(row: Sequence[Word]) -> Iterator[tuple[list[str], bool]]:
    """Yield the words between gaps and leaders, and whether leaders are before them."""
    texts: list[str] = []
    had_leaders = has_leaders = False
    end: float | None = None
    for text, box, is_leaders in _tokens(row):
        is_apart = end is not None and max(box.x0 - end, 0) > _GAP * (box.y1 - box.y0)
        if texts and (is_leaders or is_apart):
            yield texts, had_leaders
            texts, had_leaders = [], False
        if is_leaders:
            has_leaders = True
        else:
            if not texts:
                had_leaders, has_leaders = has_leaders, False
            texts.append(text)
        end = box.x1
    if texts:
        yield texts, had_leaders


def _tokens(row: Sequence[Word]) -> Iterator[tuple[str, Box, bool]]:
    """Yield the texts of a row with their places, and whether they are leaders."""
    signs: list[Word] = []
    for word in (*row, None):
        if word is not None and _LEADER_SIGNS.issuperset(word.text):
            signs.append(word)
            continue
        if signs and _LEADERS.fullmatch("".join(sign.text for sign in signs)):
            yield "", Box(signs[0].box.x0, signs[0].box.y0, signs[-1].box.x1, signs[-1].box.y1), True
        signs = []
        if word is not None:
            yield from _split_word(word)


def _split_word(word: Word) -> Iterator[tuple[str, Box, bool]]:
    """Yield the parts of a word with leaders in it, such as "Wiring.......12", each at about its place."""
    step = (word.box.x1 - word.box.x0) / len(word.text)

    def at(start: int, stop: int) -> Box:
        return word.box._replace(x0=word.box.x0 + start * step, x1=word.box.x0 + stop * step)

    start = 0
    for match in _LEADERS.finditer(word.text):
        if match.start() > start:
            yield word.text[start : match.start()], at(start, match.start()), False
        yield "", at(match.start(), match.end()), True
        start = match.end()
    if start < len(word.text):
        yield word.text[start:], at(start, len(word.text)), False


def _without_leaders(row: Sequence[Word]) -> Iterator[Word]:
    return (Word(text, box) for text, box, is_leaders in _tokens(row) if not is_leaders)
