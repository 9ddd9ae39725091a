"""Background jobs: a job is requested, claimed by a worker, and finished, retried later or dropped.

A claim is one statement, so two workers never run the same job. When the bot starts, jobs that a killed process left
running become due again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from math import ceil, inf
from time import time
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    null,
    select,
    update,
)

from bot.db.tables import job
from rag import RoundRobin, is_any_of, next_unlocked, upsert


class JobKind(StrEnum):
    SWEEP = "all"
    """Request the sweeps that are due; with the key `COMPLETE`, sweeps of every conversation that Magpie is in."""
    SWEEP_CHANNEL = "channel"
    """Request complete sweeps of one conversation."""
    SWEEP_FILES = "files"
    """Compare a conversation's files with what Slack lists."""
    SWEEP_MESSAGES = "messages"
    """Find messages of a conversation whose event was missed."""
    CONFIRM_CHANNEL = "member"
    """Ask Slack whether Magpie is still in a conversation that a list left out."""
    READ_MESSAGE = "message"
    """Read the message that shares a file; `key`: its ts, a colon, and the ts of its thread."""
    CHECK_FILE = "file"
    """Ask Slack where the file `key` is shared."""
    LOCATE_FILE = "locate"
    """Find the messages that share a file in a conversation, unless they arrived; `key`: the file or, for one message,
    the file, a colon, and the message's ts."""
    REFETCH_FILE = "changed"
    """Fetch the file `key` again, because it changed."""
    PURGE = "gone"
    """Delete what still shows documents that are no longer shared."""
    DELETE_UPLOADS = "uploads"
    """Delete uploaded pictures that no answer will share."""
    EXPIRE = "expire"
    """Delete what is older than the settings allow."""
    READMIT = "readmit"
    """Take up the files that a limit refused, as far as it allows now."""
    WALK = "walk"
    """Record what changed in the folders that are followed."""
    WELCOME = "welcome"
    """Tell the person who added Magpie to a channel how many files it finds there."""
    AGAIN = "again"
    """Answer a question, whose ts is the key, again when the files are read that are not read now."""
    RECEIPT = "receipt"
    """Add the reaction that shows whether a shared file is searchable."""
    RETRACT_RECEIPT = "retract"
    """Replace the reaction on a message, the key, whose files are no longer searchable."""
    THANK = "thank"
    """Add a reaction to the message `key`, in which a person thanks Magpie."""
    DIGEST = "digest"
    """Post what was indexed in a conversation; without one, request this for each whose digest is due."""
    SETTINGS = "settings"
    """Show a person the settings of a conversation in a modal that is open, or that they may not change them."""
    SAVE = "save"
    """Store the settings of a conversation that a person submitted, if they may change them."""
    SAY = "say"
    FIND = "find"
    STATUS = "status"
    HOME = "home"
    SIMILAR = "similar"
    INDEX = "index"


SWEEPS = (JobKind.SWEEP_CHANNEL, JobKind.SWEEP_MESSAGES, JobKind.SWEEP_FILES)
"""The jobs that compare one conversation with what Slack lists."""

COMPLETE = "complete"
"""Key of the job SWEEP that sweeps every conversation, because events may have been lost."""


class JobState(StrEnum):
    HELD = "held"
    """Not due until it is released; `next_try` may say by when."""
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    """Kept, so that the same request does nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. The fields are the columns of the table."""

    id: int
    kind: JobKind
    channel: str
    key: str
    user: str
    revision: int
    attempts: int
    delays: int
    created: float
    payload: Mapping[str, Any] = field(default_factory=dict)


def request(
    connection: Connection, kind: JobKind, channel: str = "", key: str = "", user: str = "", delay: float = 0
) -> None:
    """Request a job, due in `delay` seconds. Requests with the same channel and key are one job; if it is running, it
    runs again."""
    next_try = time() + delay if delay else 0
    new = upsert(job).values(kind=kind, channel=channel, key=key, user=user, created=time(), next_try=next_try)
    changed = {"next_try": next_try, "revision": job.c.revision + 1, "created": new.excluded.created}
    connection.execute(new.on_conflict_do_update(index_elements=["kind", "channel", "key"], set_=changed))


