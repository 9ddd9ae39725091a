"""The settings of a conversation: the command that opens them in a modal, and what is submitted there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from slack_bolt import Ack, App

from bot.db.ephemeral_messages import EphemeralRequest, is_refused, put_ephemeral_request, put_limited
from bot.db.jobs import JobKind
from bot.listeners.recording import Body, Recording
from bot.slack import settings_view
from bot.slack.errors import Refused
from bot.slack.messages import settings_texts
from rag import MagpieError

OpenModal: TypeAlias = Callable[[str, Mapping[str, Any]], str]
"""Opens a modal with a trigger, and returns its id: SlackClient.open_modal."""

_USED = "exchanged_trigger_id"
"""Slack's error for a trigger that opened a modal before: the same payload came twice."""


def register_settings(
    app: App, recording: Recording, waiting: int, open_modal: OpenModal
) -> Callable[[Ack, Body], None]:
    """Register the listener of the modal. Return the one of the command `/magpie settings`.

    `waiting`: the number of requests that one person may have waiting; 0: no limit. `open_modal` must not wait long:
    Slack wants its acknowledgment within three seconds.
    """

    def command(ack: Ack, body: Body) -> None:
        """Open the modal at once, because its trigger is valid for three seconds only. A worker fills it: so it is not
        opened for a person with too many requests waiting."""
        channel, user = str(body.get("channel_id")), str(body.get("user_id"))
        request = EphemeralRequest(JobKind.SETTINGS, channel, user)
        with recording.rag.write_transaction() as connection:
            if is_refused(connection, request, waiting):
                recording.wake()
                ack()
                return
        try:
            view = open_modal(str(body.get("trigger_id")), settings_view.loading_view())
        except MagpieError as error:
            is_repeated = isinstance(error, Refused) and error.code == _USED
            ack(text="" if is_repeated else settings_texts.NOT_OPENED, response_type="ephemeral")
            return
        opened = replace(request, about={"view": view})
        recording.once(body, lambda connection: put_ephemeral_request(connection, opened))
        ack()

    def submission(ack: Ack, body: Body) -> None:
        form, errors = settings_view.submitted_form(body["view"])
        if form is None:
            ack(response_action="errors", errors=errors)
            return
        request = EphemeralRequest(JobKind.SAVE, form.channel, str(body["user"]["id"]), about=form.to_json())
        recording.once(body, lambda connection: put_limited(connection, request, waiting))
        ack()

    app.view(settings_view.CALLBACK)(submission)
    return command
