"""The page's addresses, all below one that holds the secret."""

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
from bot.demo.slack_server.actions import Draft, Stage
from bot.demo.slack_server.host_guard import API_BYTES, UPLOAD_BYTES, TooLarge, body_within
from bot.demo.slack_server.page.auth import Door
from bot.demo.slack_server.page.commands import Refused, do, text_of
from bot.demo.slack_server.page.live import Tail, View, serve
from bot.demo.slack_server.page.visibility import PICTURES, Sizes, sees, visible_file
from bot.demo.slack_server.state import Json, Person

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
SHOWN = {**{kind: kind for kind in PICTURES}, "application/pdf": "application/pdf", "text/plain": "text/plain"}
"""What the browser shows by itself; everything else is saved."""


@dataclass(frozen=True)
class Off:
    """Something that Magpie does without. `command`: what turns it on, to be pasted into a terminal, or empty."""

    name: str
    detail: str
    fix: str
    command: str = ""


@dataclass(frozen=True)
class Samples:
    """Documents to try with, drawn when somebody wants them, and questions about them."""

    names: Sequence[str] = ()
    questions: Sequence[str] = ()
    draw: Callable[[], Sequence[bytes]] = lambda: ()
    """As many files as there are names."""


class Page:
    """The page of one workspace. `off` and `samples` may be replaced while it is open, by whoever runs the bot.

    `off` is asked from a thread of its own; None: it is not known yet. `cast`: ids of the people one may be; empty:
    everybody of this workspace.
    """

    def __init__(self, stage: Stage, port: int, features: Json) -> None:
        self._stage, self._world, self._features = stage, stage.world, features
        self._sizes = Sizes()
        self._door = Door(Router(self._routes()), port)
        self.url = f"http://127.0.0.1:{port}/page/{self._door.token}/"
        self.off: Callable[[bool], Sequence[Off] | None] = lambda _: ()
        self.samples = Samples()
        self.cast: Sequence[str] = ()

    @property
    def route(self) -> BaseRoute:
        return Mount("/page/{token}", app=self._door)

    def _routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._index),
            Route("/static/{name}", self._static),
            Route("/start", self._start),
            Route("/off", self._what_is_off, methods=["GET", "POST"]),
            WebSocketRoute("/inspect", self._inspect),
            WebSocketRoute("/as/{person}/live", self._live),
            Route("/as/{person}/do/{act}", self._do, methods=["POST"]),
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
        # The address holds this start's secret: another start's files are never taken for these.
        kept = {"cache-control": "private, max-age=3600"}
        return FileResponse(path, media_type=TYPES[path.suffix], headers=kept)

    async def _start(self, _: Request) -> Response:
        """Who one may be, and what the app brings along."""
        with self._world.changed:
            ours = [each for each in self._world.people.values() if each.team == self._world.team and not each.is_bot]
            cast = [each for each in ours if not self.cast or each.id in self.cast]
            private = {who for space in self._world.spaces.values() if space.kind == "group" for who in space.members}
            people = [
                {"id": each.id, "name": each.name, "guest": each.guest, "private": each.id in private} for each in cast
            ]
        samples = {"names": list(self.samples.names), "questions": list(self.samples.questions)}
        return JSONResponse({"people": people, "app": self._features, "samples": samples, "domain": self._world.domain})

    async def _what_is_off(self, request: Request) -> Response:
        """POST looks again; GET tells what was found last."""
        found = await run_in_threadpool(self.off, request.method == "POST")
        return JSONResponse({"known": found is not None, "off": [asdict(each) for each in found or ()]})

    # ------------------------------------------------------------ live

    async def _live(self, websocket: WebSocket) -> None:
        person = self._who(websocket.path_params["person"])
        if person is None:
            await websocket.close(1008)
            return
        actions.direct(self._stage, [person.id])
        await serve(self._world, websocket, View(self._world, person, self._sizes, self._bot))

    async def _inspect(self, websocket: WebSocket) -> None:
        await serve(self._world, websocket, Tail(self._world, self._stage.trace))

    def _bot(self) -> dict[str, Json]:
        return {"bot": {"connected": self._stage.delivery.connections > 0 or bool(self._stage.delivery.url)}}

    def _who(self, person: str) -> Person | None:
        found = self._world.people.get(person)
        return None if found is None or found.is_bot or found.team != self._world.team else found

    # ------------------------------------------------------------ what a person does

    async def _do(self, request: Request) -> Response:
        person = self._who(request.path_params["person"])
        try:
            asked = json.loads(await body_within(request, API_BYTES))
        except (ValueError, RecursionError):
            asked = None
        if person is None or not isinstance(asked, dict):
            return _refusal("There is nobody of that id." if person is None else "The request is no JSON object.")
        try:
            return JSONResponse(await run_in_threadpool(do, self._stage, person, request.path_params["act"], asked))
        except Refused as error:
            return _refusal(str(error))

    async def _upload(self, request: Request) -> Response:
        """The raw bytes of a file, named in the query; it is shared by the message that names its id."""
        person, name = self._who(request.path_params["person"]), _named(request.query_params.get("name", ""))
        try:
            data = await body_within(request, UPLOAD_BYTES)
        except TooLarge:
            return _refusal(f"{name} is larger than {UPLOAD_BYTES >> 20} MB.", 413)
        if person is None:
            return _refusal("There is nobody of that id.")
        if not data:
            return _refusal(f"{name} is empty.")
        return JSONResponse({"id": file_actions.create(self._stage, person.id, name, data).id})

    async def _share_samples(self, request: Request) -> Response:
        person = self._who(request.path_params["person"])
        drawn = zip(self.samples.names, await run_in_threadpool(self.samples.draw), strict=True)
        try:
            channel = text_of(json.loads(await body_within(request, API_BYTES)), "channel")
        except (ValueError, RecursionError, AttributeError, Refused):
            return _refusal("The request is no JSON object with a channel.")
        with self._world.changed:
            space = self._world.spaces.get(channel)
            if person is None or space is None or not sees(self._world, person, space):
                return _refusal("There is no such conversation.")
            if person.id not in space.members:
                return _refusal(f"Join #{space.name} first.")
            ids = [file_actions.create(self._stage, person.id, name, data).id for name, data in drawn]
            if not ids:
                return _refusal("There are no samples here.")
            draft = Draft("Two documents of the harbour, to try with.", files=ids, upload=True)
            return JSONResponse({"ts": actions.post(self._stage, person.id, space.id, draft).ts})

    async def _file(self, request: Request) -> Response:
        person = self._who(request.path_params["person"])
        with self._world.changed:
            file = visible_file(self._world, person, request.path_params["file"]) if person else None
        if file is None:
            return Response("This file is not there, or not for you to see.", 404, media_type="text/plain")
        shown = SHOWN.get(file.mimetype)
        headers = {"cache-control": "private, no-cache"}
        # A file is a stranger's: what it holds must not act as this page. A sandbox would keep the browser's PDF
        # viewer away, and needs none: a PDF's scripts never run as a page's.
        pdf = shown == "application/pdf"
        headers["content-security-policy"] = "frame-ancestors 'none'" if pdf else "sandbox; default-src 'none'"
        how = "inline" if shown else "attachment"
        headers["content-disposition"] = f"{how}; filename*=UTF-8''{quote(file.name)}"
        return Response(file.data, media_type=shown or "application/octet-stream", headers=headers)


def _named(name: str) -> str:
    """A file's name without any folder, as a browser may send one."""
    return re.split(r"[/\\]", name.strip())[-1][:255] or "file"


def _refusal(why: str, status: int = 400) -> Response:
    return JSONResponse({"error": why}, status)
