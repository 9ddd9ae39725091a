"""Buttons, shortcuts and the slash command: one short listener for each, which commits rows and acknowledges.

Only the person, the conversation and the message of a payload are trusted, because Slack sets them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from slack_bolt import Ack, App
from sqlalchemy import Connection

from bot.answers import button_requests, feedback
from bot.answers.button_requests import Answered
from bot.db import answer_again, channel_settings, questions
from bot.db.ephemeral_messages import EphemeralRequest, put_limited
from bot.db.jobs import JobKind
from bot.db.questions import Cancellation
from bot.listeners.recording import Body, Recording
from bot.listeners.settings import OpenModal, register_settings
from bot.slack import buttons
from bot.slack.blocks import restore_links
from bot.slack.message_metadata import question_of
from bot.slack.message_text import without_mention
from bot.slack.messages import answer_texts, button_texts, command_texts, settings_texts

FIND_SIMILAR, INDEX_FILES, COMMAND = "find_similar", "index_files", "/magpie"
"""Callback ids and the command, as in the manifest."""

_MESSAGE = 2000
"""Characters of a message or command that are searched for."""

_VALUE = 150
"""Characters of the value of a choice, as Slack limits them."""

_FILES = 10
"""Files of one message that are indexed or searched for."""


def register_interactions(
    app: App, recording: Recording, me: str, waiting: int, open_modal: OpenModal, source: str = ""
) -> None:
    """Register the listeners.

    `waiting`: the number of requests that one person may have waiting; 0: no limit. `open_modal`: see
    `register_settings`.
    """
    settings = register_settings(app, recording, waiting, open_modal)

    def button(ack: Ack, body: Body) -> None:
        recording.once(body, lambda connection: _on_button(connection, body, waiting))
        ack()

    def shortcut(ack: Ack, body: Body) -> None:
        recording.once(body, lambda connection: put_limited(connection, _on_message(body, me), waiting))
        ack()

    def command(ack: Ack, body: Body) -> None:
        kind, words = [*str(body.get("text") or "").split(maxsplit=1), "", ""][:2]
        if kind.lower() == "settings":
            settings(ack, body)
            return
        request = _on_command(body, kind.lower(), without_mention(words, me))
        if request is None:
            ack(
                text="\n".join(filter(None, (answer_texts.HELP, command_texts.USAGE, source))),
                response_type="ephemeral",
            )
            return
        recording.once(body, lambda connection: _put_command(connection, request, waiting))
        ack()

    plain = (buttons.STOP, buttons.MORE, buttons.FILE, buttons.FEEDBACK, buttons.AGAIN, buttons.WITH)
    for action in (*plain, re.compile(rf"^({buttons.FILE}|{buttons.TOPIC}):\d+$")):
        app.action(action)(button)
    for name in (FIND_SIMILAR, INDEX_FILES):
        app.shortcut(name)(shortcut)
    app.command(COMMAND)(command)


# ---------------------------------------------------------------- buttons


def _on_button(connection: Connection, body: Body, waiting: int) -> None:
    action: Body = body["actions"][0]
    channel, user = str(body["channel"]["id"]), str(body["user"]["id"])
    message: Body = body.get("message") or {}
    ts = str((body.get("container") or {}).get("message_ts") or message.get("ts") or "")
    about = button_requests.answered(connection, channel, ts, question_of(message))

    def say(text: str) -> None:
        thread = about.thread if about is not None else str(message.get("thread_ts") or "")
        notice = EphemeralRequest(JobKind.SAY, channel, user, text, thread, str(body.get("response_url") or ""))
        put_limited(connection, notice, waiting)

    if about is None:
        say(answer_texts.QUESTION_EXPIRED)
        return
    kind = str(action.get("action_id")).partition(":")[0]
    is_question = kind not in (buttons.STOP, buttons.FEEDBACK)
    if is_question and not channel_settings.find(connection, channel).may_ask(user):
        say(settings_texts.MAY_NOT_ASK)
    elif kind == buttons.STOP:
        _stop(connection, about, user, say)
    elif kind == buttons.AGAIN:
        _answer_again(connection, about, user, str(action.get("action_ts") or ""), say)
    elif kind == buttons.FEEDBACK:
        verdict = str(action.get("value"))
        feedback.put_feedback(connection, about, user, verdict, restore_links(str(message.get("text") or "")))
        say(button_texts.THANKS_BAD if verdict == buttons.BAD else button_texts.THANKS_GOOD)
    else:
        chosen = str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")
        number = int(chosen) if re.fullmatch(r"\d{1,18}", chosen) else 0
        asked = button_requests.press(kind, about, user, str(action.get("action_ts") or ""), number, chosen[:_VALUE])
        if waiting and questions.count_open_of(connection, user) >= waiting:
            say(command_texts.too_many_waiting(waiting))
        elif not button_requests.put_press(connection, asked):
            say(button_texts.ALREADY_SEARCHING)


def _stop(connection: Connection, about: Answered, user: str, say: Callable[[str], None]) -> None:
    asked = about.question
    if asked.user != user:
        say(button_texts.NOT_YOUR_ANSWER)
    elif not questions.cancel_question(connection, asked.channel, asked.ts, Cancellation.STOPPED):
        say(button_texts.ALREADY_ANSWERED)


def _answer_again(connection: Connection, about: Answered, user: str, press: str, say: Callable[[str], None]) -> None:
    if about.question.user != user:
        say(button_texts.NOT_YOUR_QUESTION)
    elif not answer_again.request(connection, about.question, press):
        say(button_texts.ALREADY_WAITING)


# ---------------------------------------------------------------- shortcuts and the command


def _on_message(body: Body, me: str) -> EphemeralRequest:
    """Return the request of a shortcut on a message."""
    message: Body = body["message"]
    about = {
        "ts": str(body.get("message_ts") or message.get("ts") or ""),
        "files": [str(raw["id"]) for raw in (message.get("files") or ())[:_FILES] if raw.get("id")],
        "press": str(body.get("action_ts") or ""),
    }
    is_search = body["callback_id"] == FIND_SIMILAR
    text = without_mention(str(message.get("text") or ""), me)[:_MESSAGE] if is_search else ""
    return EphemeralRequest(
        JobKind.SIMILAR if is_search else JobKind.INDEX,
        str(body["channel"]["id"]),
        str(body["user"]["id"]),
        text,
        str(message.get("thread_ts") or ""),
        str(body.get("response_url") or ""),
        about,
    )


def _put_command(connection: Connection, request: EphemeralRequest, waiting: int) -> None:
    """Record a command, or that its person may not ask in this conversation."""
    may_ask = channel_settings.find(connection, request.channel).may_ask(request.user)
    if request.kind == JobKind.FIND and not may_ask:
        request = replace(request, kind=JobKind.SAY, text=settings_texts.MAY_NOT_ASK)
    put_limited(connection, request, waiting)


def _on_command(body: Body, kind: str, words: str) -> EphemeralRequest | None:
    """Return the request of a slash command; None for help and for unknown commands."""
    known = {"find": JobKind.FIND, "search": JobKind.FIND, "status": JobKind.STATUS}
    if kind not in known or (known[kind] == JobKind.FIND and not words):
        return None
    channel, user = str(body.get("channel_id")), str(body.get("user_id"))
    return EphemeralRequest(known[kind], channel, user, words[:_MESSAGE], url=str(body.get("response_url") or ""))
