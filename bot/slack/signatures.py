"""Requests in HTTP mode: limit their size, verify their signature, then parse them.

Anyone can send requests to this endpoint. No part of a body is decoded before its signature is verified.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from time import time
from urllib.parse import parse_qsl

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.starlette.handler import to_starlette_response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

MAX_BYTES = 2 << 20
"""Maximum size of a body. An edit of a message of 40,000 characters, with both versions escaped, has about half."""

WINDOW = 300
"""Maximum difference in seconds between a signature's timestamp and this machine's clock."""

_NOT_SLACK = "The body is not one of Slack's requests."

_FIELDS = 100
"""Maximum fields of a form. A slash command has 15."""


class _Rejected(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def answer_signed(request: Request, app: App, secret: str) -> Response:
    """Return the app's response to a signed request, else 413 (too large), 401 (not signed) or 400 (malformed)."""
    try:
        body = await _read(request)
        if not is_signed(secret, request.headers, body, time()):
            raise _Rejected(401, "The request is not signed by Slack, or was signed more than five minutes ago.")
        bolt_request = _parse(request, body)
    except _Rejected as rejected:
        return PlainTextResponse(str(rejected), rejected.status)
    except ClientDisconnect:
        return Response(status_code=400)
    # Listeners write to the database and may block, so they must not run in the event loop's thread.
    return to_starlette_response(await run_in_threadpool(app.dispatch, bolt_request))


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Return whether Slack signed exactly these bytes within WINDOW seconds of `now`."""
    stamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not secret or not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > WINDOW:
        return False
    expected = hmac.new(secret.encode(), b"v0:%b:%b" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={expected}".encode(), given.encode("utf-8", "replace"))


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    body = bytearray()
    if not re.fullmatch(r"[0-9]{1,18}", length) or int(length) > MAX_BYTES:
        raise _Rejected(413, f"The body is larger than {MAX_BYTES >> 20} MB.")
    async for part in request.stream():
        if len(body) + len(part) > MAX_BYTES:
            raise _Rejected(413, f"The body is larger than {MAX_BYTES >> 20} MB.")
        body += part
    return bytes(body)


def _parse(request: Request, body: bytes) -> BoltRequest:
    """Return the request for Bolt. Bolt parses the body again; raise _Rejected if it could not."""
    try:
        text = body.decode()
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            payload = json.loads(text)
        else:
            form = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_FIELDS))
            payload = json.loads(form["payload"]) if "payload" in form else form
        if not payload or not isinstance(payload, dict):
            raise _Rejected(400, "The body is not a JSON object or a form.")
        if not _is_shaped(payload):
            raise _Rejected(400, _NOT_SLACK)
        return BoltRequest(body=text, headers=dict(request.headers))
    except (ValueError, RecursionError) as error:
        raise _Rejected(400, "The body is not a JSON object or a form.") from error
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        # Bolt looks for the team and the user in the body without checking their types.
        raise _Rejected(400, _NOT_SLACK) from error


def _is_shaped(payload: Mapping[str, object]) -> bool:
    """Return whether the parts of a body that Bolt reads before calling a listener are objects."""
    actions = payload.get("actions", [{}])
    if not isinstance(actions, list) or not actions:
        return False
    return all(isinstance(part, dict) for part in (payload.get("event", {}), payload.get("view", {}), *actions))
