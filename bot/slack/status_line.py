"""The status line under a thread: that Magpie is at work, where Slack can show it. The message says it anyway."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from slack_sdk import WebClient

from bot.slack.client import Refused, calling
from bot.slack.events import Question
from rag import MagpieError, OperatorMustAct

log = logging.getLogger("magpie")

WORKING = "is looking through the files …"

_NEVER = frozenset("unknown_method feature_not_enabled not_allowed method_deprecated".split())

_LASTS = 100.0
"""Seconds after which it is set again: Slack takes it away after two minutes."""


class StatusLine:
    """Best effort: where Slack refuses it for the app as such, it is not tried again."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._off = False
        self._set: dict[str, float] = {}

    @contextmanager
    def shown(self, question: Question) -> Iterator[None]:
        """Around the work on a question."""
        self._say(question, WORKING)
        try:
            yield
        finally:
            self.clear(question)

    def renew(self, question: Question) -> None:
        if monotonic() - self._set.get(question.ts, 0.0) > _LASTS:
            self._say(question, WORKING)

    def clear(self, question: Question) -> None:
        self._say(question, "")
        self._set.pop(question.ts, None)

    def _say(self, question: Question, status: str) -> None:
        if self._off or not question.thread:
            return
        self._set[question.ts] = monotonic()
        try:
            with calling():
                self._client.assistant_threads_setStatus(
                    channel_id=question.channel, thread_ts=question.thread, status=status
                )
        except OperatorMustAct as error:
            self._off = True
            log.info("No status line: %s", error)
        except MagpieError as error:
            self._off = isinstance(error, Refused) and error.code in (
                "unknown_method",
                "not_allowed",
                "feature_not_enabled",
            )
            log.info("No status line: %s", error)
