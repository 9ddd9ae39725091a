"""Shares: which message shares which source in which space, and so which documents people may see.

    shared -> checking -> shared, departed
           -> left out, refused, forgotten

Every function works in the caller's transaction, so that an event of a chat, the rows that it causes and the record
that it was handled are written together, or not at all. How shares end is in `share_ends`.

A row without a message stands for a message that is not known: a file in an old catalog or in a listing, or a file that
no chat shares. If such a row has ended, it also covers the messages that are not known yet; see `_first_state`. Those
up to its `state_at` are checked with the chat; if a person removed it, those up to its `shared_at` stay removed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, true, update

from rag.catalog.share_delay import delay_new_share
from rag.catalog.share_names import put_name_words
from rag.catalog.share_words import put_share_words
from rag.catalog.sources import drop_unshared_sources, find_or_add_source, put_source
from rag.catalog.states import ENDED, LIVE, ShareState, SourceState
from rag.catalog.tables import share, source
from rag.fairness import IntakePriority

EVERY_SPACE = ""
"""The space of the row that says that the origin deleted a source."""

REQUESTED = "requested"
"""Reason of a share that a person asked to index although it was sent as a question."""


@dataclass(frozen=True, slots=True)
class Share:
    """A source that a message shares in a space. Empty fields are unknown and overwrite nothing.

    `kind` names the fetcher that downloads the bytes, `ref` is the fetcher's name for them. A source is fetched again
    when `size` or `changed_ns` differ from the recorded values. `message` and `thread` are the chat's ids of the
    message and of the thread's root; empty: none, or not known. `shared_at` is the time of the message in seconds since
    1970; None: now. `words` is the text of the message; None: not known.

    `listed`: the share was found in a listing of the space, which may lag behind; it does not restore what was removed.
    `requested`: a person asked for it, so that it is indexed even if it was left out or forgotten. `priority`: None:
    FOUND if it is listed, else SHARED.
    """

    kind: str
    ref: str
    space: str
    name: str = ""
    link: str | None = None
    shared_by: str | None = None
    size: int | None = None
    changed_ns: int | None = None
    listed: bool = False
    message: str = ""
    thread: str = ""
    shared_at: float | None = None
    words: str | None = None
    state: ShareState = ShareState.SHARED
    reason: str = ""
    requested: bool = False
    priority: IntakePriority | None = None

    @property
    def intake_priority(self) -> IntakePriority:
        """Return how soon the source is fetched and extracted."""
        if self.priority is not None:
            return self.priority
        return IntakePriority.FOUND if self.listed else IntakePriority.SHARED


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A row of the catalog's shares, with the kind and ref of its source."""

    id: int
    source: int
    kind: str
    ref: str
    space: str
    message: str
    thread: str
    name: str
    link: str | None
    shared_by: str | None
    shared_at: float
    words: str
    state: ShareState
    state_at: float
    reason: str

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


# ---------------------------------------------------------------- sharing


def put_share(connection: Connection, new: Share) -> ShareState:
    """Record a share, once however often it is seen. Return its state: it may have ended before it was seen.

    If that is CHECKING, ask the chat where the source is shared and call `share_ends.settle_shares`.
    """
    return _put(connection, new)[1]


def record_share(connection: Connection, new: Share) -> tuple[int, bool]:
    """Record a share. Return its source and whether there is work to do."""
    source_id, state = _put(connection, new)
    return source_id, state in LIVE and _has_work(connection, source_id)


def _put(connection: Connection, new: Share) -> tuple[int, ShareState]:
    source_id = find_or_add_source(connection, new.kind, new.ref)
    known = _row(connection, source_id, new.space, new.message)
    state = _next_state(connection, source_id, known, new)
    if state in LIVE:
        put_source(connection, new.kind, new.ref, mtime_ns=new.changed_ns, size=new.size, priority=new.intake_priority)
    if known is None:
        _insert(connection, source_id, new, state)
    elif state not in ENDED:
        _update(connection, known, new, state)
        drop_unshared_sources(connection, [source_id])
    return source_id, state


