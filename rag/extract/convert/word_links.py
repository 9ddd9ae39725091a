"""Links of Word documents: LibreOffice writes the address of a link to the PDF only if its words have a style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.extract.convert.office_xml import attribute, child, elements, local, parse_part, write_part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARKERS = re.compile(rb"<\w*:?hyperlink\b|HYPERLINK")
"""What a Word part with links contains."""

_STYLE = "MagpieLink"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"
_STYLES, _RELATIONSHIPS, _TYPES = "word/styles.xml", "word/_rels/document.xml.rels", "[Content_Types].xml"


def style_links(root: Element) -> None:
    """Give the words of links a character style, unless they have one."""
    for link in elements(root, "hyperlink", "fldSimple"):
        if local(link) == "hyperlink" or "HYPERLINK" in attribute(link, "instr"):
            for run in elements(link, "r"):
                _style(run)
    is_link = in_result = False
    for element in list(elements(root, "fldChar", "instrText", "r")):
        if local(element) == "r":
            if in_result:
                _style(element)
        elif local(element) == "instrText":
            is_link = is_link or "HYPERLINK" in (element.text or "")
        else:
            kind = attribute(element, "fldCharType")
            in_result = kind == "separate" and is_link
            is_link = is_link and kind != "end"


def _style(run: Element) -> None:
    prefix = run.tag.removesuffix("r")
    properties = child(run, "rPr")
    if properties is None:
        properties = run.makeelement(f"{prefix}rPr", {})
        run.insert(0, properties)
    if child(properties, "rStyle") is None:
        properties.insert(0, run.makeelement(f"{prefix}rStyle", {f"{prefix}val": _STYLE}))


def parts_with_style(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Return the parts that have to change so that the document defines the style. `parts` has the current ones."""
    if _STYLES in parts:
        styles = parse_part(parts[_STYLES])
        prefix = styles.tag.removesuffix("styles")
        styles.append(_definition(styles, prefix))
        return {_STYLES: write_part(styles)}
    if not {_RELATIONSHIPS, _TYPES} <= parts.keys():
        return {}
    relationships, types = parse_part(parts[_RELATIONSHIPS]), parse_part(parts[_TYPES])
    prefix = relationships.tag.removesuffix("Relationships")
    found = {"Id": _STYLE, "Type": _RELATIONSHIP, "Target": "styles.xml"}
    relationships.append(relationships.makeelement(f"{prefix}Relationship", found))
    prefix = types.tag.removesuffix("Types")
    types.append(types.makeelement(f"{prefix}Override", {"PartName": f"/{_STYLES}", "ContentType": _TYPE}))
    styles = types.makeelement("w:styles", {"xmlns:w": _WORD})
    styles.append(_definition(styles, "w:"))
    return {_STYLES: write_part(styles), _RELATIONSHIPS: write_part(relationships), _TYPES: write_part(types)}


def _definition(styles: Element, prefix: str) -> Element:
    style = styles.makeelement(f"{prefix}style", {f"{prefix}type": "character", f"{prefix}styleId": _STYLE})
    style.append(styles.makeelement(f"{prefix}name", {f"{prefix}val": _STYLE}))
    return style


STYLE_PARTS = (_STYLES, _RELATIONSHIPS, _TYPES)
"""The parts that `parts_with_style` needs, as far as the document has them."""
