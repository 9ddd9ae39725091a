"""The check for lost words."""

from pathlib import Path

import pymupdf
import pytest

from rag.model.extraction import Box, Kind, NewChunk
from rag.setting_groups import ReadSettings
from tests.bench.words import LayerWord, Result, layer_words, letters, line_of, lost_words, measure, report

TOP, BODY = Box(0.1, 0.02, 0.9, 0.06), Box(0.1, 0.1, 0.9, 0.9)
PLACE, HEADER = Box(0.2, 0.2, 0.3, 0.22), Box(0.2, 0.03, 0.3, 0.05)


def chunk(text: str, page: int = 1, box: Box = BODY) -> NewChunk:
    return NewChunk(page, Kind.TEXT, text, "", "", box, (box,))


def word(text: str, page: int = 1, box: Box = PLACE, pattern: str | None = None) -> LayerWord:
    return LayerWord(page, text, box, pattern or text)


def test_word_is_held_by_a_chunk_of_its_page_whose_region_contains_it() -> None:
    words = [word("rope")]
    assert lost_words(words, [chunk("tar and rope")]) == []
    assert lost_words(words, [chunk("ropes")]) == []  # a long word may be joined with its neighbor
    assert lost_words(words, [chunk("tar")]) == words
    assert lost_words(words, [chunk("rope", page=2)]) == words
    assert lost_words(words, [chunk("rope", box=TOP)]) == words
    assert lost_words([word("7")], [chunk("17")]) == [word("7")]


def test_word_of_a_repeated_line_is_held_by_a_chunk_of_another_page_at_its_place() -> None:
    pages = [word("Handbook,", number, HEADER, "Handbook, page #") for number in (1, 2)]
    assert lost_words(pages, [chunk("Handbook, page 1", box=TOP)]) == []
    assert lost_words(pages, [chunk("Handbook, page 1")]) == pages
    assert lost_words(pages[1:], [chunk("Handbook, page 1", box=TOP)]) == pages[1:]
    numbers = [word(str(number), number, HEADER, "Handbook, page #") for number in (1, 2)]
    assert lost_words(numbers, [chunk("Handbook, page 1", box=TOP)]) == numbers[1:]


@pytest.mark.parametrize(
    ("text", "plain"), [("ﬁlls,", "fills"), ("Mün\u00adchen", "munchen"), ("—", ""), ("１２", "12"), ("港の", "港の")]
)
def test_letters_are_compared_in_one_form(text: str, plain: str) -> None:
    assert letters(text) == plain


def test_report_fails_when_words_are_lost_or_chunks_are_large(capsys: pytest.CaptureFixture[str]) -> None:
    lost = [word("rope")]
    assert report([Result("a.pdf", 1, 1000, lost * 2)]) == 0
    assert report([Result("a.pdf", 1, 1000, lost * 3)]) == 1
    assert report([Result("a.pdf", 1, 1000, [], large=1)]) == 1
    assert "3 lost (0.30%, target 0.2%)" in capsys.readouterr().out
    assert line_of(Result("a.pdf", 2, 10, lost, 1)) == (
        "a.pdf: 2 pages, 1 of 10 words lost (10.00%), 1 chunks above 512 tokens"
    )


def test_footer_of_an_invoice_and_headers_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pymupdf.open() as document:
        for number in (1, 2, 3):
            page = document.new_page()
            page.set_rotation(90 * (number % 2))
            page.insert_text((72, 30), "Rope locker, list of stores", fontsize=8)
            page.insert_textbox((72, 90, 520, 700), f"Coil {number} hangs on the left. " * 40, fontsize=11)
            page.insert_text((72, 810), "IBAN DE02 1203 0000", fontsize=8)
            page.insert_text((500, 810), f"page {number} of 3", fontsize=8)
        document.save(tmp_path / "stores.pdf")
    [result] = measure([tmp_path / "stores.pdf"], ReadSettings(ocr=False, workers=1))
    assert (result.pages, result.lost, result.large) == (3, [], 0)
    assert result.words == len(list(layer_words(tmp_path / "stores.pdf"))) > 600
    assert "0 of" in capsys.readouterr().out
