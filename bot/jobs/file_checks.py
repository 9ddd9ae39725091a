"""Ask Slack about single files: where they are shared, in which message, and whether they changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import time
from typing import Any

from bot.db import jobs, message_states
from bot.db.jobs import JobKind
from bot.db.questions import seconds_of
from bot.inbox import Limits, record
from bot.slack.client import Refused, SlackClient
from bot.slack.events import EDITABLE, Event, Message, SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, SlackFiles, changed_ns, listings
from bot.slack.payloads import parse
from rag import (
    NotFound,
    Rag,
    Share,
    ShareState,
    SpaceListing,
    TryAgain,
    list_shares,
    put_share,
    request_fetch,
    settle_shares,
)

log = logging.getLogger("magpie")

LOOK_BACK = 24 * 3600.0
"""Seconds for which a question is answered whose event was missed."""

ANY_STATE = tuple(ShareState)


class FileChecks:
    """Handlers of the jobs about one file."""

    def __init__(
        self,
        client: SlackClient,
        rag: Rag,
        files: SlackFiles,
        me: str,
        limits: Limits,
        name_author: Callable[[Event], Event] = lambda event: event,
    ) -> None:
        """`name_author`: see `Access.name_author`."""
        self._name_author = name_author
        self._client = client
        self._rag = rag
        self._files = files
        self._me = me
        self._limits = limits

    def check(self, file: str, channel: str = "") -> None:
        """Settle the shares of a file that wait for it, and add messages that share it and are not known.

        `channel`: where it is shared according to Slack, even if no message is known there. Raise TryAgain if Slack
        does not say whether a hidden share still stands; it stays hidden then.
        """
        with self._rag.read_transaction() as connection:
            known = list_shares(connection, KIND, file, states=ANY_STATE)
        spaces = {share.space for share in known if share.space} | ({channel} if channel else set())
        try:
            raw = self._files.info(file)
        except NotFound:
            raw = None
        gone = SpaceListing({}, is_complete=True, is_there=False)
        listed = dict.fromkeys(spaces, gone) if raw is None else listings(raw, spaces)
        with self._rag.write_transaction() as connection:
            new = settle_shares(connection, KIND, file, listed, known)
            jobs.request(connection, JobKind.PURGE)
        if raw is None:
            return
        self._update_names(file, raw)
        for space, messages in new.items():
            for ts in messages:
                self._add_message(raw, space, ts, listed[space].threads[ts])
        self._raise_if_unsettled(file, listed)

    def locate(self, channel: str, file: str) -> None:
        """Find the message that shares a file in a conversation, unless its event arrived."""
        with self._rag.read_transaction() as connection:
            known = list_shares(connection, KIND, file, space=channel, states=ANY_STATE)
        if not any(share.message for share in known):
            self.check(file, channel)

    def refetch(self, file: str) -> None:
        """Fetch a file again because it changed. Its hash decides whether it is read again."""
        try:
            raw = self._files.info(file)
        except NotFound:
            self.check(file)
            return
        self._update_names(file, raw)
        if slack_file(raw).kind in EDITABLE:  # Slack gives them the same size and time after an edit
            with self._rag.write_transaction() as connection:
                request_fetch(connection, KIND, file)

    def read_message(self, channel: str, raw: Mapping[str, Any]) -> list[Message]:
        """Return a message of a conversation's history as the event that Slack would have sent."""
        kind = "im" if channel.startswith("D") else "channel"
        parsed = parse({**raw, "type": "message", "channel": channel, "channel_type": kind}, self._me)
        events = map(self._name_author, parsed)
        return [event for event in events if isinstance(event, Message)]

    def record_message(self, channel: str, raw: Mapping[str, Any], known: SlackFile | None = None) -> bool:
        """Record a message that was read from a conversation's history; its question only if it is recent.

        `known`: one of its files, as files.info shows it; the history may have its id only. Return whether it is a
        message that shares or asks anything.
        """
        messages = self.read_message(channel, raw)
        for message in messages:
            if known is not None:
                files = tuple(known if file.id == known.id else file for file in message.files)
                message = replace(message, files=files)
            is_recent = seconds_of(message.ts) > time() - LOOK_BACK
            with self._rag.write_transaction() as connection:
                record(connection, message, replace(self._limits, questions=is_recent, listed=True))
        return bool(messages)

    def _add_message(self, raw: Mapping[str, Any], channel: str, ts: str, thread: str) -> None:
        """Record a message that shares a file and was not known, with its words if Slack shows them."""
        try:
            found = self._client.find_message(channel, ts, thread)
        except Refused as error:
            log.info("A message that shares a file cannot be read: %s", error)
            found = None
        file = slack_file(raw)
        if found is not None and self.record_message(channel, found, file):
            return
        if file.user == self._me or not file.readable:
            return
        state = ShareState.LEFT_OUT if file.picture and channel.startswith("D") else ShareState.SHARED
        share = Share(
            KIND,
            file.id,
            channel,
            file.name,
            file.link,
            file.user,
            file.size,
            changed_ns(file),
            listed=True,
            message=ts,
            thread=thread,
            shared_at=seconds_of(ts),
            state=state,
        )
        with self._rag.write_transaction() as connection:
            if not message_states.is_deleted(connection, channel, ts):  # the listing lags behind
                put_share(connection, share)

    def _update_names(self, file: str, raw: Mapping[str, Any]) -> None:
        """Record the name, link, size and time of a file as Slack has them now."""
        known = slack_file(raw)
        if known.stub:
            return
        with self._rag.write_transaction() as connection:
            for share in list_shares(connection, KIND, file):
                renamed = Share(
                    KIND,
                    file,
                    share.space,
                    known.name,
                    known.link,
                    None,
                    known.size,
                    changed_ns(known),
                    listed=True,
                    message=share.message,
                )
                put_share(connection, renamed)

    def _raise_if_unsettled(self, file: str, listed: Mapping[str, SpaceListing]) -> None:
        with self._rag.read_transaction() as connection:
            hidden = list_shares(connection, KIND, file, states=[ShareState.CHECKING])
        unsettled = {share.space for share in hidden if share.space in listed}
        if unsettled:
            raise TryAgain(f"Slack does not say whether {file} is still shared in {len(unsettled)} conversations.")
