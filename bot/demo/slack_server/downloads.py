"""File downloads: the bytes for the bot's token, a login page for everything else."""

from __future__ import annotations

from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.broken_responses import DroppedConnection, StallingResponse
from bot.demo.slack_server.faults import DownloadFault
from bot.demo.slack_server.state import Call, SlackFile

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


class Downloads:
    def __init__(self, context: Context) -> None:
        self._context, self._state = context, context.state

    async def fetch(self, request: Request) -> Response:
        """Answer GET /files-pri/{team}-{file}/..."""
        file = self._state.files.get(request.path_params["ids"].partition("-")[2].partition("-")[0])
        given, expected = request.headers.get("authorization", ""), f"Bearer {self._state.bot_token}"
        trusted = compare_digest(given.encode(), expected.encode())
        with self._state.changed:
            arguments = {"file": file.id if file else "", "trusted": trusted}
            self._state.calls.append(Call("download", arguments))
            record = self._context.trace.add_call("download", arguments)
            self._state.changed.notify_all()
            fault = self._context.faults.take_download_fault()
        response = self._respond(fault, file, trusted, request)
        with self._state.changed:
            status = 0 if isinstance(response, DroppedConnection) else response.status_code
            self._context.trace.add_response(record, status, {"length": len(response.body)})
        return response

    def _respond(
        self, fault: DownloadFault | None, file: SlackFile | None, trusted: bool, request: Request
    ) -> Response:
        if fault is not None:
            return self._fail(fault, file, request)
        if file is not None and file.deleted:
            return HTMLResponse("<!DOCTYPE html><html><body>File not found</body></html>", 404)
        is_allowed = trusted and "files:read" in self._state.scopes
        if file is None or not is_allowed or not self._state.is_visible_to_bot(file):
            return HTMLResponse(LOGIN_PAGE) if self._state.login == "page" else self._redirect_to_login(request)
        part = file.parts.get(request.path_params["name"].removeprefix("file."))
        if part is not None:
            return Response(part, media_type="text/vtt")
        return Response(file.data, media_type=file.served_as or file.mimetype)

    async def login(self, request: Request) -> Response:
        """Answer GET /login. Record whether the token came along: a client that follows redirects leaks it."""
        with self._state.changed:
            self._state.calls.append(Call("login", {"authorization": "authorization" in request.headers}))
            self._state.changed.notify_all()
        return HTMLResponse(LOGIN_PAGE)

    def _redirect_to_login(self, request: Request, to: str = "") -> Response:
        url = to or f"http://{self._state.host}/login?redir={request.url.path}"
        return RedirectResponse(url, 302, {"x-slack-meta": "?;acl_fail"})

    def _fail(self, fault: DownloadFault, file: SlackFile | None, request: Request) -> Response:
        if fault.kind == "login page":
            return HTMLResponse(LOGIN_PAGE)
        if fault.kind == "redirect" or file is None:
            return self._redirect_to_login(request, fault.to)
        if fault.kind == "status":
            # 206 stands for a body that ends early with a matching Content-Length.
            half = file.data[: len(file.data) // 2]
            return Response(half, media_type=file.mimetype) if fault.status == 206 else Response(b"", fault.status)
        if fault.kind == "truncated":
            return DroppedConnection(file.data, media_type=file.mimetype)
        return StallingResponse(file.data, file.mimetype, fault.seconds)
