"""Sources: where bytes come from, and the state of fetching them.

    waiting -> fetching -> known, or failed; gone when no share is left

A source whose bytes were known before stays known when it cannot be fetched again, with the reason beside it.

A claim is one statement and gets an id of its own. Only its holder can end it: a source that changed while it was
fetched is claimed again, and what the first claim fetched does not count. Attempts are counted at the claim, so that a
source that crashes the process fails after MAX_ATTEMPTS too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from secrets import token_hex
from time import time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from rag.catalog.any_of import is_any_of
from rag.catalog.dialects import next_unlocked
from rag.catalog.outages import begin_probe, is_paused
from rag.catalog.priorities import rank
from rag.catalog.states import LIVE, OPEN_EXTRACTION, ExtractionState, SourceState
from rag.catalog.tables import document, extraction, share, source
from rag.fairness import Claimant, IntakePriority, rank_of
from rag.model.extraction import SourceKind


@dataclass(frozen=True, slots=True)
class ClaimedSource:
    """A source whose bytes are being fetched. `attempts` counts this claim too. `claim` is new at each claim."""

    id: int
    claim: str
    kind: str
    ref: str
    attempts: int
    delays: int
    was_delayed: bool


# ---------------------------------------------------------------- work


def find_or_add_source(connection: Connection, kind: str, ref: str) -> int:
    """Return a source. One that is new is recorded as gone: `put_source` makes it wait to be fetched."""
    found = connection.scalar(select(source.c.id).where(source.c.kind == kind, source.c.ref == ref))
    if found is None:
        new = insert(source).values(kind=kind, ref=ref, state=SourceState.GONE)
        found = connection.execute(new.returning(source.c.id)).scalar_one()
    return int(found)


def put_source(
    connection: Connection,
    kind: str,
    ref: str,
    *,
    mtime_ns: int | None = None,
    size: int | None = None,
    priority: int = IntakePriority.SHARED,
) -> tuple[int, bool]:
    """Record a source. Return its id and whether there is work to do.

    A source waits to be fetched if it is new, changed, failed or was gone. It counts as unchanged if its size and time
    of change are as recorded, or if neither is given. What waits already gets the better one of two priorities.
    """
    row = connection.execute(select(source).where(source.c.kind == kind, source.c.ref == ref)).one_or_none()
    if row is None:
        values = _queued(priority) | {"kind": kind, "ref": ref, "mtime_ns": mtime_ns, "size": size}
        return connection.execute(insert(source).values(**values).returning(source.c.id)).scalar_one(), True
    waits = row.state in (SourceState.WAITING, SourceState.FETCHING)
    priority = min(priority, row.priority) if waits else priority
    if (mtime_ns, size) == (None, None):
        mtime_ns, size = row.mtime_ns, row.size
    unchanged = (row.mtime_ns, row.size) == (mtime_ns, size)
    failed = row.state in (SourceState.FAILED, SourceState.GONE) or is_not_renewed(row)
    failed = failed or _extraction_failed(connection, row.document_id)
    if failed or not unchanged:
        again = _queued(priority) | {"mtime_ns": mtime_ns, "size": size, "reason": None, "hint": None}
        connection.execute(update(source).where(source.c.id == row.id).values(**again))
    elif priority < row.priority:
        better = {"priority": int(priority), "queued_at": time()}
        connection.execute(update(source).where(source.c.id == row.id).values(**better))
    return row.id, failed or not unchanged or waits


def _queued(priority: int) -> dict[str, Any]:
    """Return the values of a source that waits to be fetched from now on."""
    again = {"state": SourceState.WAITING, "run_id": None, "attempts": 0, "delays": 0, "retry_at": 0}
    return {**again, "priority": int(priority), "queued_at": time()}


def request_fetch(connection: Connection, kind: str, ref: str) -> None:
    """Fetch a source again that is shared somewhere; its current document stays until the new bytes are known."""
    again = _queued(IntakePriority.SHARED)
    mine = (source.c.kind == kind) & (source.c.ref == ref) & (source.c.state != SourceState.GONE)
    connection.execute(update(source).where(mine).values(**again))


def retry_failed(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """Fetch those of these sources again that could not be fetched. Return their ids, with their kinds."""
    failed = or_(
        source.c.state == SourceState.FAILED,
        and_(source.c.state == SourceState.KNOWN, source.c.reason.is_not(None)),
    )
    again = _queued(IntakePriority.SHARED) | {"reason": None, "hint": None}
    rows = (
        update(source).where(is_any_of(source.c.id, ids), failed).values(**again).returning(source.c.id, source.c.kind)
    )
    return {row.id: row.kind for row in connection.execute(rows)}


def end_delays(connection: Connection) -> None:
    """Make all sources due that wait for their next attempt."""
    connection.execute(update(source).where(source.c.state == SourceState.WAITING).values(retry_at=0))


def is_not_renewed(row: Row[Any]) -> bool:
    """Return whether a source has the bytes of before, because it could not be fetched again."""
    return row.state == SourceState.KNOWN and row.reason is not None


def refresh_source(connection: Connection, kind: str, ref: str, seen_at: float, min_age: float) -> None:
    """Fetch a source again that was seen at this time, if it was last fetched `min_age` seconds earlier or more."""
    mine = (source.c.kind == kind) & (source.c.ref == ref) & (source.c.state == SourceState.KNOWN)
    old = source.c.fetched_at + min_age <= seen_at
    connection.execute(update(source).where(mine, old).values(**_queued(IntakePriority.SHARED)))


def known_validators(connection: Connection, kind: str, ref: str) -> str:
    """Return what the fetcher kept for a conditional request; "" if the bytes are not here any more or unreadable."""
    row = connection.execute(select(source).where(source.c.kind == kind, source.c.ref == ref)).one_or_none()
    if row is None or row.document_id is None or _extraction_failed(connection, row.document_id):
        return ""
    return str(row.validators)


def _extraction_failed(connection: Connection, document_id: int | None) -> bool:
    if document_id is None:
        return False
    states = connection.scalars(select(extraction.c.state).where(extraction.c.document_id == document_id)).all()
    return bool(states) and all(state == ExtractionState.FAILED for state in states)


def drop_unshared_sources(connection: Connection, sources: Collection[int]) -> None:
    """Mark those of these sources as gone that no live share is left of."""
    shared = exists().where(share.c.source_id == source.c.id, share.c.state.in_(LIVE))
    connection.execute(
        update(source)
        .where(is_any_of(source.c.id, sources), ~shared)
        .values(state=SourceState.GONE, run_id=None, document_id=None)
    )


def is_fetching(connection: Connection, kinds: Collection[str]) -> bool:
    """Return whether a source of these kinds is being fetched, or can be claimed now."""
    fetching = and_(source.c.state == SourceState.FETCHING, source.c.kind.in_(kinds))
    return bool(connection.scalar(select(exists().where(or_(fetching, _is_waiting(kinds, time()))))))


def has_waiting_source(connection: Connection, kinds: Collection[str], by: float) -> bool:
    """Return whether a source of these kinds can be claimed by this time, in seconds since 1970."""
    return bool(connection.scalar(_any_waiting(frozenset(kinds)), {"by": by}))


@cache  # building it takes longer than running it, which happens several times a second
def _any_waiting(kinds: frozenset[str]) -> Select[bool]:
    return select(exists().where(_is_waiting(kinds, bindparam("by", type_=Float))))


def _is_waiting(kinds: Collection[str], by: float | ColumnElement[float]) -> ColumnElement[bool]:
    waits = and_(source.c.state == SourceState.WAITING, source.c.kind.in_(kinds), source.c.retry_at <= by)
    return and_(waits, ~is_paused(by))


def list_claimants(connection: Connection, kinds: Collection[str]) -> dict[Claimant, int]:
    """Return {claimant: rank} of the people who shared a source of these kinds that can be claimed now.

    The longest wait comes first. An empty person stands for sources that no person shared.
    """
    who, now = func.coalesce(share.c.shared_by, ""), time()
    rows = select(source.c.priority, who, func.min(source.c.queued_at)).join(share, source.c.id == share.c.source_id)
    rows = rows.where(_is_waiting(kinds, now), share.c.state.in_(LIVE)).group_by(source.c.priority, who)
    found = connection.execute(rows.order_by(func.min(source.c.id))).all()
    return {Claimant(priority, person): rank_of(priority, queued_at, now) for priority, person, queued_at in found}


def _is_of(claimant: Claimant) -> ColumnElement[bool]:
    """Return the condition that a source has this priority and is shared by this person; see `list_claimants`."""
    theirs = (share.c.source_id == source.c.id) & (func.coalesce(share.c.shared_by, "") == claimant.person)
    return and_(source.c.priority == claimant.priority, exists().where(theirs, share.c.state.in_(LIVE)))


def last_person(connection: Connection, source_id: int) -> str:
    """Return who shared a source last; "" if no person shares it."""
    rows = select(share.c.shared_by).where(share.c.source_id == source_id, share.c.state.in_(LIVE))
    return connection.scalar(rows.order_by(share.c.shared_at.desc(), share.c.id.desc()).limit(1)) or ""


def files_waiting(connection: Connection, who: str) -> int:
    """Return how many of the sources that this person shares are not fetched or not extracted yet."""
    unread = exists().where(extraction.c.document_id == source.c.document_id, extraction.c.state.in_(OPEN_EXTRACTION))
    unfetched = source.c.state.in_([SourceState.WAITING, SourceState.FETCHING])
    waits = or_(unfetched, and_(source.c.state == SourceState.KNOWN, unread))
    rows = select(func.count(source.c.id.distinct())).join(share, share.c.source_id == source.c.id)
    return connection.scalar(rows.where(share.c.shared_by == who, share.c.state.in_(LIVE), waits)) or 0


def claim_source(
    connection: Connection,
    kinds: Collection[str],
    claimant: Claimant | None = None,
    is_free: Callable[[str, str], bool] | None = None,
) -> ClaimedSource | None:
    """Claim one source of these kinds, for `claimant` if given. Return None when none waits. Found files go newest
    first. If the kind has an outage, this is the probe, and no other source of the kind is claimed until it ends.

    With `is_free`, claim the first source for which it returns true, given the kind and the ref. The source is selected
    before it is updated then, so the caller must keep other threads from claiming. Without it, the claim is one
    statement.
    """
    candidates = select(source.c.id).where(_is_waiting(kinds, time()), true() if claimant is None else _is_of(claimant))
    newest = case((source.c.priority == IntakePriority.FOUND, -func.coalesce(source.c.mtime_ns, 0)), else_=0)
    ranked = rank(source.c.priority, source.c.queued_at)
    candidates = candidates.order_by(ranked, source.c.retry_at, newest, source.c.id)
    if is_free is None:
        candidate = source.c.id == next_unlocked(candidates)
    else:
        rows = connection.execute(candidates.add_columns(source.c.kind, source.c.ref))
        first = next((row.id for row in rows if is_free(row.kind, row.ref)), None)
        rows.close()
        if first is None:
            return None
        candidate = source.c.id == first
    row = connection.execute(
        update(source)
        .where(candidate)
        .values(state=SourceState.FETCHING, run_id=token_hex(16), attempts=source.c.attempts + 1)
        .returning(source.c.id, source.c.run_id, source.c.kind, source.c.ref, source.c.attempts, source.c.delays)
        .returning((source.c.retry_at > 0).label("was_delayed"))
    ).one_or_none()
    if row is None:
        return None
    begin_probe(connection, row.kind)
    return ClaimedSource(row.id, row.run_id, row.kind, row.ref, row.attempts, row.delays, bool(row.was_delayed))


def is_held(connection: Connection, claimed: ClaimedSource) -> bool:
    """Return whether a claim has not ended, and the source still has a share.

    It ends when the source changes or loses its last share, even if it is shared again right after.
    """
    return bool(connection.scalar(select(exists().where(_is_mine(claimed), _has_live_share(claimed)))))


def _has_live_share(claimed: ClaimedSource) -> ColumnElement[bool]:
    return exists().where(share.c.source_id == claimed.id, share.c.state.in_(LIVE))


def _is_mine(claimed: ClaimedSource) -> ColumnElement[bool]:
    return and_(source.c.id == claimed.id, source.c.state == SourceState.FETCHING, source.c.run_id == claimed.claim)


def finish_source(
    connection: Connection,
    claimed: ClaimedSource,
    document_id: int,
    *,
    mtime_ns: int | None,
    size: int,
    validators: str = "",
) -> bool:
    """Record the document of a claimed source. Return False, and record nothing, if the claim is not held any more.

    Without `mtime_ns`, the one of the listing stays.
    """
    known: dict[str, Any] = {"state": SourceState.KNOWN, "document_id": document_id, "run_id": None}
    known |= {"reason": None, "hint": None} | ({} if mtime_ns is None else {"mtime_ns": mtime_ns})
    result = connection.execute(
        update(source)
        .where(_is_mine(claimed), _has_live_share(claimed))
        .values(**known, size=size, fetched_at=time(), validators=validators)
    )
    return result.rowcount == 1


def keep_document(connection: Connection, claimed: ClaimedSource) -> None:
    """Record that a claimed source is unchanged. If its document was deleted meanwhile, it is fetched again."""
    mine = _is_mine(claimed)
    kept = {"state": SourceState.KNOWN, "run_id": None, "reason": None, "hint": None, "fetched_at": time()}
    if connection.execute(update(source).where(mine, source.c.document_id.is_not(None)).values(**kept)).rowcount == 0:
        connection.execute(update(source).where(mine).values(state=SourceState.WAITING, run_id=None, validators=""))


def fail_source(connection: Connection, claimed: ClaimedSource, reason: str, hint: str) -> None:
    """Record that a claimed source failed. With bytes of before, it stays known, and these stay searchable."""
    state = case((source.c.document_id.is_not(None), SourceState.KNOWN), else_=SourceState.FAILED)
    connection.execute(
        update(source).where(_is_mine(claimed)).values(state=state, reason=reason, hint=hint, run_id=None)
    )


def delay_source(
    connection: Connection, claimed: ClaimedSource, wait: float, reason: str, *, counted: bool = True
) -> None:
    """Return a claim to the queue, not to be claimed for `wait` seconds. It does not count as an attempt, but as a
    delay if `counted`."""
    connection.execute(
        update(source)
        .where(_is_mine(claimed))
        .values(
            state=SourceState.WAITING,
            run_id=None,
            retry_at=time() + wait,
            reason=reason,
            attempts=source.c.attempts - 1,
            delays=source.c.delays + int(counted),
        )
    )


def postpone_source(connection: Connection, source_id: int, wait: float, reason: str) -> None:
    """Return a claim whose fetch is not allowed for `wait` seconds. It is not counted as an attempt or a delay."""
    waiting = {"state": SourceState.WAITING, "run_id": None, "retry_at": time() + wait, "reason": reason}
    mine = (source.c.id == source_id) & (source.c.state == SourceState.FETCHING)
    connection.execute(update(source).where(mine).values(**waiting, attempts=source.c.attempts - 1))


# ---------------------------------------------------------------- lists


def is_unchanged(connection: Connection, source_id: int, mtime_ns: int, size: int) -> bool:
    """Return whether a source is on record with this time of change and size, and could be fetched."""
    same = (source.c.id == source_id) & (source.c.mtime_ns == mtime_ns) & (source.c.size == size)
    return bool(connection.scalar(select(exists().where(same, source.c.state != SourceState.FAILED))))


def find_sources(connection: Connection, name: str) -> list[tuple[int, str]]:
    """Return (source id, name) of the sources with this path, file name, or eight or more digits of a SHA-256."""
    rows = (
        select(source.c.id, func.coalesce(share.c.name, source.c.ref))
        .join(share, share.c.source_id == source.c.id)
        .outerjoin(document, document.c.id == source.c.document_id)
    )
    by_hash = document.c.sha256.startswith(name.lower(), autoescape=True) if len(name) >= 8 else false()
    named = or_(source.c.ref == name, share.c.name == name, by_hash)
    rows = rows.where(source.c.state != SourceState.GONE, share.c.state.in_(LIVE), named).distinct()
    return [(row[0], row[1]) for row in connection.execute(rows.order_by(source.c.id))]


def sources_in(connection: Connection, space: str) -> set[int]:
    """Return the sources shared in a space."""
    return set(connection.scalars(select(share.c.source_id).where(share.c.space == space, share.c.state.in_(LIVE))))


def sources_below(connection: Connection, folder: str, space: str) -> list[tuple[int, str, str]]:
    """Return (source id, path, name) of every path inside a folder that is shared in a space."""
    prefix = folder.rstrip("/") + "/"
    inside = and_(source.c.kind == SourceKind.PATH, source.c.ref.startswith(prefix, autoescape=True))
    rows = select(source.c.id, source.c.ref, share.c.name).join(share, share.c.source_id == source.c.id)
    rows = rows.where(share.c.space == space, share.c.state.in_(LIVE), inside).order_by(source.c.id)
    return [(row.id, row.ref, row.name) for row in connection.execute(rows)]
