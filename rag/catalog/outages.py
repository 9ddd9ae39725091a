"""Outages: kinds of sources that cannot be fetched at all now, because their origin cannot be reached or used.

While a kind is paused, its sources wait. After each pause one source is fetched as a probe. If the origin answers, the
outage ends; if not, the next pause is twice as long.
"""

from __future__ import annotations

from collections.abc import Collection
from time import time

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, update

from rag.catalog.dialects import upsert
from rag.catalog.states import SourceState
from rag.catalog.tables import outage, source
from rag.model.operations import Outage

_PROBE = 15 * 60.0
"""Seconds after which a probe without a result, for example of a killed process, is repeated."""


def put_outage(
    connection: Connection, kind: str, pause: float, reason: str, hint: str, *, needs_operator: bool
) -> None:
    """Pause a kind for `pause` seconds. `needs_operator`: see Outage."""
    row = {"until": time() + pause, "reason": reason, "hint": hint, "needs_operator": needs_operator}
    new = upsert(outage).values(kind=kind, since=time(), **row)
    again = row | {"failures": outage.c.failures + 1}
    connection.execute(new.on_conflict_do_update(index_elements=["kind"], set_=again))


def failures_of(connection: Connection, kind: str) -> int | None:
    """Return how many probes of a kind failed in its outage; None: there is no outage."""
    return connection.scalar(select(outage.c.failures).where(outage.c.kind == kind))


def begin_probe(connection: Connection, kind: str) -> None:
    """Hold back everything else of a kind while one source of it is fetched, if it has an outage."""
    connection.execute(update(outage).where(outage.c.kind == kind).values(until=time() + _PROBE))


def end_outage(connection: Connection, kind: str) -> None:
    """Record that the origin of a kind answered."""
    connection.execute(delete(outage).where(outage.c.kind == kind))


def probe_now(connection: Connection) -> None:
    """End all pauses, but not the outages: the next fetch of each kind is a probe."""
    connection.execute(update(outage).values(until=0.0))


def is_paused(by: float | ColumnElement[float]) -> ColumnElement[bool]:
    """Return the condition that the kind of a source is paused beyond this time, in seconds since 1970."""
    return exists().where(outage.c.kind == source.c.kind, outage.c.until > by)


def list_outages(connection: Connection, kinds: Collection[str] | None = None) -> list[Outage]:
    """Return the outages (of these kinds) that sources wait for, by kind."""
    waits = (source.c.kind == outage.c.kind) & source.c.state.in_([SourceState.WAITING, SourceState.FETCHING])
    count = select(func.count()).select_from(source).where(waits).scalar_subquery()
    rows = select(outage, count.label("waiting")).where(count > 0).order_by(outage.c.kind)
    rows = rows if kinds is None else rows.where(outage.c.kind.in_(kinds))
    return [
        Outage(row.kind, row.since, row.reason, row.hint, row.needs_operator, row.waiting)
        for row in connection.execute(rows)
    ]
