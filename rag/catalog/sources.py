"""Sources and shares: work to do is a state here, and a claim is one statement.

waiting -> fetching -> known, or failed; gone: nobody shares it any more. Attempts count at the claim,
so that what kills the process is given up too. A claim carries the id of the run that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time, time_ns
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from rag.catalog.share_delay import hold_new_share
from rag.catalog.tables import document, forgotten, reading, run, share, source

ATTEMPTS = 3
"""Claims of one source or reading before it is given up."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as the work sees it."""

    id: int
    kind: str
    ref: str
    state: str
    attempts: int
    delays: int
    document: int | None
    mtime_ns: int | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """How a source stands: its own state until its bytes are known, its document's reading after that."""

    source: int
    name: str
    state: str
    reason: str
    hint: str
    page: int
    pages: int
    document: int | None


def start_run(connection: Connection, run_id: str, pid: int) -> bool:
    """Enter this run and free the claims of all others; True when one of them never said that it ended.

    Only the owner of the lock may call this: with it in hand, every other run is over.
    """
    unclean = connection.scalar(select(exists().where(run.c.ended.is_(None)))) or False
    connection.execute(update(run).where(run.c.ended.is_(None)).values(ended=0.0))
    connection.execute(insert(run).values(id=run_id, pid=pid, started=time()))
    connection.execute(update(source).where(source.c.state == "fetching").values(state="waiting", run=None))
    connection.execute(update(reading).where(reading.c.state == "reading").values(state="waiting", run=None))
    return bool(unclean)


def end_run(connection: Connection, run_id: str) -> None:
    connection.execute(update(run).where(run.c.id == run_id).values(ended=time()))


def put_source(
    connection: Connection,
    *,
    kind: str,
    ref: str,
    space: str,
    name: str,
    link: str | None = None,
    shared_by: str | None = None,
    mtime_ns: int | None = None,
    size: int | None = None,
    listed: bool = False,
) -> tuple[int, bool]:
    """Record that a source was seen in a space. Returns (source id, whether there is work to do).

    `listed`: it was seen in a list of what is there, and nobody shared it just now, so that its share grows no younger.

    A source whose size and time of change are as recorded is left alone, and so is one of which neither is told;
    one that changed, failed or was gone waits again. The same call twice leaves one source and one share, and an
    empty name or link replaces none.
    """
    row = connection.execute(select(source).where(source.c.kind == kind, source.c.ref == ref)).one_or_none()
    if row is None:
        source_id = connection.execute(
            insert(source)
            .values(kind=kind, ref=ref, state="waiting", mtime_ns=mtime_ns, size=size)
            .returning(source.c.id)
        ).scalar_one()
        work = True
    else:
        source_id = row.id
        told = (mtime_ns, size) != (None, None)
        if not told:
            mtime_ns, size = row.mtime_ns, row.size
        unchanged = (row.mtime_ns, row.size) == (mtime_ns, size)
        failed = row.state in ("failed", "gone") or _reading_failed(connection, row.document_id)
        work = failed or not unchanged or row.state in ("waiting", "fetching")
        if failed or not unchanged:
            connection.execute(
                update(source)
                .where(source.c.id == source_id)
                .values(
                    state="waiting",
                    attempts=0,
                    delays=0,
                    next_try=0,
                    mtime_ns=mtime_ns,
                    size=size,
                    reason=None,
                    hint=None,
                    run=None,
                )
            )
    _put_share(connection, source_id, space, {"name": name, "link": link, "shared_by": shared_by}, listed=listed)
    if not listed:
        mine = (forgotten.c.kind == kind) & (forgotten.c.ref == ref) & (forgotten.c.space == space)
        connection.execute(delete(forgotten).where(mine))
    return source_id, work


def _put_share(
    connection: Connection, source_id: int, space: str, told: Mapping[str, str | None], *, listed: bool
) -> None:
    now = time()
    new = insert(share).values(source_id=source_id, space=space, shared_at=now, **told)
    mine = (share.c.source_id == source_id) & (share.c.space == space)
    if not connection.scalar(select(exists().where(mine))):
        connection.execute(new)
        hold_new_share(connection, source_id, space)
        return
    known: dict[str, Any] = {key: value for key, value in told.items() if value}
    known |= {} if listed else {"shared_at": now, "withheld": None}
    if known:
        connection.execute(update(share).where(mine).values(**known))


