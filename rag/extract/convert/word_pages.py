"""Pages of Word documents: they are broken where Word broke them when it last saved the document.

Without the document's fonts, lines and pages would end elsewhere, and citations would name other pages than Word does.
"""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING

from rag.extract.convert.office_xml import attribute, child, elements, local

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARKERS = re.compile(rb"<\w*:?lastRenderedPageBreak\b")
"""What a Word part with saved page breaks contains."""
_SAVED = "lastRenderedPageBreak"
_CONTENT = frozenset(("drawing", "pict", "object", "sym", "tab", "footnoteReference"))
_MAX_PAGES = 100_000
_NO = ("0", "false", "off")
_TALLER = 1.6
"""DejaVu, where Calibri is missing, needs 1.2 times the height in paragraphs, and up to twice in tables."""


def count_saved_pages(properties: Element) -> int:
    """Return the number of pages in Word's properties of a document (docProps/app.xml); 0 if it isn't stated."""
    text = next((element.text or "" for element in elements(properties, "Pages")), "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) and int(text) <= _MAX_PAGES else 0


def styles_that_break(styles: Element) -> frozenset[str]:
    """Return the IDs of paragraph styles that start a page."""
    return frozenset(
        attribute(style, "styleId")
        for style in elements(styles, "style")
        if (properties := child(style, "pPr")) is not None and _breaks_before(properties, frozenset())
    )


def break_pages_as_saved(root: Element, pages: int, breaking_styles: frozenset[str]) -> bool:
    """Break pages where Word did. Return False, and change nothing, if not all of its `pages` are marked.

    They aren't if another program changed the document since then.
    """
    marks = sum(1 for _ in elements(root, _SAVED))
    if not marks or marks + 1 != pages:
        return False
    parents = {inner: outer for outer in root.iter() for inner in outer}
    at_break = is_section_end = False
    paragraph: Element | None = None
    paragraph_has_content = False
    for element in list(root.iter()):
        name = local(element)
        if name == "p":
            paragraph, paragraph_has_content = element, False
            properties = child(element, "pPr")
            at_break = at_break or is_section_end
            is_section_end = properties is not None and child(properties, "sectPr") is not None
            at_break = at_break or (properties is not None and _breaks_before(properties, breaking_styles))
        elif name == "br" and attribute(element, "type") == "page":
            at_break = True
        elif name in _CONTENT or (name == "t" and (element.text or "").strip()):
            at_break, paragraph_has_content = False, True
        elif name == _SAVED and paragraph is not None:
            if not at_break:
                _break_at(element, paragraph, parents, inside=paragraph_has_content)
            at_break = True
    return True


def make_pages_taller(root: Element) -> None:
    """Make all pages taller, so that the text of one of Word's pages fits on one page in any font."""
    for size in elements(root, "pgSz"):
        for key, value in size.items():
            if key.rpartition(":")[2] == "h" and value.isdecimal():
                size.set(key, str(round(int(value) * _TALLER)))


def _breaks_before(properties: Element, breaking_styles: frozenset[str]) -> bool:
    own = child(properties, "pageBreakBefore")
    if own is not None:
        return attribute(own, "val") not in _NO
    style = child(properties, "pStyle")
    return style is not None and attribute(style, "val") in breaking_styles


def _break_at(mark: Element, paragraph: Element, parents: dict[Element, Element], *, inside: bool) -> None:
    row = _outermost_row(paragraph, parents)
    prefix = mark.tag[: -len(_SAVED)]
    if row is not None and (inside or paragraph is not next(elements(row, "p"), None)):
        return  # LibreOffice can't break a page inside a row of a table
    if inside:
        mark.tag = f"{prefix}br"
        mark.attrib.clear()
        mark.set(f"{prefix}type", "page")
        return
    if row is not None:
        _split_table(row, parents)
    properties = child(paragraph, "pPr")
    if properties is None:
        properties = mark.makeelement(f"{prefix}pPr", {})
        paragraph.insert(0, properties)
    has_style = len(properties) > 0 and local(properties[0]) == "pStyle"
    properties.insert(int(has_style), mark.makeelement(f"{prefix}pageBreakBefore", {}))


def _outermost_row(element: Element, parents: dict[Element, Element]) -> Element | None:
    row = None
    while (above := parents.get(element)) is not None:
        if local(above) == "tr":
            row = above
        element = above
    return row


def _split_table(row: Element, parents: dict[Element, Element]) -> None:
    """Start a table of its own with this row, unless it is the first row; header rows are not repeated."""
    table = parents[row]
    if local(table) != "tbl" or table not in parents:
        return
    rows = [index for index, element in enumerate(table) if local(element) in ("tr", "sdt")]
    at = list(table).index(row)
    if at == rows[0]:
        return
    rest = table.makeelement(table.tag, dict(table.attrib))
    moved = table[at:]
    rest.extend([*(copy(element) for element in table if local(element) in ("tblPr", "tblGrid")), *moved])
    del table[at:]
    container = parents[table]
    container.insert(list(container).index(table) + 1, rest)
    parents[rest] = container
    for element in moved:
        parents[element] = rest
