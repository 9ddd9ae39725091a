"""What a sheet of an Excel workbook says beside its cells: comments, addresses of links, and text boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zipfile import ZipFile

from rag.extract.convert.sheets import Remark, comment_text, link_text
from rag.extract.convert.xlsx_parts import elements, relations, text_of

PLACE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_PEOPLE = "xl/persons/"
_ANCHORS = ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor")


def place_of(reference: str) -> tuple[int, int] | None:
    """Return row and column, from 0, of the first cell of a reference such as B2 or B2:C3; None if it is damaged."""
    place = PLACE.match(reference)
    return (int(place[2]) - 1, column_number(place[1])) if place else None


def column_number(letters: str) -> int:
    """Return the number, from 0, of a column by its letters."""
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def sheet_remarks(
    archive: ZipFile,
    names: Mapping[str, str],
    part: str,
    links: Sequence[tuple[str, str]],
    cells: Mapping[int, Mapping[int, str]],
) -> Iterator[Remark]:
    """Yield the remarks of a sheet, also those on hidden cells.

    `links` are the cells and relations of its links. Raise LookupError, ValueError or LxmlError if a part is damaged.
    """
    related = relations(archive, names, part)
    parts = {kind: [relation.part for relation in related.values() if relation.kind == kind] for kind in _READERS}
    threaded: set[tuple[int, int]] = set()
    for kind, read in _READERS.items():
        for name in parts[kind]:
            for remark in read(archive, names, names[name]):
                if kind == "threadedComment":
                    threaded.add((remark.row, remark.column))
                # Older versions of Excel show a comment in the place of a threaded one.
                if kind != "comments" or (remark.row, remark.column) not in threaded:
                    yield remark
    for reference, identifier in links:
        place = place_of(reference)
        if place is not None and identifier in related:
            text = link_text(cells.get(place[0], {}).get(place[1], ""), related[identifier].target)
            if text:
                yield Remark(*place, text)


def _comments(archive: ZipFile, _names: Mapping[str, str], part: str) -> Iterator[Remark]:
    authors: list[str] = []
    with archive.open(part) as file:
        for element in elements(file, "author", "comment"):
            if element.tag.endswith("}author"):
                authors.append(element.text or "")
            elif place := place_of(element.get("ref", "")):
                number = int(element.get("authorId", "-1"))
                author = authors[number] if 0 <= number < len(authors) else ""
                yield Remark(*place, comment_text(*place, author, text_of(element)))


def _threaded_comments(archive: ZipFile, names: Mapping[str, str], part: str) -> Iterator[Remark]:
    people: dict[str, str] = {}
    for name, listed in names.items():
        if name.startswith(_PEOPLE):
            with archive.open(listed) as file:
                people |= {person.get("id", ""): person.get("displayName", "") for person in elements(file, "person")}
    with archive.open(part) as file:
        for element in elements(file, "threadedComment"):
            if place := place_of(element.get("ref", "")):
                text = " ".join(child.text or "" for child in element.iterchildren("{*}text"))
                yield Remark(*place, comment_text(*place, people.get(element.get("personId", ""), ""), text))


def _text_boxes(archive: ZipFile, _names: Mapping[str, str], part: str) -> Iterator[Remark]:
    with archive.open(part) as file:
        for anchor in elements(file, *_ANCHORS):
            start = next(anchor.iterchildren("{*}from"), None)
            row, column = (int(_child_text(start, name)) for name in ("row", "col")) if start is not None else (0, 0)
            texts = (_shape_text(shape) for shape in anchor.iter("{*}sp"))
            for text in dict.fromkeys(filter(None, texts)):  # a shape can have a second form for older versions
                yield Remark(max(row, 0), max(column, 0), f"Text box: {text}")


def _child_text(element: Any, name: str) -> str:
    return next((child.text or "0" for child in element.iterchildren(f"{{*}}{name}")), "0")


def _shape_text(shape: Any) -> str:
    if any(properties.get("hidden", "0") in ("1", "true") for properties in shape.iter("{*}cNvPr")):
        return ""
    paragraphs = ("".join(run.text or "" for run in paragraph.iter("{*}t")) for paragraph in shape.iter("{*}p"))
    return " ".join(filter(None, paragraphs))


_READERS = {"threadedComment": _threaded_comments, "comments": _comments, "drawing": _text_boxes}
