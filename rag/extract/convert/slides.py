"""Slides: which ones are hidden, and what their speakers' notes and comments say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING
from zipfile import ZipFile

from rag.extract.convert.office_xml import attribute, child, elements, local, parse_part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_PRESENTATION = "ppt/presentation.xml"
_MAX_NOTES_CHARS = 20_000
"""Characters of the notes of one slide."""


@dataclass(frozen=True, slots=True)
class SlideDetails:
    """What a slide says without showing it. `texts` are lines that name their kind."""

    hidden: bool
    texts: tuple[str, ...]


def powerpoint_slides(package: ZipFile) -> list[SlideDetails]:
    """Return the slides in their order. Raise Unreadable if a part is damaged."""
    names = frozenset(package.namelist())
    authors = _authors(package, names)
    return [_details(package, part, root, names, authors) for part, root in powerpoint_slide_parts(package)]


def powerpoint_slide_parts(package: ZipFile) -> Iterator[tuple[str, Element]]:
    """Yield the name and the root of each slide's part, in the order of the slides. Raise Unreadable."""
    names = frozenset(package.namelist())
    if _PRESENTATION not in names:
        return
    targets = _targets(package, _PRESENTATION, names)
    for entry in elements(parse_part(package.read(_PRESENTATION)), "sldId"):
        _, part = targets.get(_relationship_id(entry), ("", ""))
        if part:
            yield part, parse_part(package.read(part))


def _details(
    package: ZipFile, part: str, root: Element, names: frozenset[str], authors: dict[str, str]
) -> SlideDetails:
    hidden = attribute(root, "show") in ("0", "false")
    texts: list[str] = []
    for kind, target in _targets(package, part, names).values():
        if kind == "notesSlide":
            texts += _speaker_notes("\n".join(_powerpoint_notes(parse_part(package.read(target)))))
        elif kind == "comments" and basename(target).startswith("modern"):  # LibreOffice reads only the older kind
            texts += _modern_comments(parse_part(package.read(target)), authors)
    return SlideDetails(hidden, tuple(texts))


def _powerpoint_notes(root: Element) -> Iterator[str]:
    """Yield the paragraphs of the notes, without the slide's number, date, header and footer."""
    for shape in elements(root, "sp"):
        kind = next((attribute(mark, "type") for mark in elements(shape, "ph")), "body")
        if kind == "body":
            yield from paragraphs(shape)


def paragraphs(shape: Element) -> Iterator[str]:
    """Yield the text of each paragraph of a shape of DrawingML."""
    for paragraph in elements(shape, "p"):
        pieces = (" " if local(piece) == "br" else piece.text or "" for piece in elements(paragraph, "t", "br"))
        yield "".join(pieces)


def _modern_comments(root: Element, authors: dict[str, str]) -> Iterator[str]:
    for comment in elements(root, "cm", "reply"):
        body = child(comment, "txBody")
        text = " ".join(paragraphs(body)) if body is not None else ""
        author = authors.get(attribute(comment, "authorId"), "")
        if text.strip():
            yield f"Comment by {author}: {text}" if author else f"Comment: {text}"


def _authors(package: ZipFile, names: frozenset[str]) -> dict[str, str]:
    if "ppt/authors.xml" not in names:
        return {}
    root = parse_part(package.read("ppt/authors.xml"))
    return {attribute(author, "id"): attribute(author, "name") for author in elements(root, "author")}


def slide_links(package: ZipFile, part: str, root: Element) -> Iterator[str]:
    """Yield the words and the address of each link of a slide."""
    relationships = f"{dirname(part)}/_rels/{basename(part)}.rels"
    if relationships not in package.namelist():
        return
    rows = elements(parse_part(package.read(relationships)), "Relationship")
    addresses = {
        attribute(row, "Id"): attribute(row, "Target") for row in rows if attribute(row, "TargetMode") == "External"
    }
    for run in elements(root, "r"):
        for link in elements(run, "hlinkClick"):
            if address := addresses.get(_relationship_id(link), ""):
                words = "".join(piece.text or "" for piece in elements(run, "t"))
                yield f"Link: {words} {address.removeprefix('mailto:')}"


def _targets(package: ZipFile, part: str, names: frozenset[str]) -> dict[str, tuple[str, str]]:
    """Return {id: (kind, part)} of the part's relationships to other parts of the package."""
    relationships = f"{dirname(part)}/_rels/{basename(part)}.rels"
    if relationships not in names:
        return {}
    found = {}
    for entry in elements(parse_part(package.read(relationships)), "Relationship"):
        target = attribute(entry, "Target")
        name = normpath(target.lstrip("/") if target.startswith("/") else f"{dirname(part)}/{target}")
        if name in names:
            found[attribute(entry, "Id")] = (attribute(entry, "Type").rpartition("/")[2], name)
    return found


def _relationship_id(element: Element) -> str:
    """Return an element's `r:id`; it also has an `id` without prefix."""
    return next((value for key, value in element.items() if key.endswith(":id")), "")


def open_document_slides(root: Element) -> list[SlideDetails]:
    """Return the slides of an OpenDocument presentation, from its content."""
    hidden = {
        attribute(style, "name")
        for style in elements(root, "style")
        if any(attribute(inner, "visibility") == "hidden" for inner in elements(style, "drawing-page-properties"))
    }
    slides = []
    for page in elements(root, "page"):
        texts: list[str] = []
        for notes in elements(page, "notes"):
            texts += _speaker_notes("\n".join("".join(line.itertext()) for line in elements(notes, "p")))
        slides.append(SlideDetails(attribute(page, "style-name") in hidden, tuple(texts)))
    return slides


def _speaker_notes(text: str) -> list[str]:
    lines = [line.strip() for line in text[:_MAX_NOTES_CHARS].splitlines() if line.strip()]
    return [f"Speaker notes: {lines[0]}", *lines[1:]] if lines else []
