"""Since when the app is uninstalled: kept in a file, which outlasts restarts and the deletion of the catalog."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import time

from rag import OperatorMustAct

_NAME = "uninstalled"


class Uninstalled(OperatorMustAct):
    """Slack took back the token of the app."""


def mark_uninstalled(data: Path) -> None:
    """Record that the app is uninstalled since now, unless that is known. On return it is on the disk."""
    with suppress(FileExistsError), (data / _NAME).open("x", encoding="ascii") as file:
        file.write(f"{time():.0f}\n")
        file.flush()
        os.fsync(file.fileno())


def uninstalled_since(data: Path) -> float | None:
    """Return since when the app is uninstalled, in seconds since 1970; None if it is not."""
    path = data / _NAME
    try:
        return float(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except ValueError:  # the disk was full, or the machine lost its power
        return path.stat().st_mtime


def unmark_uninstalled(data: Path) -> None:
    (data / _NAME).unlink(missing_ok=True)
