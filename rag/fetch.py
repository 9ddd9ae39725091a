"""Files on this machine's disk: which ones a folder holds, and the Fetcher of sources named by a path."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from rag.catalog import sources
from rag.errors import NotFound, TryAgain, Unreadable
from rag.ports import Fetched
from rag.settings import ReadSettings

SUFFIXES = frozenset(
    ".pdf .png .jpg .jpeg .webp .gif .tif .tiff .bmp .txt .md .markdown .docx .pptx .odt .odp .doc .ppt .rtf".split()
)
"""What a folder is searched for; a file named outright is tried whatever it is called."""


def check_size(size: int, settings: ReadSettings) -> None:
    """Raise Unreadable for an empty file, and for one over `read.max_mb`."""
    if size == 0:
        raise Unreadable("The file is empty.", "Export or download it again.")
    if size > settings.max_mb << 20:
        raise Unreadable(
            f"The file has {size >> 20} MB; the limit is {settings.max_mb} MB.", "Split it, or raise read.max_mb."
        )


class PathFetcher:
    """Copies a file. One that changes meanwhile is copied as it happens to be; its next indexing sees the change."""

    def __init__(self, settings: ReadSettings) -> None:
        self._settings = settings

    def __call__(self, ref: str, into: Path) -> Fetched:
        path = Path(ref)
        try:
            stat = path.stat()
            check_size(stat.st_size, self._settings)
            shutil.copyfile(path, into)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Unreadable("The file is no longer there.", "Index its new place.") from error
        except PermissionError as error:
            raise Unreadable(f"The file could not be copied: {error.strerror}.", "Mend this, and retry.") from error
        except OSError as error:
            raise TryAgain(f"The file could not be copied: {error.strerror}.", "Mend this, and retry.") from error
        return Fetched(stat.st_mtime_ns, into.stat().st_size)


def files_in(path: Path) -> list[Path]:
    """The files a path stands for: itself, or what its folder holds and Magpie can read, hidden ones left out."""
    if path.is_file():
        return [path.resolve()]
    if not path.is_dir():
        raise NotFound(f"There is no file or folder {path}.", "Check the name.")
    return [
        found.resolve()
        for found in sorted(path.rglob("*"))
        if found.suffix.lower() in SUFFIXES and found.is_file() and not _hidden(found.relative_to(path))
    ]


def holds_something(path: Path) -> bool:
    """Whether this is a folder with anything in it. An empty one may be the place where a disk is to be mounted."""
    try:
        return path.is_dir() and next(path.iterdir(), None) is not None
    except PermissionError:  # nothing is known of it, least of all that something is gone
        return False


def is_gone(path: Path) -> bool:
    """Whether nothing lies there any more. What may not be looked at is not gone."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def put_path(connection: Connection, path: Path, space: str) -> tuple[int, bool]:
    """Record a file as shared in a space; as `sources.put_source`."""
    stat = path.stat()
    return sources.put_source(
        connection,
        kind="path",
        ref=str(path),
        space=space,
        name=path.name,
        mtime_ns=stat.st_mtime_ns,
        size=stat.st_size,
    )
