"""Store Slack's events as rows of the catalog and of the bot's tables, in the caller's transaction.

Events about one message arrive in any order, late, and more than once. Each state of a message has a revision; only the
newest counts, and a deletion is final. So the rows depend on what happened, not on the order in which it was reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import time

from sqlalchemy import Connection

from bot.answers.history import is_question_to_magpie
from bot.db import access_log, ephemeral_messages, jobs, message_states, notices, questions, receipts
from bot.db.channel_ids import move_channel
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import JobKind
from bot.db.questions import Cancellation
from bot.intake import CHANNEL_FULL, TOO_MANY_FILES, IntakeRules, decide, may_queue_file
from bot.slack import messages
from bot.slack.events import (
    Event,
    FileChanged,
    FileDeleted,
    FileShared,
    FileUnshared,
    HomeOpened,
    Joined,
    Left,
    Message,
    MessageDeleted,
    Moved,
    PersonChanged,
    Question,
    SlackFile,
    Unusable,
)
from bot.slack.files import KIND, LINK, changed_ns
from bot.slack.message_text import resolve
from rag import (
    IntakePriority,
    Share,
    ShareState,
    check_space,
    delete_source,
    end_message,
    leave_space,
    list_shares,
    put_share,
)

_MINUTE = 60.0

_MISSED_FOR = 24 * 3600.0
"""Seconds for which a question is answered that was seen only after it was edited."""

_TRANSCRIBED_AFTER = 10.0
"""Seconds after which a clip is looked at again that had no transcript."""

_RECENT = 3600.0
"""Seconds after which a message found in the history has no priority."""

_LOCATE_AFTER = 10.0
"""Seconds after which a shared file whose message did not arrive is looked up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is recorded. `links`: index linked web pages. `questions`: ask what messages ask. `waiting`: open questions
    that one person may have; 0: no limit. `intake`: limits on files. `listed`: messages were read from a conversation's
    history, which does not restore what a person removed."""

    links: bool = False
    listed: bool = False
    questions: bool = True
    waiting: int = 0
    intake: IntakeRules = field(default_factory=IntakeRules)


def record(connection: Connection, event: Event, limits: Limits = Limits()) -> None:
    """Record one event. Recording it again changes nothing."""
    match event:
        case Message():
            _record_message(connection, event, limits)
        case MessageDeleted(channel, ts):
            _record_deletion(connection, channel, ts)
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
        case HomeOpened(user, channel):
            ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.HOME, channel, user))
        case Joined():
            _join(connection, event)
        case Left(channel):
            leave(connection, channel)
        case Moved(old, new):
            move_channel(connection, old, new)
        case PersonChanged(_, deactivated=True):
            # Their direct messages have no reader now; the sweep finds these in the list of conversations.
            jobs.request(connection, JobKind.SWEEP)


def _join(connection: Connection, joined: Joined) -> None:
    jobs.request(connection, JobKind.SWEEP_CHANNEL, joined.channel)
    jobs.request(connection, JobKind.READMIT)
    if joined.inviter:
        jobs.request(connection, JobKind.WELCOME, joined.channel, user=joined.inviter)


def leave(connection: Connection, channel: str) -> None:
    """Drop every share of a conversation that Magpie is no longer in."""
    for kind in (KIND, LINK):
        leave_space(connection, kind, channel)
    # Magpie's pictures stay in Slack: it cannot delete them there, and their documents were not deleted.
    access_log.drop_evidence(connection, channel=channel)
    jobs.request(connection, JobKind.PURGE)


# ---------------------------------------------------------------- messages


def _record_message(connection: Connection, message: Message, limits: Limits) -> None:
    if not message_states.advance(connection, message.channel, message.ts, message.revision):
        return
    asked = _question_of(connection, message)
    if asked is not None and not (_is_known(connection, asked) or _is_new(message)):
        asked = None
    if not message.app:
        _record_files(connection, message, limits, is_question=asked is not None)
        if limits.links:
            _record_links(connection, message, limits)
    if asked is not None and limits.questions:
        _record_question(connection, message, asked, limits)


def _record_deletion(connection: Connection, channel: str, ts: str) -> None:
    message_states.put_deletion(connection, channel, ts)
    for share in list_shares(connection, space=channel, message=ts):
        if end_message(connection, share.kind, share.ref, channel, ts):
            _check(connection, share.ref)
    questions.cancel_question(connection, channel, ts, Cancellation.DELETED)
    jobs.request(connection, JobKind.PURGE)


# ---------------------------------------------------------------- the files and links of a message


def _record_files(connection: Connection, message: Message, limits: Limits, *, is_question: bool) -> None:
    for file in message.files:
        if is_question and file.stub:
            # Only files.info says whether it is a picture, which would be part of the question.
            jobs.request(connection, JobKind.LOCATE_FILE, message.channel, file.id)
        else:
            _record_file(connection, message, file, limits, is_question=is_question)
    if message.complete:
        _end_missing(connection, message, KIND, {file.id for file in message.files})


def _record_file(
    connection: Connection, message: Message, file: SlackFile, limits: Limits, *, is_question: bool
) -> None:
    """Record the share of a file and, if it will be indexed, request its receipt."""
    written = questions.seconds_of(message.ts)
    if is_question and file.picture:
        state, reason = ShareState.LEFT_OUT, ""
    else:
        state, reason = decide(connection, message.channel, message.user, file, written, limits.intake)
    share = share_of(message, file, state=state, reason=reason)
    priority = _priority(written, listed=limits.listed, is_question=is_question)
    recorded = put_share(connection, replace(share, listed=limits.listed, priority=priority))
    if file.unusable is Unusable.TRANSCRIBING:
        look_again(connection, file.id, written)
    if recorded is ShareState.REFUSED and time() - written < _MISSED_FOR:
        notify(connection, message.channel, message.user, file, reason, limits.intake)
    if recorded is ShareState.CHECKING or (file.stub and recorded is ShareState.SHARED):
        _check(connection, file.id)  # of a file of another organization, only files.info returns the name
    if recorded in (ShareState.SHARED, ShareState.CHECKING):
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


def notify(connection: Connection, channel: str, user: str, file: SlackFile, reason: str, rules: IntakeRules) -> None:
    """Tell a person once why their file is not indexed, and what they can do about it."""
    if reason == TOO_MANY_FILES:
        text = messages.too_many_files(rules.person_files)
        ephemeral_messages.say_once(connection, EphemeralRequest(JobKind.SAY, channel, user, text))
        return
    if reason == CHANNEL_FULL:
        text, subject = messages.channel_full(rules.channel_files), f"full:{channel}"
    elif file.unusable is not None:
        text, subject = messages.unusable_file(file.name, file.unusable), f"unusable:{file.unusable.value}"
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
        is_left_out = not limits.intake.channels.allow(message.channel)
        if is_left_out or not may_queue_file(connection, message.user, limits.intake.person_files):
            break
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
        put_share(connection, share)
    if message.complete:
        _end_missing(connection, message, LINK, set(message.links))


def _end_missing(connection: Connection, message: Message, kind: str, present: set[str]) -> None:
    """End the shares of sources that a message shared before and does not share now."""
    states = (ShareState.SHARED, ShareState.CHECKING, ShareState.LEFT_OUT, ShareState.REFUSED)
    for share in list_shares(connection, kind, space=message.channel, message=message.ts, states=states):
        if share.ref not in present:
            if end_message(connection, kind, share.ref, message.channel, message.ts) and kind == KIND:
                _check(connection, share.ref)
            jobs.request(connection, JobKind.PURGE)


def _check(connection: Connection, file: str) -> None:
    """Ask Slack where a file is shared. Until then, shares in the state CHECKING are hidden."""
    jobs.request(connection, JobKind.CHECK_FILE, key=file)


# ---------------------------------------------------------------- the question in a message


def _question_of(connection: Connection, message: Message) -> Question | None:
    """Return the question that a message asks Magpie; None if it asks none."""
    has_picture = any(file.picture or file.stub for file in message.files)
    has_content = bool(message.text or has_picture or message.forwarded or message.references)
    if message.addressed:
        if not has_content and message.files:  # documents for the index
            return None
    elif not _is_follow_up(connection, message, pictures=has_picture):
        return None
    return Question(
        message.channel,
        message.ts,
        message.thread or message.ts,
        message.user or message.app,
        message.text,
        tuple(file.id for file in message.files),
        references=(*message.forwarded, *message.references),
    )


def _is_follow_up(connection: Connection, message: Message, *, pictures: bool) -> bool:
    """Return whether a reply without a mention asks Magpie something, in a thread where it answered."""
    if message.app or not message.thread or not questions.is_answered(connection, message.channel, message.thread):
        return False
    own = questions.has_asked(connection, message.channel, message.thread, message.user)
    return is_question_to_magpie(message.text, own=own, others=message.mentions_others, pictures=pictures)


def _record_question(connection: Connection, message: Message, asked: Question, limits: Limits) -> None:
    """Ask a question, or change the one that the message asked before."""
    if not _is_known(connection, asked):
        _ask(connection, asked, limits)
        return
    if message.revision > questions.seconds_of(message.ts):
        questions.put_edit(connection, asked, message.revision)
        access_log.update_question_text(connection, asked.channel, asked.ts, asked.text)
    questions.add_files(connection, asked)


def _is_known(connection: Connection, asked: Question) -> bool:
    return questions.find_question(connection, asked.channel, asked.ts) is not None


def _is_new(message: Message) -> bool:
    """Return whether a message asks its question now: it was not edited, or the edit is what made it a question."""
    written = questions.seconds_of(message.ts)
    was_edited = message.revision > written
    return not was_edited or message.mention_added or (message.addressed and time() - written < _MISSED_FOR)


def _ask(connection: Connection, asked: Question, limits: Limits) -> None:
    """Record a question. Beyond the limit it is refused; the asker is notified at most once a minute."""
    notified = questions.was_refused_recently(connection, asked.user, _MINUTE)
    if not questions.put_question(connection, asked, limits.waiting) and not notified:
        text = messages.too_many_waiting(limits.waiting)
        notice = EphemeralRequest(JobKind.SAY, asked.channel, asked.user, text, asked.thread)
        ephemeral_messages.say_once(connection, notice)
