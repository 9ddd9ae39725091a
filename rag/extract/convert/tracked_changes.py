"""Tracked changes: a document is shown as it is when all of them are accepted, without the text that was struck."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.extract.convert.office_xml import child, elements, local, remove_children
from rag.extract.convert.sanitize.rtf import TOKEN

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WORD_MARKERS = re.compile(rb"<\w*:?(?:del|ins|moveFrom|moveTo|\w+PrChange)\b")
"""What a Word part with tracked changes contains."""
OPEN_DOCUMENT_MARKERS = re.compile(rb"<\w*:?tracked-changes\b")

_STRUCK = frozenset(("del", "moveFrom"))
_ADDED = frozenset(("ins", "moveTo"))
_MARKS = frozenset(
    (
        "moveFromRangeStart moveFromRangeEnd moveToRangeStart moveToRangeEnd customXmlDelRangeStart"
        " customXmlDelRangeEnd customXmlInsRangeStart customXmlInsRangeEnd numberingChange cellIns cellMerge"
    ).split()
)
_PROPERTIES = frozenset(("rPr", "trPr", "pPr", "numPr", "ctrlPr"))
"""Elements in which `ins` and `del` mark their parent (a paragraph's end, a row) and contain nothing."""

_ODF_MARKS = frozenset(("tracked-changes", "change", "change-start", "change-end"))

_RTF_RESETS = (b"plain", b"pard")
_RTF_BREAKS = (b"par", b"line", b"tab", b"cell", b"row", b"page", b"sect")


def accept_word_changes(root: Element) -> None:
    """Accept the tracked changes of a part of a Word document, as Word does: a struck paragraph leaves no line."""
    struck_paragraphs = {paragraph for paragraph in elements(root, "p") if _has_mark(paragraph, "pPr", "rPr")}
    gone = {row for row in elements(root, "tr") if _has_mark(row, "trPr")}
    tables = set(elements(root, "tbl")) if gone else set()

    def is_struck(element: Element, parent: Element) -> bool:
        name = local(element)
        if name in _STRUCK or name in _ADDED:
            return name in _STRUCK or local(parent) in _PROPERTIES
        return name in _MARKS or name.endswith("PrChange") or element in gone

    for parent in reversed(list(root.iter())):  # what is inside first
        kept: list[Element] = []
        for element in parent:
            if not is_struck(element, parent):
                kept += list(element) if local(element) in _ADDED else [element]
        if parent in tables and not any(local(element) in ("tr", "sdt") for element in kept):
            gone.add(parent)
        if len(kept) != len(parent) or any(local(element) in _ADDED for element in parent):
            parent[:] = kept
        if any(element in struck_paragraphs for element in parent):
            parent[:] = _joined(list(parent), struck_paragraphs)


def _has_mark(element: Element, *path: str) -> bool:
    """Return whether the properties at this path say that the element was struck."""
    properties = child(element, *path)
    return properties is not None and any(local(inner) in _STRUCK for inner in properties)


def _joined(blocks: list[Element], struck: set[Element]) -> list[Element]:
    """Return the blocks with paragraphs whose end was struck joined to the next one, whose properties stay."""
    kept: list[Element] = []
    waiting: Element | None = None
    for block in blocks:
        if local(block) == "p":
            if waiting is not None:
                _insert_content(block, _content(waiting))
            waiting = block if block in struck else None
            if waiting is None:
                kept.append(block)
        else:
            if waiting is not None and local(block) in ("tbl", "sectPr", "sdt"):
                kept += [waiting] if _content(waiting) else []
                waiting = None
            kept.append(block)
    if waiting is not None and (_content(waiting) or not any(local(block) == "p" for block in kept)):
        kept.append(waiting)
    return kept


def _content(paragraph: Element) -> list[Element]:
    return [element for element in paragraph if local(element) != "pPr"]


def _insert_content(paragraph: Element, content: list[Element]) -> None:
    has_properties = len(paragraph) > 0 and local(paragraph[0]) == "pPr"
    paragraph[has_properties:has_properties] = content


def accept_open_document_changes(root: Element) -> None:
    """Accept the tracked changes of an OpenDocument text: it stores struck text apart from the paragraphs."""
    for parent in reversed(list(root.iter())):
        remove_children(parent, lambda element: local(element) in _ODF_MARKS)


def accept_rtf_changes(data: bytes) -> bytes:
    r"""Return rich text without what the character property \deleted marks as struck."""
    out = bytearray()
    states = [False]
    position = 0
    while position < len(data):
        token = TOKEN.match(data, position)
        assert token is not None  # every byte matches one of the alternatives
        raw, position = token[0], token.end()
        word, struck = (token["word"] or b"").lower(), states[-1]
        if word == b"bin":
            position += max(0, int(token["number"] or 0))
            raw = data[token.start() : position]
        if token["open"]:
            states.append(struck)
        elif token["close"]:
            if len(states) > 1:
                states.pop()
        elif word == b"deleted":
            states[-1] = token["number"] != b"0"
            continue
        elif word in _RTF_RESETS:
            states[-1] = False
        elif struck and (not word or word == b"u" or word in _RTF_BREAKS):
            continue
        out += raw
    return bytes(out)
