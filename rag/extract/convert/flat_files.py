"""Office documents that are one XML file: flat OpenDocument, and XML of Word 2003. Other XML of Office is refused."""

from __future__ import annotations

import re

from rag.errors import Unreadable

_ODF = "application/vnd.oasis.opendocument."

FLAT = {
    f"{_ODF}text-flat-xml": ".fodt",
    f"{_ODF}presentation-flat-xml": ".fodp",
    f"{_ODF}graphics-flat-xml": ".fodg",
    "application/x-wordml": ".xml",
}
"""Media types, and their suffixes for LibreOffice. XML of Word 2003 has no official media type."""

_PROLOG = re.compile(r"\ufeff?\s*(?:<\?[^>]*\?>\s*|<!--(?:(?!-->).)*-->\s*)*", re.DOTALL)
_ROOT = re.compile(r"<([\w.-]+:)?(document|wordDocument|package|Workbook)\b([^>]*)>?")
_OPEN_DOCUMENT = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_WORD_2003 = "http://schemas.microsoft.com/office/word/2003/wordml"
_PACKAGE = "http://schemas.microsoft.com/office/2006/xmlPackage"
_EXCEL_2003 = "urn:schemas-microsoft-com:office:spreadsheet"
_KIND = re.compile(r"""\bmimetype\s*=\s*["']application/vnd\.oasis\.opendocument\.([a-z]+)""")


def flat_media_type(text: str) -> str | None:
    """Return the media type of a text that is an office document; None if it isn't one. Raise Unreadable."""
    prolog = _PROLOG.match(text)
    root = _ROOT.match(text, prolog.end() if prolog else 0)
    if root is None:
        return None
    name, attributes = root[2], root[3]
    if name == "document" and _OPEN_DOCUMENT in attributes:
        kind = _KIND.search(attributes)
        found = f"{_ODF}{kind[1] if kind else ''}-flat-xml"
        if found in FLAT:
            return found
        raise Unreadable(
            "The file is a flat OpenDocument file that isn't a text or presentation.", "Export it as a PDF."
        )
    if name == "wordDocument" and _WORD_2003 in attributes:
        return "application/x-wordml"
    if (name == "package" and _PACKAGE in attributes) or (name == "Workbook" and _EXCEL_2003 in attributes):
        raise Unreadable(
            "The file is an Office document saved as XML, which Magpie can't read.",
            "Save it as DOCX, PPTX or XLSX, or export it as a PDF.",
        )
    return None
