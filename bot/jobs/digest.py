"""Handler of the job that posts the digest of a conversation, if its settings ask for one.

A digest names only files shared in the conversation itself, which all its readers can open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from bot.db import channel_settings, jobs
from bot.db.channel_settings import DueDigest
from bot.db.jobs import Job, JobKind
from bot.slack.blocks import Block, break_links, escape, line_sections, link
from bot.slack.client import SlackClient
from bot.slack.errors import RateLimited, Refused
from bot.slack.messages import settings_texts
from rag import IndexState, OperatorMustAct, Rag, Scope, SharedFile, TryAgain, list_added_files

log = logging.getLogger("magpie")

LISTED = 20
"""Files that a digest names."""

_PATIENCE = 24 * 3600.0
"""Seconds for which files are waited for that were added, but are not read yet."""

_OPEN = (IndexState.WAITING, IndexState.READING)


class Digests:
    """Post the digests that are due.

    A file is named if it was read within a day after it was added; when it was shared does not matter, because its
    event may be lost, and a limit may refuse it at first.
    """

    def __init__(self, client: SlackClient, rag: Rag, clock: Callable[[], float]) -> None:
        self._client = client
        self._rag = rag
        self._clock = clock

    def handle(self, job: Job) -> None:
        """Post the digest of the job's conversation; without one, request that for each whose digest is due."""
        if job.channel:
            self._post(job.channel)
            return
        with self._rag.write_transaction() as connection:
            for due in channel_settings.due_digests(connection, self._clock()):
                jobs.request(connection, JobKind.DIGEST, due.channel)

    def _post(self, channel: str) -> None:
        """Post a digest. It is recorded as posted before, so that a crash repeats none."""
        now = self._clock()
        with self._rag.write_transaction() as connection:
            is_sweeping = jobs.is_at_work(connection, (JobKind.SWEEP,), ("",))
            if is_sweeping or jobs.is_open(connection, jobs.SWEEPS, channel):
                raise TryAgain("A digest waits until it is known what was deleted meanwhile.")
            due = channel_settings.find_due_digest(connection, channel, now)
            if due is None:
                return
            files = list_added_files(connection, Scope.of(channel), due.since, now)
            until = _until(files, now)
            channel_settings.put_digest(connection, due, until, now)
        named = _named([file for file in files if file.added_at < until])
        if not named:
            return
        try:
            self._client.post_message(channel, *_message(named))
        except (RateLimited, OperatorMustAct):  # Slack posted nothing
            self._take_back(due, now)
            raise
        except Refused as error:
            log.info("A digest cannot be posted: %s", error)

    def _take_back(self, due: DueDigest, now: float) -> None:
        with self._rag.write_transaction() as connection:
            channel_settings.postpone_digest(connection, due, now)


def _until(files: Sequence[SharedFile], now: float) -> float:
    """Return the time up to which all files are read or given up. The files after it are in the next digest."""
    waiting = [file.added_at for file in files if file.state in _OPEN and file.added_at > now - _PATIENCE]
    return min(waiting, default=now)


def _named(files: Sequence[SharedFile]) -> list[SharedFile]:
    """Return the files that can be found, each once, the newest first."""
    return list({(file.kind, file.ref): file for file in files if file.state is IndexState.READY}.values())


def _message(files: Sequence[SharedFile]) -> tuple[str, list[Block]]:
    """Return the text of the notification, and the blocks."""
    heading = settings_texts.digest_heading(len(files))
    lines = [f"• {link(file.link, file.name)}" for file in files[:LISTED]]
    if len(files) > LISTED:
        lines.append(settings_texts.more_in_digest(len(files) - LISTED))
    plain = [heading, *(f"• {escape(file.name)}" for file in files[:LISTED])]
    return break_links("\n".join(plain)), line_sections([f"*{heading}*", *lines])
