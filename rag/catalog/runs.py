"""Runs: processes that own the data folder, one after another. The claims of a run that ended are released."""

from __future__ import annotations

from dataclasses import dataclass
from time import time

from sqlalchemy import Connection, delete, insert, select, update

from rag.catalog.outages import probe_now
from rag.catalog.states import ExtractionState, SourceState
from rag.catalog.tables import extraction, run, source


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """The run before this one: its id, empty if there was none, and whether it crashed."""

    id: str
    crashed: bool


def start_run(connection: Connection, run_id: str, pid: int) -> PreviousRun:
    """Record this run, release the claims of all others and delete their rows. Return the run before it.

    Only the owner of the lock may call this: while it holds the lock, every other run has ended.
    """
    rows = connection.execute(select(run.c.id, run.c.ended_at).order_by(run.c.started_at)).all()
    connection.execute(delete(run))  # only the newest run is ever asked for
    connection.execute(insert(run).values(id=run_id, pid=pid, started_at=time()))
    fetching = source.c.state == SourceState.FETCHING
    connection.execute(update(source).where(fetching).values(state=SourceState.WAITING, run_id=None))
    running = extraction.c.state == ExtractionState.RUNNING
    connection.execute(update(extraction).where(running).values(state=ExtractionState.WAITING, run_id=None))
    probe_now(connection)  # the run may have ended during a probe
    return PreviousRun(rows[-1].id if rows else "", any(row.ended_at is None for row in rows))


def end_run(connection: Connection, run_id: str) -> None:
    """Record that this run ended without a crash."""
    connection.execute(update(run).where(run.c.id == run_id).values(ended_at=time()))
