"""The server for other tools: every operation as `POST /v1/NAME`, and MCP at /mcp. OpenAPI is at /v1/openapi.json."""

from __future__ import annotations

import logging
from collections.abc import Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.api.api import Api
from bot.api.models import IMAGE_BYTES
from bot.api.openapi import openapi_schema
from bot.api.operations import OPERATIONS, Operation
from bot.api.request_guard import SiteGuard, TokenGuard, error_response, refusal, token_of
from bot.api.validation import explain
from bot.slack.bodies import TooLarge, body_within
from bot.slack.http import is_loopback
from rag import BadSetting, MagpieError

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

log = logging.getLogger("magpie")

MAX_BYTES = IMAGE_BYTES * 4 // 3 + (64 << 10)
"""Limit for a body: the largest image in base64, and the rest of its request."""

INVALID = "The body does not have the form that /v1/openapi.json describes."


def build_server(api: Api, host: str, names: Collection[str]) -> ASGIApp:
    """Return the ASGI app for an address to listen on. `names`: further host names that requests may be for.

    Raise BadSetting for an address that other machines reach if no name is given.
    """
    if not names and not is_loopback(host):
        raise BadSetting(
            f"SLACK_TOOLS_HOST is {host}, but no host name is set that requests may be for.",
            "Set SLACK_TOOLS_HOSTS to the name that clients use, such as magpie.example.org, or leave "
            "SLACK_TOOLS_HOST at 127.0.0.1.",
        )
    schema = openapi_schema()
    routes: list[BaseRoute] = [Route("/v1/openapi.json", lambda _: JSONResponse(schema))]
    routes += [
        Route(f"/v1/{operation.id}", TokenGuard(_Call(api, operation), api), methods=["POST"])
        for operation in OPERATIONS
    ]
    sessions = _open_mcp(api)
    if sessions is None:
        return SiteGuard(Starlette(routes=routes), names)
    routes.append(Route("/mcp", TokenGuard(sessions.handle_request, api), methods=["POST"]))
    return SiteGuard(Starlette(routes=routes, lifespan=lambda _: sessions.run()), names)


def _open_mcp(api: Api) -> StreamableHTTPSessionManager | None:
    """Return the MCP server; None if the extra is not installed."""
    if find_spec("mcp") is None:
        log.warning("MCP is off: the package mcp is not installed. Run: .venv/bin/pip install -e '.[mcp]'")
        return None
    from bot.api.mcp import open_sessions

    def call(request: Request | None, operation: Operation, parsed: BaseModel) -> BaseModel:
        if request is None:
            raise RuntimeError("a call over HTTP has a request")
        return api.call(token_of(request.scope), operation, parsed)

    return open_sessions(call, MAX_BYTES)


class _Call:
    """The ASGI app of one operation."""

    def __init__(self, api: Api, operation: Operation) -> None:
        self._api = api
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return refusal(
                415, "not_json", "The body has to be JSON.", "Send the header: Content-Type: application/json"
            )
        try:
            body = await body_within(request, MAX_BYTES)
            parsed = self._operation.request.model_validate_json(body)
            response = await run_in_threadpool(self._api.call, token_of(request.scope), self._operation, parsed)
        except TooLarge:
            return refusal(413, "too_large", f"The body is larger than {MAX_BYTES >> 20} MB.")
        except ClientDisconnect:
            return Response(status_code=400)
        except ValidationError as error:
            return refusal(400, "invalid", INVALID, explain(error))
        except MagpieError as error:
            log.info("A call of %s failed: %s", self._operation.id, type(error).__name__)
            return error_response(error)
        return Response(response.model_dump_json(), media_type="application/json")
