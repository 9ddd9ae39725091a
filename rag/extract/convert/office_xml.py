"""Trees of XML parts of office documents, whose names keep their prefixes: some attributes refer to prefixes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from rag.errors import Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAX_DEPTH = 2000
"""Maximum nesting of elements. Programs write less than 200."""


def parse_part(data: bytes) -> Element:
    """Return the root of a part. Raise Unreadable if it is damaged, declares entities, or is nested too deeply."""
    from xml.etree.ElementTree import TreeBuilder

    builder = TreeBuilder()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> int:
        raise ValueError("it declares entities")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.SkippedEntityHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Unreadable(f"A part of the document can't be read: {error}.", "Export it as a PDF.") from error
    return builder.close()


def write_part(root: Element) -> bytes:
    """Return the part as bytes, in UTF-8."""
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    pending: list[Element | str] = [root]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        attributes = "".join(f" {key}={quoteattr(value)}" for key, value in item.items())
        pieces.append(f"<{item.tag}{attributes}>{escape(item.text or '')}")
        pending.append(f"</{item.tag}>{escape(item.tail or '') if item is not root else ''}")
        pending.extend(reversed(item))
    return "".join(pieces).encode("utf-8", "surrogatepass")


def local(element: Element) -> str:
    """Return an element's name without its prefix."""
    return element.tag.rpartition(":")[2]


def attribute(element: Element, name: str) -> str:
    """Return an attribute by its name without prefix; "" if there is none."""
    return next((value for key, value in element.items() if key.rpartition(":")[2] == name), "")


def child(element: Element, *names: str) -> Element | None:
    """Return the first descendant along a path of names without prefixes; None if there is none."""
    for name in names:
        found = next((inner for inner in element if local(inner) == name), None)
        if found is None:
            return None
        element = found
    return element


def elements(root: Element, *names: str) -> Iterator[Element]:
    """Yield the elements with one of these names without prefix, in document order."""
    return (element for element in root.iter() if local(element) in names)


def outermost(container: Element, names: Collection[str], skipped: Collection[str] = ()) -> Iterator[Element]:
    """Yield the descendants with one of these names that are not inside another one or inside a skipped element."""
    pending = list(reversed(container))
    while pending:
        element = pending.pop()
        if local(element) in names:
            yield element
        elif local(element) not in skipped:
            pending.extend(reversed(element))


def remove_children(parent: Element, is_removed: Callable[[Element], bool]) -> None:
    """Remove children of an element, but keep the text that follows them."""
    kept: list[Element] = []
    for element in parent:
        if not is_removed(element):
            kept.append(element)
        elif element.tail and kept:
            kept[-1].tail = (kept[-1].tail or "") + element.tail
        elif element.tail:
            parent.text = (parent.text or "") + element.tail
    if len(kept) < len(parent):
        parent[:] = kept
