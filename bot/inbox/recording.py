"""Store Slack's events as rows of the catalog and of the bot's tables, in the caller's transaction.

Events about one message arrive in any order, late, and more than once. Each state of a message has a revision; only the
newest counts, and a deletion is final. So the rows depend on what happened, not on the order in which it was reported.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from time import time

from sqlalchemy import Connection

from bot.db import (
    answer_again,
    channel_settings,
    conversations,
    ephemeral_messages,
    evidence,
    jobs,
    message_states,
    notices,
    questions,
    receipts,
    viewed_channels,
)
from bot.db.channel_ids import move_channel
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import JobKind
from bot.db.message_states import Age
from bot.db.questions import Cancellation
from bot.inbox.asked import is_thanks, question_of, record_question, was_edited
from bot.inbox.limits import EVERYTHING, MISSED_FOR, Limits
from bot.intake import IntakeRules, decide
from bot.slack.events import (
    ChannelViewed,
    Event,
    FileChanged,
    FileDeleted,
    FileShared,
    FileUnshared,
    HomeOpened,
    IntakeRefusal,
    Joined,
    Left,
    Message,
    MessageDeleted,
    Moved,
    PersonChanged,
    SessionStopped,
    SlackFile,
    Unusable,
)
from bot.slack.files import KIND, LINK, changed_ns
from bot.slack.message_text import resolve
from bot.slack.messages import command_texts, file_texts
from rag import (
    IntakePriority,
    Share,
    ShareState,
    SpaceListing,
    check_space,
    delete_source,
    end_message,
    leave_space,
    list_shares,
    put_share,
    refresh_source,
    settle_shares,
)

log = logging.getLogger("magpie")

_TRANSCRIBED_AFTER = 10.0
"""Seconds after which a clip is looked at again that had no transcript."""

_RECENT = 3600.0
"""Seconds after which a message found in the history has no priority."""

_LOCATE_AFTER = 10.0
"""Seconds after which a shared file whose message did not arrive is looked up."""

STANDING = (ShareState.SHARED, ShareState.CHECKING, ShareState.LEFT_OUT, ShareState.REFUSED)
"""States of shares whose message stands, as far as is known."""


def record(connection: Connection, event: Event, limits: Limits = EVERYTHING) -> None:
    """Record one event. Recording it again changes nothing."""
    match event:
        case Message():
            _record_message(connection, event, limits)
        case MessageDeleted(channel, ts, _, files):
            _record_deletion(connection, channel, ts, files)
        case FileShared(file, channel):
            # The message that shares it usually arrives as well, and says more.
            jobs.request(connection, JobKind.LOCATE_FILE, channel, file, delay=_LOCATE_AFTER)
        case FileUnshared(file, channel, at):
            check_space(connection, KIND, file, channel, at or time())
            _check(connection, file)
        case FileDeleted(file):
            delete_source(connection, KIND, file)
            jobs.request(connection, JobKind.PURGE)
        case FileChanged(file):
            jobs.request(connection, JobKind.REFETCH_FILE, key=file)
        case HomeOpened() | SessionStopped() | ChannelViewed():
            _record_use(connection, event)
        case Joined():
            _join(connection, event)
        case Left(channel):
            leave(connection, channel)
        case Moved(old, new):
            move_channel(connection, old, new)
        case PersonChanged(_, deactivated=True):
            # Their direct messages have no reader now; the sweep finds these in the list of conversations.
            jobs.request(connection, JobKind.SWEEP)


def _record_use(connection: Connection, event: HomeOpened | SessionStopped | ChannelViewed) -> None:
    """Record what a person did in Magpie's own views."""
    match event:
        case HomeOpened(user, channel):
            ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.HOME, channel, user))
        case SessionStopped(channel, thread, user):
            # Answers to others in the same thread go on: only their askers can stop them.
            for ts in questions.list_open_of(connection, channel, thread, user):
                questions.cancel_question(connection, channel, ts, Cancellation.STOPPED)
        case ChannelViewed(user, channel):
            viewed_channels.put_viewed_channel(connection, user, channel)


def _join(connection: Connection, joined: Joined) -> None:
    evidence.join_channel(connection, joined.channel)
    jobs.request(connection, JobKind.SWEEP_CHANNEL, joined.channel)
    jobs.request(connection, JobKind.READMIT)
    if joined.inviter:
        jobs.request(connection, JobKind.WELCOME, joined.channel, user=joined.inviter)


