"""The Web API endpoint: parses arguments, checks token and scopes, injects faults, and calls the method."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from email.utils import formatdate
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from bot.demo.slack_server import (
    interactions,
    methods_agents,
    methods_chat,
    methods_conversations,
    methods_files,
    methods_stream,
    methods_views,
)
from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.broken_responses import DroppedConnection
from bot.demo.slack_server.faults import CallFault
from bot.demo.slack_server.host_guard import API_BYTES, UPLOAD_BYTES
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Call, Json
from bot.demo.slack_server.trace import Record
from bot.slack.bodies import body_within

METHODS: dict[str, Method] = (
    methods_conversations.METHODS
    | methods_chat.METHODS
    | methods_files.METHODS
    | methods_views.METHODS
    | methods_stream.METHODS
    | methods_agents.METHODS
)


LISTINGS = {
    "conversations.list": "channels",
    "users.conversations": "channels",
    "conversations.members": "members",
    "users.list": "members",
    "files.list": "files",
    "conversations.history": "messages",
    "conversations.replies": "messages",
}
"""The field that holds what a method lists."""
RESPONSE_URL_STATUSES = {"": 200, "invalid_blocks": 400}
"""HTTP status by error; 404 for every other error."""


class Api:
    def __init__(self, context: Context) -> None:
        self._context, self._state = context, context.state

    async def call(self, request: Request) -> Response:
        """Answer /api/{method}."""
        method = request.path_params["method"]
        arguments = await _arguments(request)
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() or str((arguments or {}).pop("token", ""))
        # Without a valid token, record only the method.
        record = self._record(method, dict(arguments or {}) if any(self._token_owner(token)) else {})
        # The method checks the token again: it may change while the call is delayed.
        return await self._run_with_faults(record, lambda: self._json(self._call_method(method, arguments, token)))

    async def upload(self, request: Request) -> Response:
        """Receive the raw bytes of a file, at the address that files.getUploadURLExternal returned."""
        file_id, ticket = request.path_params["file_id"], request.path_params["ticket"]
        upload = self._state.uploads.get(file_id)
        if upload is None or not compare_digest(ticket.encode(), upload.ticket.encode()):
            return PlainTextResponse("no such upload", 404)
        data = await body_within(request, UPLOAD_BYTES)
        record = self._record("upload", {"file_id": file_id, "length": len(data)})

        def store() -> Response:
            with self._state.changed:
                upload.data = data
                self._state.changed.notify_all()
            return PlainTextResponse(f"OK - {len(data)}")

        return await self._run_with_faults(record, store)

    async def respond(self, request: Request) -> Response:
        """Answer a POST to a response_url."""
        ticket = str(request.path_params["ticket"])
        if ticket not in self._state.responses:
            return PlainTextResponse("expired_url", 404)
        body = _json_object(await body_within(request, API_BYTES))
        if body is None:
            return PlainTextResponse("invalid_payload", 400)
        record = self._record("response_url", dict(body) | {"ticket": ticket})
        error = interactions.respond(self._context, ticket, body)
        return self._record_response(record, PlainTextResponse(error or "ok", RESPONSE_URL_STATUSES.get(error, 404)))

    def _record(self, method: str, arguments: Json) -> Record:
        with self._state.changed:
            self._state.calls.append(Call(method, arguments))
            record = self._context.trace.add_call(method, arguments)
            self._state.changed.notify_all()
            return record

    def _record_response(self, record: Record, response: Response) -> Response:
        body = bytes(response.body)
        answer: Json = {}
        if isinstance(response, JSONResponse):
            answer = json.loads(body)
        elif body:
            answer = {"body": body[:200].decode(errors="replace")}
        with self._state.changed:
            status = 0 if isinstance(response, DroppedConnection) else response.status_code
            self._context.trace.add_response(record, status, answer)
            self._state.changed.notify_all()
        return response

    async def _run_with_faults(self, record: Record, work: Callable[[], Response]) -> Response:
        return self._record_response(record, await self._inject_faults(record, work))

    async def _inject_faults(self, record: Record, work: Callable[[], Response]) -> Response:
        method = record.name
        with self._state.changed:
            wait = self._context.limits.take(method, str(record.payload.get("channel", "")))
            if wait:
                return _rate_limited(wait)
            interruption = self._context.faults.take_interruption(method)
            fault = self._context.faults.take_call_fault(method)
        if interruption is not None:
            interruption()
        if fault is None:
            return work()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            return DroppedConnection()
        failure = _failure(fault)
        if failure is not None:
            return failure
        answer = work()
        if fault.drop == "after":
            return DroppedConnection()
        return answer

    def _json(self, answer: Json) -> Response:
        """Return the answer with its time, and with the header that lists the token's scopes."""
        headers = {"date": formatdate(usegmt=True)}
        if answer.get("error") not in ("not_authed", "invalid_auth"):
            headers["x-oauth-scopes"] = ",".join(sorted(self._state.scopes))
        return JSONResponse(answer, headers=headers)

    def _call_method(self, name: str, arguments: Json | None, token: str) -> Json:
        method = METHODS.get(name)
        with self._state.changed:
            try:
                if method is None:
                    raise ApiError("unknown_method")
                self._authorize(method, token)
                if arguments is None:
                    raise ApiError("invalid_json")
                request = ApiRequest(self._context, arguments)
                request.require_scope(*method.scopes)
                for each in method.required:
                    if not request.text(each):
                        message = f"[ERROR] missing required field: {each}"
                        raise ApiError("invalid_arguments", message)
                answer = method.handler(request)
                if name in LISTINGS and self._context.faults.should_empty_page(name):
                    answer |= {LISTINGS[name]: [], "response_metadata": {"next_cursor": ""}}
                return {"ok": True} | answer
            except ApiError as error:
                return error.body
            finally:
                self._state.changed.notify_all()

    def _authorize(self, method: Method, token: str) -> None:
        if not token:
            raise ApiError("not_authed")
        is_bot, is_app = self._token_owner(token)
        if not (is_bot or is_app):
            raise ApiError("invalid_auth")
        if not (is_app if method.app_level else is_bot):
            raise ApiError("not_allowed_token_type")
        if is_bot and self._state.is_uninstalled:
            raise ApiError("account_inactive")

    def _token_owner(self, token: str) -> tuple[bool, bool]:
        """Return whether the token is the bot's, and whether it is the app's."""
        given, state = token.encode("utf-8", "replace"), self._state
        return compare_digest(given, state.bot_token.encode()), compare_digest(given, state.app_token.encode())


def _failure(fault: CallFault) -> Response | None:
    if fault.body is not None:
        return HTMLResponse(fault.body)
    if fault.status == 429:
        return _rate_limited(1 if fault.retry_after is None else fault.retry_after)
    if fault.status:
        return HTMLResponse("<!DOCTYPE html><html><body>Something went wrong</body></html>", fault.status)
    return JSONResponse({"ok": False, "error": fault.error}) if fault.error else None


def _rate_limited(wait: int) -> Response:
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"retry-after": str(wait)})


async def _arguments(request: Request) -> Json | None:
    """Return query, form and JSON arguments together, or None if the body cannot be parsed."""
    arguments: Json = dict(request.query_params)
    body = await body_within(request, API_BYTES)
    if not body:
        return arguments
    if "json" in request.headers.get("content-type", ""):
        body_arguments = _json_object(body)
        return None if body_arguments is None else arguments | body_arguments
    try:
        return arguments | dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        return None


def _json_object(body: bytes) -> Json | None:
    """Return a JSON object, or None for anything else."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
