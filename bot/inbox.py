"""Store Slack's events as rows of the catalog and of the bot's tables, in the caller's transaction.

Events about one message arrive in any order, late, and more than once. Each state of a message has a revision; only the
newest counts, and a deletion is final. So the rows depend on what happened, not on the order in which it was reported.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from time import time

from sqlalchemy import Connection

from bot.answers.history import is_question_to_magpie
from bot.answers.small_talk import is_greeting, is_small_talk
from bot.db import (
    access_log,
    answer_again,
    app_questions,
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
from bot.db.questions import FOUND_AT, Cancellation
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
    Question,
    SessionStopped,
    SlackFile,
    Unusable,
)
from bot.slack.files import KIND, LINK, changed_ns
from bot.slack.message_text import resolve
from bot.slack.messages import command_texts, file_texts, settings_texts
from bot.telemetry.requests import working_on
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

_MINUTE = 60.0

_MISSED_FOR = 24 * 3600.0
"""Seconds for which a question is answered that was seen only after it was edited."""

_TRANSCRIBED_AFTER = 10.0
"""Seconds after which a clip is looked at again that had no transcript."""

_RECENT = 3600.0
"""Seconds after which a message found in the history has no priority."""

_LOCATE_AFTER = 10.0
"""Seconds after which a shared file whose message did not arrive is looked up."""

STANDING = (ShareState.SHARED, ShareState.CHECKING, ShareState.LEFT_OUT, ShareState.REFUSED)
"""States of shares whose message stands, as far as is known."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is recorded.

    - `links`: index linked web pages; `link_age`: seconds after which a page that is linked again is fetched again
    - `questions`: ask what messages ask
    - `receipts`: react to messages once their files are searchable
    - `waiting`: open questions that one person may have; 0: no limit
    - `intake`: limits on files
    - `apps`: answer other apps that mention Magpie
    - `listed`: messages were read from a conversation's history, which does not restore what a person removed
    - `since`: when Magpie began to listen, in seconds since 1970; other events of that time may have been lost
    """

    links: bool = False
    listed: bool = False
    questions: bool = True
    receipts: bool = True
    waiting: int = 0
    intake: IntakeRules = field(default_factory=IntakeRules)
    link_age: float = 24 * 3600.0
    apps: bool = False
    since: float = 0.0


def record(connection: Connection, event: Event, limits: Limits = Limits()) -> None:
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
    asked = _question_of(connection, message)
    if asked is not None and not (_is_known(connection, asked) or _is_new(message)):
        asked = None
    if (
        asked is not None
        and not message.addressed
        and not (_is_known(connection, asked) or _may_ask(connection, asked))
    ):
        asked = None  # a reply that is meant for others
    if not message.app:
        _record_files(connection, message, limits, is_question=asked is not None)
        if limits.links:
            _record_links(connection, message, limits)
    if age is Age.NEW and _was_edited(message):
        jobs.request(connection, JobKind.PURGE)  # text that was stored before may show the former words
    if _is_thanks(message) and not channel_settings.find(connection, message.channel).quiet:
        jobs.request(connection, JobKind.THANK, message.channel, message.ts)
    if asked is None and age is Age.NEW and message.complete:
        questions.cancel_question(connection, message.channel, message.ts, Cancellation.DELETED)
    if asked is not None and limits.questions:
        _record_question(connection, message, asked, limits, is_whole=age is Age.NEW and message.complete)


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
    if recorded is ShareState.REFUSED and time() - written < _MISSED_FOR and not is_said_in_reply:
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
    if age < _MISSED_FOR:
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
        if recorded is ShareState.REFUSED and time() - questions.seconds_of(message.ts) < _MISSED_FOR:
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


# ---------------------------------------------------------------- the question in a message


def _question_of(connection: Connection, message: Message) -> Question | None:
    """Return the question that a message asks Magpie; None if it asks none."""
    has_picture = any(file.picture or file.stub for file in message.files)
    has_content = bool(message.text or has_picture or message.forwarded or message.references)
    if message.addressed:
        if not has_content and any(_can_be_indexed(file) for file in message.files):  # documents for the index
            return None
        if _is_thanks(message):
            return None
    elif not _is_follow_up(connection, message, pictures=has_picture):
        return None
    return Question(
        message.channel,
        message.ts,
        message.thread or message.ts,
        message.app or message.user,
        message.text,
        tuple(file.id for file in message.files),
        about={"app": message.app} if message.app else {},
        references=(*message.forwarded, *message.references),
    )


def _can_be_indexed(file: SlackFile) -> bool:
    return file.unusable in (None, Unusable.TRANSCRIBING)


def _is_thanks(message: Message) -> bool:
    """Return whether a message only thanks Magpie or says goodbye. A greeting is answered."""
    has_more = message.forwarded or message.references or any(file.picture or file.stub for file in message.files)
    is_said = message.addressed and not message.app and not has_more
    return is_said and is_small_talk(message.text) and not is_greeting(message.text)


def _is_follow_up(connection: Connection, message: Message, *, pictures: bool) -> bool:
    """Return whether a reply without a mention asks Magpie something, in a thread where it answered."""
    channel, thread, ts = message.channel, message.thread, message.ts
    if message.app or not thread or not questions.is_answered(connection, channel, thread, ts):
        return False
    own = questions.has_asked(connection, channel, thread, message.user, ts)
    return is_question_to_magpie(message.text, own=own, others=message.mentions_others, pictures=pictures)


def _record_question(
    connection: Connection, message: Message, asked: Question, limits: Limits, *, is_whole: bool
) -> None:
    """Ask a question, or change the one that the message asked before.

    `is_whole`: this is a new state of the message with all its files; what it lacks was taken out.
    """
    if not _is_known(connection, asked):
        _ask_first(connection, message, asked, limits)
        return
    is_on_time = not limits.listed and questions.seconds_of(message.ts) >= limits.since
    if is_on_time and not _was_edited(message):
        questions.drop_found_at(connection, asked)  # a sweep was faster than the event, and nothing was missed
    if message.revision > questions.seconds_of(message.ts):
        questions.put_edit(connection, asked, message.revision)
        access_log.update_question_text(connection, asked.channel, asked.ts, asked.text)
    if is_whole:
        questions.drop_files(connection, asked)
    questions.add_files(connection, asked)


def _ask_first(connection: Connection, message: Message, asked: Question, limits: Limits) -> None:
    """Record a new question. Other apps get no two replies in a row; each is refused once, unless they are answered."""
    if not _may_ask(connection, asked):
        _refuse_asker(connection, message, asked)
        return
    if limits.listed or questions.seconds_of(asked.ts) < limits.since:  # it waits for the files that are found with it
        asked = replace(asked, about={**asked.about, FOUND_AT: time()})
    if not message.app:
        _ask(connection, asked, limits)
    elif not app_questions.follows_app(connection, asked):
        if limits.apps:
            _ask(connection, asked, limits)
        elif not app_questions.was_app_refused(connection, asked.channel, message.app):
            questions.put_question(connection, replace(asked, kind=questions.REFUSED_APP))


def _may_ask(connection: Connection, asked: Question) -> bool:
    return channel_settings.find(connection, asked.channel).may_ask(asked.user)


def _refuse_asker(connection: Connection, message: Message, asked: Question) -> None:
    """Tell a person that they may not ask here. A reply that does not mention Magpie may be meant for others."""
    if not message.addressed or not questions.put_barred_question(connection, asked):
        return
    with working_on(asked.channel, asked.ts):
        log.info("A question was refused: the settings of its channel do not let this person ask.")
    if not message.app:
        request = EphemeralRequest(JobKind.SAY, asked.channel, asked.user, settings_texts.MAY_NOT_ASK, message.thread)
        ephemeral_messages.say_once(connection, request)


def _is_known(connection: Connection, asked: Question) -> bool:
    return questions.find_question(connection, asked.channel, asked.ts) is not None


def _is_new(message: Message) -> bool:
    """Return whether a message asks its question now: it was not edited, or the edit is what made it a question."""
    is_recent = time() - questions.seconds_of(message.ts) < _MISSED_FOR
    return not _was_edited(message) or message.mention_added or (message.addressed and is_recent)


def _was_edited(message: Message) -> bool:
    return message.revision > questions.seconds_of(message.ts)


def _ask(connection: Connection, asked: Question, limits: Limits) -> None:
    """Record a question. Beyond the limit it is refused; the asker is notified at most once a minute."""
    notified = questions.was_refused_recently(connection, asked.user, _MINUTE)
    accepted = questions.put_question(connection, asked, limits.waiting)
    with working_on(asked.channel, asked.ts):
        log.info("A question was recorded." if accepted else "A question was refused: its asker has too many waiting.")
    if not accepted and not notified:
        text = command_texts.too_many_waiting(limits.waiting)
        notice = EphemeralRequest(JobKind.SAY, asked.channel, asked.user, text, asked.thread)
        ephemeral_messages.say_once(connection, notice)
