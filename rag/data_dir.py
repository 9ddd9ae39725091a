"""The data directory: its permissions, and temporary folders that are deleted even if their process was killed.

Temporary folders hold pages of shared documents, so nothing of a deleted document may stay in one.
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

from filelock import FileLock, Timeout

from rag.disk import RESERVE
from rag.errors import BadSetting, Busy
from rag.settings_file import CHOOSE_FOLDER, NAME, not_a_folder

log = logging.getLogger("magpie")

_NAMED = re.compile(r"magpie-[a-z]+-(\d+)-")

_KEPT = (NAME, "glossary.toml", RESERVE)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(folder: Path) -> None:
    """Create the folder, or remove the permissions of group and others from an existing one.

    A folder of another user, a shared one such as /tmp and a home folder keep their permissions; `magpie doctor` warns
    about them. Raise BadSetting if the path is not a folder and cannot become one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
    except (FileExistsError, NotADirectoryError) as error:
        raise not_a_folder(folder) from error
    except FileNotFoundError as error:  # the parent allows no folders, as in /proc
        raise BadSetting(f"The data folder {folder} cannot be created.", CHOOSE_FOLDER) from error
    if not is_accessible_to_others(folder) or not _ours(folder):
        return
    try:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_OTHERS)
    except OSError as error:
        log.warning("Other users can open the data folder, and its permissions cannot be changed: %s.", error.strerror)
        return
    if not is_accessible_to_others(folder):  # some file systems accept the call and change nothing
        log.info("Other users of this machine could open the data folder; now they cannot.")


def is_accessible_to_others(folder: Path) -> bool:
    """Return whether other users may access this folder. False on systems without such permissions."""
    return hasattr(os, "getuid") and bool(folder.stat().st_mode & _OTHERS)


def _ours(folder: Path) -> bool:
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & stat.S_ISVTX and folder.resolve() != Path.home()


def temporary_folder(purpose: str, parent: Path | None = None) -> TemporaryDirectory[str]:
    """Return a new temporary folder (0700) in `parent`, or in the system's folder for temporary files."""
    return TemporaryDirectory(dir=parent, prefix=f"magpie-{purpose}-{os.getpid()}-")


def remove_temporary_folder(folder: TemporaryDirectory[str]) -> None:
    """Delete a folder that a compromised program may have filled, whatever it contains."""
    try:
        folder.cleanup()
    except (OSError, RecursionError):
        _remove(Path(folder.name))


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, a thousand deep
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def erase_index(data: Path) -> None:
    """Delete everything in the data folder but settings and locks. Raise Busy if a process works on it."""
    lock = FileLock(data / "owner.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy("Another Magpie process works on the data folder.", "Stop it first.") from error
    try:
        for path in data.iterdir():
            if path.name in _KEPT or path.suffix == ".lock":
                continue
            if path.is_dir() and not path.is_symlink():
                _remove(path)
            else:
                path.unlink(missing_ok=True)
    finally:
        lock.release()


def delete_stale_folders(data: Path) -> int:
    """Delete this user's temporary folders of processes that no longer run; return how many."""
    there = list_temporary_folders(data) + list_temporary_folders(Path(gettempdir()))
    left = [folder for folder in there if not _alive(_process(folder))]
    for folder in left:
        _remove(folder)
    return len(left)


def list_temporary_folders(parent: Path) -> list[Path]:
    """Return this user's temporary folders in `parent`."""
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
    except OSError:  # another user's process
        return True
    return True
