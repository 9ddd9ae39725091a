"""Pictures of documents that Magpie posted, so that they can be deleted in Slack with the document."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select, update

from bot.db.tables import evidence
from rag import is_any_of, sha256_of, unshared_sha256, upsert


def put_evidence(connection: Connection, channel: str, pictures: Mapping[str, int]) -> None:
    """Record which document each uploaded picture, by file id, shows."""
    sums = sha256_of(connection, set(pictures.values()))
    rows = [
        {"file": file, "channel": channel, "document": document, "sha256": sums.get(document, "")}
        for file, document in pictures.items()
        if document
    ]
    if rows:
        connection.execute(upsert(evidence).on_conflict_do_nothing(), rows)


def stale_evidence(connection: Connection, limit: int, left_before: float) -> list[str]:
    """Return the file ids of pictures in Slack whose document is no longer shared.

    A document that is shared again has another id, but the same SHA-256. Pictures in a conversation that Magpie left
    are stale only if it left before `left_before`, in seconds since 1970: it may be back in a moment.
    """
    sums = connection.scalars(select(evidence.c.sha256).distinct()).all()
    unshared = is_any_of(evidence.c.sha256, unshared_sha256(connection, sums))
    is_over = evidence.c.left_at.is_(None) | (evidence.c.left_at < left_before)
    return list(connection.scalars(select(evidence.c.file).where(unshared, is_over).limit(limit)))


def drop_evidence(connection: Connection, files: Collection[str]) -> None:
    """Delete the rows of these pictures."""
    connection.execute(delete(evidence).where(is_any_of(evidence.c.file, files)))


def leave_channel(connection: Connection, channel: str, at: float) -> None:
    """Record that Magpie left a conversation. Its pictures there stay for a while."""
    here = (evidence.c.channel == channel) & evidence.c.left_at.is_(None)
    connection.execute(update(evidence).where(here).values(left_at=at))


def join_channel(connection: Connection, channel: str) -> None:
    """Record that Magpie is in a conversation again."""
    connection.execute(update(evidence).where(evidence.c.channel == channel).values(left_at=None))