def _reading_failed(connection: Connection, document_id: int | None) -> bool:
    if document_id is None:
        return False
    states = connection.scalars(select(reading.c.state).where(reading.c.document_id == document_id)).all()
    return bool(states) and all(state == "failed" for state in states)


def waiting_people(connection: Connection, kinds: Sequence[str]) -> list[str]:
    """Return who shared a source of these kinds that waits and whose time has come, whoever waits longest first.

    Empty: what nobody in a chat shared.
    """
    who = func.coalesce(share.c.shared_by, "")
    rows = select(who).join(source, source.c.id == share.c.source_id)
    rows = rows.where(source.c.state == "waiting", source.c.kind.in_(kinds), source.c.next_try <= time())
    return list(connection.scalars(rows.group_by(who).order_by(func.min(source.c.id))))


def shared_by(source_id: ColumnElement[int], who: str) -> ColumnElement[bool]:
    """Whether this person shares a source; see `waiting_people`."""
    return exists().where(share.c.source_id == source_id, func.coalesce(share.c.shared_by, "") == who)


def waiting_of(connection: Connection, who: str) -> int:
    """Return how many sources that this person shares are not fetched or not read yet."""
    unread = exists().where(reading.c.document_id == source.c.document_id, reading.c.state.in_(["waiting", "reading"]))
    rows = select(func.count(source.c.id.distinct())).join(share, share.c.source_id == source.c.id)
    waits = or_(source.c.state.in_(["waiting", "fetching"]), and_(source.c.state == "known", unread))
    return connection.scalar(rows.where(share.c.shared_by == who, waits)) or 0


def claim_source(
    connection: Connection,
    run_id: str,
    kinds: Sequence[str],
    who: str | None = None,
    is_free: Callable[[str, str], bool] | None = None,
) -> SourceRow | None:
    """Take one waiting source of these kinds whose time has come; with `who`, one that this person shares.

    `is_free`: of a kind and a ref, whether this source may be fetched now; the first one that may is taken. The caller
    must let no other thread claim meanwhile.

    Otherwise one statement, for select-then-update claims twice.
    """
    now = time()
    waiting = (source.c.state == "waiting") & source.c.kind.in_(kinds) & (source.c.next_try <= now)
    candidates = select(source.c.id).where(waiting, true() if who is None else shared_by(source.c.id, who))
    candidates = candidates.order_by(source.c.id)
    if is_free is None:
        candidate = source.c.id == candidates.limit(1).scalar_subquery()
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
        .values(state="fetching", run=run_id, attempts=source.c.attempts + 1)
        .returning(*source.c)
    ).one_or_none()
    return None if row is None else _row(row)


def finish_source(
    connection: Connection, claimed: SourceRow, document_id: int, *, mtime_ns: int | None, size: int
) -> bool:
    """The bytes are known; False when the source changed hands or lost its last share meanwhile."""
    result = connection.execute(
        update(source)
        .where(source.c.id == claimed.id, source.c.state == "fetching")
        .where(exists().where(share.c.source_id == claimed.id))
        .values(state="known", document_id=document_id, run=None, reason=None, hint=None, mtime_ns=mtime_ns, size=size)
    )
    return result.rowcount == 1


def name_shares(connection: Connection, source_id: int, name: str, link: str | None) -> None:
    """Give all shares of a source the name and link that its origin has for it."""
    connection.execute(update(share).where(share.c.source_id == source_id).values(name=name, link=link))


def fail_source(connection: Connection, source_id: int, reason: str, hint: str) -> None:
    connection.execute(
        update(source)
        .where(source.c.id == source_id, source.c.state == "fetching")
        .values(state="failed", reason=reason, hint=hint, run=None)
    )


