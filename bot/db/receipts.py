"""Receipts: the reactions on messages that show whether their files are searchable.

A receipt is a held job until every file of its message is indexed or failed. It is kept when it is done, so that each
share gets one receipt.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, select

from bot.db import channel_settings
from bot.db.jobs import Job, JobKind, JobState, job_of
from bot.db.questions import seconds_of
from bot.db.tables import job
from rag import upsert


def request_receipt(connection: Connection, channel: str, ts: str, file: str, user: str) -> None:
    """Request the receipt of a file, unless its conversation is quiet."""
    if channel_settings.find(connection, channel).quiet:
        return
    new = upsert(job).values(
        kind=JobKind.RECEIPT,
        channel=channel,
        key=f"{ts}:{file}",
        user=user,
        state=JobState.HELD,
        created=seconds_of(ts),
    )
    connection.execute(new.on_conflict_do_nothing())


def message_and_file(key: str) -> tuple[str, str]:
    """Return (ts of the message, file id) of a receipt's key."""
    ts, _, file = key.partition(":")
    return ts, file


def held_receipts(connection: Connection) -> list[Job]:
    """Return the receipts whose message has files that are not indexed yet."""
    held = (job.c.kind == JobKind.RECEIPT) & (job.c.state == JobState.HELD)
    rows = connection.execute(select(job).where(held).order_by(job.c.id))
    return list(map(job_of, rows))


def is_held(connection: Connection) -> bool:
    """Return whether there is a receipt that is not due yet."""
    held = (job.c.kind == JobKind.RECEIPT) & (job.c.state == JobState.HELD)
    return bool(connection.scalar(select(exists().where(held))))


def list_receipts(connection: Connection) -> list[tuple[int, str, str, bool]]:
    """Return (id, channel, key, whether the reaction was added) of every receipt."""
    rows = select(job.c.id, job.c.channel, job.c.key, job.c.state == JobState.DONE).where(job.c.kind == JobKind.RECEIPT)
    return [(row[0], row[1], row[2], bool(row[3])) for row in connection.execute(rows)]


def drop(connection: Connection, ids: Collection[int]) -> None:
    """Delete receipts, so that the same share gets one again if it returns."""
    for id in ids:
        connection.execute(delete(job).where(job.c.id == id))


def drop_channel(connection: Connection, channel: str) -> None:
    """Delete the receipts of a conversation that Magpie left: it cannot remove reactions there."""
    connection.execute(delete(job).where(job.c.kind == JobKind.RECEIPT, job.c.channel == channel))


def drop_held(connection: Connection, channel: str) -> None:
    """Delete the receipts of a conversation that is quiet from now on. Reactions that are there stay."""
    held = (job.c.kind == JobKind.RECEIPT) & (job.c.state != JobState.DONE)
    connection.execute(delete(job).where(held, job.c.channel == channel))


def expire(connection: Connection, before: float) -> None:
    """Delete finished receipts of messages written before this time, seconds since 1970."""
    done = (job.c.kind == JobKind.RECEIPT) & (job.c.state == JobState.DONE)
    connection.execute(delete(job).where(done, job.c.created < before))
