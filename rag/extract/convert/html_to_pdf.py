"""Convert HTML to a PDF with searchable text. PyMuPDF does the layout."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rag.errors import Unreadable

WIDTH, HEIGHT, MARGIN = 595, 842, 45
"""A4, in points."""

_MIN_HEIGHT_LEFT = 60
"""Minimum height left on a page, in points, for another part to start there."""

_MAX_WIDTH = 4000
_MAX_GLYPHS = 6000
"""Fonts with more glyphs are Chinese, Japanese and Korean fonts, which have no joined forms."""

_RANGE = re.compile(rb"<(\w+)> <(\w+)> <(\w+)>")
_SINGLE = re.compile(rb"<(\w+)> <(\w+)>")
_CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
{}endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


def write_html_pdf(
    pymupdf: Any,
    parts: Iterable[str],
    css: str,
    into: Path,
    *,
    title: str,
    max_pages: int,
    page_per_part: bool,
    archive: Any = None,
) -> None:
    """Write HTML as a PDF to `into`. Raise Unreadable if there are more than `max_pages` pages.

    `page_per_part`: each part starts a new page; otherwise it starts where the previous part ended. `archive` has the
    pictures that the HTML can refer to.
    """
    parts = parts if page_per_part else list(parts)
    data, needed = _render(pymupdf, parts, css, WIDTH, max_pages, archive, page_per_part=page_per_part)
    if needed > WIDTH and isinstance(parts, list):  # a table with many columns: make the pages wider
        width = min(needed, _MAX_WIDTH)
        data, _ = _render(pymupdf, parts, css, width, max_pages, archive, page_per_part=page_per_part)
    with pymupdf.open("pdf", data) as document:
        map_glyphs_to_text(pymupdf, document)
        document.set_metadata({"title": title})
        document.save(str(into))


def _render(
    pymupdf: Any, parts: Iterable[str], css: str, width: float, max_pages: int, archive: Any, *, page_per_part: bool
) -> tuple[bytes, float]:
    """Return the PDF, and the page width at which nothing in it would be cut off."""
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    page_rect = pymupdf.Rect(0, 0, width, HEIGHT)
    area = pymupdf.Rect(MARGIN, MARGIN, width - MARGIN, HEIGHT - MARGIN)
    device, top, count, needed = None, area.y0, 0, width
    for part in parts:
        story = pymupdf.Story(html=part, user_css=css, archive=archive)
        more = True
        while more:
            if device is None:
                count += 1
                if count > max_pages:
                    raise too_many_pages(max_pages)
                device, top = writer.begin_page(page_rect), area.y0
            more, filled = story.place(pymupdf.Rect(area.x0, top, area.x1, area.y1))
            story.draw(device)
            needed, top = max(needed, filled[2] + MARGIN), filled[3]
            if more or page_per_part or area.y1 - top < _MIN_HEIGHT_LEFT:
                writer.end_page()
                device = None
    if device is not None:
        writer.end_page()
    writer.close()
    return buffer.getvalue(), needed


def too_many_pages(max_pages: int) -> Unreadable:
    """Return the error for a text with more than `max_pages` pages."""
    return Unreadable(f"The text has more than {max_pages:,} pages.", "Split it, or raise `read.max_pages`.")


def map_glyphs_to_text(pymupdf: Any, document: Any) -> None:
    """Complete the ToUnicode maps of a PDF's fonts from the names of their glyphs.

    MuPDF maps joined forms (Arabic, Hindi) to nothing and characters past U+FFFF (emoji) to a wrong character, so their
    words could not be found.
    """
    for xref in range(1, document.xref_length()):
        kind, target = document.xref_get_key(xref, "ToUnicode")
        if kind != "xref" or document.xref_get_key(xref, "Subtype") != ("name", "/Type0"):
            continue
        cmap = int(target.split()[0])
        letters = {glyph: _base_form(chr(code)) for glyph, code in _mapped_glyphs(document.xref_stream(cmap))}
        font = pymupdf.Font(fontbuffer=document.extract_font(xref)[3])
        for glyph in range(font.glyph_count if font.glyph_count < _MAX_GLYPHS else 0):
            if glyph not in letters and (text := _glyph_text(pymupdf.mupdf.fz_get_glyph_name2(font.this, glyph))):
                letters[glyph] = text
        document.update_stream(cmap, _cmap(letters).encode())


def _mapped_glyphs(cmap: bytes) -> Iterator[tuple[int, int]]:
    """Yield (glyph, code point) for each line of a CMap written by MuPDF."""
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, code in _RANGE.findall(block):
            for glyph in range(int(first, 16), int(last, 16) + 1):
                yield glyph, int(code, 16) + glyph - int(first, 16)
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for glyph, code in _SINGLE.findall(block):
            yield int(glyph, 16), int(code, 16)


def _glyph_text(name: str) -> str:
    """Return the text in a glyph's name by Adobe's rules: uni0644.init, uni09150937, u1F600, uni0644_uni0627."""
    text = ""
    for part in name.partition(".")[0].split("_"):
        if re.fullmatch(r"uni(?:[0-9A-F]{4})+", part):
            text += "".join(chr(int(part[at : at + 4], 16)) for at in range(3, len(part), 4))
        elif re.fullmatch(r"u[0-9A-F]{4,6}", part):
            text += chr(int(part[1:], 16))
        else:
            return ""
    return "" if any("\ud800" <= letter <= "\udfff" for letter in text) else "".join(map(_base_form, text))


def _base_form(letter: str) -> str:
    """Return an Arabic letter in its base form, which people type, instead of a presentation form."""
    return unicodedata.normalize("NFKC", letter) if "\ufb50" <= letter <= "\ufefc" else letter


def _cmap(letters: dict[int, str]) -> str:
    rows = [f"<{glyph:04x}> <{text.encode('utf-16-be').hex()}>\n" for glyph, text in sorted(letters.items())]
    blocks = (rows[at : at + 100] for at in range(0, len(rows), 100))
    return _CMAP.format("".join(f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks))
