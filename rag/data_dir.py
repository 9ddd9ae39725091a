"""Folders for what is needed for a moment. Each names the process that made it, so that what a killed one left goes.

They hold pages and pictures of what was shared: nothing of a document that is forgotten may stay in one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

_NAMED = re.compile(r"magpie-[a-z]+-(\d+)-")


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
