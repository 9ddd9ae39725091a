"""The page's routes, all below a path with the secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from bot.demo.slack_server import actions, file_actions
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.host_guard import API_BYTES, UPLOAD_BYTES
from bot.demo.slack_server.page.auth import PageAuth
from bot.demo.slack_server.page.commands import CommandError, run_command, text_argument
from bot.demo.slack_server.page.live import PersonView, TraceTail, serve
from bot.demo.slack_server.page.visibility import IMAGE_TYPES, ImageSizes, can_see, visible_file
from bot.demo.slack_server.state import Json, Person
from bot.slack.bodies import TooLarge, body_within

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
INLINE_TYPES = {
    **{kind: kind for kind in IMAGE_TYPES},
    "application/pdf": "application/pdf",
    "text/plain": "text/plain",
}
"""File type -> content type that the browser shows in place. Other files are downloaded."""


@dataclass(frozen=True)
class UnavailableFeature:
    """A feature that is not set up. `command` turns it on when pasted into a terminal; empty if there is none."""

    name: str
    detail: str
    fix: str
    command: str = ""


@dataclass(frozen=True)
class Samples:
    """Sample documents, drawn on request, and questions about them."""

    names: Sequence[str] = ()
    questions: Sequence[str] = ()
    draw: Callable[[], Sequence[bytes]] = lambda: ()
    """Return the contents, one for each of `names`."""


class BrowserPage:
    """The page of one workspace. `off`, `samples` and `cast` can be replaced while it is open.

    `off` returns the features that are not set up, or None while unknown; its argument asks for a new check. It is
    called in a worker thread. `cast` holds the ids of the people a visitor can act as; if empty, all members.
    """

    def __init__(self, context: Context, port: int, features: Json) -> None:
        self._context, self._state, self._features = context, context.state, features
        self._image_sizes = ImageSizes()
        self._auth = PageAuth(Router(self._routes()), port)
        self.url = f"http://127.0.0.1:{port}/page/{self._auth.token}/"
        self.off: Callable[[bool], Sequence[UnavailableFeature] | None] = lambda _: ()
        self.samples = Samples()
        self.cast: Sequence[str] = ()

    @property
    def route(self) -> BaseRoute:
        return Mount("/page/{token}", app=self._auth)

    def _routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._index),
            Route("/static/{name}", self._static),
            Route("/start", self._start),
            Route("/off", self._unavailable_features, methods=["GET", "POST"]),
            WebSocketRoute("/inspect", self._inspect),
            WebSocketRoute("/as/{person}/live", self._live),
            Route("/as/{person}/do/{command}", self._run_command, methods=["POST"]),
            Route("/as/{person}/upload", self._upload, methods=["POST"]),
            Route("/as/{person}/samples", self._share_samples, methods=["POST"]),
            Route("/as/{person}/files/{file}/{name}", self._file),
        ]

    # ------------------------------------------------------------ the page itself

    async def _index(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html", media_type="text/html", headers={"cache-control": "no-store"})

    async def _static(self, request: Request) -> Response:
        path = STATIC / request.path_params["name"]
        if path.parent != STATIC or path.suffix not in TYPES or not path.is_file():
            return Response(status_code=404)
        # Safe to cache: the address contains the secret of this run.
        caching = {"cache-control": "private, max-age=3600"}
        return FileResponse(path, media_type=TYPES[path.suffix], headers=caching)

    async def _start(self, _: Request) -> Response:
        """Return the people a visitor can act as, and the app's features."""
        with self._state.changed:
            members = [
                each for each in self._state.people.values() if each.team == self._state.team and not each.is_bot
            ]
            cast = [each for each in members if not self.cast or each.id in self.cast]
            in_private = {
                member
                for conversation in self._state.conversations.values()
                if conversation.kind == "group"
                for member in conversation.members
            }
            people = [
                {"id": each.id, "name": each.name, "guest": each.guest, "private": each.id in in_private}
                for each in cast
            ]
        samples = {"names": list(self.samples.names), "questions": list(self.samples.questions)}
        return JSONResponse({"people": people, "app": self._features, "samples": samples, "domain": self._state.domain})

    async def _unavailable_features(self, request: Request) -> Response:
        """Return the features that are not set up. POST checks again; GET returns the last result."""
        found = await run_in_threadpool(self.off, request.method == "POST")
        return JSONResponse({"known": found is not None, "off": [asdict(each) for each in found or ()]})

    # ------------------------------------------------------------ live

    async def _live(self, websocket: WebSocket) -> None:
        person = self._find_person(websocket.path_params["person"])
        if person is None:
            await websocket.close(1008)
            return
        actions.open_direct(self._context, [person.id])
        await serve(self._state, websocket, PersonView(self._state, person, self._image_sizes, self._bot_entry))

    async def _inspect(self, websocket: WebSocket) -> None:
        await serve(self._state, websocket, TraceTail(self._state, self._context.trace))

    def _bot_entry(self) -> dict[str, Json]:
        return {"bot": {"connected": self._context.delivery.is_connected}}

    def _find_person(self, person: str) -> Person | None:
        found = self._state.people.get(person)
        return None if found is None or found.is_bot or found.team != self._state.team else found

    # ------------------------------------------------------------ commands and files

    async def _run_command(self, request: Request) -> Response:
        person = self._find_person(request.path_params["person"])
        try:
            arguments = json.loads(await body_within(request, API_BYTES))
        except (ValueError, RecursionError):
            arguments = None
        if person is None or not isinstance(arguments, dict):
            return _refusal(
                "There is no person with this id." if person is None else "The request is not a JSON object."
            )
        name = request.path_params["command"]
        try:
            return JSONResponse(await run_in_threadpool(run_command, self._context, person, name, arguments))
        except CommandError as error:
            return _refusal(str(error))

    async def _upload(self, request: Request) -> Response:
        """Store the raw bytes of a file named in the query. A later message shares it by its id."""
        person, name = (
            self._find_person(request.path_params["person"]),
            _base_name(request.query_params.get("name", "")),
        )
        try:
            data = await body_within(request, UPLOAD_BYTES)
        except TooLarge:
            return _refusal(f"{name} is larger than {UPLOAD_BYTES >> 20} MB.", 413)
        if person is None:
            return _refusal("There is no person with this id.")
        if not data:
            return _refusal(f"{name} is empty.")
        return JSONResponse({"id": file_actions.create(self._context, person.id, name, data).id})

    async def _share_samples(self, request: Request) -> Response:
        person = self._find_person(request.path_params["person"])
        drawn = zip(self.samples.names, await run_in_threadpool(self.samples.draw), strict=True)
        try:
            channel = text_argument(json.loads(await body_within(request, API_BYTES)), "channel")
        except (ValueError, RecursionError, AttributeError, CommandError):
            return _refusal("The request is not a JSON object with a channel.")
        with self._state.changed:
            conversation = self._state.conversations.get(channel)
            if person is None or conversation is None or not can_see(self._state, person, conversation):
                return _refusal("There is no such conversation.")
            if person.id not in conversation.members:
                return _refusal(f"Join #{conversation.name} first.")
            ids = [file_actions.create(self._context, person.id, name, data).id for name, data in drawn]
            if not ids:
                return _refusal("There are no sample documents.")
            draft = NewMessage("Two sample documents about the harbor.", files=ids, upload=True)
            return JSONResponse({"ts": actions.post(self._context, person.id, conversation.id, draft).ts})

    async def _file(self, request: Request) -> Response:
        person = self._find_person(request.path_params["person"])
        with self._state.changed:
            file = visible_file(self._state, person, request.path_params["file"]) if person else None
        if file is None:
            return Response("This file does not exist, or you cannot see it.", 404, media_type="text/plain")
        inline_type = INLINE_TYPES.get(file.mimetype)
        headers = {"cache-control": "private, no-cache"}
        # A file is untrusted and must not run scripts as this page. PDFs are exempt: their scripts never run as the
        # page's, and the browser's PDF viewer does not work in a sandbox.
        is_pdf = inline_type == "application/pdf"
        headers["content-security-policy"] = "frame-ancestors 'none'" if is_pdf else "sandbox; default-src 'none'"
        disposition = "inline" if inline_type else "attachment"
        headers["content-disposition"] = f"{disposition}; filename*=UTF-8''{quote(file.name)}"
        return Response(file.data, media_type=inline_type or "application/octet-stream", headers=headers)


def _base_name(name: str) -> str:
    """Return the file name without the folders a browser may send."""
    return re.split(r"[/\\]", name.strip())[-1][:255] or "file"


def _refusal(reason: str, status: int = 400) -> Response:
    return JSONResponse({"error": reason}, status)
