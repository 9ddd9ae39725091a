"""The comments on a PDF page: sticky notes, highlights with a comment, text boxes, stamps and drawings with words."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rag.extract.geometry import clamped_box, is_off_page
from rag.model.extraction import Block, BlockKind, Box, Line, Word
from rag.text import printable_line

_MAX_CHARS = 20_000
"""Characters of all comments on one page."""

_MAX_AUTHOR_CHARS = 80
_NOT_COMMENTS = ("Link", "Popup", "Widget", "Redact", "Screen", "PrinterMark", "TrapNet", "Watermark", "3D")
"""Annotations without words of their own. The words of a pop-up are those of its comment."""

_IS_HIDDEN, _NO_VIEW = 2, 32
"""Flags of annotations that no viewer shows (PDF 1.7, table 165)."""

_TAG = re.compile(r"<[^<>]*>")


def comment_blocks(page: Any, displayed: Callable[[Sequence[float]], Box]) -> list[Block]:
    """Return a block for each comment that a viewer shows, with its author and the place that it is about.

    The words of text boxes are part of the page's text layer; they are repeated only if their author is known.
    `displayed` converts rectangles of the unrotated page to fractions of the displayed one.
    """
    blocks: list[Block] = []
    left = _MAX_CHARS
    for annotation in page.annots() or ():
        place = displayed(annotation.rect)
        if annotation.type[1] in _NOT_COMMENTS or is_hidden(annotation.flags) or is_off_page(place):
            continue
        text = _words_of(page, annotation)[:left]
        author = printable_line(annotation.info.get("title") or "")[:_MAX_AUTHOR_CHARS]
        if not text or (annotation.type[1] == "FreeText" and not author):
            continue
        left -= len(text)
        box = clamped_box(*place)
        blocks.append(Block(BlockKind.ASIDE, box, tuple(_lines(text, author, box))))
    return blocks


def is_hidden(flags: int) -> bool:
    """Return whether no viewer shows an annotation or a form field with these flags."""
    return bool(flags & (_IS_HIDDEN | _NO_VIEW))


def _words_of(page: Any, annotation: Any) -> str:
    """Return the words of an annotation, from its rich text if it has no plain one."""
    text = str(annotation.info.get("content") or "")
    if annotation.type[1] == "FileAttachment" and text == annotation.file_info.get("filename"):
        return ""  # the file is a document of its own
    if not text.strip():
        kind, rich = page.parent.xref_get_key(annotation.xref, "RC")
        text = html.unescape(_TAG.sub(" ", rich[:_MAX_CHARS])) if kind == "string" else ""
    return "\n".join(filter(None, (printable_line(line) for line in text.splitlines())))


def _lines(text: str, author: str, box: Box) -> Iterator[Line]:
    """Yield the comment's lines; every word has the box of the whole comment."""
    said = f"Comment by {author}: {text}" if author else f"Comment: {text}"
    for line in said.split("\n"):
        yield Line(tuple(Word(word[:200], box) for word in line.split()), box)
