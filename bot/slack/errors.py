"""What may go wrong between Magpie and Slack, and what ends work on a question."""

from __future__ import annotations

from rag import MagpieError, OperatorMustAct, OriginUnavailable


class Refused(MagpieError):
    """Slack refuses a request and would refuse it later too: the message, file or conversation cannot be reached."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused: {code}.")
        self.code = code


class TokenRevoked(OperatorMustAct):
    """Slack does not accept the token: no call can succeed."""


class RateLimited(OriginUnavailable):
    """Slack asks to wait `seconds` before the next request of this kind. Threads that do other work must not wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Slack asks to wait {seconds:g} s.")
        self.seconds = seconds


class Stopping(Exception):
    """Magpie is shutting down: work in progress is done later. Not a MagpieError, so that rag does not handle it."""


class Superseded(Exception):
    """A question was edited, stopped or deleted during the work on it. Not a MagpieError, so that rag does not handle
    it."""


class ThreadGone(Superseded):
    """The thread of a reply was deleted."""
