"""Chunks of figures and tables, with their captions and the paragraphs that refer to them."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from rag.extract.geometry import turned_box
from rag.extract.layout.right_to_left import is_mainly_right_to_left
from rag.ingest.markdown_rows import markdown_row, markdown_table
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, Kind, Line, NewChunk
from rag.text import estimate_tokens, part_label

_LEADERS = re.compile(r"[.·…_]{3,}")
"""Dots between a label and its number. Each would be a token, and cut the table into more chunks."""

MAX_TOKENS = 512
"""Maximum size of a chunk's text."""

_CAPTION_REACH = 0.12
"""Maximum distance between a figure and its caption, as a fraction of the page's height."""

_LABEL = re.compile(part_label(r"fig(?:ure)?|table|chart|exhibit|abb(?:ildung)?|tab(?:elle)?"), re.IGNORECASE)
"""The label of a figure or table in captions and references: "Figure 3", "Fig. 2.1", "TABLE IV"."""

_MAX_MENTION = 600
"""Maximum length of a mention, in characters."""

_HEADER_SHARE = 0.25
"""A header row that takes more of a chunk is not repeated in the table's further chunks."""


class Row(NamedTuple):
    cells: list[str]
    box: Box

    @property
    def size(self) -> int:
        return estimate_tokens(markdown_row(self.cells))


def picture_chunks(
    page: int, block: Block, rows: Sequence[Row], *, heading: str, caption: str, mention: str
) -> list[NewChunk]:
    """Return the chunks of a figure or table: one line for each line box (a table as Markdown), then the mention.

    `rows` are those of a table, or empty. Only the first chunk has the picture; all have the whole region. Further
    chunks of a table repeat its header row.
    """
    budget = MAX_TOKENS - estimate_tokens(mention)
    parts = _table_parts(rows, budget) if rows else _line_parts(block.lines, budget)
    box = _around_words(block)
    return [
        NewChunk(
            page=page,
            kind=Kind.FIGURE if block.kind is BlockKind.FIGURE else Kind.TABLE,
            text="\n".join(part for part in (text, "" if number else mention) if part),
            heading=heading,
            caption=caption,
            box=box,
            line_boxes=tuple(boxes),
            picture=None if number else block.picture,
        )
        for number, (text, boxes) in enumerate(parts)
    ]


def _around_words(block: Block) -> Box:
    """Return the block's box, extended by its words at the edges of which more than half is outside."""
    box = block.box
    for line in block.lines:
        for word in line.words:
            x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
            if not (box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1):
                box = box.union(word.box)
    return box


def table_rows(block: Block) -> list[Row]:
    """Return the cells and the box of each row with words, without empty columns; [] if the columns are not known."""
    if block.kind is not BlockKind.TABLE or not block.columns:
        return []
    cells: dict[tuple[int, int], list[str]] = {}
    boxes: dict[int, Box] = {}
    for line in block.lines:
        for word in line.words:
            if _LEADERS.fullmatch(word.text):
                continue
            place = turned_box(word.box, block.turn)
            row = bisect(block.rows, (place.y0 + place.y1) / 2)
            column = bisect(block.columns, (place.x0 + place.x1) / 2)
            cells.setdefault((row, column), []).append(word.text.replace("|", "\\|"))
            boxes[row] = boxes[row].union(word.box) if row in boxes else word.box
    words = (word.text for line in block.lines for word in line.words)
    columns = sorted({column for _, column in cells}, reverse=is_mainly_right_to_left(words))
    return [Row([" ".join(cells.get((row, column), ())) for column in columns], boxes[row]) for row in sorted(boxes)]


def with_header(rows: Sequence[Row], header: Sequence[str], table: Box) -> list[Row]:
    """Return the rows below the header row of an earlier page, which has no height here; unchanged if they have it."""
    if rows[0].cells == list(header):
        return list(rows)
    return [Row(list(header), Box(table.x0, table.y0, table.x1, table.y0)), *rows]


