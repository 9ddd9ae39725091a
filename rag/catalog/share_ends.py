"""The ends of shares: departures, removals, checks with the chat, and spaces that are left or renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import ColumnElement, Connection, case, delete, exists, func, insert, null, or_, select, update

from rag.catalog.any_of import is_any_of
from rag.catalog.dialects import greatest
from rag.catalog.share_words import drop_share_words
from rag.catalog.shares import EVERY_SPACE, StoredShare, list_shares
from rag.catalog.sources import drop_unshared_sources, find_or_add_source
from rag.catalog.states import ENDED, LIVE, ShareState
from rag.catalog.tables import share, source

EXPIRED = "expired"
"""Reason of shares that were removed because of their age."""

_MOST_RESTRICTIVE = (
    ShareState.FORGOTTEN,
    ShareState.DEPARTED,
    ShareState.LEFT_OUT,
    ShareState.REFUSED,
    ShareState.CHECKING,
    ShareState.SHARED,
)


@dataclass(frozen=True, slots=True)
class SpaceListing:
    """The messages of one space that share a source, as the chat lists them.

    `threads` maps each message to the root of its thread; empty: no thread. `is_complete`: no other message of the
    space shares it. `is_there`: the chat says that it is shared there, even if it does not name a message.
    """

    threads: Mapping[str, str]
    is_complete: bool
    is_there: bool


# ---------------------------------------------------------------- reported by the chat


def end_message(connection: Connection, kind: str, ref: str, space: str, message: str) -> bool:
    """End the share of a source by one message, even one that is not known yet. Return whether another message that is
    not known may share it in the space: ask the chat, and call `settle_shares`."""
    source_id = find_or_add_source(connection, kind, ref)
    mine = _of(source_id) & (share.c.space == space)
    _put_end(connection, source_id, space, message, ShareState.DEPARTED)
    unknown = mine & (share.c.message == "")
    checked = _change(connection, unknown & (share.c.state == ShareState.SHARED), ShareState.CHECKING)
    drop_unshared_sources(connection, [source_id])
    return checked > 0 or bool(connection.scalar(select(exists().where(unknown, share.c.state == ShareState.CHECKING))))


def check_space(connection: Connection, kind: str, ref: str, space: str, at: float) -> None:
    """Hide a source in a space until `settle_shares` says which of its messages up to this time still share it.

    The chat reported that it left the space, but not from which message.
    """
    source_id = find_or_add_source(connection, kind, ref)
    mine = _of(source_id) & (share.c.space == space)
    # The time of a row that names no message is when it was found, and listings lag behind.
    may_have_left = or_(share.c.shared_at <= at, share.c.message == "")
    _change(connection, mine & (share.c.state == ShareState.SHARED) & may_have_left, ShareState.CHECKING)
    if not connection.scalar(select(exists().where(mine, share.c.message == ""))):
        _put_end(connection, source_id, space, "", ShareState.DEPARTED, at)
    else:
        tombstone = mine & (share.c.message == "") & share.c.state.in_(ENDED)
        connection.execute(update(share).where(tombstone).values(state_at=greatest(share.c.state_at, at)))
    drop_unshared_sources(connection, [source_id])


def delete_source(connection: Connection, kind: str, ref: str) -> None:
    """End all shares of a source that its origin deleted, known or not."""
    source_id = find_or_add_source(connection, kind, ref)
    drop_rows(connection, _of(source_id) & (share.c.space != EVERY_SPACE))
    _put_end(connection, source_id, EVERY_SPACE, "", ShareState.DEPARTED)
    drop_unshared_sources(connection, [source_id])


def settle_shares(
    connection: Connection, kind: str, ref: str, listed: Mapping[str, SpaceListing], as_of: Sequence[StoredShare]
) -> dict[str, list[str]]:
    """Compare the shares of a source with what the chat lists. Return {space: messages that have no row yet}.

    `as_of`: the rows as they were before the chat was asked; a row that changed since is not touched. Shares that the
    chat does not list are dropped if its list is complete, without a trace, because lists lag behind. Shares that were
    reported as ended stay so.
    """
    for row in as_of:
        listing = listed.get(row.space)
        if listing is None or row.state not in (*LIVE, ShareState.LEFT_OUT, ShareState.REFUSED):
            continue
        unchanged = (share.c.id == row.id) & (share.c.state == row.state) & (share.c.state_at == row.state_at)
        is_there = row.message in listing.threads if row.message else listing.is_there and not listing.threads
        if is_there:
            _change(connection, unchanged & (share.c.state == ShareState.CHECKING), ShareState.SHARED)
        elif listing.is_complete or (not row.message and listing.threads and listing.is_there):
            if row.state is ShareState.CHECKING and not row.message:
                # Its end covers messages whose events are still to come.
                _end_rows(connection, unchanged, ShareState.DEPARTED, row.state_at)
            else:
                drop_rows(connection, unchanged)
    source_id = find_or_add_source(connection, kind, ref)
    known = {(row.space, row.message) for row in list_shares(connection, kind, ref, states=tuple(ShareState))}
    drop_unshared_sources(connection, [source_id])
    new = {space: [m for m in listing.threads if (space, m) not in known] for space, listing in listed.items()}
    return {space: found for space, found in new.items() if found}


def leave_space(connection: Connection, kind: str, space: str) -> None:
    """Drop the shares of this kind in a space that have not ended. Later listings may bring them back."""
    sources = select(source.c.id).where(source.c.kind == kind).scalar_subquery()
    mine = share.c.source_id.in_(sources) & (share.c.space == space)
    mine &= share.c.state.not_in(ENDED)
    ids = connection.scalars(select(share.c.source_id).where(mine)).all()
    drop_rows(connection, mine)
    drop_unshared_sources(connection, ids)


# ---------------------------------------------------------------- ended here


def drop_shares(connection: Connection, sources: Sequence[int], space: str | None = None) -> None:
    """Drop sources from a space, or from all spaces; a later listing may bring them back."""
    mine = is_any_of(share.c.source_id, sources) & share.c.state.in_(LIVE)
    drop_rows(connection, mine if space is None else mine & (share.c.space == space))
    drop_unshared_sources(connection, sources)


def remove_shares(connection: Connection, sources: Sequence[int], space: str | None = None, reason: str = "") -> None:
    """Do as `drop_shares`, and do not let a later listing bring them back. `reason`: why, for the rows."""
    mine = is_any_of(share.c.source_id, sources) & share.c.state.not_in(ENDED)
    mine = mine if space is None else mine & (share.c.space == space)
    rows = connection.execute(select(share.c.source_id, share.c.space, share.c.message).where(mine)).all()
    for row in rows:
        for message in {row.message, ""}:
            _put_end(connection, row.source_id, row.space, message, ShareState.FORGOTTEN, reason=reason)
    drop_unshared_sources(connection, sources)


def expire_shares(connection: Connection, before: float) -> int:
    """Remove sources from spaces where they were last shared before this time, in seconds since 1970, also if they were
    not indexed. Return how many."""
    old = select(share.c.source_id, share.c.space).where(share.c.state.not_in(ENDED))
    old = old.group_by(share.c.source_id, share.c.space).having(func.max(share.c.shared_at) < before)
    rows = connection.execute(old).all()
    for row in rows:
        remove_shares(connection, [row.source_id], row.space, EXPIRED)
    return len(rows)


def expire_departures(connection: Connection, before: float) -> None:
    """Delete departures from before this time: events and listings from before them have arrived by now."""
    connection.execute(delete(share).where(share.c.state == ShareState.DEPARTED, share.c.state_at < before))


def drop_rows(connection: Connection, matching: ColumnElement[bool]) -> None:
    """Delete shares without a trace."""
    ids = connection.scalars(select(share.c.id).where(matching)).all()
    with_words = connection.scalars(select(share.c.id).where(matching, share.c.words != "")).all()
    if with_words:
        drop_share_words(connection, with_words)
    if ids:
        connection.execute(delete(share).where(matching))


# ---------------------------------------------------------------- renamed


def move_space(connection: Connection, old: str, new: str) -> None:
    """Change the id of a space in its shares.

    If both ids have a row for the same message, the more restrictive one wins: a listing may have restored under the
    new id what ended under the old one. It covers the messages up to the later time of both.
    """
    if old == new:
        return
    for row in list_shares(connection, space=old, states=tuple(ShareState)):
        there = (share.c.source_id == row.source) & (share.c.space == new)
        if row.message == "" and row.state is ShareState.FORGOTTEN:
            remove_shares(connection, [row.source], new)
        elif row.message == "" and row.state in (ShareState.CHECKING, ShareState.DEPARTED):
            visible = there & (share.c.state == ShareState.SHARED) & (share.c.shared_at <= row.state_at)
            _change(connection, visible, ShareState.CHECKING)
        same = there & (share.c.message == row.message)
        other = connection.execute(select(share.c.id, share.c.state, share.c.state_at).where(same)).one_or_none()
        kept, state_at = row.id, row.state_at
        if other is not None:
            is_stricter = _MOST_RESTRICTIVE.index(ShareState(other.state)) < _MOST_RESTRICTIVE.index(row.state)
            kept, dropped = (other.id, row.id) if is_stricter else (row.id, other.id)
            drop_rows(connection, share.c.id == dropped)
            state_at = max(state_at, other.state_at)
        connection.execute(update(share).where(share.c.id == kept).values(space=new, state_at=state_at))


# ---------------------------------------------------------------- shared by all


def _of(source_id: int) -> ColumnElement[bool]:
    return share.c.source_id == source_id


def _change(connection: Connection, matching: ColumnElement[bool], state: ShareState) -> int:
    """Set the state of shares. Return their number."""
    return connection.execute(update(share).where(matching).values(state=state, state_at=time())).rowcount


def _put_end(
    connection: Connection,
    source_id: int,
    space: str,
    message: str,
    state: ShareState,
    at: float | None = None,
    reason: str = "",
) -> None:
    """Record that a share has ended, known or not, and delete what it said about the message."""
    at = time() if at is None else at
    mine = _of(source_id) & (share.c.space == space) & (share.c.message == message)
    if connection.scalar(select(exists().where(mine))):
        _end_rows(connection, mine, state, at, reason)
        return
    key = {"source_id": source_id, "space": space, "message": message, "name": "", "shared_at": at}
    connection.execute(insert(share).values(**key, state=state, state_at=at, reason=reason))


def _end_rows(
    connection: Connection, matching: ColumnElement[bool], state: ShareState, at: float, reason: str = ""
) -> None:
    """End shares that have a row, and delete what they say about their message."""
    with_words = connection.scalars(select(share.c.id).where(matching, share.c.words != "")).all()
    ended = {"state": state, "state_at": at, "reason": reason, "name": "", "link": null(), "shared_by": null()}
    ended |= {"words": "", "visible_from": 0}
    # A row that names no message stands for all those that are not known, up to now.
    ended |= {"shared_at": case((share.c.message == "", at), else_=share.c.shared_at)}
    connection.execute(update(share).where(matching).values(**ended))
    if with_words:
        drop_share_words(connection, with_words)
