"""Sweeps make up for missed events: they compare each conversation's files with the catalog, and find questions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from bot.access.directory import conversation
from bot.db import conversations, file_states, jobs
from bot.db.jobs import JobKind
from bot.inbox import leave, may_queue_file, record
from bot.slack.client import Refused, SlackClient
from bot.slack.events import FollowUp, Queried, Question
from bot.slack.files import KIND, LINK, SlackFiles, changed_ns, channels_of, is_shared_in, shared_at
from bot.slack.payloads import parse, slack_file
from rag import (
    NotFound,
    Rag,
    Share,
    TryAgain,
    drop_share,
    hidden_in,
    hidden_shares,
    is_shared,
    put_share,
    settle_share,
    shared_in,
    spaces_of,
)

log = logging.getLogger("magpie")

_LOOK_BACK = 24 * 3600.0
_OVERLAP = 600.0
"""Seconds by which a search for missed questions overlaps the previous one: clocks differ, and events may be late."""


class Sweep:
    """Reconcile the catalog with what Slack lists. One thread may call it at a time."""

    def __init__(
        self, client: SlackClient, rag: Rag, files: SlackFiles, me: str, waiting: int = 0, max_files: int = 0
    ) -> None:
        """`waiting`: the number of open questions one person may have; `max_files`: the number of their files that may
        wait to be indexed; 0: no limit."""
        self._waiting, self._max_files = waiting, max_files
        self._client = client
        self._rag = rag
        self._files = files
        self._me = me

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
        """Sweep one conversation: add listed files that are missing in the catalog, drop files no longer shared.

        A file that is not listed is looked up before it is dropped, because listings lag behind and hide old files.
        """
        listed = set()
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
            for file in hidden_in(connection, KIND, channel):
                jobs.request(connection, JobKind.CHECK_FILE, key=file)
        for file in known:
            if file not in listed and self._is_in(file, channel) is False:
                with self._rag.write_transaction() as connection:
                    drop_share(connection, KIND, [file], channel)
                    jobs.request(connection, JobKind.PURGE)

    def _find_missed(self, channel: str) -> None:
        """Record questions of the last day whose event was missed. Recording a known question changes nothing."""
        started = time()
        with self._rag.write_transaction() as connection:
            since = conversations.checked_until(connection, channel)
        # A channel that was never searched has no questions from before Magpie joined; a direct message may have.
        since = (0.0 if channel.startswith("D") else started) if since is None else since - _OVERLAP
        kind = "im" if channel.startswith("D") else "channel"
        for message in self._messages(channel, max(since, started - _LOOK_BACK), started - _LOOK_BACK):
            event = {**message, "type": "message", "channel": channel, "channel_type": kind}
            parsed = [item for item in parse(event, self._me) if isinstance(item, Question | FollowUp | Queried)]
            if parsed:
                with self._rag.write_transaction() as connection:
                    for item in parsed:
                        record(connection, item, waiting=self._waiting)
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

    def file(self, file: str) -> None:
        """Check a file in Slack: update its shares, so that changed bytes are fetched again; where it is withheld,
        restore or drop it.

        Raise TryAgain, and drop nothing, if Slack does not say where it is shared.
        """
        with self._rag.read_transaction() as connection:
            if not is_shared(connection, KIND, file):
                return
            withheld = hidden_shares(connection, KIND, file)
        try:
            raw = self._files.info(file)
        except NotFound:
            with self._rag.write_transaction() as connection:
                drop_share(connection, KIND, [file])
                file_states.drop_wanted(connection, file, None)
                jobs.request(connection, JobKind.PURGE)
            return
        self._update_shares(file, raw)
        unknown = [channel for channel, mark in withheld.items() if not self._settle(file, raw, channel, mark)]
        if unknown:
            raise TryAgain(f"Slack does not say whether {file} is still shared in {len(unknown)} conversations.")

    def _settle(self, file: str, raw: Mapping[str, Any], channel: str, mark: int) -> bool:
        """Restore or drop a withheld file in a conversation. Return False if Slack does not say which."""
        with self._rag.read_transaction() as connection:
            removed = file_states.removed_from(connection, file, channel)
            query = file_states.is_query(connection, file, channel)
            departed_at = file_states.departed_at(connection, file, channel)
        is_shared = is_shared_in(raw, channel, removed)
        if is_shared is None:
            return False
        keep = is_shared and (not query or self._files.shows_document(raw, channel, removed))
        with self._rag.write_transaction() as connection:
            if not settle_share(connection, KIND, file, channel, mark, there=keep):
                return True  # it changed since, and that change requested another check
            if keep:
                file_states.drop_query(connection, file, channel)
                if departed_at is not None:
                    file_states.drop_departure(connection, file, channel, departed_at)
            else:
                if not is_shared:
                    file_states.drop_wanted(connection, file, channel)
                jobs.request(connection, JobKind.PURGE)
        return True

    def _update_shares(self, file: str, raw: Mapping[str, Any]) -> None:
        known = slack_file(raw)
        if known.stub:
            return
        with self._rag.write_transaction() as connection:
            for channel in sorted(channels_of(raw)):
                if file in shared_in(connection, KIND, channel):
                    put_share(
                        connection,
                        Share(KIND, file, channel, known.name, known.link, None, known.size, changed_ns(known), True),
                    )

    def _add_listed(self, channel: str, files: list[Mapping[str, Any]]) -> None:
        """Add the files of one page of a listing. A picture in a direct message is a question and is not added."""
        returned = self._find_returned(channel, files)
        with self._rag.write_transaction() as connection:
            known = set(shared_in(connection, KIND, channel))
            for raw in files:
                file = slack_file(raw)
                from_bot = file.user == self._me or raw.get("bot_id")
                query = file.picture and (channel.startswith("D") or file_states.is_query(connection, file.id, channel))
                if file.id in known or from_bot or query or not file.readable:
                    continue
                departed_at = returned.get(file.id)
                if departed_at is not None and not file_states.drop_departure(
                    connection, file.id, channel, departed_at
                ):
                    continue
                # The listing may be older than the departure: then the file is not shared now.
                if file_states.has_departed(connection, file.id, channel, shared_at(raw, channel)):
                    continue
                if not may_queue_file(connection, file.user, self._max_files):  # a later sweep adds it
                    continue
                size, changed = file.size, changed_ns(file)
                found = Share(KIND, file.id, channel, file.name, file.link, file.user, size, changed, listed=True)
                put_share(connection, found)

    def _find_returned(self, channel: str, files: list[Mapping[str, Any]]) -> dict[str, float]:
        """Return {file id: time of its departure} of listed files that left the conversation but are shared there by
        another message."""
        returned = {}
        with self._rag.read_transaction() as connection:
            known = set(shared_in(connection, KIND, channel))
            departures = {
                str(raw.get("id")): file_states.departed_at(connection, str(raw.get("id")), channel) for raw in files
            }
        for file, at in departures.items():
            if at is not None and file not in known and self._is_in(file, channel):
                returned[file] = at
        return returned

    def _is_in(self, file: str, channel: str) -> bool | None:
        """Return whether a file is shared in a conversation; None if Slack does not say."""
        try:
            raw = self._files.info(file)
        except NotFound:
            return False
        except TryAgain as error:
            log.info("Slack did not say where a file is shared: %s", error)
            return None
        with self._rag.read_transaction() as connection:
            return is_shared_in(raw, channel, file_states.removed_from(connection, file, channel))
