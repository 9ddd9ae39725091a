"""Runs: processes that own the data folder, one after another. The claims of a run that ended are released."""

from __future__ import annotations

from time import time

from sqlalchemy import Connection, delete, exists, insert, select, update

from rag.catalog.outages import probe_now
from rag.catalog.states import ExtractionState, SourceState
from rag.catalog.tables import extraction, run, source


def start_run(connection: Connection, run_id: str, pid: int) -> bool:
    """Record this run, release the claims of all others and delete their rows. Return whether one of them crashed.

    Only the owner of the lock may call this: while it holds the lock, every other run has ended.
    """
    crashed = connection.scalar(select(exists().where(run.c.ended_at.is_(None)))) or False
    connection.execute(delete(run))  # only the newest run is ever asked for
    connection.execute(insert(run).values(id=run_id, pid=pid, started_at=time()))
    fetching = source.c.state == SourceState.FETCHING
    connection.execute(update(source).where(fetching).values(state=SourceState.WAITING, run_id=None))
    running = extraction.c.state == ExtractionState.RUNNING
    connection.execute(update(extraction).where(running).values(state=ExtractionState.WAITING, run_id=None))
    probe_now(connection)  # the run may have ended during a probe
    return bool(crashed)


def end_run(connection: Connection, run_id: str) -> None:
    """Record that this run ended without a crash."""
    connection.execute(update(run).where(run.c.id == run_id).values(ended_at=time()))
