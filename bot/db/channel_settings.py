"""What people changed for one conversation with `/magpie settings`. A conversation without a row has the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, func, null, select, update

from bot.db.tables import channel_setting
from rag import FileType, upsert

_DAY = 24 * 3600.0


class Digest(StrEnum):
    """How often Magpie posts in a conversation what it indexed there."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def seconds(self) -> float:
        """The time between two digests."""
        return 7 * _DAY if self is Digest.WEEKLY else _DAY


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The settings of one conversation.

    `quiet`: no reactions and no notices. `language` of answers; empty: that of the question. `types`: the types of
    files that are indexed; empty: all. `askers`: ids of the people who may ask; None: everyone. `changed_at`: seconds
    since 1970; 0: never.
    """

    quiet: bool = False
    language: str = ""
    types: frozenset[FileType] = frozenset()
    askers: frozenset[str] | None = None
    digest: Digest = Digest.OFF
    changed_by: str = ""
    changed_at: float = 0.0

    def may_ask(self, user: str) -> bool:
        return self.askers is None or user in self.askers


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is due: of files that were added from `since` on, in seconds since 1970."""

    channel: str
    digest: Digest
    since: float


def find(connection: Connection, channel: str) -> ChannelSettings:
    """Return the settings of a conversation."""
    row = connection.execute(select(channel_setting).where(channel_setting.c.channel == channel)).one_or_none()
    if row is None:
        return ChannelSettings()
    return ChannelSettings(
        row.quiet,
        row.language,
        frozenset(map(FileType, row.types)),
        None if row.askers is None else frozenset(row.askers),
        Digest(row.digest),
        row.changed_by,
        row.changed_at,
    )


def put(connection: Connection, channel: str, new: ChannelSettings) -> None:
    """Store the settings of a conversation. The first digest is due a day or a week after it was turned on."""
    before = find(connection, channel)
    values = {
        "quiet": new.quiet,
        "language": new.language,
        "types": sorted(new.types),
        "askers": null() if new.askers is None else sorted(new.askers),
        "digest": new.digest,
        "changed_by": new.changed_by,
        "changed_at": new.changed_at,
    }
    if new.digest is not before.digest:
        values |= {"digest_from": new.changed_at, "digest_due": new.changed_at + new.digest.seconds}
    written = upsert(channel_setting).values(channel=channel, **values)
    connection.execute(written.on_conflict_do_update(index_elements=["channel"], set_=values))


def drop(connection: Connection, channel: str) -> None:
    """Delete the settings of a conversation that Magpie left."""
    connection.execute(delete(channel_setting).where(channel_setting.c.channel == channel))


def forget_user(connection: Connection, user: str) -> None:
    """Take a person out of all settings. If only they could ask in a conversation, no one can."""
    for row in connection.execute(select(channel_setting)).all():
        if user == row.changed_by or user in (row.askers or ()):
            askers = null() if row.askers is None else [asker for asker in row.askers if asker != user]
            changed = {"askers": askers, "changed_by": "" if user == row.changed_by else row.changed_by}
            matching = channel_setting.c.channel == row.channel
            connection.execute(update(channel_setting).where(matching).values(**changed))


def channels(connection: Connection) -> list[str]:
    """Return the conversations that have settings."""
    return list(connection.scalars(select(channel_setting.c.channel)))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(channel_setting)) or 0


# ---------------------------------------------------------------- digests


def due_digests(connection: Connection, now: float) -> list[DueDigest]:
    """Return the digests that are due at this time, in seconds since 1970."""
    table = channel_setting.c
    rows = select(table.channel, table.digest, table.digest_from)
    due = rows.where(table.digest != Digest.OFF, table.digest_due <= now).order_by(table.digest_due, table.channel)
    return [DueDigest(row[0], Digest(row[1]), row[2]) for row in connection.execute(due)]


def find_due_digest(connection: Connection, channel: str, now: float) -> DueDigest | None:
    """Return the digest of a conversation if it is due."""
    return next((due for due in due_digests(connection, now) if due.channel == channel), None)


def put_digest(connection: Connection, done: DueDigest, until: float, now: float) -> None:
    """Record that a digest has the files that were added before `until`. The next one is due at the same time of the
    day, a day or a week later, in the future."""
    table = channel_setting.c
    due = connection.scalar(select(table.digest_due).where(table.channel == done.channel)) or now
    periods = int(max(0.0, now - due) // done.digest.seconds) + 1
    values = {"digest_from": until, "digest_due": due + periods * done.digest.seconds}
    connection.execute(update(channel_setting).where(table.channel == done.channel).values(**values))


def postpone_digest(connection: Connection, due: DueDigest, at: float) -> None:
    """Make a digest due again, as it was, at this time: Slack did not post it."""
    values = {"digest_from": due.since, "digest_due": at}
    connection.execute(update(channel_setting).where(channel_setting.c.channel == due.channel).values(**values))
