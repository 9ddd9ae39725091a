"""The Bolt app: one short listener for all events, which commits rows and returns.

With `process_before_response`, Bolt acknowledges an event after its listener returned, so an acknowledgment means that
the rows are stored. If the listener raises, the event is not acknowledged and Slack delivers it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from bot.access.policy import Access
from bot.db import deliveries
from bot.inbox.limits import Limits
from bot.inbox.recording import record
from bot.listeners.interactions import register_interactions
from bot.listeners.recording import Recording
from bot.listeners.settings import OpenModal
from bot.slack.client import BotIdentity, SlackClient
from bot.slack.events import AppUninstalled, Message
from bot.slack.payloads import SUBSCRIBED, SUBSCRIBED_BY_AGENTS, parse
from rag import Rag

log = logging.getLogger("magpie")


def _bolt_log() -> logging.Logger:
    """Return Bolt's logger without the message that it repeats while Slack is unreachable."""
    log = logging.getLogger("slack")
    if not log.filters:
        log.addFilter(lambda record: not record.getMessage().startswith("Failed to check the"))
    return log


def _is_own(event: Mapping[str, Any], identity: BotIdentity) -> bool:
    """Return whether Magpie caused an event: each of its messages and edits comes back as one.

    The deletion of one of its messages is kept, because a person may have deleted it. Bolt's own filter drops it too.
    """
    if event.get("subtype") == "message_deleted" or str(event.get("type")).startswith("member_"):
        return False
    message = event.get("message") or {}
    by_user = identity.user_id in (event.get("user"), event.get("user_id"), message.get("user"))
    return by_user or (identity.bot_id != "" and identity.bot_id in (event.get("bot_id"), message.get("bot_id")))


def _has_picture(message: Message) -> bool:
    return any(file.picture for file in message.files)


def build_app(
    client: SlackClient,
    rag: Rag,
    access: Access,
    identity: BotIdentity,
    signing_secret: str,
    wake: Callable[[], None],
    limits: Limits,
    open_modal: OpenModal,
    source: str = "",
    on_uninstalled: Callable[[], None] = lambda: None,
) -> App:
    """Return an app that records events as rows of the database. `wake` is called after every commit.

    `open_modal`: see `register_settings`. `source`: the offer of the source code, shown with the help.
    `on_uninstalled` is called when Slack takes back the bot's token, before that is acknowledged.
    """
    me = identity.user_id

    def authorize() -> AuthorizeResult:
        # By default, Bolt asks Slack at the first event. If that fails, it acknowledges the event and drops it.
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_user_id=me,
            bot_id=identity.bot_id,
            bot_token=client.token,
        )

    app = App(
        client=client.open_bolt_client(),
        authorize=authorize,
        signing_secret=signing_secret or None,
        process_before_response=True,
        attaching_conversation_kwargs_enabled=False,
        request_verification_enabled=bool(signing_secret),
        ignoring_self_events_enabled=False,
        logger=_bolt_log(),
    )

    def listen(body: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        if _is_own(event, identity):
            return
        parsed = [access.name_author(item) for item in parse(event, me)]
        if AppUninstalled() in parsed:
            on_uninstalled()
            return
        for item in parsed:  # for repeated deliveries too: another lookup costs little
            access.invalidate(item)
        with rag.write_transaction() as connection:
            if not deliveries.put_delivery(connection, str(body.get("event_id"))):
                return
            for item in parsed:
                record(connection, item, limits)
        if parsed:
            wake()
        if any(isinstance(item, Message) and item.addressed and _has_picture(item) for item in parsed):
            rag.expect_picture()

    def report(error: Exception) -> None:
        # Bolt's own handler logs the error's text, which may quote an event.
        log.error("An event could not be recorded. It is not acknowledged, so Slack delivers it again.", exc_info=error)

    app.error(report)
    for kind in (*SUBSCRIBED, *SUBSCRIBED_BY_AGENTS):
        app.event(kind)(listen)
    register_interactions(app, Recording(rag, wake), me, limits.waiting, open_modal, source)
    return app
