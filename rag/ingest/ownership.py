"""One owner: whoever holds the lock in the data folder alone writes the vector store and works off states.

A second process that writes loses vectors in silence, with every count right; so there is no second one.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag.catalog import Catalog, runs


@dataclass(frozen=True, slots=True)
class Ownership:
    """A run that holds the lock. `unclean`: a run before it died without a word."""

    run_id: str
    unclean: bool


@contextmanager
def try_own(catalog: Catalog, data: Path) -> Iterator[Ownership | None]:
    """The ownership of the data folder while the `with` lasts, or None when another process has it.

    The lock is the operating system's and goes with the process, however it ends.
    """
    lock = FileLock(data / "owner.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield None
        return
    try:
        run_id = uuid.uuid4().hex
        with catalog.writing() as connection:
            unclean = runs.start_run(connection, run_id, os.getpid())
        yield Ownership(run_id, unclean)
        with catalog.writing() as connection:
            runs.end_run(connection, run_id)
    finally:
        lock.release()


def is_owned(data: Path) -> bool:
    """Whether some process holds the lock now."""
    lock = FileLock(data / "owner.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
