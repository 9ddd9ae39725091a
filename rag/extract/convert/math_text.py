"""Formulas of web pages in one line of text: as TeX if the page has that, else made of their MathML."""

from __future__ import annotations

import html
import re
from typing import Any

_SIGNS = {"msup": "^", "mover": "^", "msub": "_", "munder": "_", "mfrac": "/"}
_ALT_TEXT = re.compile(r"""\balttext\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_END = re.compile(r"</math[^<>]{0,50}>?", re.IGNORECASE)
_SUM = re.compile(r".[-+=\s]")


def formulas_as_text(source: str) -> str:
    """Return the source of a page with text instead of its formulas."""
    kept, end = [], 0
    for start in re.finditer(r"<math\b([^<>]*)>", source, re.IGNORECASE):
        if start.start() < end:
            continue
        stop = _END.search(source, start.end())
        if stop is None:
            break
        text = _text_of(start[1], source[start.end() : stop.start()])
        kept += [source[end : start.start()], html.escape(text, quote=False)]
        end = stop.end()
    return "".join([*kept, source[end:]])


def _text_of(attributes: str, content: str) -> str:
    from lxml.etree import HTMLParser, LxmlError, fromstring

    if found := _ALT_TEXT.search(attributes):
        return html.unescape(found[1] or found[2] or "")
    try:
        root = fromstring(f"<html><body><math>{content}</math></body></html>", HTMLParser(no_network=True))
    except LxmlError:
        return ""
    tex = next((element for element in root.iter("annotation") if "tex" in element.get("encoding", "")), None)
    return " ".join((tex.text or "" if tex is not None else _line(root)).split())


def _line(element: Any) -> str:
    parts = [_line(child) for child in element if isinstance(child.tag, str) and not child.tag.startswith("annotation")]
    if element.tag in _SIGNS and len(parts) > 1:
        return _SIGNS[element.tag].join(f"({part})" if _SUM.search(part) else part for part in parts)
    if element.tag == "msubsup" and len(parts) == 3:
        return f"{parts[0]}_{parts[1]}^{parts[2]}"
    text = (element.text or "").strip() + "".join(parts)
    return f"√({text})" if element.tag == "msqrt" else text
