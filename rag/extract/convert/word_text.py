"""The text of Word documents, for machines without LibreOffice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zipfile import ZipFile

from rag.extract.convert.office_xml import attribute, child, elements, local, outermost, parse_part
from rag.extract.convert.text_html import TextPages

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_HEADING = re.compile(r"heading(\d)|title()", re.IGNORECASE)
_NO = ("0", "false", "off")
_DOCUMENT = re.compile(r"word/document\d*\.xml")
_RELATIONSHIPS = re.compile(r"word/_rels/document\d*\.xml\.rels")
_MARGINS = re.compile(r"word/(?:header|footer)\d*\.xml")
_SKIPPED = frozenset(("pPr", "rPr", "instrText", "delText", "Fallback"))
"""Elements without text of the page. A fallback repeats a drawing for programs that don't know its newer form."""
_LETTERS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_SYMBOLS = {
    "wingdings": {0x6F: "☐", 0xA8: "☐", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑"},
    "wingdings 2": {0x50: "✓", 0x52: "☑", 0x53: "☒", 0xA3: "☐"},
}
"""Boxes and ticks of forms, by the font in lower case and the code in it. Other symbols are ornaments."""
_BLOCKS = ("p", "tbl")
_NOTE_MARKS = ("footnoteReference", "endnoteReference", "commentReference")


def word_text(package: ZipFile) -> TextPages:
    """Return the text of a Word document: headers and footers first, notes and comments below their paragraph."""
    names = package.namelist()
    reader = _Reader(_notes(package, names), _links(package, names))
    for name in filter(_MARGINS.fullmatch, names):
        reader.read(parse_part(package.read(name)))
    for name in filter(_DOCUMENT.fullmatch, names):
        if (body := child(parse_part(package.read(name)), "body")) is not None:
            reader.read(body)
    return reader.pages


def _notes(package: ZipFile, names: list[str]) -> dict[tuple[str, str], str]:
    """Return the text of footnotes, endnotes and comments by (element that refers to them, id)."""
    found = {}
    for part, element in (("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment")):
        if f"word/{part}.xml" in names:
            for note in elements(parse_part(package.read(f"word/{part}.xml")), element):
                text = " ".join(filter(None, (_text(paragraph).strip() for paragraph in elements(note, "p"))))
                author = attribute(note, "author")
                label = f"Comment by {author}: " if author else "Comment: " if element == "comment" else ""
                found[f"{element}Reference", attribute(note, "id")] = label + text if text else ""
    return found


def _links(package: ZipFile, names: list[str]) -> dict[str, str]:
    """Return the addresses of the document's links by the ID of their relationship."""
    return {
        attribute(row, "Id"): attribute(row, "Target")
        for name in filter(_RELATIONSHIPS.fullmatch, names)
        for row in elements(parse_part(package.read(name)), "Relationship")
        if attribute(row, "TargetMode") == "External"
    }


class _Reader:
    """Adds blocks to the pages."""

    def __init__(self, notes: dict[tuple[str, str], str], links: dict[str, str]) -> None:
        self.pages = TextPages()
        self._notes = notes
        self._links = links

    def read(self, container: Element) -> None:
        """Add the paragraphs and tables of a container, also inside content controls."""
        for block in outermost(container, _BLOCKS, _SKIPPED):
            if local(block) == "tbl":
                self._read_table(block)
            else:
                self._read_paragraph(block)

    def _read_paragraph(self, paragraph: Element) -> None:
        properties = child(paragraph, "pPr")
        before = child(properties, "pageBreakBefore") if properties is not None else None
        if before is not None and attribute(before, "val") not in _NO:
            self.pages.start_page()
        level = _level(properties)
        for number, text in enumerate(_text(paragraph, self._links).split("\f")):
            if number:
                self.pages.start_page()
            self.pages.add(text, level=level)
        for box in outermost(paragraph, ("txbxContent",), _SKIPPED):
            self.read(box)
        self._add_notes(paragraph)
        if properties is not None and (section := child(properties, "sectPr")) is not None:
            kind = child(section, "type")
            if kind is None or attribute(kind, "val") != "continuous":
                self.pages.start_page()

    def _read_table(self, table: Element) -> None:
        rows = [
            [self._cell(cell) for cell in outermost(row, ("tc",), _SKIPPED)]
            for row in outermost(table, ("tr",), _SKIPPED)
        ]
        if any(attribute(mark, "val") not in _NO for mark in elements(table, "pageBreakBefore")):
            self.pages.start_page()
        self.pages.add_table(rows)
        self._add_notes(table)

    def _add_notes(self, block: Element) -> None:
        for mark in outermost(block, _NOTE_MARKS, ("txbxContent",)):
            self.pages.add(self._notes.get((local(mark), attribute(mark, "id")), ""))

    def _cell(self, cell: Element) -> str:
        return " ".join(filter(None, (_text(paragraph, self._links).strip() for paragraph in elements(cell, "p"))))


def _text(paragraph: Element, links: dict[str, str] | None = None) -> str:
    """Return the text of a paragraph without text boxes, hidden text and field instructions; \\f is a page break."""
    pieces: list[str] = []
    pending: list[Element | str] = list(reversed(paragraph))
    while pending:
        element = pending.pop()
        if isinstance(element, str):
            pieces.append(element)
            continue
        name = local(element)
        if name in _SKIPPED or name == "txbxContent" or (name == "r" and _is_hidden(element)):
            continue
        if name == "t":
            pieces.append(element.text or "")
        elif name == "br" and attribute(element, "type") == "page":
            pieces.append("\f")
        elif name == "sym":
            pieces.append(_symbol(attribute(element, "font"), attribute(element, "char")))
        elif name in _LETTERS:
            pieces.append(_LETTERS[name])
        else:
            address = (links or {}).get(attribute(element, "id"), "") if name == "hyperlink" else ""
            if address:
                pending.append(f" ({address.removeprefix('mailto:')})")
            pending.extend(reversed(element))
    return "".join(pieces)


def _symbol(font: str, code: str) -> str:
    """Return the letter of a `sym` element, whose code may be shifted to the private codes; "" if it is not known."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return _SYMBOLS.get(font.lower(), {}).get(number - 0xF000 if 0xF000 <= number <= 0xF0FF else number, "")


def _is_hidden(run: Element) -> bool:
    mark = child(run, "rPr", "vanish")
    return mark is not None and attribute(mark, "val") not in _NO


def _level(properties: Element | None) -> int:
    """Return the level of a heading by its style's ID, which is in English in all languages of Word; 0: no heading."""
    style = child(properties, "pStyle") if properties is not None else None
    found = _HEADING.fullmatch(attribute(style, "val")) if style is not None else None
    return 0 if found is None else int(found[1] or 1)
