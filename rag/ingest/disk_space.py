"""Whether there is space on the disk for new files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from threading import Lock
from time import monotonic

from rag.setting_groups import KeepSettings

_GB = 1e9
_MEASURED_FOR = 60.0
"""Seconds for which a measurement counts: it reads the sizes of all files and pictures."""

FREE_SPACE = "Free some space, or set MAGPIE_DATA to a larger disk. What is stored stays searchable."
RAISE_LIMIT = "Remove files with `magpie forget`, or raise MAGPIE_KEEP__MAX_GB. What is stored stays searchable."


class DiskSpace:
    """Says why new files wait for disk space, if they do. Thread-safe."""

    def __init__(self, data: Path, settings: KeepSettings) -> None:
        self._data = data
        self._settings = settings
        self._lock = Lock()
        self._measured_at = float("-inf")
        self._used = 0.0

    def shortage(self) -> tuple[str, str] | None:
        """Return (reason, remedy) if new files have to wait, else None."""
        free, least = shutil.disk_usage(self._data).free / _GB, self._settings.min_free_gb
        if free < least:
            return f"New files wait: the disk has {free:.1f} GB free, and {least:g} GB must stay free.", FREE_SPACE
        most = self._settings.max_gb
        if not most:
            return None
        used = self._used_gb()
        if used < most:
            return None
        return f"New files wait: files and pictures use {used:.1f} GB, and the limit is {most:g} GB.", RAISE_LIMIT

    def is_full(self) -> bool:
        """Return whether new files have to wait."""
        return self.shortage() is not None

    def _used_gb(self) -> float:
        with self._lock:
            if monotonic() - self._measured_at > _MEASURED_FOR:
                self._used = (_size_of(self._data / "files") + _size_of(self._data / "pictures")) / _GB
                self._measured_at = monotonic()
            return self._used


def _size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder. One that is deleted meanwhile counts as empty."""
    total, folders = 0, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return total
