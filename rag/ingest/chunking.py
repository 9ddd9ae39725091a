"""Cut pages into chunks: text by layout block, within one page, with heading path, caption and boxes."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.model import WHOLE_PAGE, Block, BlockKind, Box, ExtractedPage, Kind, Line, NewChunk
from rag.text import estimate_tokens, part_label

MIN_TOKENS, MAX_TOKENS, OVERLAP = 256, 512, 50
"""Tokens of a text chunk, and how many of them the next chunk repeats. A page with less text has a smaller chunk."""

HEADING_SEPARATOR = " › "
_MAX_HEADING = 120
"""Maximum length of one heading, in characters."""

_CAPTION_REACH = 0.12
"""Maximum distance between a figure and its caption, as a fraction of the page's height."""

_RULE = re.compile(r"^\|(?: --- \|)+$", re.MULTILINE)
"""The line below a Markdown table's header row."""

_LABEL = re.compile(part_label(r"fig(?:ure)?|table|chart|exhibit|abb(?:ildung)?|tab(?:elle)?"), re.IGNORECASE)
"""The label of a figure or table in captions and references: "Figure 3", "Fig. 2.1", "TABLE IV"."""

_MAX_MENTION = 600
"""Maximum length of a mention, in characters."""

_RUNNING = (BlockKind.HEADER, BlockKind.FOOTER)
"""Blocks that repeat on every page."""


@dataclass
class _Flow:
    """The running text of one page, cut into chunks as it grows."""

    page: int
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    heading: str = ""
    has_new: bool = False
    """Whether anything was added since the last cut. The overlap alone is not a chunk."""
    chunks: list[NewChunk] = field(default_factory=list)

    def add(self, line: Line, heading: str) -> None:
        size = estimate_tokens(line.text)
        if self.size + size > MAX_TOKENS and self.has_new:
            self.cut(heading)
        if not self.lines or not self.has_new:
            self.heading = heading
        self.lines.append(line)
        self.size += size
        self.has_new = True

    def cut(self, heading: str) -> None:
        """Close the chunk. The next one starts with its last lines, up to OVERLAP tokens."""
        if not self.has_new:
            return
        self.chunks.append(
            NewChunk(
                page=self.page,
                kind=Kind.TEXT,
                text="\n".join(line.text for line in self.lines),
                heading=self.heading,
                caption="",
                box=_union(self.lines),
                line_boxes=tuple(line.box for line in self.lines),
            )
        )
        kept: list[Line] = []
        size = 0
        for line in reversed(self.lines):
            size += estimate_tokens(line.text)
            if size > OVERLAP:
                break
            kept.insert(0, line)
        self.lines, self.size = kept, sum(estimate_tokens(line.text) for line in kept)
        self.heading, self.has_new = heading, False


def chunk_pages(
    pages: Sequence[ExtractedPage], heading: str = "", *, are_slides: bool = False
) -> tuple[list[NewChunk], str]:
    """Return the chunks of consecutive pages, and the heading path at the end of the last page.

    `heading` is the path before the first page. `are_slides`: a heading is about its own page only.

    Headers, footers and page numbers are left out.
    """
    chunks: list[NewChunk] = []
    for page in pages:
        nearest = sorted(pages, key=lambda other: abs(other.number - page.number))
        new, heading = _chunk_page(page, "" if are_slides else heading, nearest)
        chunks += new
    return chunks, heading


def _chunk_page(page: ExtractedPage, heading: str, near: Sequence[ExtractedPage]) -> tuple[list[NewChunk], str]:
    """Return the page's chunks and the heading path at its end.

    `near`: the page and its neighbors, nearest first, where text may refer to the page's figures.
    """
    flow = _Flow(page.number)
    pictures: list[NewChunk] = []
    # Never leave out a page's only words: on a title slide, the only line may be where a header would be.
    has_only_running = all(
        block.kind in _RUNNING for block in page.blocks if block.lines and block.kind is not BlockKind.ASIDE
    )
    captions = [block for block in page.blocks if block.kind is BlockKind.CAPTION and block.lines]
    for block in page.blocks:
        if block.kind is BlockKind.ASIDE or (block.kind in _RUNNING and not has_only_running):
            continue
        if block.kind in (BlockKind.FIGURE, BlockKind.TABLE):
            caption = _caption_of(block, captions)
            pictures.append(_picture_chunk(page.number, block, heading, caption, _mention_of(caption, near)))
            continue
        if block.kind in (BlockKind.TITLE, BlockKind.HEADING) and block.lines:
            heading = _next_heading(heading, block)
            if flow.size >= MIN_TOKENS:
                flow.cut(heading)
        for line in block.lines:
            for piece in _pieces(line):
                flow.add(piece, heading)
        if flow.size >= MIN_TOKENS:
            flow.cut(heading)
    flow.cut(heading)
    whole = [NewChunk(page.number, Kind.PAGE, "", heading, "", WHOLE_PAGE, (), page.render)] if page.render else []
    return [*flow.chunks, *pictures, *_aside_chunks(page, heading), *whole], heading


