"""Office documents without the references that would load something: pictures, objects, templates, sections, scripts.

The walls around LibreOffice hold without this. It is the second line: what is not referred to is never asked for.
Plain hyperlinks stay, since nothing follows them.
"""

from __future__ import annotations

from pathlib import Path

from rag.extract.convert.sanitize.compound import clean_compound
from rag.extract.convert.sanitize.package import clean_package
from rag.extract.convert.sanitize.rtf import clean_rtf

_CLEANERS = {".rtf": clean_rtf, ".doc": clean_compound, ".ppt": clean_compound}


def clean_document(path: Path, into: Path) -> None:
    """Write the document to `into`, whose suffix says what it is, without references that load something.

    Raise Unreadable for a document that cannot be cleaned.
    """
    _CLEANERS.get(into.suffix, clean_package)(path, into)
