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
from rag.data_dir import scratch_folders
from rag.settings import Settings

_AT_ONCE = "while they are needed; what a killed Magpie left goes when the next one starts to work"


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of what is kept. `count` says how many and of what, `bytes` what they take on disk where that can be
    told apart; `holds` and `until` are words for people."""

    name: str
    path: Path
    count: int
    unit: str
    bytes: int | None
    holds: str
    until: str


def kept(settings: Settings, catalog: Catalog) -> list[Kept]:
    """Everything that this engine keeps, in the order in which it comes to be."""
    data, until = settings.data, _until(settings.keep.files_days)
    with catalog.reading() as connection:
        rows = count_rows(connection)
    ids = "the id, path or address of what was forgotten, so that no listing brings it back"
    both = "numbers that texts and pictures are compared by; no text, but what a text is about can be guessed from them"
    return [
        _folder("documents", data / "files", "file", "the files themselves, as they were shared", until),
        _folder("page pictures", data / "pictures", "picture", "a picture of every page and every figure", until),
        _folder("evidence pictures", data / "evidence", "picture", "the pages and places shown with answers", until),
        Kept(
            "names", catalog.path, rows.shares, "share", None, "what was shared where, by whom, under which name", until
        ),
        Kept(
            "words",
            catalog.path,
            rows.chunks,
            "chunk",
            _size(data.glob("catalog.db*")),
            "the text of every page",
            until,
        ),
        *_copies(data),
        Kept("captions", catalog.path, rows.captions, "picture", None, "what a model says that pictures show", until),
        Kept("vectors", catalog.path, rows.vectors, "vector", None, both, until),
        Kept(
            "fingerprints",
            catalog.path,
            rows.fingerprints,
            "page",
            None,
            "marks by which a picture of a page is known",
            until,
        ),
        _folder("vector store", data / "chroma", "file", "a copy of the vectors, by number; no text, no names", until),
        Kept(
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


def _copies(data: Path) -> list[Kept]:
    """The copy of the catalog from before an upgrade, where there is one."""
    copies = list_copies(data)
    holds, until = "all names and words, as they were before an upgrade of Magpie", "until something is deleted"
    return [Kept("catalog copy", copies[0], len(copies), "file", _size(copies), holds, until)] if copies else []


def _until(days: int) -> str:
    until = "until forgotten, or shared nowhere any more"
    return f"{until}; at most {days} days after it was last shared" if days else until


def _folder(name: str, path: Path, unit: str, holds: str, until: str) -> Kept:
    files = list(_files(path))
    return Kept(name, path, len(files), unit, _size(files), holds, until)


def _temporary(name: str, parent: Path, holds: str) -> Kept:
    folders = scratch_folders(parent)
    size = _size(path for folder in folders for path in _files(folder))
    return Kept(name, parent, len(folders), "temporary folder", size, holds, _AT_ONCE)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # it went between two looks
            total += path.stat().st_size
    return total
