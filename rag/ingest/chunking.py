"""Cut pages into chunks: text by layout block, within one page, with heading path, caption and boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from rag.catalog.headings import HEADING_SEPARATOR
from rag.extract.geometry import bounding_box
from rag.ingest.earlier_pages import EarlierPages, is_number
from rag.ingest.picture_chunks import (
    MAX_TOKENS,
    caption_of,
    line_pieces,
    mention_of,
    picture_chunks,
    table_rows,
    with_header,
)
from rag.model.extraction import WHOLE_PAGE, Block, BlockKind, Box, ExtractedPage, Kind, Line, NewChunk
from rag.text import estimate_tokens

MIN_TOKENS, OVERLAP = 256, 50
"""Tokens from which a text chunk ends, and how many the next one repeats. A page with less text has a smaller chunk."""

_MAX_HEADING = 120
"""Maximum length of one heading, in characters."""

_RUNNING = (BlockKind.HEADER, BlockKind.FOOTER)
"""Blocks that the layout analysis takes for headers and footers. It is wrong about some first and last lines."""

_TEXT_MARGINS, _TABLE_MARGINS = (0.1, 0.9), (0.2, 0.8)
"""Other blocks above the first and below the second of these, as fractions of the page, may be headers and footers."""

_MAX_SPACING, _SAME_HEIGHT = 0.5, 0.15
"""A header or footer at most this far from the text, as a multiple of its line height, is the text's first or last
line, if their line heights differ by at most the second."""

_MAX_RUNNING_HEIGHT = 1.4
"""Height of a header's lines that the layout analysis may take for a heading, as a multiple of the page's median."""

_MAX_NUMBERS = 8
"""Page numbers of one page; more are a text of numbers."""


@dataclass
class _Flow:
    """Lines of one page, cut into chunks as they are added."""

    page: int
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    heading: str = ""
    has_new: bool = False
    """Whether anything was added since the last cut. The overlap alone is not a chunk."""
    chunks: list[NewChunk] = field(default_factory=list)

    def add(self, line: Line, heading: str) -> None:
        for piece in line_pieces(line, MAX_TOKENS):
            size = estimate_tokens(piece.text)
            if self.size + size > MAX_TOKENS and self.has_new:
                self.cut(heading)
            if self.size + size > MAX_TOKENS:  # the overlap alone leaves no space for a line this long
                self.lines, self.size = [], 0
            if not self.lines or not self.has_new:
                self.heading = heading
            self.lines.append(piece)
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
                box=bounding_box(line.box for line in self.lines),
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


@dataclass
class _Margins:
    """The new lines of a page's headers and footers."""

    top: list[Line] = field(default_factory=list)
    bottom: list[Line] = field(default_factory=list)
    numbers: list[Line] = field(default_factory=list)
    """Page numbers. A chunk of one alone would rank above every text that has the number."""

    def add(self, line: Line) -> None:
        if is_number(line) and len(self.numbers) < _MAX_NUMBERS:
            self.numbers.append(line)
        else:
            (self.top if line.box.y0 + line.box.y1 < 1 else self.bottom).append(line)

    def chunks(self, page: int) -> list[NewChunk]:
        """Return the chunks of headers and of footers: without a heading, which would rank them above the text."""
        return [chunk for lines in (self.top, self.bottom) for chunk in _line_chunks(page, lines)]

    def number_chunks(self, page: int, texts: Sequence[NewChunk]) -> list[NewChunk]:
        """Return the text chunks with each page number added to the nearest one; without any, a chunk of their own."""
        chunks = list(texts)
        alone: list[Line] = []
        for line in self.numbers:
            small = [chunk for chunk in chunks if estimate_tokens(f"{chunk.text}\n{line.text}") <= MAX_TOKENS]
            if small:
                chunk = min(small, key=lambda chunk: max(line.box.y0 - chunk.box.y1, chunk.box.y0 - line.box.y1))
                chunks[chunks.index(chunk)] = _with_line(chunk, line)
            else:
                alone.append(line)
        return chunks + _line_chunks(page, alone)


def _line_chunks(page: int, lines: Sequence[Line]) -> list[NewChunk]:
    flow = _Flow(page)
    for line in lines:
        flow.add(line, "")
    flow.cut("")
    return flow.chunks


def _with_line(chunk: NewChunk, line: Line) -> NewChunk:
    return replace(
        chunk,
        text=f"{chunk.text}\n{line.text}",
        box=chunk.box.union(line.box),
        line_boxes=(*chunk.line_boxes, line.box),
    )


def chunk_pages(
    pages: Sequence[ExtractedPage],
    heading: str = "",
    earlier: EarlierPages | None = None,
    *,
    are_slides: bool = False,
) -> tuple[list[NewChunk], str]:
    """Return the chunks of consecutive pages, and the heading path at the end of the last page.

    `heading` is the path before the first page; `earlier` is what the pages before had, and the new chunks are added to
    it. `are_slides`: a heading is about its own page only.

    Every word is in a chunk of its page, except those of headers and footers that an earlier page has there.
    """
    earlier = EarlierPages() if earlier is None else earlier
    chunks: list[NewChunk] = []
    for page in pages:
        nearest = sorted(pages, key=lambda other: abs(other.number - page.number))
        new, heading = _chunk_page(page, "" if are_slides else heading, nearest, earlier)
        earlier.add(new)
        chunks += new
    return chunks, heading


