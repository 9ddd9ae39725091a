"""Tests of the structure that a rendered web page carries in its PDF."""

from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw

from rag.extract.geometry import Region
from rag.extract.guarded import GuardedExtractor
from rag.extract.page_structure import CUT, PageStructure, read_structure, write_structure
from rag.ingest.chunking import chunk_pages
from rag.ingest.fetch.screenshot_pdf import WIDTH, ScreenRegion, ScreenWord, Tile, write_screenshot_pdf
from rag.model.extraction import BlockKind, Box, Kind
from rag.setting_groups import ReadSettings

STRUCTURE = PageStructure(
    [
        Region(BlockKind.TITLE, Box(0.1, 0.1, 0.5, 0.2)),
        Region(BlockKind.TABLE, Box(0.1, 0.3, 0.9, 0.6), (0.4, 0.5), (0.5,)),
    ],
    [CUT],
)


def stored(data: bytes) -> PageStructure | None:
    with pymupdf.open() as document:
        page = document.new_page()
        write_structure(document, page, STRUCTURE)
        xref = int(document.xref_get_key(page.xref, "PieceInfo/Magpie/Private")[1].split()[0])
        document.update_stream(xref, data)
        return read_structure(document, page)


def test_structure_survives_saving(tmp_path: Path) -> None:
    with pymupdf.open() as document:
        write_structure(document, document.new_page(), STRUCTURE)
        document.new_page()
        document.save(tmp_path / "page.pdf", garbage=3, deflate=True)
    with pymupdf.open(tmp_path / "page.pdf") as document:
        assert read_structure(document, document[0]) == STRUCTURE
        assert read_structure(document, document[1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"regions": 3, "remarks": []}',
        b'{"regions": [["no-kind", 0, 0, 1, 1, [], []]], "remarks": []}',
        b'{"regions": [["title", "a", 0, 1, 1, [], []]], "remarks": []}',
        b'{"regions": [["title", 0, 0, 1]], "remarks": []}',
        b'{"regions": [["title", 0, 0, 1, 1, {"a": 1}, []]], "remarks": []}',
        b'{"regions": ' + b"[" * 100_000 + b'], "remarks": []}',
        b" " * (5 << 20),
    ],
)
def test_invalid_structure_counts_as_none(data: bytes) -> None:
    assert stored(data) is None


def test_structure_of_a_stranger_is_clipped_and_says_nothing_of_its_own() -> None:
    regions = [["title", -5, -5, 9, 9, [], []], ["text", float("nan"), 0, 1, 1, [], []], ["text", 1, 1, 1, 1, [], []]]
    regions += [["table", 0, 0, 1, 1, [0.5] * 9999, []], *[["text", 0, 0, 1, 1, [], []]] * 9999]
    found = stored(json.dumps({"regions": regions, "remarks": ["Call 555", CUT, CUT]}).encode())
    assert found is not None
    assert found.regions[0] == Region(BlockKind.TITLE, Box(0, 0, 1, 1))
    assert len(found.regions) <= 5_000
    assert max(len(region.rows) for region in found.regions) <= 500
    assert [note.text.partition(";")[0] for note in found.notes] == ["The web page goes on after this"]


def test_chunks_have_the_headings_and_tables_of_the_page(tmp_path: Path) -> None:
    """The first line of a page looks like a running header to the layout analysis; the browser knows better."""
    places = [
        *((0, 40, "Harbour dues"), (1, 100, "Dues are paid on Monday"), (2, 160, "Exceptions")),
        *((3, 220, "Barges pay nothing"), (4, 280, "Port"), (4, 320, "Gdansk")),
    ]
    words = [
        ScreenWord(word, 60 + 120 * at, y, 160 + 120 * at, y + 24, region)
        for region, y, line in places
        for at, word in enumerate(line.split())
    ]
    words += [ScreenWord("Dues", 400, 280, 460, 304, 4), ScreenWord("twelve", 400, 320, 460, 344, 4)]
    regions = [
        ScreenRegion(BlockKind.HEADING, (0, 0, 0, 0), 1),
        ScreenRegion(BlockKind.TEXT, (0, 0, 0, 0)),
        ScreenRegion(BlockKind.HEADING, (0, 0, 0, 0), 3),
        ScreenRegion(BlockKind.TEXT, (0, 0, 0, 0)),
        ScreenRegion(BlockKind.TABLE, (40, 270, 600, 350), rows=(312,), columns=(300,)),
    ]
    shown = Image.new("RGB", (WIDTH, 400), "white")
    for word in words:
        ImageDraw.Draw(shown).text((word.x0, word.y0), word.text, "black", font_size=20)
    tile = Tile(0, 400, shown, words, [CUT])
    assert write_screenshot_pdf([tile], regions, "Dues", tmp_path / "page.pdf") == 1
    extractor = GuardedExtractor(ReadSettings(ocr=False, layout=False, render_px=400), None)
    try:
        (tmp_path / "pictures").mkdir()
        [page] = extractor.extract(tmp_path / "page.pdf", 1, 1, tmp_path / "pictures")
    finally:
        extractor.close()
    assert [block.kind for block in page.blocks] == [
        *(BlockKind.TITLE, BlockKind.TEXT, BlockKind.HEADING, BlockKind.TEXT, BlockKind.TABLE)
    ]
    assert page.notes[0].lost
    chunks, path = chunk_pages([page])
    assert path == "Harbour dues › Exceptions"
    assert [chunk.heading for chunk in chunks if chunk.kind is Kind.TEXT] == ["Harbour dues"]
    [table] = [chunk for chunk in chunks if chunk.kind is Kind.TABLE]
    assert table.text.splitlines() == ["| Port | Dues |", "| --- | --- |", "| Gdansk | twelve |"]
