"""The status line under a thread, which shows that Magpie is working, where Slack supports it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from bot.slack.client import Refused, SlackClient
from bot.slack.events import Question
from bot.slack.messages import STATUS_LINE
from rag import MagpieError, OperatorMustAct

log = logging.getLogger("magpie")

_UNSUPPORTED = ("unknown_method", "not_allowed", "feature_not_enabled")
"""Error codes which mean that the app cannot set a status line at all."""

_RENEW_AFTER = 100.0
"""Seconds after which the status line is set again: Slack removes it after two minutes."""


class StatusLine:
    """Set and clear status lines, if possible: if Slack refuses them for the app, no further one is set."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._off = False
        self._set: dict[str, float] = {}

    @contextmanager
    def shown(self, question: Question) -> Iterator[None]:
        """Show the status line for the `with` block."""
        self._show(question, STATUS_LINE)
        try:
            yield
        finally:
            self.clear(question)

    def renew(self, question: Question) -> None:
        if monotonic() - self._set.get(question.ts, 0.0) > _RENEW_AFTER:
            self._show(question, STATUS_LINE)

    def clear(self, question: Question) -> None:
        self._show(question, "")
        self._set.pop(question.ts, None)

    def _show(self, question: Question, status: str) -> None:
        if self._off or not question.thread:
            return
        self._set[question.ts] = monotonic()
        try:
            self._client.set_status(question.channel, question.thread, status)
        except MagpieError as error:
            unsupported = isinstance(error, Refused) and error.code in _UNSUPPORTED
            self._off = self._off or unsupported or isinstance(error, OperatorMustAct)
            log.info("Could not set the status line: %s", error)
