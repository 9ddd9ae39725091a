"""Ask Slack about single files: where they are shared, in which message, and whether they changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from time import time
from typing import Any

from sqlalchemy import Connection

from bot.db import conversations, jobs, message_states
from bot.db.jobs import JobKind
from bot.db.questions import seconds_of
from bot.inbox.limits import Limits
from bot.inbox.recording import STANDING, look_again, notify, record
from bot.intake import accept, as_new, decide, is_type_left_out
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import EDITABLE, Event, IntakeRefusal, Message, SlackFile, Unusable
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, SlackFiles, changed_ns, listings
from bot.slack.payloads import parse
from rag import (
    IntakePriority,
    NotFound,
    OperatorMustAct,
    Rag,
    Share,
    ShareState,
    SpaceListing,
    StoredShare,
    TryAgain,
    list_shares,
    put_share,
    request_fetch,
    settle_shares,
)

log = logging.getLogger("magpie")

LOOK_BACK = 24 * 3600.0
"""Seconds for which a question is answered whose event was missed."""

LONGEST_OUTAGE = 7 * LOOK_BACK
"""Seconds for which messages are read that were written while Magpie was not running."""

READS_PER_MINUTE = 10
"""Messages that are read each minute only for the words beside a file."""

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

        `channel`: where an event said that it is shared, even if no message is known there. Raise TryAgain if Slack
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
        new, unread = ({}, set()) if raw is None else self._read_new(raw, listed, known)
        with self._rag.write_transaction() as connection:
            # First what is new: a file whose only row is replaced must not count as gone in between.
            for (space, ts), found in new.items():
                thread, was_announced = listed[space].threads[ts], space == channel
                self._add_message(connection, raw or {}, space, ts, thread, found, receipts=was_announced)
            as_of = [*known, *_covered(connection, file, known, new)]
            as_of = [share for share in as_of if share.message or share.space not in unread]
            settle_shares(connection, KIND, file, listed, as_of)
            jobs.request(connection, JobKind.PURGE)
        if raw is not None:
            self._update_names(file, raw)
            self._raise_if_unsettled(file, listed)
        if unread:
            raise TryAgain(f"The messages that share {file} in {len(unread)} conversations cannot be read now.")

    def read(self, channel: str, key: str) -> None:
        """Record a message that shares a file; `key` is that of the job READ_MESSAGE."""
        ts, _, thread = key.partition(":")
        found = self._client.find_message(channel, ts, thread)
        for message in [] if found is None else self.read_message(channel, found):
            with self._rag.write_transaction() as connection:
                self._record(connection, message, receipts=_is_new(connection, message))

    def locate(self, channel: str, key: str) -> None:
        """Find the messages that share a file in a conversation; `key` is that of the job LOCATE_FILE.

        Slack is not asked if the share of the named message is known or, without a name, any message that stands.
        """
        file, _, ts = key.partition(":")
        states = ANY_STATE if ts else STANDING
        with self._rag.read_transaction() as connection:
            known = list_shares(connection, KIND, file, space=channel, message=ts or None, states=states)
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
        self._reopen(file, raw)
        if slack_file(raw).kind in EDITABLE:  # Slack gives them the same size and time after an edit
            with self._rag.write_transaction() as connection:
                request_fetch(connection, KIND, file)

    def _reopen(self, file: str, raw: Mapping[str, Any]) -> None:
        """Index a file that can be read now, such as a clip that was transcribed meanwhile."""
        known = slack_file(raw)
        is_unfinished = known.unusable is Unusable.TRANSCRIBING
        if not known.readable and not is_unfinished:
            return
        with self._rag.write_transaction() as connection:
            for share in list_shares(connection, KIND, file, states=[ShareState.REFUSED]):
                if is_unfinished:
                    look_again(connection, file, share.shared_at)
                    continue
                decided = decide(connection, as_new(share), self._limits.intake, self._limits.intake.unusable(known))
                if share.reason in set(Unusable) and decided.state is ShareState.SHARED:
                    accept(connection, share, IntakePriority.SHARED)

    def read_message(self, channel: str, raw: Mapping[str, Any]) -> list[Message]:
        """Return a message of a conversation's history as the event that Slack would have sent."""
        kind = "im" if channel.startswith("D") else "channel"
        parsed = parse({**raw, "type": "message", "channel": channel, "channel_type": kind}, self._me)
        events = map(self._name_author, parsed)
        return [event for event in events if isinstance(event, Message)]

    def record_message(self, channel: str, raw: Mapping[str, Any]) -> bool:
        """Record a message that was read from a conversation's history; its question only if it is recent.

        Return whether it is a message that shares or asks anything.
        """
        messages = self.read_message(channel, raw)
        for message in messages:
            with self._rag.write_transaction() as connection:
                # A search overlaps the one before it, and may reach back to before Magpie joined.
                joined = conversations.find(connection, channel).first_read_at
                self._record(connection, message, receipts=seconds_of(message.ts) >= joined)
        return bool(messages)

    def _record(self, connection: Connection, message: Message, *, receipts: bool) -> None:
        is_recent = seconds_of(message.ts) > time() - LOOK_BACK
        record(connection, message, replace(self._limits, questions=is_recent, receipts=receipts, listed=True))

    def _read_new(
        self, raw: Mapping[str, Any], listed: Mapping[str, SpaceListing], known: Sequence[StoredShare]
    ) -> tuple[dict[tuple[str, str], Mapping[str, Any] | None], set[str]]:
        """Return the messages that share a file and are not known, by (channel, ts); None: Slack does not show it.

        Also return the conversations where a picture's message cannot be read now. It may be a question, which is not
        indexed, so it is not among the messages.
        """
        rows = {(share.space, share.message) for share in known}
        found: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        unread: set[str] = set()
        for space, listing in listed.items():
            for ts, thread in listing.threads.items():
                if (space, ts) in rows:
                    continue
                try:
                    found[space, ts] = self._client.find_message(space, ts, thread)
                except (Refused, OperatorMustAct, TryAgain) as error:
                    log.info("A message that shares a file cannot be read now: %s", error)
                    if slack_file(raw).picture and not isinstance(error, Refused):
                        unread.add(space)
                    else:
                        found[space, ts] = None
        return found, unread

    def _add_message(
        self,
        connection: Connection,
        raw: Mapping[str, Any],
        channel: str,
        ts: str,
        thread: str,
        found: Mapping[str, Any] | None,
        *,
        receipts: bool,
    ) -> None:
        """Record a message that shares a file, with its words if it was found; else they are read later.

        `receipts`: react to it, though it may be older than the last search for missed messages.
        """
        events = [] if found is None else self.read_message(channel, found)
        file = slack_file(raw)
        for event in events:  # the history may have only the id of the file
            files = tuple(file if sent.id == file.id else sent for sent in event.files)
            self._record(connection, replace(event, files=files), receipts=receipts or _is_new(connection, event))
        if events or file.user == self._me or not file.readable:
            return
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
            state=ShareState.LEFT_OUT,
        )
        if not (file.picture and channel.startswith("D")):
            share = decide(connection, share, self._limits.intake, self._limits.intake.unusable(file))
        if not message_states.is_deleted(connection, channel, ts):  # the listing lags behind
            put_share(connection, share)
        if found is None:
            key = [(channel, f"{ts}:{thread}")]
            jobs.request_spaced(connection, JobKind.READ_MESSAGE, key, READS_PER_MINUTE)

    def _update_names(self, file: str, raw: Mapping[str, Any]) -> None:
        """Record the name, link, size and time of a file as Slack has them now."""
        known = slack_file(raw)
        if known.stub:
            return
        with self._rag.write_transaction() as connection:
            for share in list_shares(connection, KIND, file):
                if self._limits.intake.unusable(known) is not None:
                    self._refuse(connection, share, known)
                    continue
                first_named = replace(as_new(share), name=known.name)
                if not share.name and is_type_left_out(connection, first_named):
                    put_share(connection, replace(first_named, state=ShareState.REFUSED, reason=IntakeRefusal.TYPE))
                    continue
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

    def _refuse(self, connection: Connection, share: StoredShare, file: SlackFile) -> None:
        """Record that a file cannot be indexed, which the message that shared it did not say, and tell its person."""
        known = replace(as_new(share), name=file.name)
        refused = decide(connection, known, self._limits.intake, self._limits.intake.unusable(file))
        put_share(connection, refused)
        if share.shared_by and share.shared_at > time() - LOOK_BACK:
            notify(connection, refused, self._limits.intake, self._limits.intake.unusable(file))

    def _raise_if_unsettled(self, file: str, listed: Mapping[str, SpaceListing]) -> None:
        with self._rag.read_transaction() as connection:
            hidden = list_shares(connection, KIND, file, states=[ShareState.CHECKING])
        unsettled = {share.space for share in hidden if share.space in listed}
        if unsettled:
            raise TryAgain(f"Slack does not say whether {file} is still shared in {len(unsettled)} conversations.")


def _is_new(connection: Connection, message: Message) -> bool:
    """Return whether a message was written after its conversation was first read. Older ones get no reaction: there may
    be thousands. The search for missed messages may have overlooked it, for example in an old thread."""
    state, written = conversations.find(connection, message.channel), seconds_of(message.ts)
    return state.checked_until > 0 and written >= max(state.first_read_at, time() - LONGEST_OUTAGE)


def _covered(
    connection: Connection, file: str, known: Sequence[StoredShare], new: Collection[tuple[str, str]]
) -> list[StoredShare]:
    """Return the rows of new messages that Slack's answer also settles: those in spaces where nothing changed since it
    was asked."""
    before = {share.space: share.state_at for share in known if not share.message}
    rows = list_shares(connection, KIND, file, states=ANY_STATE)
    after = {share.space: share.state_at for share in rows if not share.message}
    unchanged = {space for space, _ in new if before.get(space) == after.get(space)}
    return [share for share in rows if (share.space, share.message) in new and share.space in unchanged]
