"""The Bolt app: one short listener for all events, which commits rows and returns.

With `process_before_response`, Bolt acknowledges an event after its listener returned, so an acknowledgment means that
the rows are stored. If the listener raises, the event is not acknowledged and Slack delivers it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.access.policy import Access
from bot.db import deliveries
from bot.inbox import Limits, record
from bot.listeners.interactions import register_interactions
from bot.slack.client import SlackClient
from bot.slack.payloads import SUBSCRIBED, parse
from rag import Rag


def _bolt_log() -> logging.Logger:
    """Return Bolt's logger without the message that it repeats while Slack is unreachable."""
    log = logging.getLogger("slack")
    if not log.filters:
        log.addFilter(lambda record: not record.getMessage().startswith("Failed to check the"))
    return log


def build_app(
    client: SlackClient,
    rag: Rag,
    access: Access,
    me: str,
    signing_secret: str,
    wake: Callable[[], None],
    limits: Limits,
) -> App:
    """Return an app that records events as rows of the database. `wake` is called after every commit."""
    app = App(
        client=client.web,
        signing_secret=signing_secret or None,
        process_before_response=True,
        token_verification_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        request_verification_enabled=bool(signing_secret),
        logger=_bolt_log(),
    )

    def listen(body: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        parsed = parse(event, me)
        for item in parsed:  # for repeated deliveries too: another lookup costs little
            access.invalidate(item)
        with rag.write_transaction() as connection:
            if not deliveries.put_delivery(connection, str(body.get("event_id"))):
                return
            for item in parsed:
                record(connection, item, limits)
        if parsed:
            wake()

    for kind in SUBSCRIBED:
        app.event(kind)(listen)
    register_interactions(app, rag, me, wake, limits.waiting)
    return app