def leave(connection: Connection, channel: str) -> None:
    """Drop every share of a conversation that Magpie is no longer in."""
    for kind in (KIND, LINK):
        leave_space(connection, kind, channel)
    evidence.leave_channel(connection, channel, time())
    conversations.drop(connection, channel)
    channel_settings.drop(connection, channel)
    receipts.drop_channel(connection, channel)
    answer_again.drop_channel(connection, channel)
    jobs.request(connection, JobKind.PURGE)


# ---------------------------------------------------------------- messages


def _record_message(connection: Connection, message: Message, limits: Limits) -> None:
    age = message_states.advance(connection, message.channel, message.ts, message.revision, listed=limits.listed)
    if age is Age.OLD:
        return
    asked = question_of(connection, message)
    if not message.app:
        _record_files(connection, message, limits, is_question=asked is not None)
        if limits.links:
            _record_links(connection, message, limits)
    if age is Age.NEW and was_edited(message):
        jobs.request(connection, JobKind.PURGE)  # text that was stored before may show the former words
    if is_thanks(message) and not channel_settings.find(connection, message.channel).quiet:
        jobs.request(connection, JobKind.THANK, message.channel, message.ts)
    if asked is None and age is Age.NEW and message.complete:
        questions.cancel_question(connection, message.channel, message.ts, Cancellation.DELETED)
    if asked is not None and limits.questions:
        record_question(connection, message, asked, limits, is_whole=age is Age.NEW and message.complete)


def _record_deletion(connection: Connection, channel: str, ts: str, files: Collection[str]) -> None:
    message_states.put_deletion(connection, channel, ts)
    for share in list_shares(connection, space=channel, message=ts, states=STANDING):
        _end(connection, share.kind, share.ref, channel, ts)
    _end_unknown(connection, channel, ts, files)
    questions.cancel_question(connection, channel, ts, Cancellation.DELETED)
    answer_again.drop(connection, channel, ts)
    jobs.request(connection, JobKind.PURGE)


# ---------------------------------------------------------------- the files and links of a message


def _record_files(connection: Connection, message: Message, limits: Limits, *, is_question: bool) -> None:
    for file in message.files:
        if is_question and file.stub:
            # Only files.info says whether it is a picture, which would be part of the question.
            jobs.request(connection, JobKind.LOCATE_FILE, message.channel, f"{file.id}:{message.ts}")
        else:
            _record_file(connection, message, file, limits, is_question=is_question)
    if message.complete:
        _end_missing(connection, message, KIND, {file.id for file in message.files})
        _end_unknown(connection, message.channel, message.ts, message.removed)


def _record_file(
    connection: Connection, message: Message, file: SlackFile, limits: Limits, *, is_question: bool
) -> None:
    """Record the share of a file and, if it will be indexed, request its receipt."""
    written = questions.seconds_of(message.ts)
    share = share_of(message, file, state=ShareState.LEFT_OUT)
    if not (is_question and file.picture):
        share = decide(connection, share, limits.intake, limits.intake.unusable(file))
    if is_question:  # what is asked about a file does not describe it
        share = replace(share, words="")
    priority = _priority(written, listed=limits.listed, is_question=is_question)
    refused = list_shares(
        connection, KIND, file.id, space=message.channel, message=message.ts, states=[ShareState.REFUSED]
    )
    recorded = put_share(connection, replace(share, listed=limits.listed, priority=priority))
    if file.unusable is Unusable.TRANSCRIBING:
        look_again(connection, file.id, written)
    is_said_in_reply = is_question and file.unusable is not None
    if recorded is ShareState.REFUSED and time() - written < MISSED_FOR and not is_said_in_reply:
        notify(connection, share, limits.intake, limits.intake.unusable(file))
    if recorded is ShareState.CHECKING or (file.stub and recorded is ShareState.SHARED):
        _check(connection, file.id)  # of a file of another organization, only files.info returns the name
    # A file that a limit refused gets its receipt when it is accepted, here as by `readmit`.
    if (limits.receipts or refused) and recorded in (ShareState.SHARED, ShareState.CHECKING):
        receipts.request_receipt(connection, message.channel, message.ts, file.id, message.user)


def _priority(written: float, *, listed: bool, is_question: bool) -> IntakePriority:
    """Return how soon a file is read. One of a recent message counts as shared now, even if its event was lost."""
    if listed and time() - written > _RECENT:
        return IntakePriority.FOUND
    return IntakePriority.ASKED if is_question else IntakePriority.SHARED


