"""What is kept where, and for how long: `magpie status --privacy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from rag.catalog import Catalog
from rag.catalog.migrate import list_copies
from rag.catalog.summary import count_rows
from rag.data_dir import list_temporary_folders
from rag.settings import Settings

_AT_ONCE = "while they are needed; what a killed Magpie left goes when the next one starts to work"


@dataclass(frozen=True, slots=True)
class StoredData:
    """One kind of what is kept. `count` says how many and of what, `bytes` what they take on disk where that can be
    told apart; `holds` and `until` are words for people."""

    name: str
    path: Path
    count: int
    unit: str
    bytes: int | None
    holds: str
    until: str


def list_stored_data(settings: Settings, catalog: Catalog) -> list[StoredData]:
    """Everything that this engine keeps, in the order in which it comes to be."""
    data, until = settings.data, _until(settings.keep.files_days)
    with catalog.read_transaction() as connection:
        rows = count_rows(connection)
    ids = "the id, path or address of what was forgotten, so that no listing brings it back"
    both = "numbers that texts and pictures are compared by; no text, but what a text is about can be guessed from them"
    return [
        _folder("documents", data / "files", "file", "the files themselves, as they were shared", until),
        _folder("page pictures", data / "pictures", "picture", "a picture of every page and every figure", until),
        _folder("evidence pictures", data / "evidence", "picture", "the pages and places shown with answers", until),
        StoredData(
            "names", catalog.path, rows.shares, "share", None, "what was shared where, by whom, under which name", until
        ),
        StoredData(
            "words",
            catalog.path,
            rows.chunks,
            "chunk",
            _size(data.glob("catalog.db*")),
            "the text of every page",
            until,
        ),
        *_copies(data),
        StoredData(
            "captions", catalog.path, rows.captions, "picture", None, "what a model says that pictures show", until
        ),
        StoredData("vectors", catalog.path, rows.vectors, "vector", None, both, until),
        StoredData(
            "fingerprints",
            catalog.path,
            rows.fingerprints,
            "page",
            None,
            "marks by which a picture of a page is known",
            until,
        ),
        _folder("vector store", data / "chroma", "file", "a copy of the vectors, by number; no text, no names", until),
        StoredData(
            "what was forgotten",
            catalog.path,
            rows.removed_shares,
            "share",
            None,
            ids,
            "until it is shared or indexed again",
        ),
        _temporary("pictures asked about", data, "pictures that were sent as questions"),
        _temporary("being read", Path(gettempdir()), "files that are being read, and pages made of them"),
    ]


def _copies(data: Path) -> list[StoredData]:
    """The copy of the catalog from before an upgrade, where there is one."""
    copies = list_copies(data)
    holds, until = "all names and words, as they were before an upgrade of Magpie", "until something is deleted"
    return [StoredData("catalog copy", copies[0], len(copies), "file", _size(copies), holds, until)] if copies else []


def _until(days: int) -> str:
    until = "until forgotten, or shared nowhere any more"
    return f"{until}; at most {days} days after it was last shared" if days else until


def _folder(name: str, path: Path, unit: str, holds: str, until: str) -> StoredData:
    files = list(_files(path))
    return StoredData(name, path, len(files), unit, _size(files), holds, until)


def _temporary(name: str, parent: Path, holds: str) -> StoredData:
    folders = list_temporary_folders(parent)
    size = _size(path for folder in folders for path in _files(folder))
    return StoredData(name, parent, len(folders), "temporary folder", size, holds, _AT_ONCE)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # it went between two looks
            total += path.stat().st_size
    return total