def delay_source(connection: Connection, source_id: int, wait: float, reason: str) -> None:
    """Give a claim back, to be tried again after `wait` seconds. It does not count as an attempt."""
    connection.execute(
        update(source)
        .where(source.c.id == source_id, source.c.state == "fetching")
        .values(
            state="waiting",
            run=None,
            next_try=time() + wait,
            reason=reason,
            attempts=source.c.attempts - 1,
            delays=source.c.delays + 1,
        )
    )


def drop_shares(connection: Connection, sources: Sequence[int], space: str | None = None) -> None:
    """Take these sources out of a space, or out of all; one without shares is gone."""
    rows = delete(share).where(share.c.source_id.in_(sources))
    connection.execute(rows if space is None else rows.where(share.c.space == space))
    connection.execute(
        update(source)
        .where(source.c.id.in_(sources), ~exists().where(share.c.source_id == source.c.id))
        .values(state="gone", run=None, document_id=None)
    )


def withhold_shares(connection: Connection, sources: Sequence[int], space: str) -> bool:
    """Show nothing of these sources in a space until `settle_share` says that they are still there. False: they are
    not shared there."""
    mine = share.c.source_id.in_(sources) & (share.c.space == space)
    return connection.execute(update(share).where(mine).values(withheld=time_ns())).rowcount > 0


def settle_share(connection: Connection, source_id: int, space: str, withheld: int, *, there: bool) -> bool:
    """Show a withheld share again, or end it. False: it was withheld again or shared anew since then."""
    mine = (share.c.source_id == source_id) & (share.c.space == space) & (share.c.withheld == withheld)
    if connection.execute(update(share).where(mine).values(withheld=None)).rowcount == 0:
        return False
    if not there:
        drop_shares(connection, [source_id], space)
    return True


def forget_shares(connection: Connection, sources: Sequence[int], space: str | None = None) -> None:
    """Take these sources out of a space, or out of all, and let no listing bring them back there."""
    mine = select(source.c.kind, source.c.ref, share.c.space, literal(time()))
    mine = mine.join(share, share.c.source_id == source.c.id).where(source.c.id.in_(sources))
    mine = mine if space is None else mine.where(share.c.space == space)
    connection.execute(upsert(forgotten).from_select(["kind", "ref", "space", "at"], mine).on_conflict_do_nothing())
    drop_shares(connection, sources, space)


def is_forgotten(connection: Connection, kind: str, ref: str, space: str) -> bool:
    rows = exists().where(forgotten.c.kind == kind, forgotten.c.ref == ref, forgotten.c.space == space)
    return bool(connection.scalar(select(rows)))


def expire_shares(connection: Connection, before: float) -> int:
    """Forget what was last shared before this time, seconds since 1970; returns how many shares went."""
    rows = connection.execute(select(share.c.source_id, share.c.space).where(share.c.shared_at < before)).all()
    for row in rows:
        forget_shares(connection, [row.source_id], row.space)
    return len(rows)


def shares_of(connection: Connection, space: str | None, user: str | None) -> list[tuple[int, str, str]]:
    """(source id, space, name) of what is shared in a space, by somebody, or both."""
    rows = select(share.c.source_id, share.c.space, share.c.name).order_by(share.c.source_id, share.c.space)
    rows = rows if space is None else rows.where(share.c.space == space)
    rows = rows if user is None else rows.where(share.c.shared_by == user)
    return [(row.source_id, row.space, row.name) for row in connection.execute(rows)]


def find_sources(connection: Connection, name: str) -> list[tuple[int, str]]:
    """(source id, name) of what somebody means by a path, a file name, or eight or more digits of a SHA-256."""
    rows = (
        select(source.c.id, func.coalesce(share.c.name, source.c.ref))
        .join(share, share.c.source_id == source.c.id)
        .outerjoin(document, document.c.id == source.c.document_id)
    )
    by_hash = document.c.sha256.startswith(name.lower(), autoescape=True) if len(name) >= 8 else literal_column("0")
    rows = rows.where(source.c.state != "gone", or_(source.c.ref == name, share.c.name == name, by_hash)).distinct()
    return [(row[0], row[1]) for row in connection.execute(rows.order_by(source.c.id))]