def request_spaced(
    connection: Connection, kind: JobKind, keys: Iterable[tuple[str, str]], per_minute: int, within: float = inf
) -> None:
    """Request jobs for these (channel, key), due `per_minute` at a time, after those of this kind that wait already.

    What would not be due within `within` seconds is not requested. A job that waits is not moved; one that is running
    runs again.
    """
    now, rows = time(), list[dict[str, Any]]()
    position = _next_position(connection, kind, now, per_minute)
    for channel, key in keys:
        delay = (position + len(rows)) // per_minute * 60.0
        if delay >= within:
            break
        next_try = now + delay if delay else 0.0
        rows.append({"kind": kind, "channel": channel, "key": key, "created": now, "next_try": next_try})
    if rows:
        again = {"revision": job.c.revision + 1}
        new = upsert(job).on_conflict_do_update(
            index_elements=["kind", "channel", "key"], set_=again, where=job.c.state == JobState.RUNNING
        )
        connection.execute(new, rows)


def _next_position(connection: Connection, kind: JobKind, now: float, per_minute: int) -> int:
    """Return the position of a new job if jobs 0 to per_minute - 1 are due now, the next in a minute, and so on."""
    waiting = (job.c.kind == kind) & (job.c.state == JobState.WAITING)
    last = connection.scalar(select(func.max(job.c.next_try)).where(waiting)) or 0.0
    minutes = max(0, ceil((last - now) / 60))
    in_last = waiting & (job.c.next_try >= last) if minutes else waiting
    count = connection.scalar(select(func.count()).select_from(job).where(in_last)) or 0
    return minutes * per_minute + count


def add(connection: Connection, kind: JobKind, channel: str, user: str, payload: Mapping[str, Any]) -> None:
    """Add a job, due now, even if there is an equal one."""
    values = {"kind": kind, "channel": channel, "user": user, "payload": dict(payload), "created": time()}
    connection.execute(insert(job).values(**values))


def postpone(connection: Connection, kind: JobKind, until: float) -> None:
    """Make no waiting job of this kind due before this time, seconds since 1970."""
    waiting = (job.c.kind == kind) & (job.c.state == JobState.WAITING) & (job.c.next_try < until)
    connection.execute(update(job).where(waiting).values(next_try=until))


def is_due(connection: Connection, kinds: Collection[JobKind]) -> bool:
    return bool(connection.scalar(_any_due(frozenset(kinds))))


@cache  # building it takes longer than running it, which happens several times a second
def _any_due(kinds: frozenset[JobKind]) -> Select[bool]:
    return select(exists().where(_due(kinds)))


def is_open(connection: Connection, kinds: Collection[JobKind], channel: str, key: str | None = None) -> bool:
    """Return whether a job of these kinds about a conversation is not done yet. `key`: only one with this key."""
    matching = job.c.kind.in_(kinds) & (job.c.channel == channel) & (job.c.state != JobState.DONE)
    if key is not None:
        matching &= job.c.key == key
    return bool(connection.scalar(select(exists().where(matching))))


def is_at_work(connection: Connection, kinds: Collection[JobKind], channels: Collection[str]) -> bool:
    """Return whether a job of these kinds about one of these conversations runs or is due. "" stands for none."""
    is_now = _due(kinds) | (job.c.kind.in_(kinds) & (job.c.state == JobState.RUNNING))
    return bool(connection.scalar(select(exists().where(is_now, is_any_of(job.c.channel, channels)))))


def next_due(connection: Connection, kinds: Collection[JobKind]) -> float | None:
    """Return when the next waiting job of these kinds is due; None: there is none."""
    due: float | None = connection.scalar(_first_due(frozenset(kinds)))
    return due


