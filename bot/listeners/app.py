"""The Bolt app: one short listener for every event, which commits one row and returns.

`process_before_response`: an event is acknowledged after its listener returned, so an acknowledgement means that
the row is there; a listener that raises is not acknowledged, and Slack delivers again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.access.policy import Access
from bot.db import deliveries
from bot.inbox import record
from bot.listeners.interactions import listen_to_surfaces
from bot.slack.payloads import SUBSCRIBED, parse
from rag import Rag


def _bolt_log() -> logging.Logger:
    """Bolt's own words, without the line that its socket repeats for as long as Slack is out of reach."""
    found = logging.getLogger("slack")
    if not found.filters:
        found.addFilter(lambda record: not record.getMessage().startswith("Failed to check the"))
    return found


def build_app(
    client: WebClient,
    rag: Rag,
    access: Access,
    me: str,
    signing_secret: str,
    wake: Callable[[], None],
    *,
    links: bool = False,
    waiting: int = 0,
    files: int = 0,
) -> App:
    """An app that records what happens in `rag`'s catalog and the ledger. `wake` is called after every commit.

    `links`: web addresses in messages are read, too. `waiting`: the most questions, and commands, of one person that
    may wait, `files`: of their files that may wait to be read; 0: no limit.
    """
    app = App(
        client=client,
        signing_secret=signing_secret or None,
        process_before_response=True,
        token_verification_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        request_verification_enabled=bool(signing_secret),
        logger=_bolt_log(),
    )

    def listen(body: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        happenings = parse(event, me)
        for happening in happenings:  # whether it was delivered before or not: to ask Slack again costs little
            access.heed(happening)
        with rag.writing() as connection:
            if not deliveries.take_delivery(connection, str(body.get("event_id"))):
                return
            for happening in happenings:
                record(connection, happening, links=links, waiting=waiting, files=files)
        if happenings:
            wake()

    for kind in SUBSCRIBED:
        app.event(kind)(listen)
    listen_to_surfaces(app, rag, me, wake, waiting)
    return app
