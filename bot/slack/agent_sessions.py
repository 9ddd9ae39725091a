"""The status of an agent's sessions, with which Slack shows its own Stop button.

Other apps have none: the message that becomes the answer is the status.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot.slack.blocks import cut
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import Question
from bot.slack.message_text import resolve
from rag import MagpieError, OperatorMustAct

log = logging.getLogger("magpie")

AGENT_SCOPE = "assistant:write"
"""The scope that Slack adds to apps that are agents."""

_UNSUPPORTED = ("unknown_method", "not_allowed", "access_denied", "feature_not_enabled")
"""Error codes which mean that the app has no sessions at all."""

_TITLE = 80
"""Characters of a session's title. Slack accepts 200."""


class AgentSessions:
    """Set the status of sessions. If Slack refuses sessions for the app, none is set any more."""

    def __init__(self, client: SlackClient, *, is_agent: bool) -> None:
        """`client` should be impatient: an answer does not wait for its status."""
        self._client = client
        self._is_on = is_agent

    @contextmanager
    def processing(self, question: Question) -> Iterator[None]:
        """Show that a question is being answered for the `with` block. Its thread becomes a session, which is named
        after its first question."""
        person = question.user if question.user.startswith(("U", "W")) else ""
        title = cut(" ".join(resolve(question.text, {}).split()), _TITLE)
        self._set(question, "processing", title=title, initiator=person)
        try:
            yield
        finally:
            self.end(question)

    def end(self, question: Question) -> None:
        """Show that a question is not being answered any more: Slack does not notice that by itself."""
        self._set(question, "active")

    def _set(self, question: Question, status: str, *, title: str = "", initiator: str = "") -> None:
        if not self._is_on or not question.thread:
            return
        try:
            self._client.set_session_status(question.channel, question.thread, status, title=title, initiator=initiator)
        except MagpieError as error:
            unsupported = isinstance(error, Refused) and error.code in _UNSUPPORTED
            self._is_on = not (unsupported or isinstance(error, OperatorMustAct))
            log.info("Could not set the status of a session: %s", error)
