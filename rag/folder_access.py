"""The data folder: for its owner alone, and closed to others where it was open to them."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

log = logging.getLogger("magpie")

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def close_folder(folder: Path) -> None:
    """Make the folder, or close one that is there: group and others lose what they may do in it.

    Left as they are: a folder of somebody else's, one that many share (/tmp), a home; `is_open` tells, and `magpie
    doctor` says so.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
    if not is_open(folder) or not _ours(folder):
        return
    try:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_OTHERS)
    except OSError as error:
        log.warning("The data folder is open to others and cannot be closed: %s.", error.strerror)
        return
    if not is_open(folder):  # some file systems take the call and change nothing
        log.info("The data folder was open to others on this machine; it is closed now.")


def is_open(folder: Path) -> bool:
    """Whether others than its owner may do anything in this folder. False where there are no such permissions."""
    return hasattr(os, "getuid") and bool(folder.stat().st_mode & _OTHERS)


def _ours(folder: Path) -> bool:
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & stat.S_ISVTX and folder.resolve() != Path.home()
