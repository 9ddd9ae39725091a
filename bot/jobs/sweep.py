"""What events missed: every channel's files, listed page by page and compared with the catalog; unheard questions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from bot.access.directory import conversation
from bot.db import tables
from bot.inbox import has_room, leave, record
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
    is_shared,
    put_share,
    settle_share,
    shared_in,
    spaces_of,
    withheld,
    withheld_in,
)

log = logging.getLogger("magpie")

_LOOK_BACK = 24 * 3600.0
_OVERLAP = 600.0
"""Seconds that one look reaches back behind the one before: clocks differ, and events are late."""


class Sweep:
    """Reconciles the catalog with what Slack lists. One thread calls it."""

    def __init__(
        self, client: SlackClient, rag: Rag, files: SlackFiles, me: str, waiting: int = 0, most_files: int = 0
    ) -> None:
        """`waiting`: the most questions of one person that may wait, `most_files`: of their files; 0: no limit."""
        self._waiting, self._most_files = waiting, most_files
        self._client = client
        self._rag = rag
        self._files = files
        self._me = me

    def plan(self) -> None:
        """Ask for a look at every channel Magpie is in, and leave those that it is in no longer."""
        here = {one.id for one in map(conversation, self._client.list_conversations()) if not one.deserted}
        with self._rag.writing() as connection:
            for space in {*spaces_of(connection, KIND), *spaces_of(connection, LINK)} - here:
                leave(connection, space)
            for channel in sorted(here):
                tables.send_errand(connection, "channel", channel)

    def channel(self, channel: str) -> None:
        """Take in what is listed and not known, page by page; take away what is known and shared no more.

        A file that the listing lacks is looked up before it goes: a listing lags behind, and hides old files.
        """
        listed = set()
        try:
            for files in self._client.list_files(channel):
                listed |= {str(raw.get("id")) for raw in files if raw.get("mode") != "tombstone"}
                self._take_in(channel, files)
            self._unheard(channel)
        except Refused as error:
            log.info("The files of %s are out of reach: %s", channel, error)
            if error.code == "channel_not_found":
                with self._rag.writing() as connection:
                    leave(connection, channel)
            return
        with self._rag.writing() as connection:
            known = shared_in(connection, KIND, channel)
            for file in withheld_in(connection, KIND, channel):
                tables.send_errand(connection, "file", file)
        for file in known:
            if file not in listed and self._is_in(file, channel) is False:
                with self._rag.writing() as connection:
                    drop_share(connection, KIND, [file], channel)
                    tables.send_errand(connection, "gone", "*")

    def _unheard(self, channel: str) -> None:
        """Questions of the last day whose event never came; those that were heard are there already."""
        started = time()
        with self._rag.writing() as connection:
            since = tables.looked_until(connection, channel)
        # Before Magpie came nobody asked it in a channel; in a direct message somebody may have.
        since = (0.0 if channel.startswith("D") else started) if since is None else since - _OVERLAP
        kind = "im" if channel.startswith("D") else "channel"
        for message in self._said(channel, max(since, started - _LOOK_BACK), started - _LOOK_BACK):
            event = {**message, "type": "message", "channel": channel, "channel_type": kind}
            asked = [one for one in parse(event, self._me) if isinstance(one, Question | FollowUp | Queried)]
            if asked:
                with self._rag.writing() as connection:
                    for happening in asked:
                        record(connection, happening, waiting=self._waiting)
        with self._rag.writing() as connection:
            tables.looked(connection, channel, started)

    def _said(self, channel: str, since: float, parents_since: float) -> Iterator[Mapping[str, Any]]:
        """Messages since then, and replies since then to messages of the last day."""
        for message in self._client.list_history(channel, oldest=f"{parents_since:.6f}"):
            if float(message["ts"]) >= since:
                yield message
            if float(message.get("latest_reply") or 0) >= since:
                thread = self._client.list_replies(channel, message["ts"], oldest=f"{since:.6f}")
                yield from (reply for reply in thread if reply["ts"] != message["ts"])

    def file(self, file: str) -> None:
        """Look at a file: one whose size or time changed is fetched again, and one that is withheld somewhere is shown
        again there or goes. Raise TryAgain, and let nothing go, when Slack does not say where it is shared."""
        with self._rag.reading() as connection:
            if not is_shared(connection, KIND, file):
                return
            doubts = withheld(connection, KIND, file)
        try:
            raw = self._files.info(file)
        except NotFound:
            with self._rag.writing() as connection:
                drop_share(connection, KIND, [file])
                tables.want_no_longer(connection, file, None)
                tables.send_errand(connection, "gone", "*")
            return
        self._take_up(file, raw)
        unknown = [channel for channel, mark in doubts.items() if not self._settle(file, raw, channel, mark)]
        if unknown:
            raise TryAgain(f"Slack does not say whether {file} is still shared in {len(unknown)} conversations.")

    def _settle(self, file: str, raw: Mapping[str, Any], channel: str, mark: int) -> bool:
        """Show a withheld file again in a conversation, or take it out, as Slack says. False when it does not say."""
        with self._rag.reading() as connection:
            removed = tables.removed_from(connection, file, channel)
            query = tables.is_query(connection, file, channel)
            left = tables.departed_at(connection, file, channel)
        there = is_shared_in(raw, channel, removed)
        if there is None:
            return False
        stays = there and (not query or self._files.shows_document(raw, channel, removed))
        with self._rag.writing() as connection:
            if not settle_share(connection, KIND, file, channel, mark, there=stays):
                return True  # something happened to it meanwhile, which has sent an errand of its own
            if stays:
                tables.drop_query(connection, file, channel)
                if left is not None:
                    tables.drop_departure(connection, file, channel, left)
            else:
                if not there:
                    tables.want_no_longer(connection, file, channel)
                tables.send_errand(connection, "gone", "*")
        return True

    def _take_up(self, file: str, raw: Mapping[str, Any]) -> None:
        known = slack_file(raw)
        if known.stub:
            return
        with self._rag.writing() as connection:
            for channel in sorted(channels_of(raw)):
                if file in shared_in(connection, KIND, channel):
                    put_share(
                        connection,
                        Share(KIND, file, channel, known.name, known.link, None, known.size, changed_ns(known), True),
                    )

    def _take_in(self, channel: str, files: list[Mapping[str, Any]]) -> None:
        """One page of a listing. In a direct message a picture is a question, whoever lists it later."""
        there = self._back(channel, files)
        with self._rag.writing() as connection:
            known = set(shared_in(connection, KIND, channel))
            for raw in files:
                file = slack_file(raw)
                mine = file.user == self._me or raw.get("bot_id")
                query = file.picture and (channel.startswith("D") or tables.is_query(connection, file.id, channel))
                if file.id in known or mine or query or not file.readable:
                    continue
                if file.id in there and not tables.drop_departure(connection, file.id, channel, there[file.id]):
                    continue
                # A listing lags: what left after its last share in it has left.
                if tables.has_departed(connection, file.id, channel, shared_at(raw, channel)):
                    continue
                if not has_room(connection, file.user, self._most_files):  # the next sweep takes it
                    continue
                size, changed = file.size, changed_ns(file)
                found = Share(KIND, file.id, channel, file.name, file.link, file.user, size, changed, listed=True)
                put_share(connection, found)

    def _back(self, channel: str, files: list[Mapping[str, Any]]) -> dict[str, float]:
        """The files of a listing that left a conversation and are still shared there by another message, with the
        departure that this undoes."""
        found = {}
        with self._rag.reading() as connection:
            known = set(shared_in(connection, KIND, channel))
            left = {str(raw.get("id")): tables.departed_at(connection, str(raw.get("id")), channel) for raw in files}
        for file, at in left.items():
            if at is not None and file not in known and self._is_in(file, channel):
                found[file] = at
        return found

    def _is_in(self, file: str, channel: str) -> bool | None:
        """None when Slack does not say."""
        try:
            raw = self._files.info(file)
        except NotFound:
            return False
        except TryAgain as error:
            log.info("Slack did not say where a file is shared: %s", error)
            return None
        with self._rag.reading() as connection:
            return is_shared_in(raw, channel, tables.removed_from(connection, file, channel))
