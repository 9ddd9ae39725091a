"""Labels of drawings that are HTML, as of Mermaid and draw.io, made text of the drawing: MuPDF draws no HTML in SVG."""

from __future__ import annotations

import html
import re
from typing import Any

from rag.extract.convert.plain_text import display_width, wrap_line
from rag.extract.convert.rich_text import page_parts

_SVG = "{http://www.w3.org/2000/svg}"
_FALLBACKS = ("text", "image")
_SIZES = (14, 12, 10, 8, 6, 4)
"""Sizes of letters that are tried until a label fits into its rectangle."""
_WIDTH, _LEADING, _ASCENT = 0.55, 1.2, 0.35
"""Mean width of a letter, height of a line, and distance from its middle to its baseline, in sizes of letters."""
_FALLBACK_COLUMNS = 40
_LINE_END = re.compile(r"</(?:p|h[1-6]|tr|pre)>|<br>|\n")
_NUMBER = re.compile(r"(-?(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20}))(?:px)?")


def local_name(element: Any) -> str:
    """Return an element's name without its namespace; "" for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def replace_html_labels(root: Any) -> int:
    """Make text of the HTML in a drawing, and keep one choice of each `switch`; return how many pictures are lost."""
    missing = 0
    for element in list(root.iter(f"{_SVG}switch", "switch")):
        _choose(element)
    for element in list(root.iter(f"{_SVG}foreignObject", "foreignObject")):
        if element.getparent() is None:
            continue
        lines, pictures = _words(element)
        width, height = _length(element, "width"), _length(element, "height")
        is_shown = width != 0 and height != 0  # without a size, browsers show nothing
        missing += pictures if is_shown else 0
        text, tail = _text(element, lines if is_shown else [], width or 0, height or 0), element.tail
        element.clear()
        element.tag, element.tail = text.tag, tail
        element.attrib.update(text.attrib)
        element.extend(list(text))
    return missing


def _choose(switch: Any) -> None:
    """Make a group of a `switch`, which MuPDF does not draw, with its HTML, or else with its first choice."""
    choices = [child for child in switch if local_name(child)]
    pages = [child for child in choices if local_name(child) == "foreignObject"]
    chosen = next(iter(pages or choices), None)
    if pages:
        fallback = next((child for child in choices if local_name(child) in _FALLBACKS), None)
        if fallback is not None:  # the place of the HTML itself can be anywhere, by its styles
            sizes = {"x": "", "y": "", "width": "100%", "height": "100%", "text-anchor": ""}
            pages[0].attrib.update({key: fallback.get(key) or default for key, default in sizes.items()})
    for child in choices:
        if child is not chosen:
            switch.remove(child)
    switch.tag = f"{_SVG}g"


def _words(element: Any) -> tuple[list[str], int]:
    """Return the lines that a browser shows of the HTML in an element, and how many pictures are in it."""
    from lxml.etree import tostring

    source = html.escape(element.text or "") + "".join(tostring(child, encoding="unicode") for child in element)
    page = page_parts(f"<html><body>{source}", lambda _: None)
    lines = (re.sub(r"<[^<>]*>", "", line) for line in _LINE_END.split("".join(page.parts)))
    return [html.unescape(line).strip() for line in lines if line.strip()], page.missing_pictures


def _length(element: Any, name: str) -> float | None:
    """Return a length in the units of the drawing; 0 if it is missing, None if it is relative."""
    value = element.get(name, "")
    number = _NUMBER.fullmatch(value.strip())
    return float(number[1]) if number else None if value.strip() else 0


def _text(element: Any, lines: list[str], width: float, height: float) -> Any:
    """Return lines as text in the middle of a rectangle, or at a point if it has no size."""
    from lxml.etree import Element, SubElement

    wrapped, size = lines, _SIZES[1]
    for size in _SIZES if width and height else _SIZES[1:2]:
        columns = max(int(width / size / _WIDTH), 1) if width else _FALLBACK_COLUMNS
        wrapped = [piece for line in lines for piece in wrap_line(line, columns)]
        longest = max((display_width(word) for line in lines for word in line.split()), default=0)
        if not width or (len(wrapped) * size * _LEADING <= height and longest <= columns):
            break
    middle = (_length(element, "x") or 0) + width / 2
    top = (_length(element, "y") or 0) + height / 2 - (len(wrapped) - 1) / 2 * size * _LEADING + _ASCENT * size
    anchor = "middle" if width else element.get("text-anchor") or "start"
    group = Element(f"{_SVG}g")
    for number, line in enumerate(wrapped):
        y = top + number * size * _LEADING
        text = SubElement(group, f"{_SVG}text", {"x": f"{middle:.1f}", "y": f"{y:.1f}", "font-size": str(size)})
        text.set("text-anchor", anchor)
        text.text = line
    return group
