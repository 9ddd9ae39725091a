"""The disk of the data folder: its errors as sentences, and a reserve that makes removal possible when it is full."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rag.errors import CatalogUnfit, MagpieError, OperatorMustAct

RESERVE = "reserve"
"""Name of the file in the data folder that `make_room` gives up."""

RESERVE_BYTES = 32 << 20
"""To remove a document, SQLite first writes all changed pages to its log: some tens of kilobytes for each page."""

_SPARE = 8
"""The reserve is made only on a disk with this many times its size free, so that it never fills the disk itself."""

_FULL_BYTES = 1 << 16
"""Free bytes below which SQLite cannot open a catalog: it needs 32 KiB of shared memory in a file."""

FULL = (errno.ENOSPC, errno.EDQUOT)
_MAYBE_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def explain_disk_error(error: BaseException, data: Path | None = None) -> MagpieError | None:
    """Return a sentence with its remedy for a full or failing disk, a missing permission or a damaged catalog.

    Causes of `error` count too: SQLAlchemy wraps the errors of sqlite3. Return None for any other error.
    """
    for cause in _causes(error):
        if isinstance(cause, MagpieError):
            return None
        if isinstance(cause, OSError) and (found := _explain_os_error(cause, data)):
            return found
        if isinstance(cause, sqlite3.Error) and (found := _explain_sqlite(cause, data)):
            return found
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _explain_os_error(error: OSError, data: Path | None) -> MagpieError | None:
    if error.errno in FULL:
        return _disk_full(data)
    if error.errno in _FORBIDDEN:
        return _forbidden(data)
    return _failing(data) if error.errno == errno.EIO else None


def primary_code(error: BaseException | None) -> int:
    """Return the code of an error of SQLite, 0 for any other error. All extended codes of a kind have the same."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _explain_sqlite(error: sqlite3.Error, data: Path | None) -> MagpieError | None:
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL or (code in _MAYBE_FULL and _is_full(data)):
        return _disk_full(data)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return _forbidden(data)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CatalogUnfit(
            f"The catalog{_named(' in ', data)} is damaged: {error}.",
            "Restore a backup of the data folder, or move catalog.db away and index again.",
        )
    return _failing(data) if code == sqlite3.SQLITE_IOERR else None


def _disk_full(data: Path | None) -> OperatorMustAct:
    has_reserve = data is not None and (data / RESERVE).exists()
    forget = " Files can be removed even now: magpie forget FILE." if has_reserve else ""
    return OperatorMustAct(
        f"The disk is full{_named(': ', data)}.", f"Free some space, then run the same command again.{forget}"
    )


def _forbidden(data: Path | None) -> OperatorMustAct:
    return OperatorMustAct(
        f"Permission denied: Magpie is not allowed to read or write a file that it needs{_named(' in ', data)}.",
        "Check the owner and the permissions of the data folder, and of the files named in the command.",
    )


def _failing(data: Path | None) -> OperatorMustAct:
    return OperatorMustAct(
        f"The disk reports an error while it reads or writes{_named(' in ', data)}.",
        "Check the disk and the connection to it, then run the same command again.",
    )


def _named(before: str, data: Path | None) -> str:
    return "" if data is None else f"{before}{data}"


def _is_full(data: Path | None) -> bool:
    try:
        return data is not None and shutil.disk_usage(data).free < _FULL_BYTES
    except OSError:
        return False


def keep_reserve(data: Path) -> None:
    """Create the reserve of a data folder if it is missing and the disk has plenty of space."""
    path = data / RESERVE
    if not data.is_dir() or path.exists() or shutil.disk_usage(data).free < _SPARE * RESERVE_BYTES:
        return
    block = os.urandom(1 << 20)  # zeros would take no space on a disk that compresses
    try:
        with path.open("xb") as file:
            for _ in range(RESERVE_BYTES // len(block)):
                file.write(block)
    except FileExistsError:  # by another process
        return
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()


def make_room(data: Path) -> bool:
    """Give up the reserve and pictures that can be drawn again if the disk is nearly full; return whether it is.

    Call it before files are removed. `keep_reserve` creates the reserve again.
    """
    if not data.is_dir() or shutil.disk_usage(data).free >= RESERVE_BYTES:
        return False
    for path in (data / RESERVE, *(data / "evidence").glob("*.png")):
        with contextlib.suppress(OSError):
            path.unlink()
    return True
