"""Record the question that a message asks, or refuse it."""

from __future__ import annotations

import logging
from dataclasses import replace
from time import time

from sqlalchemy import Connection

from bot.answers.history import is_question_to_magpie
from bot.answers.small_talk import is_greeting, is_small_talk
from bot.db import (
    access_log,
    app_questions,
    channel_settings,
    ephemeral_messages,
    questions,
)
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import JobKind
from bot.db.questions import FOUND_AT
from bot.inbox.limits import MISSED_FOR, Limits
from bot.slack.events import (
    Message,
    Question,
    SlackFile,
    Unusable,
)
from bot.slack.messages import command_texts, settings_texts
from bot.telemetry.requests import working_on

log = logging.getLogger("magpie")

_MINUTE = 60.0


def question_of(connection: Connection, message: Message) -> Question | None:
    """Return the question that a message asks Magpie; None if it asks none that is recorded."""
    asked = _question_in(connection, message)
    if asked is None or _is_known(connection, asked):
        return asked
    # A reply by a person who may not ask is meant for others.
    counts = _is_new(message) and (message.addressed or _may_ask(connection, asked))
    return asked if counts else None


def _question_in(connection: Connection, message: Message) -> Question | None:
    has_picture = any(file.picture or file.stub for file in message.files)
    has_content = bool(message.text or has_picture or message.forwarded or message.references)
    if message.addressed:
        if not has_content and any(_can_be_indexed(file) for file in message.files):  # documents for the index
            return None
        if is_thanks(message):
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


def is_thanks(message: Message) -> bool:
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


def record_question(
    connection: Connection, message: Message, asked: Question, limits: Limits, *, is_whole: bool
) -> None:
    """Ask a question, or change the one that the message asked before.

    `is_whole`: this is a new state of the message with all its files; what it lacks was taken out.
    """
    if not _is_known(connection, asked):
        _ask_first(connection, message, asked, limits)
        return
    is_on_time = not limits.listed and questions.seconds_of(message.ts) >= limits.since
    if is_on_time and not was_edited(message):
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
    is_recent = time() - questions.seconds_of(message.ts) < MISSED_FOR
    return not was_edited(message) or message.mention_added or (message.addressed and is_recent)


def was_edited(message: Message) -> bool:
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
