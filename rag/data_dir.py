"""The data folder: who may open it, and temporary folders in it, each named after the process that made it.

Temporary folders hold pages and pictures of what was shared: nothing of a document that is forgotten may stay in one.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

log = logging.getLogger("magpie")

_NAMED = re.compile(r"magpie-[a-z]+-(\d+)-")

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


def scratch(purpose: str, parent: Path | None = None) -> TemporaryDirectory[str]:
    """A folder below `parent`, or the system's for temporary files, that goes when it is closed; 0700."""
    return TemporaryDirectory(dir=parent, prefix=f"magpie-{purpose}-{os.getpid()}-")


def remove_scratch(folder: TemporaryDirectory[str]) -> None:
    """Close a folder that a program which was taken over may have filled: nothing in it keeps it from going."""
    try:
        folder.cleanup()
    except (OSError, RecursionError):
        _remove(Path(folder.name))


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, a thousand deep
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def sweep_scratch(data: Path) -> int:
    """Delete what processes that are gone left behind, of this user's; returns how many folders that were."""
    there = scratch_folders(data) + scratch_folders(Path(gettempdir()))
    left = [folder for folder in there if not _alive(_process(folder))]
    for folder in left:
        _remove(folder)
    return len(left)


def scratch_folders(parent: Path) -> list[Path]:
    """All there are of this user's in a folder."""
    return [folder for folder in parent.glob("magpie-*-*-*") if _NAMED.match(folder.name) and _mine(folder)]


def _process(folder: Path) -> int:
    named = _NAMED.match(folder.name)
    assert named is not None
    return int(named[1])


def _mine(folder: Path) -> bool:
    try:
        return (
            folder.is_dir()
            and not folder.is_symlink()
            and (not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid())
        )
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
