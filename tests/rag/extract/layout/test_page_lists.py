"""Tests of lists of page numbers that the layout model takes for tables."""

from __future__ import annotations

import re
from typing import Any

import pymupdf
import pytest
from PIL import Image

from rag.extract.geometry import PlacedWord, Region
from rag.extract.layout.analysis import Layout
from rag.extract.layout.page_lists import as_list
from rag.extract.page_words import Frame
from rag.extract.scan import PageGraphics, page_blocks
from rag.extract.text_layer import read_words
from rag.model.extraction import Block, BlockKind, Box, Line, Word

_LETTER, _HEIGHT = 0.008, 0.014
"""Width of a letter and height of a line, as fractions of the page."""

TITLES = (
    "Introduction|Scope of this manual|Installing the pump|Wiring and grounding|First start|Daily care of the pump|"
    "Winter storage|Spare parts and tools|Returning a pump|Warranty"
).split("|")
TERMS = "anchor|bilge|cable|davit|echo|ferry|gauge|hawser|inlet|jetty".split("|")


def table(*rows: str) -> Block:
    """Return a table with one line for each text; each letter and space has the same width."""
    lines = []
    for number, text in enumerate(rows):
        y = 0.1 + 0.02 * number
        words = tuple(
            Word(match[0], Box(0.1 + match.start() * _LETTER, y, 0.1 + match.end() * _LETTER, y + _HEIGHT))
            for match in re.finditer(r"\S+", text)
        )
        lines.append(Line(words, Box(0.1, y, 0.9, y + _HEIGHT)))
    return Block(BlockKind.TABLE, Box(0.1, 0.1, 0.9, 0.9), tuple(lines), rows=(0.2,), columns=(0.7,))


def texts(block: Block) -> list[str]:
    return [line.text for line in block.lines]


@pytest.mark.parametrize(
    "leaders", [" ........... ", "...........", " . . . . . . ", " …… ", " ____________ ", "\u00b7" * 20 + " "]
)
def test_contents_with_leaders_is_a_list_without_them(leaders: str) -> None:
    found = as_list(table(*(f"{title}{leaders}{3 + 4 * n}" for n, title in enumerate(TITLES))))
    assert found.kind is BlockKind.LIST
    assert found.rows == found.columns == ()
    assert texts(found) == [f"{title} {3 + 4 * n}" for n, title in enumerate(TITLES)]


@pytest.mark.parametrize("count", [3, 10])
def test_contents_with_roman_and_appendix_pages_is_a_list(count: int) -> None:
    pages = ["ii", "iv", "ix", "1", "4", "19", "102", "A-1", "A-4", "B-2"]
    rows = [f"{title} ....... {page}" for title, page in zip(TITLES[:count], pages, strict=False)]
    assert as_list(table(*rows)).kind is BlockKind.LIST


def test_contents_with_its_heading_and_titles_of_two_lines_is_a_list() -> None:
    rows = ["Contents         Page", *(f"{title} ..... {n}" for n, title in enumerate(TITLES, 1))]
    rows.insert(4, "A title that is so long that it")
    assert as_list(table(*rows)).kind is BlockKind.LIST


@pytest.mark.parametrize("label", ["Item {n}.", "Item {n}A.", "Part {n}", "{n}.1", "{n})"])
def test_contents_with_labels_in_a_column_is_a_list(label: str) -> None:
    rows = [f"{label.format(n=n)}      {title} ...... {3 * n}" for n, title in enumerate(TITLES, 1)]
    assert as_list(table(*rows)).kind is BlockKind.LIST


@pytest.mark.parametrize("label", ["{n}  {title}", "Figure {n}: {title}", "2.{n}      {title}", "Chapter {n}. {title}"])
def test_numbered_titles_without_leaders_are_a_list(label: str) -> None:
    rows = [f"{label.format(n=n, title=title)}      {4 * n}" for n, title in enumerate(TITLES, 1)]
    assert as_list(table(*rows)).kind is BlockKind.LIST


