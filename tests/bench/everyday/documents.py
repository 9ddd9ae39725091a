"""The documents of texts/: one text file per document, or per template whose rows are in a CSV file beside it.

    kind: manual
    footer: Quillon C3 user manual

    # First page, in Markdown

Lines `key: value` come first, then a blank line, then the pages, separated by form feeds. The name is the name of the
built file and `.txt`. Keys: `kind`; `footer` (printed on PDF pages with the page number); `look` (`scan` for a PDF of
images, `chat` or `plan` for a PNG); `rows` (a CSV file: each row is a document, its column `file` the name, and
`{{column}}` in the text is replaced).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"

_KEYS = {"kind", "footer", "look", "rows"}
_FIELD = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A file to build. Its format is the suffix of `name`."""

    name: str
    kind: str
    pages: tuple[str, ...]
    footer: str = ""
    look: str = ""


def read_documents(folder: Path = TEXTS) -> list[Document]:
    """Return the documents of a folder by name. Raise ValueError for an unknown key, a missing column or a name that
    two documents have."""
    documents = [document for path in sorted(folder.glob("*.txt")) for document in _read(path)]
    names = [document.name for document in documents]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Two documents have the name {twice[0]}: rename one of them.")
    return sorted(documents, key=lambda document: document.name)


def _read(path: Path) -> Iterator[Document]:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    header = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in head.splitlines())}
    if not header.get("kind") or header.keys() - _KEYS:
        raise ValueError(f"{path.name} must begin with `kind: …` and may have {', '.join(sorted(_KEYS))} only.")
    rows: list[Mapping[str, str]] = [{"file": path.stem}]
    if "rows" in header:
        with (path.parent / header["rows"]).open(encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
    for row in rows:
        filled = _filled(body, row, path.name)
        pages = tuple(page.strip("\n") for page in filled.split("\f"))
        yield Document(row["file"], header["kind"], pages, header.get("footer", ""), header.get("look", ""))


def _filled(text: str, row: Mapping[str, str], name: str) -> str:
    if missing := {field for field in _FIELD.findall(text) if field not in row}:
        raise ValueError(f"{name} uses {{{{{min(missing)}}}}}, which is not a column of its rows.")
    return _FIELD.sub(lambda found: row[found[1]], text)
