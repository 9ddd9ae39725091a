"""Questions that are answered again when files are read.

Each is one job: due when its button was pressed, held until the files are read or a day has passed, and due again then.
"""

from __future__ import annotations

from collections.abc import Collection
from time import time

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from bot.db import jobs, questions
from bot.db.jobs import Job, JobKind, JobState, job_of
from bot.db.questions import OPEN, Cancellation
from bot.db.tables import job, question
from bot.slack.buttons import AGAIN
from bot.slack.events import Question
from rag import is_any_of, upsert

LONGEST = 24 * 3600.0
"""Seconds after which a question is answered again even if a file is still not read."""


def request(connection: Connection, asked: Question, press: str) -> bool:
    """Request that a question is answered again; `press` is the ts of the press. Return False if it is requested."""
    new = upsert(job).values(
        kind=JobKind.AGAIN,
        channel=asked.channel,
        key=asked.ts,
        user=asked.user,
        payload={"press": press},
        created=time(),
    )
    return connection.execute(new.on_conflict_do_nothing()).rowcount == 1


def hold(connection: Connection, claimed: Job, files: Collection[tuple[str, str]]) -> None:
    """Let a claimed job wait for files, by (kind, ref)."""
    held = {"state": JobState.HELD, "payload": {**claimed.payload, "files": [list(file) for file in files]}}
    changed = {**held, "attempts": 0, "delays": 0, "next_try": claimed.created + LONGEST}
    connection.execute(update(job).where(*_is_claim(claimed)).values(**changed))


def is_claimed(connection: Connection, claimed: Job) -> bool:
    """Return whether a claimed job was not dropped since."""
    return bool(connection.scalar(select(exists().where(*_is_claim(claimed)))))


def list_held(connection: Connection) -> list[tuple[Job, float]]:
    """Return the jobs that wait for files, and when each is due in any case, in seconds since 1970."""
    rows = connection.execute(select(job).where(job.c.kind == JobKind.AGAIN, job.c.state == JobState.HELD)).all()
    return [(job_of(row), row.next_try) for row in rows]


def count(connection: Connection) -> int:
    """Return the number of questions that will be answered again."""
    return jobs.count(connection, [JobKind.AGAIN])


def drop(connection: Connection, channel: str, ts: str) -> None:
    """Do not answer a question again whose message `ts`, or the message with its answer, was deleted."""
    about = select(question.c.ts).where(question.c.channel == channel, question.c.placeholder == ts)
    asked = {ts, *connection.scalars(about)}
    mine = (job.c.kind == JobKind.AGAIN) & (job.c.channel == channel)
    connection.execute(delete(job).where(mine, is_any_of(job.c.key, asked)))
    again = select(question.c.ts, question.c.about).where(question.c.channel == channel, question.c.kind == AGAIN)
    for row in connection.execute(again.where(question.c.state.in_(OPEN))).all():
        if (row.about or {}).get("of") in asked:
            questions.cancel_question(connection, channel, row.ts, Cancellation.DELETED)


def drop_channel(connection: Connection, channel: str) -> None:
    """Answer nothing again in a conversation that Magpie left."""
    connection.execute(delete(job).where(job.c.kind == JobKind.AGAIN, job.c.channel == channel))


def _is_claim(claimed: Job) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return job.c.id == claimed.id, job.c.state == JobState.RUNNING
