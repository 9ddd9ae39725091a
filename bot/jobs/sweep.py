"""Sweeps make up for missed events: they compare each conversation's files with the catalog, and find questions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from sqlalchemy import Connection

from bot.access.directory import conversation
from bot.db import conversations, jobs
from bot.db.jobs import JobKind
from bot.inbox import Limits, leave
from bot.intake import decide
from bot.jobs.file_checks import ANY_STATE, LOOK_BACK, FileChecks
from bot.slack.client import Refused, SlackClient
from bot.slack.events import SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, LINK, changed_ns
from rag import Rag, Share, ShareState, list_shares, put_share, shared_in, spaces_of

log = logging.getLogger("magpie")

_OVERLAP = 600.0
"""Seconds by which a search for missed questions overlaps the previous one: clocks differ, and events may be late."""


class Sweep:
    """Reconcile the catalog with what Slack lists. One thread may call it at a time."""

    def __init__(self, client: SlackClient, rag: Rag, checks: FileChecks, me: str, limits: Limits) -> None:
        self._client = client
        self._rag = rag
        self._checks = checks
        self._me = me
        self._limits = limits

    def plan(self) -> None:
        """Request a sweep of every conversation that Magpie is in, drop the others, and request a purge."""
        here = {found.id for found in map(conversation, self._client.list_conversations()) if not found.deserted}
        with self._rag.write_transaction() as connection:
            for space in {*spaces_of(connection, KIND), *spaces_of(connection, LINK)} - here:
                leave(connection, space)
            for channel in sorted(here):
                jobs.request(connection, JobKind.SWEEP_CHANNEL, channel)
            jobs.request(connection, JobKind.PURGE)

    def channel(self, channel: str) -> None:
        """Sweep one conversation: add listed files that are missing in the catalog, check files that are not listed.

        Listings lag behind and hide old files, so a file that is not listed is looked up before it is dropped.
        """
        listed: set[str] = set()
        try:
            for files in self._client.list_files(channel):
                listed |= {str(raw.get("id")) for raw in files if raw.get("mode") != "tombstone"}
                self._add_listed(channel, files)
            self._find_missed(channel)
        except Refused as error:
            log.info("Skipping the sweep of %s: %s", channel, error)
            if error.code == "channel_not_found":
                with self._rag.write_transaction() as connection:
                    leave(connection, channel)
            return
        with self._rag.write_transaction() as connection:
            known = shared_in(connection, KIND, channel)
            hidden = list_shares(connection, KIND, space=channel, states=[ShareState.CHECKING])
            for file in {*(set(known) - listed), *(share.ref for share in hidden)}:
                jobs.request(connection, JobKind.CHECK_FILE, key=file)

    def _find_missed(self, channel: str) -> None:
        """Record messages of the last day whose event was missed. Recording a known message changes nothing."""
        started = time()
        with self._rag.write_transaction() as connection:
            since = conversations.checked_until(connection, channel)
        # A channel that was never searched has no questions from before Magpie joined; a direct message may have.
        since = (0.0 if channel.startswith("D") else started) if since is None else since - _OVERLAP
        for message in self._messages(channel, max(since, started - LOOK_BACK), started - LOOK_BACK):
            self._checks.record_message(channel, message)
        with self._rag.write_transaction() as connection:
            conversations.set_checked_until(connection, channel, started)

    def _messages(self, channel: str, since: float, parents_since: float) -> Iterator[Mapping[str, Any]]:
        """Yield messages written after `since`, and replies written after `since` to messages after `parents_since`."""
        for message in self._client.list_history(channel, oldest=f"{parents_since:.6f}"):
            if float(message["ts"]) >= since:
                yield message
            if float(message.get("latest_reply") or 0) >= since:
                thread = self._client.list_replies(channel, message["ts"], oldest=f"{since:.6f}")
                yield from (reply for reply in thread if reply["ts"] != message["ts"])

    def _add_listed(self, channel: str, files: list[Mapping[str, Any]]) -> None:
        """Add the files of one page of a listing that are not known in the conversation, without their messages.

        A picture in a direct message is a question and is not added.
        """
        with self._rag.write_transaction() as connection:
            known = {share.ref for share in list_shares(connection, KIND, space=channel, states=ANY_STATE)}
            departed = {
                share.ref for share in list_shares(connection, KIND, space=channel, states=[ShareState.DEPARTED])
            }
            shared = set(shared_in(connection, KIND, channel))
            for raw in files:
                file = slack_file(raw)
                from_bot = file.user == self._me or raw.get("bot_id")
                if from_bot or not file.readable or (file.picture and channel.startswith("D")):
                    continue
                if file.id in departed and file.id not in shared:  # another message may share it
                    jobs.request(connection, JobKind.LOCATE_FILE, channel, file.id)
                elif file.id not in known:
                    self._add_file(connection, channel, file)

    def _add_file(self, connection: Connection, channel: str, file: SlackFile) -> None:
        at = float(file.created or 0)
        state, reason = decide(connection, channel, file.user, file, at, self._limits.intake)
        found = Share(
            KIND,
            file.id,
            channel,
            file.name,
            file.link,
            file.user,
            file.size,
            changed_ns(file),
            listed=True,
            shared_at=at,
            state=state,
            reason=reason,
        )
        put_share(connection, found)
