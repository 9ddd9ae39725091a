"""Run the sweeps of a folder on a local workspace, without the rest of the bot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time

from sqlalchemy import select

from bot.db import conversations, jobs, tables
from bot.db.conversations import SweepState
from bot.db.jobs import COMPLETE, JobKind
from bot.demo.slack_server import Workspace
from bot.inbox.limits import Limits
from bot.jobs.file_checks import FileChecks
from bot.jobs.sweep_jobs import sweep_handlers
from bot.jobs.worker import Handler, JobWorker
from bot.slack.client import SlackClient
from bot.slack.files import KIND, LINK, SlackFiles
from bot.slack.transport import RetryPolicy
from rag import Rag, StoredShare, list_shares
from rag.catalog.states import ShareState
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated, open_rag


@dataclass(frozen=True)
class Sweeps:
    """The jobs of one folder. `run` does what is due now."""

    rag: Rag
    worker: JobWorker
    handlers: Mapping[JobKind, Handler]

    def run(self) -> None:
        while self.worker.step():
            pass

    def everything(self) -> None:
        """Sweep every conversation completely, as after a reconnect."""
        self.request(JobKind.SWEEP, key=COMPLETE)

    def request(self, kind: JobKind, channel: str = "", key: str = "") -> None:
        with self.rag.write_transaction() as connection:
            jobs.request(connection, kind, channel, key)
        self.run()

    def shared(self, channel: str, kind: str = KIND, *states: ShareState) -> list[StoredShare]:
        with self.rag.read_transaction() as connection:
            return list_shares(connection, kind, space=channel, states=states or [ShareState.SHARED])

    def names(self, channel: str) -> list[str]:
        return sorted({share.name for share in self.shared(channel)})

    def links(self, channel: str) -> list[str]:
        return [share.ref for share in self.shared(channel, LINK)]

    def state(self, channel: str) -> SweepState:
        with self.rag.read_transaction() as connection:
            return conversations.find(connection, channel)

    def questions(self) -> list[str]:
        """Return the texts of the recorded questions, in the order in which they were recorded."""
        with self.rag.read_transaction() as connection:
            return list(connection.scalars(select(tables.question.c.text).order_by(tables.question.c.id)))


@contextmanager
def open_sweeps(
    ws: Workspace, data: Path, limits: Limits | None = None, clock: Callable[[], float] = time
) -> Iterator[Sweeps]:
    slack = slack_settings(ws)
    client = SlackClient(slack, RetryPolicy.PROMPT)
    with open_rag(settings(migrated(data, tables.HISTORY)), histories=[tables.HISTORY]) as rag:
        files = SlackFiles(client, slack, ws.bot_user, 200)
        limits = limits or Limits(links=True)
        checks = FileChecks(client, rag, files, ws.bot_user, limits)
        handlers = sweep_handlers(client, rag, checks, ws.bot_user, limits, 15, clock)
        yield Sweeps(rag, JobWorker(rag, handlers, together=True), handlers)
