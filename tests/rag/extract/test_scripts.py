"""Tests of scans in scripts that need Tesseract, which runs inside the confined extraction process."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.extract.guarded import GuardedExtractor
from rag.model import TextSource
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
