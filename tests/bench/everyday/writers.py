"""Writers of the formats: the same document gives the same bytes."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pymupdf
from markdown_it import MarkdownIt
from PIL import Image, ImageDraw, ImageFont

from tests.bench.everyday.documents import Document
from tests.rag.extract.office_files import docx
from tests.rag.extract.sheet_files import Cell, xlsx

_CSS = """
body { font-family: sans-serif; font-size: 10pt; line-height: 1.3 }
h1 { font-size: 17pt } h2 { font-size: 13pt } h3 { font-size: 11pt }
table { border-collapse: collapse } td, th { border: 1px solid #888; padding: 2px 6px; text-align: left }
"""
_PAPER = pymupdf.paper_rect("a4")
_TEXT_AREA = pymupdf.Rect(56, 56, 540, 790)
_DATE = "D:20240102090000Z"
_SCAN_DPI = 150


def write_documents(documents: list[Document], folder: Path) -> None:
    """Write every document into an existing folder."""
    for document in documents:
        path = folder / document.name
        _WRITERS.get(path.suffix, _write_text)(document, path)


def _write_text(document: Document, path: Path) -> None:
    path.write_text("\f".join(page + "\n" for page in document.pages), encoding="utf-8", newline="\n")


def _write_pdf(document: Document, path: Path) -> None:
    pdf = _scanned(document) if document.look == "scan" else _printed(document)
    pdf.set_metadata({"title": "" if document.look else _title(document), "creationDate": _DATE})
    path.write_bytes(pdf.tobytes(garbage=4, deflate=True, no_new_id=True))


def _title(document: Document) -> str:
    return document.pages[0].partition("\n")[0].lstrip("# ")


def _printed(document: Document) -> Any:
    """Return an open PDF. Raise ValueError if a page of the text is longer than a page of paper."""
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    for number, page in enumerate(document.pages, 1):
        story = pymupdf.Story(html=MarkdownIt("commonmark").enable("table").render(page), user_css=_CSS)
        device = writer.begin_page(_PAPER)
        is_longer, _ = story.place(_TEXT_AREA)
        if is_longer:
            raise ValueError(f"Page {number} of {document.name} does not fit on A4: insert a form feed.")
        story.draw(device)
        writer.end_page()
    writer.close()
    pdf = pymupdf.open("pdf", buffer.getvalue())
    pdf.subset_fonts()
    if document.footer:
        for page in pdf:
            page.insert_text((56, 815), f"{document.footer}   {page.number + 1}", fontname="helv", fontsize=8)
    return pdf


def _scanned(document: Document) -> Any:
    """Return an open PDF of gray, slightly turned images with noise."""
    scanned = pymupdf.open()
    for page in _printed(document):
        pixels = page.get_pixmap(dpi=_SCAN_DPI, colorspace=pymupdf.csGRAY)
        image = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
        rng = random.Random(f"{document.name} {page.number}")
        noise = Image.frombytes("L", image.size, rng.randbytes(image.width * image.height))
        turned = image.rotate(rng.uniform(-0.6, 0.6), Image.Resampling.BICUBIC, fillcolor=250)
        jpeg = io.BytesIO()
        Image.blend(turned, noise, 0.06).save(jpeg, "JPEG", quality=60)
        scanned.new_page(width=_PAPER.width, height=_PAPER.height).insert_image(_PAPER, stream=jpeg.getvalue())
    return scanned


def _write_docx(document: Document, path: Path) -> None:
    body = "".join(_word_page(page, number > 0) for number, page in enumerate(document.pages))
    docx(path, (), title=_title(document), body=body)
    _set_dates(path)


def _word_page(page: str, breaks: bool) -> str:
    parts = ['<w:p><w:r><w:br w:type="page"/></w:r></w:p>'] if breaks else []
    for is_table, lines in _blocks(page):
        if is_table:
            rows = "".join(
                f"<w:tr>{''.join(f'<w:tc><w:tcPr/>{_paragraph(cell)}</w:tc>' for cell in _cells(line))}</w:tr>"
                for line in lines
                if not _is_rule(line)
            )
            parts.append(f"<w:tbl><w:tblPr/>{rows}</w:tbl>{_paragraph('')}")
        else:
            parts += [_paragraph(line) for line in lines if line.strip()]
    return "".join(parts)


def _paragraph(line: str) -> str:
    is_heading = line.startswith("#")
    look = '<w:rPr><w:b/><w:sz w:val="30"/></w:rPr>' if is_heading else ""
    text = (line.lstrip("# ") if is_heading else line).replace("**", "")
    return f'<w:p><w:r>{look}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _blocks(page: str) -> Iterator[tuple[bool, list[str]]]:
    """Yield (whether it is a table, its lines); consecutive lines of the same sort are one block."""
    block: list[str] = []
    for line in page.splitlines():
        if block and line.startswith("|") != block[0].startswith("|"):
            yield block[0].startswith("|"), block
            block = []
        block.append(line)
    if block:
        yield block[0].startswith("|"), block


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _is_rule(line: str) -> bool:
    return not line.strip("|-: ")


def _write_xlsx(document: Document, path: Path) -> None:
    """Write each page as a sheet: its first line is the name, the other lines are rows of a Markdown table."""
    sheets: Mapping[str, list[list[Cell]]] = {
        page.partition("\n")[0].lstrip("# "): [
            [_number(cell) for cell in _cells(line)]
            for line in page.splitlines()
            if line.startswith("|") and not _is_rule(line)
        ]
        for page in document.pages
    }
    xlsx(path, sheets)
    _set_dates(path)


def _number(cell: str) -> Cell:
    return float(cell) if cell.replace(".", "", 1).isdigit() and not cell.startswith("0") else cell or None


def _set_dates(path: Path) -> None:
    """Rewrite a ZIP file with the same date for every part."""
    with ZipFile(path) as package:
        parts = [(name, package.read(name)) for name in package.namelist()]
    with ZipFile(path, "w") as package:
        for name, data in parts:
            package.writestr(ZipInfo(name), data, ZIP_DEFLATED)


def _write_png(document: Document, path: Path) -> None:
    draw = {"chat": _draw_chat, "plan": _draw_plan}[document.look]
    draw(document.pages[0]).save(path, "PNG", optimize=True)


def _draw_chat(page: str) -> Image.Image:
    """Draw messages: blocks of lines, the first one the name and the time."""
    messages = [block.splitlines() for block in page.split("\n\n")]
    lines = sum(map(len, messages))
    image = Image.new("RGB", (1000, 60 + 34 * lines + 26 * len(messages)), "#ffffff")
    pen, y = ImageDraw.Draw(image), 30
    for sender, *texts in messages:
        color = f"#{random.Random(sender.split()[0]).randrange(0x303030, 0x909090):06x}"
        pen.rounded_rectangle((30, y, 76, y + 46), 8, fill=color)
        for text in (sender, *texts):
            pen.text((96, y), text, "#1d1c1d" if text != sender else color, ImageFont.load_default(22))
            y += 34
        y += 26
    return image


def _draw_plan(page: str) -> Image.Image:
    """Draw rectangles with labels from lines `x y width height label`, and a title from the first line."""
    title, *rows = page.splitlines()
    image = Image.new("RGB", (1400, 1000), "#ffffff")
    pen = ImageDraw.Draw(image)
    pen.text((60, 30), title.lstrip("# "), "#000000", ImageFont.load_default(34))
    for row in filter(str.strip, rows):
        *numbers, label = row.split(maxsplit=4)
        x, y, width, height = map(int, numbers)
        pen.rectangle((x, y, x + width, y + height), outline="#333333", width=4)
        for number, line in enumerate(label.split(" / ")):
            pen.text((x + 16, y + 14 + 34 * number), line, "#000000", ImageFont.load_default(24))
    return image


_WRITERS: Mapping[str, Callable[[Document, Path], None]] = {
    ".pdf": _write_pdf,
    ".docx": _write_docx,
    ".xlsx": _write_xlsx,
    ".png": _write_png,
}