@cache
def _first_due(kinds: frozenset[JobKind]) -> Select[float]:
    waiting = job.c.kind.in_(kinds) & (job.c.state == JobState.WAITING)
    return select(func.min(job.c.next_try)).where(waiting)


def claim(connection: Connection, kinds: Collection[JobKind], rounds: RoundRobin) -> Job | None:
    """Claim the next job of these kinds: that of the person who was served longest ago."""
    people = select(job.c.user).where(_due(kinds)).group_by(job.c.user).order_by(func.min(job.c.id))
    for user in rounds.order(connection.scalars(people).all()):
        due = select(job.c.id).where(_due(kinds), job.c.user == user).order_by(job.c.next_try, job.c.id)
        changed = {"state": JobState.RUNNING, "attempts": job.c.attempts + 1}
        first = update(job).where(job.c.id == next_unlocked(due)).values(**changed).returning(*job.c)
        if (row := connection.execute(first).one_or_none()) is not None:
            rounds.serve(user)
            return job_of(row)
    return None


def finish(connection: Connection, done: Job) -> None:
    """Delete a job, unless it was requested again, or held, while it ran. A finished receipt is kept."""
    matching = (job.c.id == done.id) & (job.c.state != JobState.HELD)
    if done.kind == JobKind.RECEIPT:
        connection.execute(update(job).where(matching).values(state=JobState.DONE, payload=null()))
    elif connection.execute(delete(job).where(matching, job.c.revision == done.revision)).rowcount == 0:
        connection.execute(update(job).where(matching).values(state=JobState.WAITING, attempts=0, delays=0, next_try=0))


def retry(connection: Connection, failed: Job, delay: float, *, counted: bool) -> None:
    """Make a claimed job due again after `delay` seconds. `counted`: the failed attempt counts as a fault."""
    attempts = failed.attempts if counted else failed.attempts - 1
    changed = {"state": JobState.WAITING, "attempts": attempts, "delays": failed.delays + 1, "next_try": time() + delay}
    connection.execute(update(job).where(job.c.id == failed.id, job.c.state == JobState.RUNNING).values(**changed))


def release(connection: Connection, ids: Collection[int]) -> None:
    """Make these held jobs due."""
    held = is_any_of(job.c.id, ids) & (job.c.state == JobState.HELD)
    connection.execute(update(job).where(held).values(state=JobState.WAITING, next_try=0))


def release_claims(connection: Connection) -> None:
    """Make the jobs due again that a killed process left running. Call it once, when the bot starts."""
    connection.execute(update(job).where(job.c.state == JobState.RUNNING).values(state=JobState.WAITING))


def count(connection: Connection, kinds: Collection[JobKind], user: str | None = None) -> int:
    """Return the number of jobs of these kinds, including finished receipts. `user`: only this person's."""
    rows = select(func.count()).select_from(job).where(job.c.kind.in_(kinds))
    return connection.scalar(rows if user is None else rows.where(job.c.user == user)) or 0


def count_open(connection: Connection) -> dict[JobKind, int]:
    """Return how many jobs of every kind wait or are running. Held ones wait for something else, and are left out."""
    states = job.c.state.in_([JobState.WAITING, JobState.RUNNING])
    rows = connection.execute(select(job.c.kind, func.count()).where(states).group_by(job.c.kind))
    return dict.fromkeys(JobKind, 0) | {JobKind(row[0]): int(row[1]) for row in rows}


def _due(kinds: Collection[JobKind]) -> ColumnElement[bool]:
    now: BindParameter[float] = bindparam("now", callable_=time, unique=True)  # of the execution: statements are kept
    return job.c.kind.in_(kinds) & (job.c.state == JobState.WAITING) & (job.c.next_try <= now)


def job_of(row: Row[Any]) -> Job:
    return Job(
        row.id,
        JobKind(row.kind),
        row.channel,
        row.key or "",
        row.user,
        row.revision,
        row.attempts,
        row.delays,
        row.created,
        row.payload or {},
    )
