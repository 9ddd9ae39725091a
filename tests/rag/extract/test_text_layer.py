"""Tests of words as people read them in a PDF: accents, letterspacing, ligatures, unknown letters and watermarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf as pymupdf
import pytest

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind, Box, ExtractedPage
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers
from tests.rag.extract.test_pdf import ink_box, text_of, words_of


@pytest.fixture(scope="module")
def layer_extractor() -> Iterator[GuardedExtractor]:
    """An extractor of the text layer alone."""
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=800), None)
    yield extractor
    extractor.close()


def only_page(extractor: GuardedExtractor, document: Any, tmp_path: Path, into: Path) -> ExtractedPage:
    [page] = extractor.extract(papers.save(document, tmp_path / "page.pdf"), 1, 1, into)
    return page


def blank(document: Any) -> Any:
    return document.new_page(width=600, height=800)


def write_with_detached_accents(
    page: Any, y: float, text: str, *, accent_first: bool = True, raised: float = 0
) -> None:
    """Write a text as TeX does: an accent of its own over the middle of its letter."""
    font, x = pymupdf.Font("helv"), 60.0
    letters = {"ö": "o¨", "ü": "u¨", "é": "e´", "è": "e`", "ê": "eˆ", "ñ": "n˜", "Ä": "A¨", "š": "sˇ", "ç": "c¸"}
    for letter in text:
        base = letters.get(letter, letter)[0]
        width = font.text_length(base, 12)
        accents = letters.get(letter, letter)[1:]
        drawn = []
        for accent in accents:
            shift = (width - font.text_length(accent, 12)) / 2
            drawn.append((x + shift, y - (raised if base.isupper() else 0), accent))
        drawn.insert(len(drawn) if accent_first else 0, (x, y, base))
        writer = pymupdf.TextWriter(page.rect)
        for left, baseline, sign in drawn:
            writer.append((left, baseline), sign, font=font, fontsize=12)
        writer.write_text(page)
        x += width


@pytest.mark.parametrize("accent_first", [True, False])
def test_detached_accents_are_composed(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, *, accent_first: bool
) -> None:
    document = papers.new()
    page = blank(document)
    lines = ["Der Glöckner misst die Kühlräume", "Une fenêtre près du café français", "El niño y la señal de Àgata"]
    for number, line in enumerate(lines):
        write_with_detached_accents(page, 100 + 30 * number, line, accent_first=accent_first)
    read = only_page(layer_extractor, document, tmp_path, into)
    assert {"Glöckner", "fenêtre", "café", "français", "niño", "señal"} <= words_of(read).keys()


def test_accents_over_capitals_are_composed(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    write_with_detached_accents(blank(document), 100, "Ämter und Äcker", raised=2.5)
    assert text_of(only_page(layer_extractor, document, tmp_path, into)) == "Ämter und Äcker"


def test_signs_beside_letters_are_not_accents(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    blank(document).insert_text((60, 100), "run `make test` in ~user or x^2 and f´ too", fontsize=12)
    assert text_of(only_page(layer_extractor, document, tmp_path, into)) == "run `make test` in ~user or x^2 and f´ too"


def letterspaced(page: Any, y: int, text: str, spacing: float) -> None:
    xref = page.parent.get_new_xref()
    page.parent.update_object(xref, "<<>>")
    page.parent.update_stream(xref, f"BT /helv 16 Tf {spacing} Tc 60 {y} Td ({text}) Tj ET".encode())
    contents = " ".join(f"{number} 0 R" for number in [*page.get_contents(), xref])
    page.parent.xref_set_key(page.xref, "Contents", f"[{contents}]")


def test_letterspaced_words_are_joined(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = blank(document)
    page.insert_text((60, 60), "The ticket costs eleven crowns.", fontsize=11)
    letterspaced(page, 700, "ZEPPELIN HANGAR", 5)
    letterspaced(page, 660, "Annual Report 2024", 8)
    page.insert_text((60, 200), "I N V O I C E   N O T E", fontsize=14)
    page.insert_text((60, 230), "P r e i s l i s t e", fontsize=14)
    page.insert_text((60, 260), "A B C D E", fontsize=14)
    page.insert_text((60, 275), "X X Y X Y", fontsize=14)
    page.insert_text((60, 290), "Is a 1 or a 2 on it?", fontsize=14)
    read = only_page(layer_extractor, document, tmp_path, into)
    words = words_of(read)
    assert {"ZEPPELIN", "HANGAR", "Annual", "Report", "2024", "INVOICE", "NOTE", "Preisliste"} <= words.keys()
    assert {"A", "B", "C", "D", "E", "X", "Y", "a", "1", "2"} <= words.keys()
    assert words["ZEPPELIN"].x1 < words["HANGAR"].x0


@pytest.mark.parametrize(
    "text",
    [
        "Vitamins A D E K are fat soluble.",
        "Teams in group A, D, E, K play today.",
        "Answers: B D A C A B D",
        "Y N N Y X",
        "B C N O F",
        "x y z w u",
        "press W A S D to move",
    ],
)
def test_single_letters_between_typed_spaces_stay_apart(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, text: str
) -> None:
    document = papers.new()
    blank(document).insert_text((60, 60), text, fontsize=11)
    assert text_of(only_page(layer_extractor, document, tmp_path, into)) == text


def positioned(page: Any, y: int, words: str, gap: float) -> None:
    """Write words as TeX does: each at its position, without a space."""
    x, space = 60.0, gap * 12
    for word in words.split():
        page.insert_text((x, y), word, fontsize=12)
        x += pymupdf.get_text_length(word, fontsize=12) + space


def test_single_letters_at_the_distance_of_words_stay_apart_on_a_page_without_spaces(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = blank(document)
    positioned(page, 60, "Vitamins A D E K are fat soluble", 0.33)
    positioned(page, 90, "H A N G A R", 0.7)
    words = words_of(only_page(layer_extractor, document, tmp_path, into))
    assert {"A", "D", "E", "K", "HANGAR"} <= words.keys()


def test_single_chinese_letters_between_spaces_are_joined(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    blank(document).insert_text((60, 60), "中 国 银 行", fontsize=11, fontname="china-s")
    assert text_of(only_page(layer_extractor, document, tmp_path, into)) == "中国银行"


def test_joined_word_has_the_box_of_its_ink(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    letterspaced(blank_with_font(document), 500, "HANGAR", 9)
    read = only_page(layer_extractor, document, tmp_path, into)
    word = words_of(read)["HANGAR"]
    assert word.covers(ink_box(into / (read.render or ""))) > 0.99


def blank_with_font(document: Any) -> Any:
    page = blank(document)
    page.insert_text((60, 60), " ", fontsize=11)
    return page


def test_soft_hyphen_at_a_line_end_is_a_hyphen(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = blank(document)
    writer = pymupdf.TextWriter(page.rect)
    for number, line in enumerate(("the coun\u00ad", "ter\u00adweight is lowered")):
        writer.append((60, 100 + 15 * number), line, font=pymupdf.Font("tiro"), fontsize=12)
    writer.write_text(page)
    assert text_of(only_page(layer_extractor, document, tmp_path, into)) == "the coun- terweight is lowered"


def without_unicode(document: Any) -> Any:
    """Return the document without the Unicode maps of its embedded fonts."""
    copy = pymupdf.open("pdf", document.tobytes())
    for xref in range(1, copy.xref_length()):
        if copy.xref_get_key(xref, "Subtype") == ("name", "/Type0"):
            copy.xref_set_key(xref, "ToUnicode", "null")
    return copy


def part_without_unicode() -> Any:
    document = papers.new()
    page = papers.text_page(document)
    writer = pymupdf.TextWriter(page.rect)
    writer.append((60, 420), "Lampblack casks ordered", font=pymupdf.Font("tiro"), fontsize=16)
    writer.write_text(page)
    return without_unicode(document)


def test_words_without_known_letters_are_recognized(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    read = only_page(extractor, part_without_unicode(), tmp_path, into)
    words = words_of(read)
    assert {"committee", "Lampblack", "casks", "ordered"} <= words.keys()
    assert Box(0.09, 0.49, 0.5, 0.54).covers(words["Lampblack"]) > 0.9
    assert text_of(read).count("committee") == 1
    assert read.notes == ()


def test_words_without_known_letters_are_noted_without_ocr(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    read = only_page(layer_extractor, part_without_unicode(), tmp_path, into)
    assert "committee" in words_of(read)
    assert [note.lost for note in read.notes] == [True]
    assert "read.ocr" in read.notes[0].text


def test_dots_of_an_unknown_letter_that_lead_to_page_numbers_are_dots(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    known, unknown = pymupdf.TextWriter(page.rect), pymupdf.TextWriter(page.rect)
    for row, (title, number) in enumerate([("Harbor", "4"), ("Lighthouse", "17")]):
        known.append((60, 420 + 20 * row), title, font=pymupdf.Font("helv"), fontsize=12)
        unknown.append((140, 420 + 20 * row), "." * (30 - 27 * row), font=pymupdf.Font("tiro"), fontsize=12)
        known.append((300, 420 + 20 * row), number, font=pymupdf.Font("helv"), fontsize=12)
    unknown.write_text(page)
    document = without_unicode(document)
    known.write_text(document[0])
    read = only_page(layer_extractor, document, tmp_path, into)
    assert read.notes == ()
    assert {"Harbor", "Lighthouse", "." * 30, "..."} <= words_of(read).keys()


def watermark(page: Any, text: str, *, size: float, angle: float, color: float = 0.8) -> None:
    point = pymupdf.Point(120, 330)
    page.insert_text(point, text, fontsize=size, color=(color,) * 3, morph=(point, pymupdf.Matrix(angle)))


@pytest.mark.parametrize(
    ("size", "angle", "text"), [(90, 45, "DRAFT"), (11, 30, "Copy for Ms. Finch"), (70, 0, "DRAFT")]
)
@pytest.mark.parametrize("is_behind", [True, False])
def test_watermarks_are_not_part_of_the_lines_that_they_cross(
    layer_extractor: GuardedExtractor,
    tmp_path: Path,
    into: Path,
    size: float,
    angle: float,
    text: str,
    *,
    is_behind: bool,
) -> None:
    document = papers.new()
    page = blank(document)
    if is_behind:
        watermark(page, text, size=size, angle=angle)
    page.insert_textbox((60, 100, 540, 600), papers.PARAGRAPH * 5, fontsize=11)
    if not is_behind:
        watermark(page, text, size=size, angle=angle)
    read = only_page(layer_extractor, document, tmp_path, into)
    assert [block.text for block in read.blocks if block.kind is BlockKind.FOOTER] == [text]
    others = " ".join(" ".join(block.text for block in read.blocks if block.kind is not BlockKind.FOOTER).split())
    assert others == " ".join((papers.PARAGRAPH * 5).split())


def test_slanted_labels_and_large_headings_are_not_watermarks(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    page.insert_text((60, 400), "Spring sale", fontsize=60)
    for number, month in enumerate(("January", "February", "March", "April")):
        point = pymupdf.Point(100 + 30 * number, 600)
        page.insert_text(point, month, fontsize=9, morph=(point, pymupdf.Matrix(45)))
    read = only_page(layer_extractor, document, tmp_path, into)
    assert not [block for block in read.blocks if block.kind is BlockKind.FOOTER]
