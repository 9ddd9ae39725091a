"""Files on this machine's disk: which ones a folder holds, and the Fetcher of sources named by a path."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from rag.catalog.shares import Share, record_share
from rag.errors import NotFound, TryAgain, Unreadable
from rag.model import Outcome, SourceKind
from rag.ports import Fetched
from rag.settings import ReadSettings

SUFFIXES = frozenset(
    ".pdf .png .jpg .jpeg .webp .gif .tif .tiff .bmp .txt .md .markdown .docx .pptx .odt .odp .doc .ppt .rtf".split()
)
"""What a folder is searched for; a file named outright is tried whatever it is called."""

_BLOCK = 1 << 20


def check_size(size: int, settings: ReadSettings) -> None:
    """Raise Unreadable for an empty file, and for one over `read.max_mb`."""
    if size == 0:
        raise Unreadable("The file is empty.", "Export or download it again.")
    if size > settings.max_mb << 20:
        raise Unreadable(
            f"The file has {size >> 20} MB; the limit is {settings.max_mb} MB.", "Split it, or raise read.max_mb."
        )


class PathFetcher:
    """Copies a file. One that changes meanwhile is copied as it happens to be; its next indexing sees the change.

    No symbolic link is followed, in no part of the path: `files_in` records where files really lie, so a link that is
    there now was put there since, and may lead to any file of whoever runs Magpie.
    """

    def __init__(self, settings: ReadSettings) -> None:
        self._settings = settings

    def __call__(self, ref: str, into: Path) -> Fetched:
        try:
            with _opened(Path(os.path.abspath(ref))) as source:  # resolve() would follow the links
                found = os.fstat(source.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise Unreadable("This is not a file any more.", "Index its new place.")
                check_size(found.st_size, self._settings)
                size = self._copy(source, into)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise Unreadable(
                    "The file is no longer there, or a symbolic link leads to it now.", "Index its new place."
                ) from error
            if isinstance(error, PermissionError):
                raise Unreadable(f"The file could not be copied: {error.strerror}.", "Mend this, and retry.") from error
            raise TryAgain(f"The file could not be copied: {error.strerror}.", "Mend this, and retry.") from error
        return Fetched(found.st_mtime_ns, size)

    def _copy(self, source: BinaryIO, into: Path) -> int:
        """Copy, but not much more than the limit of a file that keeps growing; returns how much."""
        size = 0
        with into.open("wb") as file:
            while size <= self._settings.max_mb << 20 and (block := source.read(_BLOCK)):
                file.write(block)
                size += len(block)
        return size


def _opened(path: Path) -> BinaryIO:
    """Open a file by its absolute path, without following a link in any part, or waiting for a pipe's other end."""
    folder = os.open(path.anchor, _FOLDER)
    try:
        for part in path.parts[1:-1]:
            inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.fdopen(os.open(path.name, _FILE, dir_fd=folder), "rb")
    finally:
        os.close(folder)


_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""With O_PATH, where it exists, a folder that may be passed but not listed is no obstacle."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def files_in(path: Path) -> tuple[list[Path], list[Outcome]]:
    """The files a path stands for, and what is skipped: itself, or what its folder holds and Magpie can read.

    Hidden files and folders are skipped, and so is every symbolic link inside the folder: others may be able to write
    there, and a link can lead to any file of whoever runs Magpie. A link that is the path itself is followed.
    """
    if path.is_file():
        return [path.resolve()], []
    if not path.is_dir():
        raise NotFound(f"There is no file or folder {path}.", "Check the name.")
    files: list[Path] = []
    skipped: list[Outcome] = []
    for found in _walk(path.resolve()):
        if isinstance(found, Outcome):
            skipped.append(found)
        else:
            files.append(found)
    return sorted(files), sorted(skipped, key=lambda one: one.file)


def _walk(top: Path) -> Iterator[Path | Outcome]:
    """With a stack of its own: folders can be nested deeper than Python calls functions."""
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as error:
            yield _left_out(
                folder, f"The folder could not be opened: {error.strerror}.", "Mend this, and index it again."
            )
            continue
        for entry in found:
            path = folder / entry.name
            inside = entry.is_dir(follow_symlinks=False)
            if not (inside or entry.is_symlink() or path.suffix.lower() in SUFFIXES):
                continue
            if reason := _skipped(entry):
                yield _left_out(path, reason, "If it is to be read, index it by its own name.")
            elif not _is_text(entry.name):
                yield _left_out(path, "Its name is not valid UTF-8.", "Rename it.")
            elif inside:
                folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path


def _left_out(path: Path, reason: str, hint: str) -> Outcome:
    printable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return Outcome(printable, "skipped", 0, reason, hint)


def _skipped(entry: os.DirEntry[str]) -> str:
    """Why this entry is skipped; "" when it is not."""
    if entry.name.startswith("."):
        return "It is hidden."
    return "It is a symbolic link." if entry.is_symlink() else ""


def _is_text(name: str) -> bool:
    """Whether a name can be stored: what is not UTF-8 on the disk is a lone surrogate here."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def holds_something(path: Path) -> bool:
    """Whether this is a folder with anything in it. An empty one may be the place where a disk is to be mounted."""
    try:
        return path.is_dir() and next(path.iterdir(), None) is not None
    except PermissionError:  # nothing is known of it, least of all that something is gone
        return False


def is_gone(path: Path) -> bool:
    """Whether nothing lies there any more, or only by a symbolic link. What may not be looked at is not gone."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return path.resolve() != path


def put_path(connection: Connection, path: Path, space: str) -> tuple[int, bool]:
    """Record a file as shared in a space; as `shares.record_share`."""
    stat = path.stat()
    new = Share(SourceKind.PATH, str(path), space, path.name, size=stat.st_size, changed_ns=stat.st_mtime_ns)
    return record_share(connection, new)