def _table_parts(rows: Sequence[Row], budget: int) -> Iterator[tuple[str, list[Box]]]:
    """Yield Markdown tables of at most so many tokens, with the boxes of their rows."""
    repeated = [rows[0]] if rows[0].size <= _HEADER_SHARE * budget else []
    rule = estimate_tokens(markdown_row(["---"] * len(rows[0].cells)))
    part: list[Row] = []
    size = rule
    rest = budget - rule - sum(row.size for row in repeated)
    for row in chain.from_iterable(_row_pieces(row, rest) for row in rows):
        if part and size + row.size > budget:
            yield markdown_table([cells for cells, _ in part]), [box for _, box in part]
            part = list(repeated)
            size = rule + sum(row.size for row in part)
        part.append(row)
        size += row.size
    yield markdown_table([cells for cells, _ in part]), [box for _, box in part]


def _row_pieces(row: Row, budget: int) -> Iterator[Row]:
    """Yield the row, or several rows with parts of its words if it has more tokens than the budget."""
    if row.size <= budget:
        yield row
        return
    empty: list[list[str]] = [[] for _ in row.cells]
    frame = estimate_tokens(markdown_row([""] * len(row.cells)))
    cells, size = [list(cell) for cell in empty], frame
    for column, cell in enumerate(row.cells):
        for word in cell.split():
            tokens = estimate_tokens(word)
            if size + tokens > budget and size > frame:
                yield Row([" ".join(words) for words in cells], row.box)
                cells, size = [list(cell) for cell in empty], frame
            cells[column].append(word)
            size += tokens
    yield Row([" ".join(words) for words in cells], row.box)


def _line_parts(lines: Sequence[Line], budget: int) -> Iterator[tuple[str, list[Box]]]:
    """Yield the texts of lines, at most so many tokens each, with the lines' boxes; one empty text without lines."""
    part: list[Line] = []
    size = 0
    for line in chain.from_iterable(line_pieces(line, budget) for line in lines):
        tokens = estimate_tokens(line.text)
        if part and size + tokens > budget:
            yield "\n".join(line.text for line in part), [line.box for line in part]
            part, size = [], 0
        part.append(line)
        size += tokens
    yield "\n".join(line.text for line in part), [line.box for line in part]


def line_pieces(line: Line, max_tokens: int) -> Iterator[Line]:
    """Yield the line, or parts of it if it has more tokens."""
    if estimate_tokens(line.text) <= max_tokens:
        yield line
        return
    start = size = 0
    for index, word in enumerate(line.words):
        tokens = estimate_tokens(word.text)
        if size + tokens > max_tokens and index > start:
            yield Line(line.words[start:index], line.box, line.ocr)
            start, size = index, 0
        size += tokens
    yield Line(line.words[start:], line.box, line.ocr)


def caption_of(block: Block, blocks: Sequence[Block]) -> str:
    """Return the nearest caption above or below that overlaps the block horizontally, or an empty string."""
    captions = [other for other in blocks if other.kind is BlockKind.CAPTION and other.lines]

    def distance(caption: Block) -> float:
        return max(caption.box.y0 - block.box.y1, block.box.y0 - caption.box.y1, 0.0)

    beside = [
        caption
        for caption in captions
        if min(caption.box.x1, block.box.x1) > max(caption.box.x0, block.box.x0) and distance(caption) <= _CAPTION_REACH
    ]
    return " ".join(min(beside, key=distance).text.split()) if beside else ""


def mention_of(caption: str, near: Sequence[ExtractedPage]) -> str:
    """Return the nearest paragraph that refers to the figure or table of this caption, or an empty string."""
    label = label_of(caption)
    if label is None:
        return ""
    for page in near:
        for block in page.blocks:
            if block.kind in (BlockKind.TEXT, BlockKind.LIST, BlockKind.FOOTNOTE):
                text = " ".join(block.text.split())
                at = next((match for match in _LABEL.finditer(text) if _label(match) == label), None)
                if at is not None:
                    return _around_mention(text, at.start())
    return ""


def label_of(caption: str) -> tuple[str, str] | None:
    """Return the label that a caption begins with, in a form to compare; None without one."""
    found = _LABEL.match(caption)
    return _label(found) if found else None


def _label(found: re.Match[str]) -> tuple[str, str]:
    return found[1][:3].lower(), found[2].lower()


def _around_mention(text: str, at: int) -> str:
    """Return at most _MAX_MENTION characters of a paragraph, from the referring sentence on, in whole words."""
    if len(text) <= _MAX_MENTION:
        return text
    start = max(text.rfind(". ", 0, at) + 2, at - _MAX_MENTION // 2) if at > _MAX_MENTION // 2 else 0
    return text[start : start + _MAX_MENTION].rpartition(" ")[0]
