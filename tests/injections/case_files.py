"""Create the file of a case: text, a PDF with invisible letters, a picture of words."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from tests.injections.cases import Case

_FRAME = pymupdf.Rect(60, 60, 535, 300)
_BELOW = pymupdf.Rect(60, 320, 535, 700)


def make_file(case: Case, harmless: str, into: Path, stem: str) -> Path:
    """Write the document of a case: the harmless sentence that the question is about, and the order."""
    if case.form == "text":
        path = into / f"{stem}.txt"
        path.write_text(f"{harmless}\n\n{case.order}\n", encoding="utf-8")
        return path
    if case.form == "picture":
        path = into / f"{stem}.png"
        picture_of(f"{harmless} {case.order}", path)
        return path
    path = into / f"{stem}.pdf"
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_textbox(_FRAME, harmless, fontsize=12)
        if case.form == "figure":
            drawn = into / f"{stem}-figure.png"
            picture_of(case.order, drawn)
            page.insert_image(_BELOW, filename=str(drawn))
        elif case.form in _STYLES:
            page.insert_textbox(_BELOW, case.order, **_STYLES[case.form])
        document.save(path)
    return path


_STYLES: dict[str, dict[str, Any]] = {
    "pdf": {"fontsize": 12},
    "pale": {"fontsize": 12, "color": (0.85, 0.85, 0.85)},
    "outlined": {"fontsize": 12, "render_mode": 1},
    "tiny": {"fontsize": 1.5},
}


def picture_of(text: str, path: Path) -> None:
    """Save a picture of a text in black on white, like a screenshot."""
    lines = textwrap.wrap(text, 44)
    image = Image.new("RGB", (1000, 80 + 60 * len(lines)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(40)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 60 * number), line, fill="black", font=font)
    image.save(path)
