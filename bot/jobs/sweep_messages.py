"""Find messages whose event was missed: questions, files, links, edits and deletions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from bot.db import conversations, questions
from bot.db.questions import seconds_of
from bot.inbox.recording import record
from bot.jobs.file_checks import LONGEST_OUTAGE, LOOK_BACK, FileChecks
from bot.jobs.sweep_plan import is_complete_due
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import MessageDeleted
from rag import OperatorMustAct, Rag, TryAgain, list_shares

log = logging.getLogger("magpie")

_OVERLAP = 600.0
"""Seconds by which a search for missed messages overlaps the previous one: clocks differ, and events may be late."""

_OLDER_THREADS = 20
"""Older threads with answers that a complete sweep of a conversation looks at, the latest questions first."""

_OLDER_FOR = 30 * 24 * 3600.0
"""Seconds since its last question for which an older thread is looked at."""

_RESUME = 24 * 3600.0
"""Seconds for which a reading that a rate limit interrupted is continued."""


@dataclass(slots=True)
class _Reading:
    """Messages being read, newest first. `since`: what was written or edited later may have been missed. `oldest`:
    where reading ends. `shared`: (message, thread) of the shares that were known when it began."""

    started: float
    since: float
    oldest: float
    is_complete: bool
    shared: set[tuple[str, str]]
    reached: str = ""
    threads: list[str] | None = None
    replies_from: str = ""
    messages: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class MessageSweep:
    """Handler of the job SWEEP_MESSAGES. One thread may call it at a time."""

    def __init__(self, client: SlackClient, rag: Rag, checks: FileChecks, clock: Callable[[], float] = time) -> None:
        self._client = client
        self._rag = rag
        self._checks = checks
        self._clock = clock
        self._unfinished: dict[str, _Reading] = {}

    def sweep(self, channel: str) -> None:
        """Record what was missed, oldest first. Recording a known message again changes nothing.

        A reading that a rate limit interrupts is continued by the next call.
        """
        reading = self._begin(channel)
        try:
            self._read(channel, reading)
            self._record(channel, reading)
        except (TryAgain, OperatorMustAct):
            self._unfinished[channel] = reading  # the next call continues it
            raise
        except Refused as error:
            log.info("Skipping the sweep of the messages of %s: %s", channel, error)
        else:
            self._finish(channel, reading)

    def _begin(self, channel: str) -> _Reading:
        now = self._clock()
        unfinished = self._unfinished.pop(channel, None)
        if unfinished is not None and now - unfinished.started < _RESUME:
            return unfinished
        with self._rag.read_transaction() as connection:
            state = conversations.find(connection, channel)
            shares = list_shares(connection, space=channel)
        # A channel that was never searched has no questions from before Magpie joined; a direct message may have.
        never = 0.0 if channel.startswith("D") else now
        since = state.checked_until - _OVERLAP if state.checked_until else never
        oldest = max(min(since, now - LOOK_BACK), now - LONGEST_OUTAGE)
        known = {(share.message, share.thread) for share in shares if share.message}
        is_complete = is_complete_due(state, state.reviewed_at, now)
        return _Reading(now, max(since, oldest), oldest, is_complete, known)

    # ------------------------------------------------------------ reading

    def _read(self, channel: str, reading: _Reading) -> None:
        if reading.threads is None:
            latest = reading.reached or None
            for message in self._client.list_history(channel, oldest=f"{reading.oldest:.6f}", latest=latest):
                reading.messages[message["ts"]] = message
                reading.reached = message["ts"]
            reading.threads = [*self._threads_with_news(reading), *self._older_threads(channel, reading)]
        while reading.threads:
            self._read_thread(channel, reading.threads[0], reading)
            reading.threads.pop(0)
            reading.replies_from = ""

    def _read_thread(self, channel: str, thread: str, reading: _Reading) -> None:
        """Read the news of one thread. One that cannot be read is skipped."""
        oldest = reading.replies_from or f"{reading.since:.6f}"
        try:
            for reply in self._client.list_replies(channel, thread, oldest=oldest):
                if reply["ts"] != thread:
                    reading.messages[reply["ts"]] = reply
                    reading.replies_from = reply["ts"]
        except Refused as error:
            log.info("Skipping a thread of %s: %s", channel, error)

    @staticmethod
    def _threads_with_news(reading: _Reading) -> list[str]:
        roots = reading.messages.values()
        return [root["ts"] for root in roots if float(root.get("latest_reply") or 0) >= reading.since]

    def _older_threads(self, channel: str, reading: _Reading) -> list[str]:
        """Return threads with answers that began before the messages that were read. Only a complete sweep reads
        them: each costs a call."""
        if not reading.is_complete:
            return []
        with self._rag.read_transaction() as connection:
            asked = questions.answered_threads(connection, channel, reading.started - _OLDER_FOR)
        return [ts for ts in asked if seconds_of(ts) < reading.oldest][:_OLDER_THREADS]

    # ------------------------------------------------------------ recording

    def _record(self, channel: str, reading: _Reading) -> None:
        for ts in sorted(reading.messages, key=float):
            message = reading.messages[ts]
            if max(float(ts), _edited_at(message)) >= reading.since:
                self._checks.record_message(channel, message)
        for ts in self._deleted(channel, reading):
            with self._rag.write_transaction() as connection:
                record(connection, MessageDeleted(channel, ts, reading.started))

    def _deleted(self, channel: str, reading: _Reading) -> Iterator[str]:
        """Yield the messages that shared something when reading began and do not exist any more.

        Replies are checked by complete sweeps only: each costs a call.
        """
        for ts, thread in sorted(reading.shared):
            if not reading.oldest <= seconds_of(ts) < reading.started:
                continue
            read = reading.messages.get(ts)
            if read is not None:
                if read.get("subtype") == "tombstone":
                    yield ts
            elif (not thread or reading.is_complete) and self._is_deleted(channel, ts, thread):
                yield ts

    def _is_deleted(self, channel: str, ts: str, thread: str) -> bool:
        try:
            return self._client.find_message(channel, ts, thread) is None and (
                bool(thread) or not self._is_reply(channel, ts)
            )
        except Refused as error:
            if error.code == "thread_not_found":  # its root and all replies are gone
                return True
            log.info("A message of %s cannot be looked up: %s", channel, error)
            return False

    def _is_reply(self, channel: str, ts: str) -> bool:
        """Return whether a message is a reply: shares of earlier versions do not name its thread."""
        try:
            return any(reply["ts"] == ts for reply in self._client.list_replies(channel, ts, oldest=ts, latest=ts))
        except Refused as error:
            if error.code == "thread_not_found":
                return False
            raise

    def _finish(self, channel: str, reading: _Reading) -> None:
        times = {"checked_until": reading.started}
        with self._rag.read_transaction() as connection:
            is_first = not conversations.find(connection, channel).checked_until
        if is_first and not channel.startswith("D"):
            times["first_read_at"] = reading.started
        if reading.is_complete:
            times["reviewed_at"] = reading.started
        newest = max((float(_newest_of(message)) for message in reading.messages.values()), default=0.0)
        with self._rag.write_transaction() as connection:
            conversations.put(connection, channel, active_at=newest, **times)


def _edited_at(message: Mapping[str, Any]) -> float:
    edited = message.get("edited")
    return float(edited.get("ts") or 0) if isinstance(edited, Mapping) else 0.0


def _newest_of(message: Mapping[str, Any]) -> str:
    return str(message.get("latest_reply") or message["ts"])
