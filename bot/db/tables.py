"""The bot's own tables, in the catalog's file: what Slack delivered, receipts, errands. Questions are in `line`.

Every function works in the caller's transaction. State, not queue: work to do is a row's state, and a claim is one
statement, so that a killed process leaves nothing half known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from time import time

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from rag import History

HISTORY = History(Path(__file__).parent / "migrations", "alembic_version_bot")
"""The history of the bot's tables, which are upgraded together with the catalog's own."""

ATTEMPTS = 5
"""Claims of one question before it is given up: it may be what kills the process, or only stand near."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

delivery = Table(
    "delivery", metadata, Column("event_id", String(64), primary_key=True), Column("at", Float, nullable=False)
)

queried = Table(
    "queried",
    metadata,
    Column("file", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
)
"""Pictures that were sent as a question, and where: there they are not to be indexed."""

wanted = Table(
    "wanted",
    metadata,
    Column("file", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
)
"""Files that somebody said are to be indexed there, though they were sent as a question."""

departed = Table(
    "departed",
    metadata,
    Column("file", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True, doc="empty: everywhere"),
    Column("at", Float, nullable=False, doc="when Slack says that it went"),
)
"""Files that left: an event that tells late of a share before that changes nothing."""

removed = Table(
    "removed",
    metadata,
    Column("file", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("ts", String(32), primary_key=True, doc="of the message that no longer shares it"),
    Column("at", Float, nullable=False),
)
"""Messages that no longer share a file. Slack may go on listing them for a moment after it said that they went."""

linked = Table(
    "linked",
    metadata,
    Column("url", Text, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("ts", String(32), primary_key=True, doc="of a message that has this address"),
)
"""The messages that share a web page: it is shared for as long as one of them is there."""

conversation = Table(
    "conversation",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("looked", Float, nullable=False, doc="until when it was searched for questions that nobody heard"),
)

receipt = Table(
    "receipt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False),
    Column("file", String(32), nullable=False),
    Column("user", String(32), nullable=False),
    Column("state", String(8), nullable=False, doc="open, done"),
    UniqueConstraint("channel", "ts", "file"),
    Index(None, "state"),
)

errand = Table(
    "errand",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "kind",
        String(8),
        nullable=False,
        doc="all, channel, file: what to look at; gone, uploads: what to remove",
    ),
    Column("ref", String(32), nullable=False),
    Column("sent", Integer, nullable=False, server_default="1", doc="how often it was asked for"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", Float, nullable=False, server_default="0"),
    UniqueConstraint("kind", "ref"),
)


@dataclass(frozen=True, slots=True)
class Receipt:
    id: int
    channel: str
    ts: str
    file: str
    user: str


@dataclass(frozen=True, slots=True)
class Errand:
    id: int
    kind: str
    ref: str
    sent: int
    attempts: int


def take_delivery(connection: Connection, event_id: str) -> bool:
    """Note that an event was delivered; False when it was before."""
    added = connection.execute(upsert(delivery).values(event_id=event_id, at=time()).on_conflict_do_nothing())
    return added.rowcount == 1


def forget_deliveries(connection: Connection, older_than: float) -> None:
    """Slack redelivers for a few minutes, with delayed events for a day; seconds."""
    connection.execute(delete(delivery).where(delivery.c.at < time() - older_than))
    for table in (departed, removed):
        connection.execute(delete(table).where(table.c.at < time() - older_than))


def put_query(connection: Connection, file: str, channel: str) -> None:
    connection.execute(upsert(queried).values(file=file, channel=channel).on_conflict_do_nothing())


def is_query(connection: Connection, file: str, channel: str) -> bool:
    rows = exists().where(queried.c.file == file, queried.c.channel == channel)
    return bool(connection.scalar(select(rows)))


def want_file(connection: Connection, file: str, channel: str) -> None:
    """Somebody says that a file is to be indexed there: a picture is a question no longer."""
    drop_query(connection, file, channel)
    connection.execute(upsert(wanted).values(file=file, channel=channel).on_conflict_do_nothing())


def is_wanted(connection: Connection, file: str, channel: str | None = None) -> bool:
    """Whether a file is to be indexed whatever it was sent as; in any conversation when none is named."""
    there = wanted.c.file == file
    there = there if channel is None else there & (wanted.c.channel == channel)
    return bool(connection.scalar(select(exists().where(there))))


def want_no_longer(connection: Connection, file: str, channel: str | None) -> None:
    there = wanted.c.file == file
    connection.execute(delete(wanted).where(there if channel is None else there & (wanted.c.channel == channel)))


def note_departure(connection: Connection, file: str, channel: str, at: float) -> None:
    """A file left a conversation, or all of them (empty)."""
    new = upsert(departed).values(file=file, channel=channel, at=at)
    later = func.max(departed.c.at, new.excluded.at)
    connection.execute(new.on_conflict_do_update(index_elements=["file", "channel"], set_={"at": later}))


def note_removal(connection: Connection, file: str, channel: str, ts: str) -> None:
    new = upsert(removed).values(file=file, channel=channel, ts=ts, at=time())
    connection.execute(new.on_conflict_do_nothing())


def removed_from(connection: Connection, file: str, channel: str) -> set[str]:
    """The ts of the messages in a conversation that no longer share a file."""
    rows = select(removed.c.ts).where(removed.c.file == file, removed.c.channel == channel)
    return set(connection.scalars(rows))


def departed_at(connection: Connection, file: str, channel: str) -> float | None:
    """When a file last left a conversation; None if that is not recorded. Leaving all conversations does not count."""
    rows = select(departed.c.at).where(departed.c.file == file, departed.c.channel == channel)
    found = connection.scalar(rows)
    return None if found is None else float(found)


def drop_departure(connection: Connection, file: str, channel: str, at: float) -> bool:
    """Slack says that a file is still there. False if it left again after the departure at this time."""
    mine = (departed.c.file == file) & (departed.c.channel == channel)
    gone = connection.execute(delete(departed).where(mine, departed.c.at == at)).rowcount
    return gone == 1 or departed_at(connection, file, channel) is None


def put_link(connection: Connection, url: str, channel: str, ts: str, *, known: bool) -> None:
    """`known`: the page is shared there already. A message that an earlier version did not record may have shared it,
    and counts as one without a ts."""
    mine = (linked.c.url == url) & (linked.c.channel == channel)
    unrecorded = known and not connection.scalar(select(exists().where(mine)))
    for each in ("", ts) if unrecorded else (ts,):
        connection.execute(upsert(linked).values(url=url, channel=channel, ts=each).on_conflict_do_nothing())


def drop_link(connection: Connection, url: str, channel: str, ts: str) -> bool:
    """A message no longer has this address. Returns whether no other message in the conversation has it either."""
    mine = (linked.c.url == url) & (linked.c.channel == channel)
    if connection.execute(delete(linked).where(mine, linked.c.ts == ts)).rowcount == 0:
        connection.execute(delete(linked).where(mine, linked.c.ts == ""))
    return not connection.scalar(select(exists().where(mine)))


def drop_links(connection: Connection, channel: str, kept: Collection[str] = ()) -> None:
    """Delete the addresses of a conversation's messages, except those in `kept`."""
    there = connection.scalars(select(linked.c.url).where(linked.c.channel == channel).distinct()).all()
    for url in set(there) - set(kept):
        connection.execute(delete(linked).where(linked.c.channel == channel, linked.c.url == url))


def channels_with_links(connection: Connection) -> list[str]:
    return list(connection.scalars(select(linked.c.channel).distinct()))


def drop_query(connection: Connection, file: str, channel: str) -> None:
    connection.execute(delete(queried).where(queried.c.file == file, queried.c.channel == channel))


def has_departed(connection: Connection, file: str, channel: str, since: float) -> bool:
    """Whether a file that was shared in a conversation at this time has left it after that."""
    mine = (departed.c.file == file) & departed.c.channel.in_(["", channel])
    return bool(connection.scalar(select(exists().where(mine, departed.c.at >= since))))


def looked_until(connection: Connection, channel: str) -> float | None:
    """Until when a conversation was searched for questions that nobody heard; None: never."""
    found = connection.scalar(select(conversation.c.looked).where(conversation.c.channel == channel))
    return None if found is None else float(found)


def looked(connection: Connection, channel: str, until: float) -> None:
    new = upsert(conversation).values(channel=channel, looked=until)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={"looked": until}))


# ---------------------------------------------------------------- receipts and errands


def want_receipt(connection: Connection, channel: str, ts: str, file: str, user: str) -> None:
    new = upsert(receipt).values(channel=channel, ts=ts, file=file, user=user, state="open")
    connection.execute(new.on_conflict_do_nothing())


def open_receipts(connection: Connection) -> list[Receipt]:
    rows = connection.execute(select(receipt).where(receipt.c.state == "open").order_by(receipt.c.id))
    return [Receipt(row.id, row.channel, row.ts, row.file, row.user) for row in rows]


def end_receipt(connection: Connection, id: int) -> None:
    connection.execute(update(receipt).where(receipt.c.id == id).values(state="done"))


def send_errand(connection: Connection, kind: str, ref: str) -> None:
    """Ask for a look at a channel or a file, at once; one that is asked for already is not put off."""
    new = upsert(errand).values(kind=kind, ref=ref)
    connection.execute(
        new.on_conflict_do_update(index_elements=["kind", "ref"], set_={"next_try": 0, "sent": errand.c.sent + 1})
    )


def due_errand(connection: Connection) -> Errand | None:
    """The errand to run next. It stays until `end_errand`, so that a killed process runs it again."""
    row = connection.execute(
        select(errand).where(errand.c.next_try <= time()).order_by(errand.c.next_try, errand.c.id).limit(1)
    ).one_or_none()
    return None if row is None else Errand(row.id, row.kind, row.ref, row.sent, row.attempts)


def delay_errand(connection: Connection, id: int, wait: float) -> None:
    connection.execute(
        update(errand).where(errand.c.id == id).values(next_try=time() + wait, attempts=errand.c.attempts + 1)
    )


def end_errand(connection: Connection, done: Errand) -> None:
    """Take an errand off the list, unless it was asked for again while it ran."""
    connection.execute(delete(errand).where(errand.c.id == done.id, errand.c.sent == done.sent))