def _chunk_page(
    page: ExtractedPage, heading: str, near: Sequence[ExtractedPage], earlier: EarlierPages
) -> tuple[list[NewChunk], str]:
    """Return the page's chunks and the heading path at its end.

    `near`: the page and its neighbors, nearest first, where text may refer to the page's figures.
    """
    flow, margins = _Flow(page.number), _Margins()
    pictures: list[NewChunk] = []
    further: list[NewChunk] = []
    texts = [block for block in page.blocks if block.lines and block.kind is not BlockKind.ASIDE]
    has_only_running = all(block.kind in _RUNNING for block in texts)
    height = median([_height(line) for block in texts for line in block.lines] or [0.0])
    has_only_repeated = all(_new_lines(block, page, height, earlier)[1] for block in texts)
    for block in page.blocks:
        if block.kind is BlockKind.ASIDE:
            continue
        lines, is_repeated = _new_lines(block, page, height, earlier)
        if has_only_repeated and block.kind not in _RUNNING:  # the page's only words
            lines, is_repeated = block.lines, False
        if is_repeated or (not has_only_running and _is_running(block, page.blocks)):
            for line in lines:
                margins.add(line)
            continue
        if block.kind in (BlockKind.FIGURE, BlockKind.TABLE):
            first, *rest = _pictures(page, block, heading, near, earlier)
            pictures.append(first)
            further += rest
            continue
        if block.kind in (BlockKind.TITLE, BlockKind.HEADING) and lines:
            heading = _next_heading(heading, block)
            if flow.size >= MIN_TOKENS:
                flow.cut(heading)
        for line in lines:
            flow.add(line, heading)
        if flow.size >= MIN_TOKENS:
            flow.cut(heading)
    flow.cut(heading)
    flows = margins.number_chunks(page.number, flow.chunks)
    whole = [NewChunk(page.number, Kind.PAGE, "", heading, "", WHOLE_PAGE, (), page.render)] if page.render else []
    asides = _aside_chunks(page, heading)
    return [*flows, *pictures, *further, *margins.chunks(page.number), *asides, *whole], heading


def _new_lines(block: Block, page: ExtractedPage, height: float, earlier: EarlierPages) -> tuple[Sequence[Line], bool]:
    """Return the lines of a block that have to be indexed, and whether earlier pages have the others at this place.

    A table has to repeat completely, apart from page numbers, and a text exactly; both in a margin. Titles and large
    headings are always indexed: they begin what follows. `height` is that of the page's lines.
    """
    is_large = block.kind is BlockKind.HEADING and any(
        _height(line) > _MAX_RUNNING_HEIGHT * height for line in block.lines
    )
    if block.kind in (BlockKind.TITLE, BlockKind.FIGURE) or is_large:
        return block.lines, False
    parts = [earlier.new_part(line, page.number, page.label) for line in block.lines]
    new = [part for part in parts if part is not None]
    is_repeated = bool(parts) and all(part is not line for part, line in zip(parts, block.lines, strict=True))
    if block.kind in _RUNNING:
        return new, is_repeated
    top, bottom = _TABLE_MARGINS if block.kind is BlockKind.TABLE else _TEXT_MARGINS
    is_exact = block.kind is BlockKind.TABLE or not new
    is_repeated = is_repeated and is_exact and (block.box.y1 <= top or block.box.y0 >= bottom)
    return (new, True) if is_repeated else (block.lines, False)


def _height(line: Line) -> float:
    return line.box.y1 - line.box.y0


def _is_running(block: Block, blocks: Sequence[Block]) -> bool:
    """Return whether a block is a header or footer, and not the first or last line of the text."""
    if block.kind not in _RUNNING:
        return False
    height = min((_height(line) for line in block.lines), default=0.0)
    return not any(
        other.kind in (BlockKind.TEXT, BlockKind.LIST) and _continues(block.box, other, height) for other in blocks
    )


def _continues(box: Box, text: Block, height: float) -> bool:
    """Return whether a box with lines of this height is directly above or below lines of a text that are as high."""
    gap = max(text.box.y0 - box.y1, box.y0 - text.box.y1)
    shared = min(box.x1, text.box.x1) - max(box.x0, text.box.x0)
    is_close = -height < gap <= _MAX_SPACING * height and shared > 0.5 * (box.x1 - box.x0)
    return is_close and any(
        abs(_height(line) - height) <= _SAME_HEIGHT * height for line in (*text.lines[:1], *text.lines[-1:])
    )


def _pictures(
    page: ExtractedPage, block: Block, heading: str, near: Sequence[ExtractedPage], earlier: EarlierPages
) -> list[NewChunk]:
    """Return the chunks of a figure or table with its caption, or those that continue a table of the page before."""
    caption = caption_of(block, page.blocks)
    rows = table_rows(block)
    if rows:
        lines_above = sum(
            len(other.lines) for other in page.blocks if other.box.y1 <= block.box.y0 and other.kind not in _RUNNING
        )
        begun = earlier.header_of(
            page.number, block.box, len(rows[0].cells), lines_above=lines_above, heading=heading, caption=caption
        )
        if begun is not None:
            rows = with_header(rows, begun[0], block.box)
            caption = caption or begun[1]
    mention = mention_of(caption, near)
    return picture_chunks(page.number, block, rows, heading=heading, caption=caption, mention=mention)


def _aside_chunks(page: ExtractedPage, heading: str) -> Iterator[NewChunk]:
    """Yield chunks of their own for what the page does not print, so that its text is quoted without them."""
    for block in page.blocks:
        if block.kind is BlockKind.ASIDE:
            flow = _Flow(page.number)
            for line in block.lines:
                flow.add(line, heading)
            flow.cut(heading)
            yield from flow.chunks


def _next_heading(heading: str, block: Block) -> str:
    """Return the path `title › section`: a title replaces the whole path, a heading the section."""
    text = " ".join(block.text.split())[:_MAX_HEADING]
    title = heading.split(HEADING_SEPARATOR)[0]
    if block.kind is BlockKind.TITLE:
        return text
    return f"{title}{HEADING_SEPARATOR}{text}" if title else text
