"""Removal of everything that an office document would load: linked pictures, objects, templates, sections, scripts.

This is a second line of defense besides the sandbox around LibreOffice. Hyperlinks are kept, because they are not
followed.
"""

from __future__ import annotations

from pathlib import Path

from rag.extract.convert.sanitize.compound import sanitize_compound
from rag.extract.convert.sanitize.package import sanitize_flat, sanitize_package
from rag.extract.convert.sanitize.rtf import sanitize_rtf_file

_SANITIZERS = {
    ".rtf": sanitize_rtf_file,
    ".doc": sanitize_compound,
    ".ppt": sanitize_compound,
    **dict.fromkeys((".fodt", ".fodp", ".fodg", ".xml"), sanitize_flat),
}


def sanitize_document(path: Path, into: Path) -> None:
    """Write the document to `into` without references that load something. The suffix of `into` is its format.

    Raise Unreadable if the document can't be sanitized.
    """
    _SANITIZERS.get(into.suffix, sanitize_package)(path, into)