def look_again(connection: Connection, file: str, shared_at: float) -> None:
    """Look at a file again that Slack is transcribing, in case that the event about its transcript is lost.

    Each pause is as long as all the time until then; after a day the file is given up.
    """
    age = time() - shared_at
    if age < MISSED_FOR:
        jobs.request(connection, JobKind.REFETCH_FILE, key=file, delay=max(_TRANSCRIBED_AFTER, age))


def notify(connection: Connection, refused: Share, rules: IntakeRules, unusable: Unusable | None = None) -> None:
    """Tell a person once why their file or link is not indexed, and what they can do about it, unless their
    conversation is quiet."""
    channel, user = refused.space, refused.shared_by or ""
    if channel_settings.find(connection, channel).quiet:
        return
    if refused.reason == IntakeRefusal.TOO_MANY_FILES:
        text = command_texts.too_many_files(rules.person_files)
        ephemeral_messages.say_once(connection, EphemeralRequest(JobKind.SAY, channel, user, text))
        return
    if refused.reason == IntakeRefusal.CHANNEL_FULL:
        text, subject = command_texts.channel_full(rules.channel_files), f"full:{channel}"
    elif unusable is not None:
        text, subject = file_texts.unusable_file(refused.name, unusable), f"unusable:{unusable.value}"
    else:
        return
    if text and user and notices.put_notice(connection, user, subject):
        notice = EphemeralRequest(JobKind.SAY, channel, user, text)
        ephemeral_messages.put_ephemeral_request(connection, notice)


def share_of(
    message: Message,
    file: SlackFile,
    *,
    state: ShareState = ShareState.SHARED,
    reason: str = "",
    requested: bool = False,
) -> Share:
    """Return the share of a file by a message."""
    return Share(
        KIND,
        file.id,
        message.channel,
        file.name,
        file.link,
        message.user,
        file.size,
        changed_ns(file),
        message=message.ts,
        thread=message.thread,
        shared_at=questions.seconds_of(message.ts),
        words=resolve(message.text, {}),
        state=state,
        reason=reason,
        requested=requested,
    )


def _record_links(connection: Connection, message: Message, limits: Limits) -> None:
    for url in message.links:
        name = url.partition("://")[2].partition("?")[0].rstrip("/")
        share = Share(
            LINK,
            url,
            message.channel,
            name,
            url,
            message.user,
            message=message.ts,
            thread=message.thread,
            shared_at=questions.seconds_of(message.ts),
            words=resolve(message.text, {}),
            listed=limits.listed,
        )
        share = decide(connection, share, limits.intake)
        recorded = put_share(connection, share)
        if recorded is ShareState.REFUSED and time() - questions.seconds_of(message.ts) < MISSED_FOR:
            notify(connection, share, limits.intake)
        if recorded is ShareState.SHARED:
            refresh_source(connection, LINK, url, questions.seconds_of(message.ts), limits.link_age)
    if message.complete:
        _end_missing(connection, message, LINK, set(message.links))


def _end_missing(connection: Connection, message: Message, kind: str, present: set[str]) -> None:
    """End the shares of sources that a message shared before and does not share now."""
    for share in list_shares(connection, kind, space=message.channel, message=message.ts, states=STANDING):
        if share.ref not in present:
            _end(connection, kind, share.ref, message.channel, message.ts)
            jobs.request(connection, JobKind.PURGE)


def _end(connection: Connection, kind: str, ref: str, channel: str, ts: str) -> None:
    """End the share of a file or link by a message. Another message that is not known may share it too."""
    if not end_message(connection, kind, ref, channel, ts):
        return
    if kind == KIND:
        _check(connection, ref)
    else:  # Slack cannot say which messages contain a link, so a message of an earlier version counts as standing
        unknown = list_shares(connection, kind, ref, space=channel, message="")
        stands = SpaceListing({}, is_complete=False, is_there=True)
        settle_shares(connection, kind, ref, {channel: stands}, unknown)


def _end_unknown(connection: Connection, channel: str, ts: str, files: Collection[str]) -> None:
    """End the shares of files that left a message, where the catalog does not know the message that shares them."""
    for file in files:
        if list_shares(connection, KIND, file, space=channel, message="") and end_message(
            connection, KIND, file, channel, ts
        ):
            _check(connection, file)


def _check(connection: Connection, file: str) -> None:
    """Ask Slack where a file is shared. Until then, shares in the state CHECKING are hidden."""
    jobs.request(connection, JobKind.CHECK_FILE, key=file)