def _next_state(connection: Connection, source_id: int, known: Row[Any] | None, new: Share) -> ShareState:
    """Return the state of a share that is seen now, given its row and the rows that cover unknown messages."""
    if _row(connection, source_id, EVERY_SPACE, "") is not None:
        return ShareState.DEPARTED
    if known is None:
        return _first_state(connection, source_id, new)
    was = ShareState(known.state)
    if new.requested and was is not ShareState.DEPARTED:
        return ShareState.SHARED
    if was in ENDED:
        return _after_end(known, new)
    if was is ShareState.CHECKING:
        return was if new.state is ShareState.SHARED else new.state
    if was is ShareState.LEFT_OUT or known.reason == REQUESTED:
        return was
    if was is ShareState.REFUSED:  # it was not checked when the end of a message that is not known was reported
        return _first_state(connection, source_id, new)
    return new.state


def _after_end(known: Row[Any], new: Share) -> ShareState:
    """Return the state of a share that has ended and is seen again."""
    if not new.message and not new.listed and (new.shared_at is None or new.shared_at > known.state_at):
        return new.state  # a file that no chat shares, or one that was shared since
    return ShareState(known.state)


def _first_state(connection: Connection, source_id: int, new: Share) -> ShareState:
    """Return the state of a share that was not known, or not shared, by the ends of messages in its space."""
    if new.state is not ShareState.SHARED or (new.requested and not new.message):
        return new.state
    at = _time_of(new)
    if not new.message:
        departed = (share.c.source_id == source_id) & (share.c.space == new.space)
        departed &= share.c.state == ShareState.DEPARTED
        departed &= true() if new.listed else share.c.state_at >= at
        return ShareState.CHECKING if connection.scalar(select(exists().where(departed))) else new.state
    unknown = _row(connection, source_id, new.space, "")
    if unknown is None or at > unknown.state_at or unknown.state not in (*ENDED, ShareState.CHECKING):
        return new.state
    if unknown.state == ShareState.FORGOTTEN and not new.requested and at <= unknown.shared_at:
        return ShareState.FORGOTTEN
    return ShareState.CHECKING


def _insert(connection: Connection, source_id: int, new: Share, state: ShareState) -> None:
    has_ended = state in ENDED
    row = {
        "source_id": source_id,
        "space": new.space,
        "message": new.message,
        "thread": new.thread,
        "name": "" if has_ended else new.name,
        "link": None if has_ended else new.link,
        "shared_by": None if has_ended else new.shared_by,
        "shared_at": _time_of(new),
        "state": state,
        "state_at": time(),
        "reason": _reason(new),
    }
    id = connection.execute(insert(share).values(**row).returning(share.c.id)).scalar_one()
    if not has_ended:
        put_share_words(connection, id, new.words or "")
        put_name_words(connection, [id])
        delay_new_share(connection, source_id, id)


def _update(connection: Connection, known: Row[Any], new: Share, state: ShareState) -> None:
    given = {"name": new.name, "link": new.link, "shared_by": new.shared_by, "thread": new.thread}
    changed: dict[str, Any] = {key: value for key, value in given.items() if value}
    if not new.listed and (new.shared_at is not None or not new.message):
        changed["shared_at"] = _time_of(new)
    if state != known.state:
        changed |= {"state": state, "state_at": time()}
    if state != known.state or new.requested or (state is ShareState.REFUSED and new.reason):
        changed["reason"] = _reason(new)
    if changed:
        connection.execute(update(share).where(share.c.id == known.id).values(**changed))
    if changed.get("name", known.name) != known.name:
        put_name_words(connection, [known.id])
    if new.words is not None:
        put_share_words(connection, known.id, new.words)
    if known.state not in LIVE and state in LIVE:
        delay_new_share(connection, known.source_id, known.id)


def _reason(new: Share) -> str:
    return REQUESTED if new.requested else new.reason


def _time_of(new: Share) -> float:
    return time() if new.shared_at is None else new.shared_at


def _row(connection: Connection, source_id: int, space: str, message: str) -> Row[Any] | None:
    matching = (share.c.source_id == source_id) & (share.c.space == space) & (share.c.message == message)
    return connection.execute(select(share).where(matching)).one_or_none()


def _has_work(connection: Connection, source_id: int) -> bool:
    """Return whether a source waits to be fetched or is being fetched."""
    waits = source.c.state.in_([SourceState.WAITING, SourceState.FETCHING])
    return bool(connection.scalar(select(exists().where(source.c.id == source_id, waits))))


