"""Tests of evidence that is drawn again from the document, in the confined extraction process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rag import Rag, Scope, Settings
from tests.rag.extract import papers
from tests.support.migrated import open_rag

TEAM = Scope.of("team")


def opened(data: Path) -> Rag:
    read = {"workers": 1, "ocr": False, "layout": False}
    return open_rag(Settings(data=data, answer={"model": ""}, read=read, search={"lanes": "words"}))


def poster(turn: int) -> bytes:
    """Return a PDF of an A0 poster, with letters of 9 points, whose content is turned by `turn` degrees."""
    upright = papers.new()
    page = upright.new_page(width=2384, height=3370)
    for row in range(30):
        page.insert_text((200, 300 + 90 * row), f"Room {100 + row} is a store of the harbor office", fontsize=9)
    page.insert_text((1500, 1700), "Valve PS-41 closes the fountain main", fontsize=9)
    document = papers.new()
    size = (2384, 3370) if turn % 180 == 0 else (3370, 2384)
    turned = document.new_page(width=size[0], height=size[1])
    turned.show_pdf_page(turned.rect, upright, 0, rotate=turn)
    data: bytes = document.tobytes()
    return data


@pytest.mark.parametrize("turn", [0, 90])
def test_cited_line_of_a_poster_is_readable(tmp_path: Path, turn: int) -> None:
    (tmp_path / "poster.pdf").write_bytes(poster(turn))
    with opened(tmp_path / "data") as rag:
        rag.index([tmp_path / "poster.pdf"], "team")
        answer = rag.ask("Which valve closes the fountain main?", TEAM)
    [path] = answer.evidence[:1]
    with Image.open(path) as evidence:
        ink = np.asarray(evidence.convert("L").crop((0, 0, evidence.width, evidence.height - 60))) < 90
    rows = np.flatnonzero(ink.any(axis=1))
    columns = np.flatnonzero(ink.any(axis=0))
    # The line of 36 letters is upright, and its letters are at least 13 pixels high.
    assert rows[-1] - rows[0] >= 13
    assert columns[-1] - columns[0] > 10 * (rows[-1] - rows[0])


def test_cited_line_of_a_tall_screenshot_is_readable(tmp_path: Path) -> None:
    image = Image.new("RGB", (600, 4200), "white")
    for row in range(40):
        image.paste(
            papers.lettering(f"Berth {row} is let to the warden of ward {row}", (600, 60), font=22), (0, 100 * row)
        )
    image.save(tmp_path / "tall.png")
    settings = Settings(
        data=tmp_path / "data", answer={"model": ""}, read={"workers": 1, "layout": False}, search={"lanes": "words"}
    )
    with open_rag(settings) as rag:
        rag.index([tmp_path / "tall.png"], "team")
        answer = rag.ask("Who is berth 11 let to?", TEAM)
    [path] = answer.evidence[:1]
    with Image.open(path) as evidence:
        ink = np.asarray(evidence.convert("L")) < 90
    lines = np.flatnonzero(np.diff(np.concatenate(([0], ink[:-60].any(axis=1).astype(int), [0]))))
    assert max(lines[1::2] - lines[::2]) >= 12
