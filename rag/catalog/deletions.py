"""The queue of files to delete from disk: added in the transaction that deletes their rows, deleted after it.

After a crash in between, nothing can be found any more and the deletion is resumed. Vectors to delete from the store
are queued the same way; see `vectors`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from rag.catalog.dialects import upsert
from rag.catalog.tables import file_deletion


@dataclass(frozen=True, slots=True)
class FileDeletion:
    """A file, or a folder with everything in it, to delete. `path` is below the data folder."""

    path: str
    is_folder: bool


def delete_later(connection: Connection, path: str, *, is_folder: bool) -> None:
    """Queue a file or folder for deletion. Queueing it twice has no further effect."""
    connection.execute(upsert(file_deletion).values(path=path, is_folder=is_folder).on_conflict_do_nothing())


def list_file_deletions(connection: Connection) -> list[FileDeletion]:
    """Return the files and folders to delete from disk."""
    return [FileDeletion(row.path, row.is_folder) for row in connection.execute(select(file_deletion))]


def finish_file_deletion(connection: Connection, path: str) -> None:
    """Record that a file or folder was deleted."""
    connection.execute(delete(file_deletion).where(file_deletion.c.path == path))
