"""Followed folders, on this machine or behind fsspec: listing their files, and the Fetcher for them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rag.errors import MagpieError, NotFound, OperatorMustAct, TryAgain, Unreadable
from rag.ingest.fetch.addresses import is_remote, resolved_folder
from rag.ingest.fetch.paths import SUFFIXES, PathFetcher, check_size, is_missing, is_nonempty_folder, list_files
from rag.ports import FetchResult
from rag.setting_groups import ReadSettings

_BLOCK = 1 << 20

_NO_FSSPEC = "Install the packages fsspec and that of its file system, such as s3fs or gcsfs, beside Magpie."


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of a folder. `version`: a number that changes with its content; of a local file, its time of change in
    nanoseconds."""

    ref: str
    name: str
    size: int
    version: int


def list_folder(folder: str) -> list[FolderFile]:
    """Return the files of a folder that can be read, sorted.

    Hidden files and symbolic links are left out. Raise NotFound if the folder does not exist, is empty or cannot be
    listed: its disk may not be mounted. Raise TryAgain or OperatorMustAct for a remote one that cannot be reached.
    """
    return list(_remote_files(folder) if is_remote(folder) else _local_files(folder))


def is_deleted(ref: str) -> bool:
    """Return whether a file that a complete listing of its folder lacks does not exist any more.

    A local file that is still there is in a folder that could not be opened, or became hidden or a type that is not
    read: it stays.
    """
    return is_remote(ref) or is_missing(Path(ref))


def _local_files(folder: str) -> Iterator[FolderFile]:
    top = Path(resolved_folder(folder))
    if not is_nonempty_folder(top):
        raise NotFound(
            f"The folder {folder} does not exist, is empty, or cannot be opened.",
            "Check its path and permissions, and that its disk is mounted. Nothing of it is removed meanwhile.",
        )
    for path in list_files(top)[0]:
        try:
            found = path.stat()
        except OSError:  # deleted since it was listed
            continue
        yield FolderFile(str(path), path.name, found.st_size, found.st_mtime_ns)


def _remote_files(folder: str) -> Iterator[FolderFile]:
    system, top = _file_system(folder)
    try:
        system.invalidate_cache()
        found = system.find(top, detail=True)
        for path, info in sorted(found.items()):
            relative = PurePosixPath(path[len(top) :].lstrip("/"))
            is_hidden = any(part.startswith(".") for part in relative.parts)
            if is_hidden or info.get("islink") or relative.suffix.lower() not in SUFFIXES:
                continue
            version = hashlib.sha256(repr(sorted(info.items(), key=str)).encode()).digest()[:7]
            yield FolderFile(
                f"{folder.rstrip('/')}/{relative}",
                relative.name,
                int(info.get("size") or 0),
                int.from_bytes(version, "big"),
            )
    except Exception as error:
        raise _unreachable(folder, error) from error
    if not found:
        raise NotFound(
            f"The folder {folder} does not exist or is empty.", "Check its address. Nothing of it is removed meanwhile."
        )


def _file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise OperatorMustAct(f"{url} needs the package fsspec, which is not installed.", _NO_FSSPEC) from error
    try:
        system, path = url_to_fs(url)
    except Exception as error:
        raise _unreachable(url, error) from error
    return system, str(path).rstrip("/")


def _unreachable(url: str, error: Exception) -> MagpieError:
    """Return what to raise for an error of a file system: each has its own kinds of errors, of several libraries."""
    if isinstance(error, MagpieError):
        return error
    if isinstance(error, ImportError | ValueError):  # no such protocol, or its package is missing
        return OperatorMustAct(f"{url} cannot be opened: {type(error).__name__}.", _NO_FSSPEC)
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{url} does not exist.", "Check its address.")
    return TryAgain(f"{url} cannot be reached: {type(error).__name__}.", "Check its address and its credentials.")


class FolderFetcher:
    """Copies a file of a followed folder. As for PathFetcher, symbolic links are not followed."""

    def __init__(self, settings: ReadSettings) -> None:
        self._settings = settings
        self._local = PathFetcher(settings)

    def __call__(self, ref: str, into: Path) -> FetchResult:
        if not is_remote(ref):
            return self._local(ref, into)
        system, path = _file_system(ref)
        try:
            info = system.info(path)
            if info.get("islink") or stat.S_ISLNK(int(info.get("mode") or 0)):
                raise Unreadable("This is no longer a regular file.", "Put the file itself into the folder.")
            check_size(int(info.get("size") or 0), self._settings)
            with system.open(path, "rb") as source, into.open("wb") as file:
                size = 0
                while size <= self._settings.max_mb << 20 and (block := source.read(_BLOCK)):
                    file.write(block)
                    size += len(block)
        except OSError as error:
            if error.errno is not None and error.filename == str(into):  # our own disk
                raise
            raise _unreachable(ref, error) from error
        except MagpieError:
            raise
        except Exception as error:
            raise _unreachable(ref, error) from error
        return FetchResult()
