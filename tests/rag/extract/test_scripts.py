"""Tests of scans in scripts that need Tesseract, which runs inside the confined extraction process."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import TextSource
from rag.scripts import tesseract_program
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers
from tests.support.scripts import SENTENCES, WORDS, needs_tesseract, sentence


@pytest.mark.parametrize("language", SENTENCES)
def test_scan_in_another_script_is_read(extractor: GuardedExtractor, tmp_path: Path, into: Path, language: str) -> None:
    needs_tesseract(language, "osd")
    document = papers.new()
    page = document.new_page(width=500, height=120)
    page.insert_image(page.rect, stream=papers.png(sentence(language)))
    [read] = extractor.extract(papers.save(document, tmp_path / "scan.pdf"), 1, 1, into)
    text = " ".join(block.text for block in read.blocks)
    assert all(word in text for word in WORDS[language])
    assert read.text_source is TextSource.OCR
    assert read.notes == ()


def test_models_in_a_folder_of_ones_own_are_used(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_tesseract("heb", "osd", "ell")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    for name in ("heb", "osd"):
        shutil.copy(model_folder() / f"{name}.traineddata", tmp_path / "models")
    document = papers.new()
    for language in ("heb", "ell"):
        page = document.new_page(width=500, height=120)
        page.insert_image(page.rect, stream=papers.png(sentence(language)))
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=1000), "rag.adapters.ocr:open_ocr")
    try:
        hebrew, greek = extractor.extract(papers.save(document, tmp_path / "scan.pdf"), 1, 2, into)
    finally:
        extractor.close()
    text = " ".join(block.text for block in hebrew.blocks)
    assert all(word in text for word in WORDS["heb"])
    assert ["tesseract-ocr-ell" in note.text for note in greek.notes] == [True]


def model_folder() -> Path:
    """Return the folder with the installed models, which Tesseract names before their list."""
    lines = subprocess.run(
        [tesseract_program() or "", "--list-langs"], env={}, capture_output=True, text=True, check=True
    )
    return Path(lines.stdout.split('"')[1])
