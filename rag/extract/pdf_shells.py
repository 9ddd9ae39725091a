"""PDFs whose pages only say that another program is needed: XFA forms, and portfolios of other files."""

from __future__ import annotations

from typing import Any

from rag.errors import Unreadable
from rag.model.extraction import Note

_MAX_SHELL_PAGES = 2
_WAIT = ("please wait", "proper contents of the document")
"""What the only page of a dynamic form says, in the English version of Adobe's programs."""


def refuse_shell(document: Any) -> None:
    """Raise Unreadable if the pages of a PDF do not show its content, because only Adobe's programs draw it.

    A form made with XFA has one such page, in any language, if it is dynamic: without fields on it. Static forms have
    real pages.
    """
    if document.page_count > _MAX_SHELL_PAGES:
        return
    says_wait = all(words in " ".join(document[0].get_text().lower().split()) for words in _WAIT)
    if says_wait or (_has_xfa(document) and (_needs_rendering(document) or not _has_fields(document))):
        raise Unreadable(
            "The PDF is an XFA form. Only Adobe Acrobat and Adobe Reader show what is in it.",
            "Open it there, print it to a new PDF, and share that.",
        )


def portfolio_notes(document: Any) -> tuple[Note, ...]:
    """Return a note if a PDF is a portfolio, whose own page is only a cover."""
    is_portfolio = _key(document, "Collection") not in ("", "null")
    return (Note("It is a portfolio: the files in it are read as documents of their own."),) if is_portfolio else ()


def _has_xfa(document: Any) -> bool:
    return _key(document, "AcroForm/XFA") not in ("", "null")


def _needs_rendering(document: Any) -> bool:
    return _key(document, "NeedsRendering") == "true"


def _has_fields(document: Any) -> bool:
    return any(page.first_widget is not None for page in document)


def _key(document: Any, path: str) -> str:
    """Return the value of a key of the document's catalog, as it is written in the file."""
    return str(document.xref_get_key(document.pdf_catalog(), path)[1])
