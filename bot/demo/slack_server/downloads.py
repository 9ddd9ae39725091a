"""Files as they are fetched: for the right token their bytes, for others a login page."""

from __future__ import annotations

from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.demo.slack_server.actions import Stage
from bot.demo.slack_server.broken_responses import CutOff, Halting
from bot.demo.slack_server.faults import DownloadFault
from bot.demo.slack_server.state import Call, SlackFile

LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


class Downloads:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._world = stage, stage.world

    async def fetch(self, request: Request) -> Response:
        """/files-pri/{team}-{file}/..."""
        file = self._world.files.get(request.path_params["ids"].partition("-")[2].partition("-")[0])
        given, right = request.headers.get("authorization", ""), f"Bearer {self._world.bot_token}"
        trusted = compare_digest(given.encode(), right.encode())
        with self._world.changed:
            told = {"file": file.id if file else "", "trusted": trusted}
            self._world.calls.append(Call("download", told))
            record = self._stage.trace.called("download", told)
            self._world.changed.notify_all()
            fault = self._stage.faults.of_download()
        response = self._answer(fault, file, trusted, request)
        with self._world.changed:
            status = 0 if isinstance(response, CutOff) else response.status_code
            self._stage.trace.answered(record, status, {"length": len(response.body)})
        return response

    def _answer(self, fault: DownloadFault | None, file: SlackFile | None, trusted: bool, request: Request) -> Response:
        if fault is not None:
            return self._faulty(fault, file, request)
        if file is not None and file.deleted:
            return HTMLResponse("<!DOCTYPE html><html><body>File not found</body></html>", 404)
        if file is None or not trusted or "files:read" not in self._world.scopes or not self._world.bot_sees(file):
            return HTMLResponse(LOGIN) if self._world.login == "page" else self._to_login(request)
        return Response(file.data, media_type=file.mimetype)

    async def login(self, request: Request) -> Response:
        """Remembers whether the token came along: a client that follows redirects gives it away."""
        with self._world.changed:
            self._world.calls.append(Call("login", {"authorization": "authorization" in request.headers}))
            self._world.changed.notify_all()
        return HTMLResponse(LOGIN)

    def _to_login(self, request: Request, to: str = "") -> Response:
        where = to or f"http://{self._world.host}/login?redir={request.url.path}"
        return RedirectResponse(where, 302, {"x-slack-meta": "?;acl_fail"})

    def _faulty(self, fault: DownloadFault, file: SlackFile | None, request: Request) -> Response:
        if fault.kind == "login page":
            return HTMLResponse(LOGIN)
        if fault.kind == "redirect" or file is None:
            return self._to_login(request, fault.to)
        if fault.kind == "status":
            short = file.data[: len(file.data) // 2]
            # 206 stands for a body that ends early and says nothing of it.
            return Response(short, media_type=file.mimetype) if fault.status == 206 else Response(b"", fault.status)
        if fault.kind == "truncated":
            return CutOff(file.data, media_type=file.mimetype)
        slow = Halting(file.data, media_type=file.mimetype)
        slow.pause = fault.seconds
        return slow