def name_shares(connection: Connection, source_id: int, name: str, link: str | None) -> None:
    """Set the name and link of all live shares of a source, as its origin has them."""
    live = (share.c.source_id == source_id) & share.c.state.in_(LIVE)
    renamed = connection.scalars(select(share.c.id).where(live, share.c.name != name)).all()
    connection.execute(update(share).where(live).values(name=name, link=link))
    put_name_words(connection, renamed)


# ---------------------------------------------------------------- lists


def list_shares(
    connection: Connection,
    kind: str | None = None,
    ref: str | None = None,
    *,
    space: str | None = None,
    message: str | None = None,
    thread: str | None = None,
    user: str | None = None,
    states: Collection[ShareState] = LIVE,
) -> list[StoredShare]:
    """Return the shares that match everything given, by source and time. `thread`: its root and replies."""
    given = (
        (source.c.kind, kind),
        (source.c.ref, ref),
        (share.c.space, space),
        (share.c.message, message),
        (share.c.shared_by, user),
    )
    matching = [column == value for column, value in given if value is not None]
    if thread is not None:
        matching.append((share.c.message == thread) | (share.c.thread == thread))
    rows = select(share, source.c.kind, source.c.ref).join(source, share.c.source_id == source.c.id)
    rows = rows.where(share.c.state.in_(states), *matching).order_by(share.c.source_id, share.c.shared_at, share.c.id)
    return [
        StoredShare(
            row.id,
            row.source_id,
            row.kind,
            row.ref,
            row.space,
            row.message,
            row.thread,
            row.name,
            row.link,
            row.shared_by,
            row.shared_at,
            row.words,
            ShareState(row.state),
            row.state_at,
            row.reason,
        )
        for row in connection.execute(rows)
    ]


def shared_in(connection: Connection, kind: str, space: str) -> list[str]:
    """Return the refs of this kind that are shared in a space."""
    rows = select(source.c.ref).join(share, share.c.source_id == source.c.id).distinct()
    matching = (source.c.kind == kind) & (share.c.space == space) & share.c.state.in_(LIVE)
    return sorted(connection.scalars(rows.where(matching)))


def shared_messages(connection: Connection, kind: str) -> set[tuple[str, str, str]]:
    """Return (space, message, ref) of all live shares of this kind."""
    rows = select(share.c.space, share.c.message, source.c.ref).join(source, share.c.source_id == source.c.id)
    found = connection.execute(rows.where(source.c.kind == kind, share.c.state.in_(LIVE)))
    return {(row[0], row[1], row[2]) for row in found}


def count_shared_in(connection: Connection, kind: str, space: str) -> int:
    """Return how many sources of this kind are shared in a space."""
    rows = select(func.count(share.c.source_id.distinct())).join(source, source.c.id == share.c.source_id)
    matching = (source.c.kind == kind) & (share.c.space == space) & share.c.state.in_(LIVE)
    return connection.scalar(rows.where(matching)) or 0


def count_refused(connection: Connection) -> dict[str, int]:
    """Return {reason: number} of the sources that were refused somewhere and are not shared anywhere."""
    live = share.alias()
    shared = exists().where(live.c.source_id == share.c.source_id, live.c.state.in_(LIVE))
    rows = select(share.c.reason, func.count(share.c.source_id.distinct()))
    rows = rows.where(share.c.state == ShareState.REFUSED, ~shared).group_by(share.c.reason).order_by(share.c.reason)
    return {row[0]: row[1] for row in connection.execute(rows)}


def is_shared(connection: Connection, kind: str, ref: str) -> bool:
    """Return whether this source is shared anywhere."""
    rows = exists().where(
        share.c.source_id == source.c.id, source.c.kind == kind, source.c.ref == ref, share.c.state.in_(LIVE)
    )
    return bool(connection.scalar(select(rows)))


def spaces_of(connection: Connection, kind: str) -> list[str]:
    """Return the spaces where sources of this kind are shared."""
    rows = select(share.c.space).join(source, share.c.source_id == source.c.id)
    rows = rows.where(source.c.kind == kind, share.c.state.in_(LIVE))
    return list(connection.scalars(rows.distinct().order_by(share.c.space)))
