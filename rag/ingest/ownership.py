"""Own the data folder: only the process that holds its lock writes the vector store and does queued work.

If a second process wrote to the store, vectors would be lost without an error, and the counts would still match.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag.catalog import Catalog, runs


@dataclass(frozen=True, slots=True)
class Ownership:
    """A run that holds the lock. `unclean`: an earlier run crashed. `previous`: the id of the run before, or empty."""

    run_id: str
    unclean: bool
    previous: str = ""


@contextmanager
def try_own(catalog: Catalog, data: Path, settle: Callable[[], bool] = lambda: True) -> Iterator[Ownership | None]:
    """Own the data folder for the duration of the `with`, or yield None when another process owns it.

    `settle` is called at the end, however the `with` ends: it waits until nothing is written any more, and returns
    whether everything was written. If not, or if it raises, the next owner takes this run for one that crashed. The
    operating system releases the lock when the process ends, however it ends.
    """
    lock = FileLock(data / "owner.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield None
        return
    try:
        run_id = uuid.uuid4().hex
        with catalog.write_transaction() as connection:
            previous = runs.start_run(connection, run_id, os.getpid())
        try:
            yield Ownership(run_id, previous.crashed, previous.id)
        finally:
            if settle():
                with catalog.write_transaction() as connection:
                    runs.end_run(connection, run_id)
    finally:
        lock.release()


def is_owned(data: Path) -> bool:
    """Return whether a process holds the lock now."""
    lock = FileLock(data / "owner.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
