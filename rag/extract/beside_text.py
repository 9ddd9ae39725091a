"""What a PDF says beside the text of a page: addresses of links, bookmarks, descriptions of figures, values of forms.

Each becomes a block of the kind ASIDE with the region it is about, and says what it is: "Link: …".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from rag.extract.form_fields import Displayed, form_fields, printed_boxes
from rag.extract.geometry import bounding_box, clamped_box, contains_center, is_off_page
from rag.extract.limits import is_out_of_memory
from rag.extract.struct_tree import DescribedFigure, described_figures
from rag.model.extraction import WHOLE_PAGE, Block, BlockKind, Box, Line, Note, Word
from rag.text import normalize_unicode, printable_line

_MAX_LINKS, _LINKS_PER_BLOCK = 120, 12
_MAX_BOOKMARKS = 20_000
_MAX_BOOKMARKS_PER_PAGE = 20
_MAX_CHARS = 1000
"""Characters of one address, description or value."""

_ADDRESS = re.compile(r"(?!javascript:|data:|about:|blob:)[a-z][a-z0-9+.\-]{1,30}:\S", re.IGNORECASE)
_COUNTED = re.compile(r"(?:slide|page|folie|seite|diapositive|diapositiva)?\d+")
"""Bookmarks that programs make of nothing ("Slide 4"), squeezed."""

_DAMAGED = Note("The links and form fields of this page are damaged and were not read. Save the file again.")


def aside(texts: Sequence[tuple[str, Box]]) -> Block | None:
    """Return a block with one line for each (text, region); None if there are no words."""
    lines = []
    for text, box in texts:
        words = tuple(Word(word, box) for word in _clean(text).split())
        if words:
            lines.append(Line(words, box))
    return Block(BlockKind.ASIDE, bounding_box(line.box for line in lines), tuple(lines)) if lines else None


@dataclass(frozen=True, slots=True)
class DocumentNotes:
    """What a document says about its pages in one place.

    `bookmarks`: titles of the outline by page number. `figures`: descriptions by the xref of the page.
    """

    bookmarks: Mapping[int, Sequence[str]]
    figures: Mapping[int, Sequence[DescribedFigure]]


def read_document_notes(document: Any) -> DocumentNotes:
    """Return the document's bookmarks and descriptions, as far as they are not damaged."""
    figures: dict[int, list[DescribedFigure]] = {}
    try:
        figures = described_figures(document)
    except Exception as error:  # damaged objects raise anything; the pages themselves may be fine
        if is_out_of_memory(error):
            raise
    return DocumentNotes(_bookmarks(document), figures)


def _bookmarks(document: Any) -> dict[int, list[str]]:
    """Return the titles of the document's outline by page number, in their order."""
    found: dict[int, list[str]] = {}
    try:
        pending = [entry for entry in (document.outline,) if entry is not None]
        for _ in range(_MAX_BOOKMARKS):
            if not pending:
                break
            entry = pending.pop()
            titles = found.setdefault(entry.page + 1, [])
            if len(titles) < _MAX_BOOKMARKS_PER_PAGE and entry.title not in titles:
                titles.append(entry.title or "")
            pending += [following for following in (entry.next, entry.down) if following is not None]
    except Exception as error:  # damaged outlines raise anything; the pages themselves may be fine
        if is_out_of_memory(error):
            raise
    return found


def beside_text(
    page: Any, words: Sequence[Word], notes: DocumentNotes, displayed: Displayed, is_covered: Callable[[Box], bool]
) -> tuple[list[Block], tuple[Note, ...]]:
    """Return what the PDF says beside the page's words, or a note that it is damaged.

    What is about a covered place, or one that is outside the page, is left out.
    """
    try:
        return _blocks(page, words, notes, displayed, is_covered), ()
    except Exception as error:  # damaged annotations raise anything; the page itself is fine
        if is_out_of_memory(error):
            raise
        return [], (_DAMAGED,)


def _blocks(
    page: Any, words: Sequence[Word], notes: DocumentNotes, displayed: Displayed, is_covered: Callable[[Box], bool]
) -> list[Block]:
    links = list(_links(page, words, displayed, is_covered))
    groups: list[list[tuple[str, Box]]] = [
        *(links[at : at + _LINKS_PER_BLOCK] for at in range(0, len(links), _LINKS_PER_BLOCK)),
        [(f"Bookmark: {title}", WHOLE_PAGE) for title in _unprinted(notes.bookmarks.get(page.number + 1, ()), words)],
        *(
            [(text, box)]
            for text, box in _figures(page, notes.figures.get(page.xref, ()), words, displayed)
            if box == WHOLE_PAGE or not is_covered(box)
        ),
        [*form_fields(page, words, displayed), *printed_boxes(words)],
    ]
    return [block for block in map(aside, groups) if block is not None]


def _links(
    page: Any, words: Sequence[Word], displayed: Displayed, is_covered: Callable[[Box], bool]
) -> Iterator[tuple[str, Box]]:
    """Yield the address of each link whose words do not show it; a link of several lines once."""
    parts: dict[str, list[Box]] = {}
    for link in page.get_links():
        address = _clean(link.get("uri") or "")
        if _ADDRESS.match(address) and (address in parts or len(parts) < _MAX_LINKS):
            place = displayed(link["from"])
            box = clamped_box(*place)
            if not is_off_page(place) and not is_covered(box):
                parts.setdefault(address, []).append(box)
    for address, boxes in parts.items():
        label = " ".join(word.text for word in words if any(contains_center(box, word.box) for box in boxes))
        plain = unquote(address.removeprefix("mailto:")).replace(" ", "%20")
        if _bare(plain) not in _bare(label):
            yield f"Link: {label} {plain}" if label else f"Link: {plain}", bounding_box(boxes)


def _bare(text: str) -> str:
    """Return an address without what people leave out when they print it."""
    bare = re.sub(r"\s+", "", text).lower().rstrip("/")
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", bare)


def _unprinted(titles: Sequence[str], words: Sequence[Word]) -> Iterator[str]:
    """Yield the titles that the page does not print."""
    printed = _squeezed(" ".join(word.text for word in words)) if titles else ""
    for title in titles:
        squeezed = _squeezed(title)
        if squeezed and squeezed not in printed and not _COUNTED.fullmatch(squeezed):
            yield title


def _squeezed(text: str) -> str:
    return "".join(letter for letter in normalize_unicode("NFKC", text).casefold() if letter.isalnum())


def _figures(
    page: Any, described: Sequence[DescribedFigure], words: Sequence[Word], displayed: Displayed
) -> Iterator[tuple[str, Box]]:
    pictures = [clamped_box(*displayed(info["bbox"])) for info in page.get_image_info()] if described else []
    unprinted = set(_unprinted([figure.text for figure in described], words))
    for index, figure in enumerate(described):
        if figure.text not in unprinted:
            continue
        if figure.box is not None:
            x0, y0, x1, y1 = figure.box
            height = page.mediabox.y1
            box = clamped_box(*displayed((x0, height - y1, x1, height - y0)))
        else:
            box = pictures[index] if len(pictures) == len(described) else WHOLE_PAGE
        yield f"Description of a figure: {figure.text}", box if box.area else WHOLE_PAGE


def _clean(text: str) -> str:
    """Return the text on one line, cut to the maximum length."""
    return printable_line(text)[:_MAX_CHARS]
