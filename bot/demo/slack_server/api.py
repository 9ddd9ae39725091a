"""The Web API's door: arguments in every form the SDKs use, tokens, scopes, faults; then the method itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from bot.demo.slack_server import (
    interactions,
    methods_chat,
    methods_files,
    methods_spaces,
    methods_stream,
    methods_views,
)
from bot.demo.slack_server.actions import Stage
from bot.demo.slack_server.broken_responses import CutOff
from bot.demo.slack_server.faults import CallFault
from bot.demo.slack_server.host_guard import API_BYTES, UPLOAD_BYTES, body_within
from bot.demo.slack_server.request import Asked, Method, Refusal
from bot.demo.slack_server.state import Call, Json
from bot.demo.slack_server.trace import Record

METHODS: dict[str, Method] = (
    methods_spaces.METHODS
    | methods_chat.METHODS
    | methods_files.METHODS
    | methods_views.METHODS
    | methods_stream.METHODS
)


STATUSES = {"": 200, "invalid_blocks": 400}
"""Of a response_url, by its error."""


class Api:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._world = stage, stage.world

    async def call(self, request: Request) -> Response:
        """One method, /api/{method}."""
        method = request.path_params["method"]
        arguments = await _arguments(request)
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() or str((arguments or {}).pop("token", ""))
        # Of a stranger's call only the name is kept.
        record = self._note(method, dict(arguments or {}) if any(self._whose(token)) else {})
        # The token is asked for again in the work itself: it may change while a call is delayed.
        return await self._faulty(record, lambda: self._json(self._answer(method, arguments, token)))

    async def upload(self, request: Request) -> Response:
        """The raw bytes of a file, at the address that files.getUploadURLExternal gave."""
        file_id, ticket = request.path_params["file_id"], request.path_params["ticket"]
        upload = self._world.uploads.get(file_id)
        if upload is None or not compare_digest(ticket.encode(), upload.ticket.encode()):
            return PlainTextResponse("no such upload", 404)
        data = await body_within(request, UPLOAD_BYTES)
        record = self._note("upload", {"file_id": file_id, "length": len(data)})

        def take() -> Response:
            with self._world.changed:
                upload.data = data
                self._world.changed.notify_all()
            return PlainTextResponse(f"OK - {len(data)}")

        return await self._faulty(record, take)

    async def respond(self, request: Request) -> Response:
        """A response_url."""
        ticket = str(request.path_params["ticket"])
        if ticket not in self._world.responses:
            return PlainTextResponse("expired_url", 404)
        body = _object(await body_within(request, API_BYTES))
        if body is None:
            return PlainTextResponse("invalid_payload", 400)
        record = self._note("response_url", dict(body) | {"ticket": ticket})
        error = interactions.respond(self._stage, ticket, body)
        return self._told(record, PlainTextResponse(error or "ok", STATUSES.get(error, 404)))

    def _note(self, method: str, arguments: Json) -> Record:
        with self._world.changed:
            self._world.calls.append(Call(method, arguments))
            record = self._stage.trace.called(method, arguments)
            self._world.changed.notify_all()
            return record

    def _told(self, record: Record, response: Response) -> Response:
        body = bytes(response.body)
        told = isinstance(response, JSONResponse)
        answer: Json = json.loads(body) if told else {"body": body[:200].decode(errors="replace")} if body else {}
        with self._world.changed:
            status = 0 if isinstance(response, CutOff) else response.status_code
            self._stage.trace.answered(record, status, answer)
            self._world.changed.notify_all()
        return response

    async def _faulty(self, record: Record, work: Callable[[], Response]) -> Response:
        return self._told(record, await self._done(record.name, work))

    async def _done(self, method: str, work: Callable[[], Response]) -> Response:
        with self._world.changed:
            act = self._stage.faults.of_moment(method)
            fault = self._stage.faults.of_call(method)
        if act is not None:
            act()
        if fault is None:
            return work()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            return CutOff()
        broken = _broken(fault)
        if broken is not None:
            return broken
        answer = work()
        if fault.drop == "after":
            return CutOff()
        return answer

    def _json(self, answer: Json) -> Response:
        """With the headers in which Slack tells what the token may do."""
        scopes = {"x-oauth-scopes": ",".join(sorted(self._world.scopes))}
        return JSONResponse(answer, headers=scopes if answer.get("error") not in ("not_authed", "invalid_auth") else {})

    def _answer(self, name: str, arguments: Json | None, token: str) -> Json:
        method = METHODS.get(name)
        with self._world.changed:
            try:
                if method is None:
                    raise Refusal("unknown_method")
                self._authorize(method, token)
                if arguments is None:
                    raise Refusal("invalid_json")
                asked = Asked(self._stage, arguments)
                asked.may(*method.scopes)
                for each in method.required:
                    if not asked.text(each):
                        message = f"[ERROR] missing required field: {each}"
                        raise Refusal("invalid_arguments", message)
                return {"ok": True} | method.act(asked)
            except Refusal as refusal:
                return refusal.body
            finally:
                self._world.changed.notify_all()

    def _authorize(self, method: Method, token: str) -> None:
        if not token:
            raise Refusal("not_authed")
        is_bot, is_app = self._whose(token)
        if not (is_bot or is_app):
            raise Refusal("invalid_auth")
        if not (is_app if method.app_level else is_bot):
            raise Refusal("not_allowed_token_type")

    def _whose(self, token: str) -> tuple[bool, bool]:
        """Whether a token is the bot's, and whether it is the app's."""
        given, world = token.encode("utf-8", "replace"), self._world
        return compare_digest(given, world.bot_token.encode()), compare_digest(given, world.app_token.encode())


def _broken(fault: CallFault) -> Response | None:
    if fault.status == 429:
        wait = 1 if fault.retry_after is None else fault.retry_after
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"retry-after": str(wait)})
    if fault.status:
        return HTMLResponse("<!DOCTYPE html><html><body>Something went wrong</body></html>", fault.status)
    return JSONResponse({"ok": False, "error": fault.error}) if fault.error else None


async def _arguments(request: Request) -> Json | None:
    """Query, form and JSON together; None: the JSON or the form cannot be read."""
    arguments: Json = dict(request.query_params)
    body = await body_within(request, API_BYTES)
    if not body:
        return arguments
    if "json" in request.headers.get("content-type", ""):
        sent = _object(body)
        return None if sent is None else arguments | sent
    try:
        return arguments | dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        return None


def _object(body: bytes) -> Json | None:
    """A JSON object; None for anything else."""
    try:
        sent: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return sent if isinstance(sent, dict) else None
