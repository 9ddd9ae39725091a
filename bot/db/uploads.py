"""Pictures that are uploaded, or about to be, and not shared yet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from bot.db import jobs
from bot.db.jobs import JobKind
from bot.db.questions import OPEN, ClaimedQuestion, QuestionState
from bot.db.tables import question, upload
from rag import is_any_of


def put_upload(connection: Connection, asked: ClaimedQuestion, file: str) -> None:
    """Record a picture before its bytes are sent, and request the job that deletes it if it is never shared."""
    connection.execute(insert(upload).values(file=file, question=asked.id))
    jobs.request(connection, JobKind.DELETE_UPLOADS)


def drop_uploads(connection: Connection, files: Sequence[str]) -> None:
    """Delete the rows of pictures that are shared or deleted."""
    connection.execute(delete(upload).where(is_any_of(upload.c.file, files)))


def abandoned_uploads(connection: Connection) -> tuple[list[str], int]:
    """Return (file ids of pictures that no answer will share, number of others still being uploaded or shared)."""
    rows = select(upload.c.file, question.c.state, question.c.uploads)
    rows = rows.outerjoin(question, question.c.id == upload.c.question)
    abandoned, in_progress = [], 0
    for row in connection.execute(rows.order_by(upload.c.file)):
        is_uploading = row.state == QuestionState.ANSWERING and row.uploads is None
        if row.state in OPEN and (row.file in (row.uploads or ()) or is_uploading):
            in_progress += 1
        else:
            abandoned.append(row.file)
    return abandoned, in_progress
