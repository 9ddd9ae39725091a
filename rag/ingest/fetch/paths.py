"""Files on this machine: listing the files of a folder, and the Fetcher for sources that are paths."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from rag.catalog.shares import Share, record_share
from rag.errors import NotFound, TryAgain, Unreadable
from rag.extract.convert.packages import UNPACK
from rag.extract.convert.plain_text import PAGE_CHARS
from rag.extract.convert.text_files import MAX_CHARACTER_BYTES
from rag.extract.file_types import is_pdf_or_picture
from rag.model.extraction import SourceKind
from rag.model.operations import IndexOutcome
from rag.ports import FetchResult
from rag.setting_groups import ReadSettings

SUFFIXES = frozenset(
    (
        ".pdf .png .jpg .jpeg .webp .gif .tif .tiff .bmp .heic .heif .avif .svg"
        " .docx .docm .dotx .dotm .doc .dot .pptx .pptm .ppsx .ppsm .potx .potm .ppt .pps .pot"
        " .odt .ott .fodt .odp .otp .fodp .odg .otg .fodg .rtf .xlsx .xlsm .xltx .xlsb .xls .ods .csv .tsv"
        " .txt .text .md .markdown .log .html .htm .xhtml .mhtml .mht .eml .msg .ipynb .epub"
    ).split()
)
"""Suffixes of the files that are indexed in folders, beside texts, PDFs and pictures with any suffix. A file that is
named itself may have any suffix."""

_ARCHIVES = frozenset(".zip .7z .rar .tar .tgz .gz .bz2 .xz .zst".split())

_TEXT_SAMPLE = 4096
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")

_LOGS = (".log", ".txt", ".text")
"""Suffixes of texts of which the newest part is read if they are larger than `read.max_mb`."""

_BLOCK = 1 << 20


def check_size(size: int, settings: ReadSettings) -> None:
    """Raise Unreadable if a file is empty or larger than `read.max_mb`."""
    if size == 0:
        raise Unreadable("The file is empty.", "Export or download it again.")
    if size > settings.max_mb << 20:
        raise Unreadable(
            f"The file is {size >> 20} MB; the limit is {settings.max_mb} MB.", "Split it, or raise `read.max_mb`."
        )


class PathFetcher:
    """Copies a file. If it changes during the copy, the next indexing will notice.

    Symbolic links are not followed in any part of the path. `files_in` records real paths, so a link must have been
    created since then, and could lead to any file that Magpie can read.
    """

    def __init__(self, settings: ReadSettings) -> None:
        self._settings = settings

    def __call__(self, ref: str, into: Path) -> FetchResult:
        try:
            with _open(Path(os.path.abspath(ref))) as source:  # resolve() would follow links
                status = os.fstat(source.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise Unreadable("This is no longer a regular file.", "Index its new path.")
                newest = self._newest_part(Path(ref).suffix, status.st_size)
                if newest is None:
                    check_size(status.st_size, self._settings)
                source.seek(newest or 0)
                size = self._copy(source, into)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise Unreadable(
                    "The file no longer exists, or its path now contains a symbolic link.", "Index its new path."
                ) from error
            if isinstance(error, PermissionError):
                raise Unreadable(
                    f"The file couldn't be copied: {error.strerror}.", "Fix this and try again."
                ) from error
            raise TryAgain(f"The file couldn't be copied: {error.strerror}.", "Fix this and try again.") from error
        return FetchResult(status.st_mtime_ns, size)

    def _newest_part(self, suffix: str, size: int) -> int | None:
        """Return where the part of a large log begins that is copied; None if the whole file is.

        The part is longer than all that is extracted of a text, so the document will say that its beginning is missing.
        """
        limit = self._settings.max_mb << 20
        extracted = self._settings.max_pages * PAGE_CHARS * MAX_CHARACTER_BYTES
        if size <= limit or suffix.lower() not in _LOGS or extracted > limit - 2 * _BLOCK:
            return None
        return (size - limit + _BLOCK) // MAX_CHARACTER_BYTES * MAX_CHARACTER_BYTES  # the log may grow meanwhile

    def _copy(self, source: BinaryIO, into: Path) -> int:
        """Copy the file and return the number of bytes. Stop soon after the limit, since the file may be growing."""
        size = 0
        with into.open("wb") as file:
            while size <= self._settings.max_mb << 20 and (block := source.read(_BLOCK)):
                file.write(block)
                size += len(block)
        return size


def _open(path: Path) -> BinaryIO:
    """Open a file by its absolute path without following symbolic links and without blocking on pipes."""
    folder = os.open(path.anchor, _FOLDER_FLAGS)
    try:
        for part in path.parts[1:-1]:
            inner = os.open(part, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.fdopen(os.open(path.name, _FILE_FLAGS, dir_fd=folder), "rb")
    finally:
        os.close(folder)


_FOLDER_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""O_PATH, where available, also opens folders that can be traversed but not listed."""