def _aside_chunks(page: ExtractedPage, heading: str) -> Iterator[NewChunk]:
    """Yield chunks of their own for what the page does not print, so that its text is quoted without them."""
    for block in page.blocks:
        if block.kind is BlockKind.ASIDE:
            flow = _Flow(page.number)
            for line in block.lines:
                for piece in _pieces(line):
                    flow.add(piece, heading)
            flow.cut(heading)
            yield from flow.chunks


def _next_heading(heading: str, block: Block) -> str:
    """Return the path `title › section`: a title replaces the whole path, a heading the section."""
    text = " ".join(block.text.split())[:_MAX_HEADING]
    title = heading.split(HEADING_SEPARATOR)[0]
    if block.kind is BlockKind.TITLE:
        return text
    return f"{title}{HEADING_SEPARATOR}{text}" if title else text


def _picture_chunk(page: int, block: Block, heading: str, caption: str, mention: str) -> NewChunk:
    """Return the chunk of a figure or table: one line for each line box (a table as Markdown), then the mention."""
    table = block.kind is BlockKind.TABLE and bool(block.columns)
    rows = _rows(block) if table else []
    text = _markdown([cells for cells, _ in rows]) if rows else block.text
    return NewChunk(
        page=page,
        kind=Kind.FIGURE if block.kind is BlockKind.FIGURE else Kind.TABLE,
        text="\n".join(part for part in (text, mention) if part),
        heading=heading,
        caption=caption,
        box=block.box,
        line_boxes=tuple(box for _, box in rows) if rows else tuple(line.box for line in block.lines),
        picture=block.picture,
    )


def _rows(block: Block) -> list[tuple[list[str], Box]]:
    """Return the cells and the box of each row that has words; columns without words are left out."""
    cells: dict[tuple[int, int], list[str]] = {}
    boxes: dict[int, Box] = {}
    for line in block.lines:
        for word in line.words:
            row = bisect(block.rows, (word.box.y0 + word.box.y1) / 2)
            column = bisect(block.columns, (word.box.x0 + word.box.x1) / 2)
            cells.setdefault((row, column), []).append(word.text.replace("|", "\\|"))
            boxes[row] = boxes[row].union(word.box) if row in boxes else word.box
    columns = sorted({column for _, column in cells})
    return [([" ".join(cells.get((row, column), ())) for column in columns], boxes[row]) for row in sorted(boxes)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])


def text_lines(text: str) -> list[str]:
    """Return the lines of a chunk's text, in the order of its line boxes; further lines have no box."""
    return [line for line in text.split("\n") if not _RULE.fullmatch(line)]


def table_as_line(text: str) -> str:
    """Return a Markdown table as one readable line, with bars between cells; other text unchanged."""
    lines = (line.strip().removeprefix("|").removesuffix("|").strip() for line in text_lines(text))
    return " · ".join(line for line in lines if line) if _RULE.search(text) else text


def _caption_of(block: Block, captions: Sequence[Block]) -> str:
    """Return the nearest caption above or below that overlaps the block horizontally, or an empty string."""

    def distance(caption: Block) -> float:
        return max(caption.box.y0 - block.box.y1, block.box.y0 - caption.box.y1, 0.0)

    beside = [
        caption
        for caption in captions
        if min(caption.box.x1, block.box.x1) > max(caption.box.x0, block.box.x0) and distance(caption) <= _CAPTION_REACH
    ]
    return " ".join(min(beside, key=distance).text.split()) if beside else ""


def _mention_of(caption: str, near: Sequence[ExtractedPage]) -> str:
    """Return the nearest paragraph that refers to the figure or table of this caption, or an empty string."""
    found = _LABEL.match(caption)
    if found is None:
        return ""
    label = _label(found)
    for page in near:
        for block in page.blocks:
            if block.kind in (BlockKind.TEXT, BlockKind.LIST, BlockKind.FOOTNOTE):
                text = " ".join(block.text.split())
                at = next((match for match in _LABEL.finditer(text) if _label(match) == label), None)
                if at is not None:
                    return _around_mention(text, at.start())
    return ""


def _label(found: re.Match[str]) -> tuple[str, str]:
    return found[1][:3].lower(), found[2].lower()


def _around_mention(text: str, at: int) -> str:
    """Return at most _MAX_MENTION characters of a paragraph, from the referring sentence on, in whole words."""
    if len(text) <= _MAX_MENTION:
        return text
    start = max(text.rfind(". ", 0, at) + 2, at - _MAX_MENTION // 2) if at > _MAX_MENTION // 2 else 0
    return text[start : start + _MAX_MENTION].rpartition(" ")[0]


def _pieces(line: Line) -> Iterator[Line]:
    """Yield the line, or parts of it if it is larger than a chunk."""
    if estimate_tokens(line.text) <= MAX_TOKENS:
        yield line
        return
    start = size = 0
    for index, word in enumerate(line.words):
        tokens = estimate_tokens(word.text)
        if size + tokens > MAX_TOKENS and index > start:
            yield Line(line.words[start:index], line.box, line.ocr)
            start, size = index, 0
        size += tokens
    yield Line(line.words[start:], line.box, line.ocr)


def _union(lines: Sequence[Line]) -> Box:
    box = lines[0].box
    for line in lines[1:]:
        box = box.union(line.box)
    return box
