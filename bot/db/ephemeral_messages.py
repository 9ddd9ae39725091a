"""Requests to show something to one person only, stored as jobs: replies to commands and shortcuts, notices, Home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, exists, select

from bot.db import jobs
from bot.db.jobs import Job, JobKind
from bot.db.tables import job
from bot.slack.messages.answer_texts import FAILED
from bot.slack.messages.command_texts import too_many_waiting

KINDS = (
    JobKind.SAY,
    JobKind.FIND,
    JobKind.STATUS,
    JobKind.HOME,
    JobKind.SIMILAR,
    JobKind.INDEX,
    JobKind.SETTINGS,
    JobKind.SAVE,
)


@dataclass(frozen=True, slots=True)
class EphemeralRequest:
    """A request to show something to one person.

    `text` is what to say or to search for. `thread` is empty for none. `url` is Slack's response_url, for
    conversations that Magpie is not in. `about` is the message that a shortcut was used on, or the modal and what was
    submitted in it.
    """

    kind: JobKind
    channel: str
    user: str
    text: str = ""
    thread: str = ""
    url: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    at: float = field(default=0.0, compare=False)
    """When it was requested, seconds since 1970."""

    @classmethod
    def of(cls, job: Job) -> EphemeralRequest:
        return cls(job.kind, job.channel, job.user, **job.payload, at=job.created)


def put_ephemeral_request(connection: Connection, new: EphemeralRequest) -> None:
    """Record a request. Opening Home several times requests one update."""
    if new.kind == JobKind.HOME:
        jobs.request(connection, new.kind, new.channel, new.user, new.user)
        return
    payload = {"text": new.text, "thread": new.thread, "url": new.url, "about": dict(new.about)}
    jobs.add(connection, new.kind, new.channel, new.user, payload)


def put_limited(connection: Connection, new: EphemeralRequest, limit: int) -> bool:
    """Record a request. If this person has `limit` waiting (0: no limit), record one notice and return False."""
    if is_refused(connection, new, limit):
        return False
    put_ephemeral_request(connection, new)
    return True


def is_refused(connection: Connection, new: EphemeralRequest, limit: int) -> bool:
    """Return whether a person has `limit` requests waiting (0: no limit) before this one; if so, record one notice."""
    if not limit or jobs.count(connection, KINDS, new.user) < limit:
        return False
    said = EphemeralRequest(JobKind.SAY, new.channel, new.user, too_many_waiting(limit), new.thread, new.url)
    say_once(connection, said)
    return True


def put_apology(connection: Connection, failed: Job) -> None:
    """Tell a person that their request failed for good. Home shows what it last showed, and a notice is dropped."""
    request = EphemeralRequest.of(failed)
    if request.kind not in (JobKind.SAY, JobKind.HOME):
        apology = EphemeralRequest(JobKind.SAY, request.channel, request.user, FAILED, request.thread, request.url)
        put_ephemeral_request(connection, apology)


def say_once(connection: Connection, new: EphemeralRequest) -> None:
    """Record a notice, unless this person has the same one waiting."""
    same = (job.c.kind == JobKind.SAY) & (job.c.user == new.user) & (job.c.payload["text"].as_string() == new.text)
    if not connection.scalar(select(exists().where(same))):
        put_ephemeral_request(connection, new)


def count_ephemeral_requests(connection: Connection) -> int:
    return jobs.count(connection, KINDS)