def test_index_is_a_list() -> None:
    with_leaders = [f"{term} ......... {7 * n % 40}" for n, term in enumerate(TERMS, 1)]
    with_commas = [f"{term}, {7 * n % 40}, {50 + n}\u2013{60 + n}" for n, term in enumerate(TERMS, 1)]
    two_columns = [f"{a}, {n}, 90      {b}, {30 - n}" for n, (a, b) in enumerate(zip(TERMS, TERMS, strict=True), 1)]
    for rows in (with_leaders, with_commas, two_columns):
        assert as_list(table(*rows)).kind is BlockKind.LIST


TABLES = {
    "balance with leaders": [
        f"{name} ........ {amount}"
        for name, amount in (("Cash", 812), ("Inventories", 775), ("Buildings", 931), ("Goodwill", 95), ("Total", 999))
    ],
    "two amounts": [f"{title} ......... {n}      {n + 3}" for n, title in enumerate(TITLES, 1)],
    "large amounts": [f"{title} ....... {n},{n:03}" for n, title in enumerate(TITLES, 1)],
    "decimals": [f"{title} ....... {n}.5" for n, title in enumerate(TITLES, 1)],
    "rising numbers beside names": [f"{term}         {40 + 3 * n}" for n, term in enumerate(TERMS)],
    "falling numbers": [f"{n}  {title}         {400 - 3 * n}" for n, title in enumerate(TITLES)],
    "names in columns": [f"{term}     blue     {n}" for n, term in enumerate(TERMS)],
    "numbers alone": [f"{n}      {n + 4}      {n + 9}" for n in range(9)],
    "two rows": [f"{title} ....... {n}" for n, title in enumerate(TITLES[:2])],
    "words": [f"{title}        none" for title in TITLES],
    "empty": [],
}


@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_other_tables_are_unchanged(rows: list[str]) -> None:
    block = table(*rows)
    assert as_list(block) is block


def test_other_blocks_are_unchanged() -> None:
    lines = table(*(f"{title} ..... {n}" for n, title in enumerate(TITLES))).lines
    block = Block(BlockKind.TEXT, Box(0.1, 0.1, 0.9, 0.9), lines)
    assert as_list(block) is block


@pytest.fixture(scope="module")
def layout() -> Layout:
    return Layout(pymupdf, 1)


def kinds_of(layout: Layout, page: Any) -> set[BlockKind]:
    words: list[PlacedWord] = Frame(pymupdf, page).place(read_words(pymupdf, page))
    regions: list[Region] = layout.regions(page)
    image = Image.new("RGB", (595, 842), "white")
    return {block.kind for block in page_blocks(image, words, regions, PageGraphics())}


@pytest.mark.parametrize("sign", [".", ". ", ""])
def test_contents_on_a_page_is_not_a_table(layout: Layout, sign: str) -> None:
    page = pymupdf.open().new_page()
    page.insert_text((72, 90), "Contents", fontsize=18, fontname="hebo")
    for number, title in enumerate(TITLES, 1):
        y, label, last = 110 + 20 * number, f"{number} {title} ", str(4 * number)
        room = 495 - 72 - pymupdf.get_text_length(label, "helv", 11)
        dots = sign * int(room / pymupdf.get_text_length(sign, "helv", 11)) if sign else ""
        page.insert_text((72, y), label + dots, fontsize=11)
        page.insert_text((523 - pymupdf.get_text_length(last, "helv", 11), y), last, fontsize=11)
    kinds = kinds_of(layout, page)
    assert BlockKind.LIST in kinds
    assert BlockKind.TABLE not in kinds


def test_balance_with_leaders_on_a_page_stays_a_table(layout: Layout) -> None:
    page = pymupdf.open().new_page()
    page.insert_text((72, 90), "Balance sheet", fontsize=18, fontname="hebo")
    for number, title in enumerate(TITLES):
        y = 130 + 20 * number
        page.insert_text((72, y), f"{title} {'.' * (80 - len(title))}", fontsize=11)
        page.insert_text((430, y), str(812 - 37 * number), fontsize=11)
        page.insert_text((500, y), str(300 + 91 * number % 200), fontsize=11)
    assert BlockKind.TABLE in kinds_of(layout, page)
