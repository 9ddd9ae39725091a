"""The text layer of a PDF page: its glyphs, grouped into words as they are printed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from rag.extract.letters import compose_accents, join_letterspaced, known_private_letter

UNMAPPED = "\ufffd"
"""Stands for a glyph of which the font does not say which letter it is."""

_PAINTED, _CLIPS, _UNKNOWN = 16 | 32, 64, 128 | 256
"""Character flags of MuPDF: filled or stroked; used as a clip; of an unknown letter."""

_FIRST_RTL, _LAST_RTL = "\u0590", "\u0900"
"""Words end where the direction of writing changes, as in MuPDF's own words."""

_MIN_SLANT = 0.05
"""Sine of the angle between a line and the page's axes from which the line is slanted."""

_FAR = 1e7
"""Points. A glyph farther from the page's corner is left out."""

_SEAM = 0.1
"""Points that may lie between a ligature and its second letter."""

_MIN_LEADERS, _MAX_LEADER_WIDTH = 4, 0.4
"""A glyph of an unknown letter that repeats so often, and is at most this wide as a multiple of the font size, is a dot
that leads to a page number. It needs no OCR."""

_LEADER = "."

Rect = tuple[float, float, float, float]


class Glyph(NamedTuple):
    """One glyph. `box`, `origin` (the start of its baseline) and `size` (of its font) are in points of the page without
    its rotation; `color` is RGB in 24 bits.

    `painted`: it was drawn with ink, and not only put into the text layer. `is_synthetic`: a space that is not in the
    file.
    """

    text: str
    box: Rect
    origin: tuple[float, float]
    size: float
    color: int
    painted: bool
    is_synthetic: bool = False


@dataclass(slots=True)
class LayerWord:
    """A word of the text layer. `run` numbers its line in the file, `block` its block.

    `upright`: written from left to right; `slanted`: not along an axis of the page. Both are those of the page without
    its rotation.
    """

    glyphs: list[Glyph]
    run: int
    block: int
    upright: bool
    slanted: bool

    text: str = field(init=False)
    box: Rect = field(init=False)

    def __post_init__(self) -> None:
        self.text = "".join([glyph.text for glyph in self.glyphs])
        self.box = union([glyph.box for glyph in self.glyphs])

    @property
    def is_painted(self) -> bool:
        return any(glyph.painted for glyph in self.glyphs)


def read_words(pymupdf: Any, page: Any) -> list[LayerWord]:
    """Return the words of the text layer in the file's order, also those that cannot be seen, even outside the page.

    Glyphs without a known letter are UNMAPPED. Ligatures are split, so that "fi" can be found.
    """
    flags = (
        pymupdf.TEXTFLAGS_WORDS & ~pymupdf.TEXT_PRESERVE_LIGATURES & ~pymupdf.TEXT_MEDIABOX_CLIP
    ) | pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
    blocks = page.get_text("rawdict", flags=flags, clip=pymupdf.INFINITE_RECT())["blocks"]
    types_spaces = cache(lambda: any(map(_has_typed_space, blocks)))
    leaders = {leader for block in blocks for line in block.get("lines", ()) for leader in _leaders(line["spans"])}
    words: list[LayerWord] = []
    for block_number, block in enumerate(blocks):
        for line_number, line in enumerate(block.get("lines", ())):
            words += _words_of_line(line, (block_number << 20) + line_number, block_number, types_spaces, leaders)
    return words


def _has_typed_space(block: Any) -> bool:
    """Return whether a block has a space that is in the file."""
    return any(
        char["c"].isspace() and not char["synthetic"]
        for line in block.get("lines", ())
        for span in line["spans"]
        for char in span["chars"]
    )


def _leaders(spans: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield the fonts and the codes of the glyphs that lead to page numbers, if their letters are unknown."""
    for span in spans:
        if span["char_flags"] & _UNKNOWN:
            for code, run in groupby(span["chars"], key=itemgetter("c")):
                widths = [char["bbox"][2] - char["bbox"][0] for char in run]
                if len(widths) >= _MIN_LEADERS and max(widths) <= _MAX_LEADER_WIDTH * span["size"]:
                    yield span["font"], code


def union(rects: Iterable[Rect]) -> Rect:
    """Return the smallest rectangle around all; there must be one."""
    x0, y0, x1, y1 = zip(*rects, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _words_of_line(
    line: Any, run: int, block: int, page_types_spaces: Callable[[], bool], leaders: Container[tuple[str, str]]
) -> Iterator[LayerWord]:
    spans = line["spans"]
    if not spans:
        return
    across, down = line["dir"]
    upright = across > 1 - _MIN_SLANT and not line["wmode"]
    size = max(span["size"] for span in spans)
    parts, typed = _split(compose_accents([glyph for span in spans for glyph in _glyphs(span, leaders)], size))
    if upright:
        parts = join_letterspaced(parts, typed, size, page_types_spaces=page_types_spaces)
    for part in parts:
        yield LayerWord(part, run, block, upright, min(abs(across), abs(down)) > _MIN_SLANT)


def _glyphs(span: Any, leaders: Container[tuple[str, str]]) -> Iterator[Glyph]:
    """Return the glyphs of a span, without those that are scaled to nothing. `leaders`: see `_leaders`."""
    flags, font, size = span["char_flags"], span["font"], span["size"]
    color = span["color"]
    painted = bool(flags & _CLIPS) or (bool(flags & _PAINTED) and span["alpha"] > 0)
    unmapped = bool(flags & _UNKNOWN)
    end: tuple[float, float] | None = None
    for char in span["chars"]:
        x0, y0, x1, y1 = box = char["bbox"]
        code, is_synthetic = char["c"], char["synthetic"]
        if not (-_FAR < x0 <= x1 < _FAR and -_FAR < y0 <= y1 < _FAR):  # not a number, in a damaged file
            continue
        # The second letter of a ligature that was split has no width either, and continues the first one.
        if (x1 > x0 and y1 > y0) or is_synthetic or (end is not None and end[0] - _SEAM <= x0 <= end[1] + _SEAM):
            end = x0, x1
            if unmapped and not is_synthetic:
                text = _LEADER if (font, code) in leaders else UNMAPPED
            else:
                text = known_private_letter(code, font)
            yield Glyph(text, box, char["origin"], size, color, painted, is_synthetic)


def _split(glyphs: Sequence[Glyph]) -> tuple[list[list[Glyph]], list[bool]]:
    """Split glyphs into words at spaces, and where the direction of writing changes.

    Return the words, and for each whether a space of the file is before it.
    """
    words: list[list[Glyph]] = []
    typed: list[bool] = []
    was_rtl = is_typed = False
    is_new = True
    for glyph in glyphs:
        if glyph.text.isspace():
            is_new, is_typed = True, is_typed or not glyph.is_synthetic
            continue
        is_rtl = _FIRST_RTL <= glyph.text <= _LAST_RTL
        if is_new or is_rtl != was_rtl:
            words.append([])
            typed.append(is_typed)
        was_rtl, is_new, is_typed = is_rtl, False, False
        words[-1].append(glyph)
    return words, typed