def sources_below(connection: Connection, folder: str, space: str) -> list[tuple[int, str, str]]:
    """(source id, path, name) of every path inside a folder that is shared in a space."""
    prefix = folder.rstrip("/") + "/"
    rows = (
        select(source.c.id, source.c.ref, share.c.name)
        .join(share, share.c.source_id == source.c.id)
        .where(source.c.kind == "path", share.c.space == space, source.c.ref.startswith(prefix, autoescape=True))
    )
    return [(row.id, row.ref, row.name) for row in connection.execute(rows.order_by(source.c.id))]


def settled(
    connection: Connection,
    sources: Sequence[int] | None = None,
    *,
    newest: bool = False,
    space: str | None = None,
) -> list[Settled]:
    """How these sources stand (all of them when None), in order of their ids.

    `space`: only what is shared there, under the name that it has there and nowhere else.

    state: waiting, reading, ready or failed. A document that serves while a newer reading is being made, or after
    that failed, is ready; with `newest` the newer reading is what counts.
    """
    latest = (
        select(reading.c.document_id, func.max(reading.c.id).label("id")).group_by(reading.c.document_id).subquery()
    )
    serving = reading.alias()
    complete = (
        select(serving.c.id)
        .join(document, document.c.reading_id == serving.c.id)
        .where(document.c.id == source.c.document_id, serving.c.state == "complete")
        .scalar_subquery()
    )
    mine = share.c.source_id == source.c.id
    mine = mine if space is None else and_(mine, share.c.space == space, share.c.withheld.is_(None))
    name = select(func.min(share.c.name)).where(mine).scalar_subquery()
    rows = (
        select(source, name.label("name"), reading.c.state.label("read"), reading.c.reason.label("why"))
        .add_columns(reading.c.hint.label("fix"), reading.c.pages, reading.c.pages_done)
        .outerjoin(latest, latest.c.document_id == source.c.document_id)
        .outerjoin(reading, reading.c.id == (latest.c.id if newest else func.coalesce(complete, latest.c.id)))
        .where(source.c.state != "gone")
        .order_by(source.c.id)
    )
    if sources is not None:
        rows = rows.where(source.c.id.in_(sources))
    if space is not None:
        rows = rows.where(exists().where(mine))
    held = {} if space is None else _held_back(connection, space)
    return [_settled(row, held.get(row.id)) for row in connection.execute(rows)]


def _settled(row: Row[Any], passed: float | None) -> Settled:
    """`passed`: see `_held_back`."""
    own = {"waiting": "waiting", "fetching": "reading", "failed": "failed"}.get(row.state)
    read = {"waiting": "waiting", "reading": "reading", "failed": "failed"}.get(row.read or "", "ready")
    state, done = own or read, row.pages_done or 0
    if state == "ready" and passed is not None:  # as if these bytes were being read now
        state, done = "reading", int(done * passed)
    reason, hint = (row.reason, row.hint) if row.state == "failed" else (row.why, row.fix)
    failed = state == "failed"
    return Settled(
        row.id,
        row.name or row.ref,
        state,
        (reason or "") if failed else "",
        (hint or "") if failed else "",
        done,
        row.pages or 0,
        row.document_id,
    )


def _held_back(connection: Connection, space: str) -> dict[int, float]:
    """How much of its time has passed, 0 to 1, for each source whose share in a space is not shown yet."""
    now = time()
    rows = select(share.c.source_id, share.c.shared_at, share.c.shown_from)
    rows = rows.where(share.c.space == space, share.c.shown_from > now)
    return {
        row.source_id: min(max((now - row.shared_at) / (row.shown_from - row.shared_at), 0.0), 1.0)
        for row in connection.execute(rows)
        if row.shown_from > row.shared_at
    }


def _row(row: Row[Any]) -> SourceRow:
    return SourceRow(
        row.id, row.kind, row.ref, row.state, row.attempts, row.delays, row.document_id, row.mtime_ns, row.size
    )
