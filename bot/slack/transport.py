"""How requests reach Slack: which are repeated, how long they wait, who counts them, and what their errors mean."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.http_retry.handler import RetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web import SlackResponse

from bot.settings import SlackSettings
from bot.slack.errors import RateLimited, Refused, Stopping, TokenRevoked
from bot.telemetry.metrics import Metrics
from rag import OperatorMustAct, OriginUnavailable, TryAgain

_BUSY = frozenset(
    "ratelimited rate_limited message_limit_exceeded internal_error fatal_error service_unavailable request_timeout "
    "team_added_to_org".split()
)
"""Error codes of failures that pass. Slack uses some of them with HTTP status 200."""

_REVOKED = frozenset("invalid_auth not_authed account_inactive token_revoked token_expired".split())
"""Error codes which mean that the token itself is not valid."""

_TOKEN = _REVOKED | frozenset("missing_scope not_allowed_token_type org_login_required ekm_access_denied".split())

_CODE = re.compile(r"[a-z0-9_]{1,80}")
"""The form of Slack's error codes. For a body that is not JSON, the SDK returns a sentence instead."""

_WAIT = 30.0
"""Seconds to wait if a 429 does not say how long."""


class RetryPolicy(Enum):
    """How long one request may take, and which failed requests are repeated."""

    PATIENT = "patient"
    """30 seconds. Idempotent requests are repeated after any temporary failure. Requests that post something are
    repeated only if Slack says that it did nothing (429). Its thread waits as long as a 429 asks: for sweeps, which
    need many requests."""

    PROMPT = "prompt"
    """Like PATIENT, but a 429 raises RateLimited at once, so that the thread can do other work. For the bot."""

    IMPATIENT = "impatient"
    """5 seconds, and nothing is repeated. For lookups that a reply waits for but does not need."""


class _RateLimitHandler(RetryHandler):
    """Waits as long as a 429 asks, at most twice for one request, and not after `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(max_retry_count=2)
        self._stop = stop

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        del state, request, error
        return response is not None and response.status_code == 429

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        del request, error
        state.next_attempt_requested = True
        state.increment_current_attempt()
        if self._stop.wait(retry_after({} if response is None else response.headers)):
            raise Stopping


def retry_after(headers: Mapping[str, Any]) -> float:
    """Return the seconds that a 429 asks to wait. A header may have several values."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            text = str(value[0] if isinstance(value, list) and value else value)
            return float(text) if re.fullmatch(r"\d{1,6}", text) else _WAIT
    return _WAIT


class _CountedClient(WebClient):
    """Counts its calls by method and result."""

    metrics: Metrics

    def api_call(self, api_method: str, **arguments: Any) -> SlackResponse:
        try:
            response = super().api_call(api_method, **arguments)
        except Exception as error:
            self.metrics.slack_called(api_method, _result(error))
            raise
        self.metrics.slack_called(api_method, "ok")
        return response


def _result(error: Exception) -> str:
    """Return the metrics' name for a failed call."""
    try:
        with map_errors():
            raise error
    except RateLimited:
        return "rate_limited"
    except OperatorMustAct:
        return "token"
    except Refused:
        return "refused"
    except (TryAgain, Stopping):
        return "unavailable"


def time_of(headers: Mapping[str, Any]) -> float | None:
    """Return the time of a response, seconds since 1970; None if it has none."""
    for name, value in headers.items():
        if name.lower() == "date":
            try:
                return parsedate_to_datetime(str(value[0] if isinstance(value, list) and value else value)).timestamp()
            except ValueError:
                return None
    return None


def open_web_clients(
    settings: SlackSettings, retries: RetryPolicy, stop: threading.Event, metrics: Metrics
) -> tuple[WebClient, WebClient]:
    """Return a client for requests that post something, and one for those that can be repeated.

    `stop` ends the waits of patient clients; they raise Stopping.
    """
    repeats = retries is not RetryPolicy.IMPATIENT
    once: list[RetryHandler] = [_RateLimitHandler(stop)] if retries is RetryPolicy.PATIENT else []
    more = [ConnectionErrorRetryHandler(), ServerErrorRetryHandler(max_retry_count=2)] if repeats else []
    seconds = 30 if repeats else 5
    return _web_client(settings, seconds, once, metrics), _web_client(settings, seconds, [*once, *more], metrics)


def _web_client(settings: SlackSettings, seconds: int, handlers: list[RetryHandler], metrics: Metrics) -> WebClient:
    token = settings.bot_token.get_secret_value()
    client = _CountedClient(token=token, base_url=settings.api_url, timeout=seconds, retry_handlers=handlers)
    client.metrics = metrics
    return client


@contextmanager
def map_errors() -> Iterator[None]:
    """Raise TryAgain, OperatorMustAct or Refused instead of the SDK's errors."""
    try:
        yield
    except SlackApiError as error:
        response = error.response
        body = response.data if isinstance(response.data, dict) else {}
        code = str(body.get("error") or "")
        if response.status_code == 429:
            raise RateLimited(retry_after(response.headers)) from error
        if response.status_code >= 500 or code in _BUSY:
            raise OriginUnavailable(
                f"Slack is busy ({code if _CODE.fullmatch(code) else response.status_code})."
            ) from error
        if not _CODE.fullmatch(code):  # an empty body or a web page says nothing about the request
            raise OriginUnavailable(f"Slack's response is not its JSON (status {response.status_code}).") from error
        if code in _TOKEN:
            needed = body.get("needed")
            raise (TokenRevoked if code in _REVOKED else OperatorMustAct)(
                f"Slack does not let Magpie do this: {code}{f' ({needed})' if needed else ''}.",
                "Run `magpie doctor`; after a change of scopes the app must be installed again.",
            ) from error
        raise Refused(code) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the response is not JSON
        raise OriginUnavailable(f"Slack cannot be reached ({type(error).__name__}).") from error
