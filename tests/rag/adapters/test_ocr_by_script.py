"""Tests of text in scripts that RapidOCR's model lacks: read by Tesseract, or named in a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.adapters.ocr import ScriptOcr, open_ocr
from rag.adapters.rapidocr import RapidOcr, open_rapidocr
from rag.adapters.tesseract import Tesseract
from rag.model.extraction import Note, Recognition
from rag.ports import Ocr
from rag.scripts import SCRIPTS, models_for, package_of, readable_scripts, tesseract_program
from tests.support.scripts import SENTENCES, WORDS, needs_tesseract, sentence


@pytest.fixture(scope="module")
def rapidocr() -> RapidOcr:
    return open_rapidocr(1)


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return open_ocr(1)


def recognize(ocr: Ocr, language: str, folder: Path, turn: int = 0) -> Recognition:
    path = folder / "sentence.bmp"
    sentence(language).rotate(turn, expand=True).save(path)
    found = ocr.recognize(path)
    assert list(folder.iterdir()) == [path], "no temporary file is left"
    return found


@pytest.mark.parametrize("language", SENTENCES)
def test_screenshot_in_another_script_is_read(ocr: Ocr, tmp_path: Path, language: str) -> None:
    needs_tesseract(language, "osd")
    found = recognize(ocr, language, tmp_path)
    text = " ".join(line.text for line in found.lines)
    assert all(word in text for word in WORDS[language])
    assert found.notes == ()
    assert all(0 <= value <= 1 for line in found.lines for word in line.words for value in word.box)


def test_turned_screenshot_in_another_script_is_read_upright(ocr: Ocr, tmp_path: Path) -> None:
    needs_tesseract("rus", "osd")
    found = recognize(ocr, "rus", tmp_path, 180)
    assert found.turn == 180
    assert "Водитель" in " ".join(line.text for line in found.lines)


def test_missing_language_is_named_with_its_package(rapidocr: RapidOcr, tmp_path: Path) -> None:
    needs_tesseract("osd")
    ocr = ScriptOcr(rapidocr, Tesseract(tesseract_program() or "", 1), frozenset({"osd", "eng"}))
    found = recognize(ocr, "ara", tmp_path)
    assert found.lines == ()
    assert found.notes == (Note("Text in Arabic was not recognized: install tesseract-ocr-ara.", lost=True),)
    found = recognize(ocr, "ell", tmp_path)
    assert found.notes == (Note("Text in Greek was only partly recognized: install tesseract-ocr-ell.", lost=True),)


@pytest.mark.parametrize("language", ["rus", "heb", "tha", "kor"])
def test_without_tesseract_no_garbage_is_returned(rapidocr: RapidOcr, tmp_path: Path, language: str) -> None:
    found = recognize(ScriptOcr(rapidocr, None, frozenset()), language, tmp_path)
    assert not any(letter.isalnum() for line in found.lines for letter in line.text)
    [note] = found.notes
    assert note.lost
    assert "install tesseract-ocr, tesseract-ocr-osd" in note.text


def test_models_of_a_script_are_chosen() -> None:
    by_name = {script.name: script for script in SCRIPTS}
    assert models_for(by_name["Cyrillic"], {"ukr", "rus", "eng"}) == ["rus", "ukr"]
    assert models_for(by_name["Cyrillic"], {"script/Cyrillic", "rus"}) == ["script/Cyrillic"]
    assert models_for(by_name["Thai"], {"rus"}) == []
    assert package_of(by_name["Arabic"]) == "tesseract-ocr-ara"
    assert readable_scripts({"heb", "vie", "osd"}) == ["Hebrew", "Vietnamese"]