_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def list_files(path: Path) -> tuple[list[Path], list[IndexOutcome]]:
    """Return the files to index, and what is skipped: for a file itself, for a folder its files that can be read.

    Hidden files and folders are skipped, and so are symbolic links inside the folder: other people may be able to write
    to it, and a link can lead to any file that Magpie can read. If `path` itself is a link, it is followed. Raise
    NotFound if it does not exist.
    """
    if path.is_file():
        return [path.resolve()], []
    if not path.is_dir():
        raise NotFound(f"The file or folder {path} doesn't exist.", "Check the name.")
    files: list[Path] = []
    skipped: list[IndexOutcome] = []
    for entry in _walk(path.resolve()):
        if isinstance(entry, IndexOutcome):
            skipped.append(entry)
        else:
            files.append(entry)
    return sorted(files), sorted(skipped, key=lambda outcome: outcome.file)


def _walk(top: Path) -> Iterator[Path | IndexOutcome]:
    """Yield files and skipped entries below a folder."""
    folders = [top]  # a stack instead of recursion: folders can be nested deeper than Python's recursion limit
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                children = list(entries)
        except OSError as error:
            reason = f"The folder couldn't be opened: {error.strerror}."
            yield _skipped(folder, reason, "Fix this and index it again.")
            continue
        for entry in children:
            path = folder / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if reason := _skip_reason(entry):
                yield _skipped(path, reason, "To index it anyway, give its own path.")
            elif not _is_utf8(entry.name):
                yield _skipped(path, "Its name is not valid UTF-8.", "Rename it.")
            elif is_folder:
                folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                if path.suffix.lower() in SUFFIXES or _is_readable(path):
                    yield path
                else:
                    suffix = path.suffix.lower()
                    named = f"`{suffix}`" if suffix else "no suffix"
                    remedy = UNPACK if suffix in _ARCHIVES else "Export them as PDF or text."
                    yield _skipped(path, f"Files with {named} can't be read.", remedy)


def _is_readable(path: Path) -> bool:
    """Return whether a file begins like a PDF, a picture or a text in UTF-8; False if it can't be opened."""
    try:
        with _open(path) as file:
            sample = file.read(_TEXT_SAMPLE)
    except OSError:
        return False
    if is_pdf_or_picture(sample):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return bool(sample.strip()) and _CONTROLS.isdisjoint(sample)


def _skipped(path: Path, reason: str, hint: str) -> IndexOutcome:
    printable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return IndexOutcome(printable, "skipped", 0, reason, hint)


def _skip_reason(entry: os.DirEntry[str]) -> str:
    """Return why an entry is skipped; "" if it is not."""
    if entry.name.startswith("."):
        return "It is hidden."
    return "It is a symbolic link." if entry.is_symlink() else ""


def _is_utf8(name: str) -> bool:
    """Return whether a file name can be stored as UTF-8; other bytes are lone surrogates in Python."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_nonempty_folder(path: Path) -> bool:
    """Return whether the path is a folder that is not empty. An empty one may be an unmounted mount point."""
    try:
        return path.is_dir() and next(path.iterdir(), None) is not None
    except PermissionError:  # its content is unknown, so nothing in it counts as deleted
        return False


def is_missing(path: Path) -> bool:
    """Return whether a path no longer exists, or only through a symbolic link; False if access is denied."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return path.resolve() != path


def add_path(connection: Connection, path: Path, space: str) -> tuple[int, bool] | None:
    """Record a file as shared in a space; arguments and result as in `shares.record_share`.

    Return None for a file that was deleted, or cannot be looked at any more, since it was listed.
    """
    try:
        stat = path.stat()
    except OSError:
        return None
    new = Share(SourceKind.PATH, str(path), space, path.name, size=stat.st_size, changed_ns=stat.st_mtime_ns)
    return record_share(connection, new)
