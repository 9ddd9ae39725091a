"""HTML on pages, as a PDF whose every letter can be searched for. PyMuPDF lays out and draws."""

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

_LEAST = 60
"""Points left of a page on which another part may begin."""

_WIDEST = 4000
_FEW_GLYPHS = 6000
"""Fonts with more glyphs are those of Chinese, Japanese and Korean, which join no letters."""

_RANGE = re.compile(rb"<(\w+)> <(\w+)> <(\w+)>")
_PAIR = re.compile(rb"<(\w+)> <(\w+)>")
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


def write_pdf(pymupdf: Any, parts: Iterable[str], css: str, into: Path, *, title: str, most: int, apart: bool) -> None:
    """Lay out HTML and save it. `apart`: each part begins a page, else where the one before it ended.

    Raise Unreadable when there are more than `most` pages.
    """
    parts = parts if apart else list(parts)
    data, needed = _drawn(pymupdf, parts, css, WIDTH, most, apart=apart)
    if needed > WIDTH and isinstance(parts, list):  # a table of many columns: a sheet as wide as it is
        data, _ = _drawn(pymupdf, parts, css, min(needed, _WIDEST), most, apart=apart)
    with pymupdf.open("pdf", data) as document:
        name_letters(pymupdf, document)
        document.set_metadata({"title": title})
        document.save(str(into))


def _drawn(
    pymupdf: Any, parts: Iterable[str], css: str, width: float, most: int, *, apart: bool
) -> tuple[bytes, float]:
    """The PDF, and the width of page that nothing in it is cut off at."""
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    sheet = pymupdf.Rect(0, 0, width, HEIGHT)
    area = pymupdf.Rect(MARGIN, MARGIN, width - MARGIN, HEIGHT - MARGIN)
    device, top, count, needed = None, area.y0, 0, width
    for part in parts:
        story = pymupdf.Story(html=part, user_css=css)
        more = True
        while more:
            if device is None:
                count += 1
                if count > most:
                    raise too_long(most)
                device, top = writer.begin_page(sheet), area.y0
            more, filled = story.place(pymupdf.Rect(area.x0, top, area.x1, area.y1))
            story.draw(device)
            needed, top = max(needed, filled[2] + MARGIN), filled[3]
            if more or apart or area.y1 - top < _LEAST:  # an area turned over is drawn nowhere
                writer.end_page()
                device = None
    if device is not None:
        writer.end_page()
    writer.close()
    return buffer.getvalue(), needed


def too_long(most: int) -> Unreadable:
    return Unreadable(f"The text has more than {most:,} pages.", "Split it, or raise read.max_pages.")


def name_letters(pymupdf: Any, document: Any) -> None:
    """Say for every glyph which letters it shows, as far as its font knows.

    MuPDF writes none for joined forms (Arabic, Hindi) and a wrong one past U+FFFF (emoji): their words would be
    shown, and never found.
    """
    for xref in range(1, document.xref_length()):
        kind, target = document.xref_get_key(xref, "ToUnicode")
        if kind != "xref" or document.xref_get_key(xref, "Subtype") != ("name", "/Type0"):
            continue
        cmap = int(target.split()[0])
        letters = {glyph: _plain(chr(code)) for glyph, code in _named(document.xref_stream(cmap))}
        font = pymupdf.Font(fontbuffer=document.extract_font(xref)[3])
        for glyph in range(font.glyph_count if font.glyph_count < _FEW_GLYPHS else 0):
            if glyph not in letters and (text := _spelt(pymupdf.mupdf.fz_get_glyph_name2(font.this, glyph))):
                letters[glyph] = text
        document.update_stream(cmap, _cmap(letters).encode())


def _named(cmap: bytes) -> Iterator[tuple[int, int]]:
    """(glyph, code point) of each line of a CMap that MuPDF wrote."""
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, code in _RANGE.findall(block):
            for glyph in range(int(first, 16), int(last, 16) + 1):
                yield glyph, int(code, 16) + glyph - int(first, 16)
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for glyph, code in _PAIR.findall(block):
            yield int(glyph, 16), int(code, 16)


def _spelt(name: str) -> str:
    """The letters in a glyph's name, by Adobe's rules: uni0644.init, uni09150937, u1F600, uni0644_uni0627."""
    text = ""
    for part in name.partition(".")[0].split("_"):
        if re.fullmatch(r"uni(?:[0-9A-F]{4})+", part):
            text += "".join(chr(int(part[at : at + 4], 16)) for at in range(3, len(part), 4))
        elif re.fullmatch(r"u[0-9A-F]{4,6}", part):
            text += chr(int(part[1:], 16))
        else:
            return ""
    return "" if any("\ud800" <= letter <= "\udfff" for letter in text) else "".join(map(_plain, text))


def _plain(letter: str) -> str:
    """An Arabic letter without the form it takes beside others: people type it so."""
    return unicodedata.normalize("NFKC", letter) if "\ufb50" <= letter <= "\ufefc" else letter


def _cmap(letters: dict[int, str]) -> str:
    rows = [f"<{glyph:04x}> <{text.encode('utf-16-be').hex()}>\n" for glyph, text in sorted(letters.items())]
    blocks = (rows[at : at + 100] for at in range(0, len(rows), 100))
    return _CMAP.format("".join(f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks))
