"""Pages to chunks: text by layout block, never across a page, with heading path, caption and rectangles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.model import WHOLE_PAGE, Block, BlockKind, Box, Kind, Line, NewChunk, PageReading

SMALLEST, LARGEST, OVERLAP = 256, 512, 50
"""Tokens of a text chunk, and how many of them the next one repeats. A page with fewer makes a smaller chunk."""

PATH = " › "
_LONGEST_HEADING = 120
_CAPTION_REACH = 0.12
"""How far from its figure a caption may lie, as a share of the page's height."""

_PIECE = re.compile(r"\w+|[^\w\s]", re.UNICODE)
_LONG_WORD = 6
"""Letters a subword token holds on average in long words."""


def count_tokens(text: str) -> int:
    """About as many tokens as a subword tokenizer makes of it: words, marks, and long words by their pieces."""
    return sum(-(-len(piece) // _LONG_WORD) for piece in _PIECE.findall(text))


@dataclass
class _Flow:
    """The running text of one page, cut into chunks as it grows."""

    page: int
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    heading: str = ""
    fresh: bool = False
    """Whether anything was added since the last cut; what is left of the overlap alone is no chunk."""
    chunks: list[NewChunk] = field(default_factory=list)

    def add(self, line: Line, heading: str) -> None:
        size = count_tokens(line.text)
        if self.size + size > LARGEST and self.fresh:
            self.cut(heading)
        if not self.lines or not self.fresh:
            self.heading = heading
        self.lines.append(line)
        self.size += size
        self.fresh = True

    def cut(self, heading: str) -> None:
        """Close the chunk; the next begins with its last OVERLAP tokens, by whole lines."""
        if not self.fresh:
            return
        self.chunks.append(
            NewChunk(
                page=self.page,
                kind=Kind.TEXT,
                text="\n".join(line.text for line in self.lines),
                heading=self.heading,
                caption="",
                box=_around(self.lines),
                marks=tuple(line.box for line in self.lines),
            )
        )
        kept: list[Line] = []
        size = 0
        for line in reversed(self.lines):
            size += count_tokens(line.text)
            if size > OVERLAP:
                break
            kept.insert(0, line)
        self.lines, self.size = kept, sum(count_tokens(line.text) for line in kept)
        self.heading, self.fresh = heading, False


def chunk_pages(pages: Sequence[PageReading], heading: str = "") -> tuple[list[NewChunk], str]:
    """Chunks of consecutive pages, and the heading path the next page begins under.

    `heading` is the path in force before the first page. Headers, footers and page numbers make no chunks.
    """
    chunks: list[NewChunk] = []
    for page in pages:
        if page.error is None:
            made, heading = _chunk_page(page, heading)
            chunks += made
    return chunks, heading


def _chunk_page(page: PageReading, heading: str) -> tuple[list[NewChunk], str]:
    flow = _Flow(page.number)
    pictures: list[NewChunk] = []
    captions = [block for block in page.blocks if block.kind is BlockKind.CAPTION and block.lines]
    for block in page.blocks:
        if block.kind in (BlockKind.HEADER, BlockKind.FOOTER):
            continue
        if block.kind in (BlockKind.FIGURE, BlockKind.TABLE):
            pictures.append(_picture_chunk(page.number, block, heading, _caption_of(block, captions)))
            continue
        if block.kind in (BlockKind.TITLE, BlockKind.HEADING) and block.lines:
            heading = _next_heading(heading, block)
            if flow.size >= SMALLEST:
                flow.cut(heading)
        for line in block.lines:
            for piece in _pieces(line):
                flow.add(piece, heading)
        if flow.size >= SMALLEST:
            flow.cut(heading)
    flow.cut(heading)
    whole = [NewChunk(page.number, Kind.PAGE, "", heading, "", WHOLE_PAGE, (), page.render)] if page.render else []
    return [*flow.chunks, *pictures, *whole], heading


def _next_heading(heading: str, block: Block) -> str:
    """`title › section`, as far as two levels go: a title begins anew, a heading takes the section's place."""
    text = " ".join(block.text.split())[:_LONGEST_HEADING]
    title = heading.split(PATH)[0]
    if block.kind is BlockKind.TITLE:
        return text
    return f"{title}{PATH}{text}" if title else text


def _picture_chunk(page: int, block: Block, heading: str, caption: str) -> NewChunk:
    return NewChunk(
        page=page,
        kind=Kind.FIGURE if block.kind is BlockKind.FIGURE else Kind.TABLE,
        text=block.text,
        heading=heading,
        caption=caption,
        box=block.box,
        marks=tuple(line.box for line in block.lines),
        picture=block.picture,
    )


def _caption_of(block: Block, captions: Sequence[Block]) -> str:
    """The nearest caption above or below that shares some width with the block, or nothing."""

    def distance(caption: Block) -> float:
        return max(caption.box.y0 - block.box.y1, block.box.y0 - caption.box.y1, 0.0)

    beside = [
        caption
        for caption in captions
        if min(caption.box.x1, block.box.x1) > max(caption.box.x0, block.box.x0) and distance(caption) <= _CAPTION_REACH
    ]
    return " ".join(min(beside, key=distance).text.split()) if beside else ""


def _pieces(line: Line) -> Iterator[Line]:
    """The line itself, or parts of it when it alone is larger than a chunk."""
    if count_tokens(line.text) <= LARGEST:
        yield line
        return
    start = size = 0
    for index, word in enumerate(line.words):
        tokens = count_tokens(word.text)
        if size + tokens > LARGEST and index > start:
            yield Line(line.words[start:index], line.box, line.ocr)
            start, size = index, 0
        size += tokens
    yield Line(line.words[start:], line.box, line.ocr)


def _around(lines: Sequence[Line]) -> Box:
    box = lines[0].box
    for line in lines[1:]:
        box = box.union(line.box)
    return box
