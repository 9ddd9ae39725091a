"""Pictures that were uploaded, or are about to be, and not shared yet.

Every function works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, String, Table, delete, insert, select

from bot.answers.queue import OPEN, Asked, question
from bot.db.tables import metadata, send_errand

upload = Table(
    "upload",
    metadata,
    Column("file", String(32), primary_key=True, doc="Slack's id, recorded before the bytes are sent"),
    Column("question", Integer, nullable=False, doc="whose answer it is for"),
)


def put_upload(connection: Connection, asked: Asked, file: str) -> None:
    """Record a picture before its bytes are sent, and that somebody has to look whether it was shared."""
    connection.execute(insert(upload).values(file=file, question=asked.id))
    send_errand(connection, "uploads", "*")


def drop_uploads(connection: Connection, files: Sequence[str]) -> None:
    """These were shared, or are deleted."""
    connection.execute(delete(upload).where(upload.c.file.in_(files)))


def abandoned_uploads(connection: Connection) -> tuple[list[str], int]:
    """The pictures that no answer will share any more, and how many others are still on their way."""
    rows = select(upload.c.file, question.c.state, question.c.uploads)
    rows = rows.outerjoin(question, question.c.id == upload.c.question)
    found, coming = [], 0
    for row in connection.execute(rows.order_by(upload.c.file)):
        known = row.file in (row.uploads or ()) or (row.state == "answering" and row.uploads is None)
        if row.state in OPEN and known:
            coming += 1
        else:
            found.append(row.file)
    return found, coming
