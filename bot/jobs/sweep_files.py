"""Compare the files of a conversation with what Slack lists. This does not depend on reading messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from sqlalchemy import Connection

from bot.db import conversations, jobs
from bot.db.jobs import JobKind
from bot.inbox.limits import Limits
from bot.intake import decide
from bot.jobs.file_checks import ANY_STATE
from bot.jobs.sweep_plan import is_complete_due
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, changed_ns
from rag import OperatorMustAct, Rag, Share, ShareState, TryAgain, list_shares, put_share, shared_in

log = logging.getLogger("magpie")

CHECKS_PER_MINUTE = 50
"""Files that are looked up each minute because a list lacks them. Slack allows 100 calls of files.info."""

_OVERLAP = 3600.0
"""Seconds by which a list overlaps the previous one: lists lag behind, and files are shared after their creation."""

_LOCATE_AFTER = 60.0
"""Seconds after which the message of a new file is looked up, which has the words beside it and gets the receipt."""

_RESUME = 3600.0
"""Seconds for which a list that a rate limit interrupted is continued."""


@dataclass(slots=True)
class _Listing:
    """A list being read. `since`: files created after this time are listed; 0: all of them."""

    started: float
    since: float
    page: int = 1
    seen: set[str] = field(default_factory=set)
    newest: float = 0.0


class FileSweep:
    """Handler of the job SWEEP_FILES. One thread may call it at a time."""

    def __init__(
        self, client: SlackClient, rag: Rag, me: str, limits: Limits, clock: Callable[[], float] = time
    ) -> None:
        self._client = client
        self._rag = rag
        self._me = me
        self._limits = limits
        self._clock = clock
        self._unfinished: dict[str, _Listing] = {}

    def sweep(self, channel: str) -> None:
        """Add listed files that are missing in the catalog, and have files looked up that the list should have.

        List all files when a complete sweep is due, else those created since the last sweep.
        """
        listing = self._begin(channel)
        try:
            for files in self._client.list_files(channel, since=listing.since, page=listing.page):
                listing.seen |= {str(raw.get("id")) for raw in files if raw.get("mode") != "tombstone"}
                listing.newest = max([listing.newest, *(float(raw.get("created") or 0) for raw in files)])
                if files:
                    self._add_listed(channel, files, locate=bool(listing.since))
                listing.page += 1
        except (TryAgain, OperatorMustAct):
            self._unfinished[channel] = listing  # the next call continues it
            raise
        except Refused as error:
            log.info("Skipping the sweep of the files of %s: %s", channel, error)
            if error.code == "channel_not_found":
                with self._rag.write_transaction() as connection:
                    jobs.request(connection, JobKind.CONFIRM_CHANNEL, channel)
        else:
            self._finish(channel, listing)

    def _begin(self, channel: str) -> _Listing:
        """Return a new list, or the one that a rate limit interrupted."""
        now = self._clock()
        unfinished = self._unfinished.pop(channel, None)
        if unfinished is not None and now - unfinished.started < _RESUME:
            return unfinished
        with self._rag.read_transaction() as connection:
            state = conversations.find(connection, channel)
        is_complete = not state.files_until or is_complete_due(state, state.reconciled_at, now)
        return _Listing(now, 0.0 if is_complete else state.files_until - _OVERLAP)

    def _finish(self, channel: str, listing: _Listing) -> None:
        """Have files looked up whose shares may have ended or whose messages are not known; record the sweep."""
        times = {"files_until": listing.started}
        with self._rag.write_transaction() as connection:
            for share in list_shares(connection, KIND, space=channel, states=[ShareState.CHECKING]):
                jobs.request(connection, JobKind.CHECK_FILE, key=share.ref)
            if not listing.since:
                times["reconciled_at"] = listing.started
                unlisted = set(shared_in(connection, KIND, channel)) - listing.seen
                unlocated = {share.ref for share in list_shares(connection, KIND, space=channel, message="")}
                for refs in (unlisted, unlocated - unlisted):  # what may be withdrawn goes first
                    keys = [("", ref) for ref in sorted(refs)]
                    jobs.request_spaced(connection, JobKind.CHECK_FILE, keys, CHECKS_PER_MINUTE)
            conversations.put(connection, channel, active_at=listing.newest, **times)

    def _add_listed(self, channel: str, files: list[Mapping[str, Any]], *, locate: bool) -> None:
        """Add the files of one page of a list that are not known in the conversation, without their messages.

        `locate`: look up each message a little later, unless the search for missed messages finds it.
        A picture in a direct message is a question and is not added.
        """
        with self._rag.write_transaction() as connection:
            shares = list_shares(connection, KIND, space=channel, states=ANY_STATE)
            known = {share.ref for share in shares}
            departed = {share.ref for share in shares if share.state is ShareState.DEPARTED}
            shared = {share.ref for share in shares if share.is_live}
            for raw in files:
                file = slack_file(raw)
                from_bot = file.user == self._me or raw.get("bot_id")
                if from_bot or not file.readable or (file.picture and channel.startswith("D")):
                    continue
                if file.id in departed and file.id not in shared:  # another message may share it
                    jobs.request(connection, JobKind.LOCATE_FILE, channel, file.id)
                elif file.id not in known:
                    self._add_file(connection, channel, file)
                    if locate:  # a complete sweep looks up all that are missing
                        jobs.request(connection, JobKind.LOCATE_FILE, channel, file.id, delay=_LOCATE_AFTER)

    def _add_file(self, connection: Connection, channel: str, file: SlackFile) -> None:
        at = float(file.created or 0)
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
        )
        put_share(connection, decide(connection, found, self._limits.intake, self._limits.intake.unusable(file)))
