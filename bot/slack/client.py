"""Calls to Slack's Web API, and what its failures mean: later, never, or somebody has to act."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from bot.settings import SlackSettings
from rag import MagpieError, OperatorMustAct, TryAgain

_TIMEOUT = 30
_IMPATIENT = 5
_RETRIES = 2

_LATER = frozenset("ratelimited internal_error fatal_error service_unavailable request_timeout".split())
_TOKEN = frozenset(
    "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope not_allowed_token_type".split()
)


class Refused(MagpieError):
    """Slack will not do this, now or later: the message, the file or the conversation is out of reach."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused: {code}.")
        self.code = code


class Stopping(Exception):
    """Magpie ends: what was begun is put back as it is. Outside rag's tree, so that rag makes no answer of it."""


class Superseded(Exception):
    """A question was changed, stopped or deleted while it was worked on. Outside rag's tree, for the same reason."""


def open_client(settings: SlackSettings) -> WebClient:
    """For calls that may be made twice: those that read, and those that leave the same state behind."""
    client = _client(settings)
    client.retry_handlers.append(ServerErrorRetryHandler(max_retry_count=_RETRIES))
    return client


def open_poster(settings: SlackSettings) -> WebClient:
    """For calls that must not be made twice. Nothing is repeated but what Slack says it did not do (429)."""
    client = _client(settings)
    client.retry_handlers = [
        handler for handler in client.retry_handlers if not isinstance(handler, ConnectionErrorRetryHandler)
    ]
    return client


def open_asker(settings: SlackSettings) -> WebClient:
    """For what a reply waits for and can do without: it does not wait long, and nothing is repeated."""
    client = WebClient(token=settings.bot_token.get_secret_value(), base_url=settings.api_url, timeout=_IMPATIENT)
    client.retry_handlers = []
    return client


def _client(settings: SlackSettings) -> WebClient:
    client = WebClient(token=settings.bot_token.get_secret_value(), base_url=settings.api_url, timeout=_TIMEOUT)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=_RETRIES))
    return client


@contextmanager
def calling() -> Iterator[None]:
    """Turn what a call raises into our tree: TryAgain, OperatorMustAct (a token or a scope), or Refused."""
    try:
        yield
    except SlackApiError as error:
        response = error.response
        code = str(response.get("error") or response.status_code)
        if response.status_code == 429 or response.status_code >= 500 or code in _LATER:
            raise TryAgain(f"Slack is busy ({code}).") from error
        if code in _TOKEN:
            needed = response.get("needed")
            raise OperatorMustAct(
                f"Slack does not let Magpie do this: {code}{f' ({needed})' if needed else ''}.",
                "Run `magpie doctor`; after a change of scopes the app must be installed again.",
            ) from error
        raise Refused(code) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: an answer that is no JSON
        raise TryAgain(f"Slack cannot be reached ({type(error).__name__}).") from error
