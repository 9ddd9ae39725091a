"""List what is stored where, and for how long, for `magpie status --privacy`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from rag.catalog import Catalog
from rag.catalog.migrate import list_copies
from rag.catalog.summary import count_rows
from rag.data_dir import list_temporary_folders
from rag.disk import RESERVE
from rag.settings import Settings

_UNTIL_USED = "until they were processed; leftovers of a crash are deleted when Magpie starts again"


@dataclass(frozen=True, slots=True)
class StoredData:
    """One kind of stored data. `count` is the number of `unit`s.

    `bytes` is their size on disk, or None if it cannot be measured separately. `holds` and `until` are displayed texts.
    """

    name: str
    path: Path
    count: int
    unit: str
    bytes: int | None
    holds: str
    until: str


def list_stored_data(settings: Settings, catalog: Catalog) -> list[StoredData]:
    """Return all kinds of data that this engine stores, in the order in which they are created."""
    data, until = settings.data, _until(settings.keep.files_days)
    with catalog.read_transaction() as connection:
        rows = count_rows(connection)
    shown = f"{until}; at most a week after they were last shown"
    ids = "the id, path or URL of each forgotten file, so that a listing does not bring it back"
    both = "numbers by which texts and pictures are compared; no text, but its topic can be guessed from them"
    return [
        _folder("documents", data / "files", "file", "the files as they were shared", until),
        _folder("page pictures", data / "pictures", "picture", "a picture of every page and every figure", until),
        StoredData(
            "reserve",
            data / RESERVE,
            int((data / RESERVE).exists()),
            "file",
            _size([data / RESERVE]),
            "nothing: space that `magpie forget` needs on a full disk",
            "until the disk is nearly full",
        ),
        _folder("evidence pictures", data / "evidence", "picture", "the pages and regions shown with answers", shown),
        StoredData(
            "names",
            catalog.path,
            rows.shares,
            "share",
            None,
            "which file was shared where, when, by which person, under which name, and the words of that message",
            until,
        ),
        StoredData(
            "attachments",
            catalog.path,
            rows.attachments,
            "attachment",
            None,
            "which files are inside of which documents, with their names",
            "until the document is deleted",
        ),
        StoredData(
            "words",
            catalog.path,
            rows.chunks,
            "chunk",
            _size(data.glob("catalog.db*")),
            "the text of every page, and notes about how it was read",
            until,
        ),
        *_copies(data),
        StoredData(
            "captions",
            catalog.path,
            rows.captions,
            "picture",
            None,
            "descriptions of pictures, written by a model",
            until,
        ),
        StoredData("vectors", catalog.path, rows.vectors, "vector", None, both, until),
        StoredData(
            "fingerprints",
            catalog.path,
            rows.fingerprints,
            "page",
            None,
            "keypoints by which a screenshot of a page is recognized",
            until,
        ),
        StoredData(
            "page images",
            catalog.path,
            rows.page_images,
            "page",
            None,
            "vectors of the parts of a page's image, by which late interaction finds it",
            until,
        ),
        _folder("vector store", data / "chroma", "file", "a copy of the vectors, by id; no text, no names", until),
        StoredData(
            "what was forgotten",
            catalog.path,
            rows.forgotten_shares,
            "share",
            None,
            ids,
            "until it is shared or indexed again",
        ),
        StoredData(
            "what was withdrawn",
            catalog.path,
            rows.departed_shares,
            "share",
            None,
            "the ids of files and messages that were deleted in the chat, so that late events do not bring them back",
            "2 days, while the bot runs",
        ),
        _temporary("pictures asked about", data, "pictures that were sent as questions"),
        _temporary("being read", Path(gettempdir()), "files that are being read, and images of their pages"),
    ]


def _copies(data: Path) -> list[StoredData]:
    """Return the copy of the catalog from before an upgrade, if there is one."""
    copies = list_copies(data)
    holds, until = "all names and words, as they were before an upgrade of Magpie", "until something is deleted"
    return [StoredData("catalog copy", copies[0], len(copies), "file", _size(copies), holds, until)] if copies else []


def _until(days: int) -> str:
    until = "until forgotten or no longer shared"
    return f"{until}; at most {days} days after it was last shared" if days else until


def _folder(name: str, path: Path, unit: str, holds: str, until: str) -> StoredData:
    files = list(_files(path))
    return StoredData(name, path, len(files), unit, _size(files), holds, until)


def _temporary(name: str, parent: Path, holds: str) -> StoredData:
    folders = list_temporary_folders(parent)
    size = _size(path for folder in folders for path in _files(folder))
    return StoredData(name, parent, len(folders), "temporary folder", size, holds, _UNTIL_USED)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder. Unlike `rglob`, `walk` leaves out folders that are deleted meanwhile."""
    return (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # it was deleted since it was listed
            total += path.stat().st_size
    return total
