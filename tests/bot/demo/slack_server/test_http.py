"""Delivery to a request URL: signatures and retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from slack_bolt import App, BoltRequest

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import web_client

Refusals = list[tuple[int, dict[str, str]]]


@contextmanager
def receiving(app: App, refusals: Refusals) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve the app after the given refusals. Yield the URL and the headers of all requests."""
    headers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            headers.append({name.lower(): value for name, value in self.headers.items()})
            status, more, answer = 0, dict[str, str](), ""
            if refusals:
                status, more = refusals.pop(0)
            else:
                response = app.dispatch(BoltRequest(body=body, headers={**headers[-1]}))
                status, answer = response.status, response.body
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/slack/events", headers
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def heard_by(app: App) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = []

    @app.event("message")
    def message(event: dict[str, Any]) -> None:
        received.append(event)

    return received


def test_events_are_signed_and_retried(ws: Workspace) -> None:
    app = App(client=web_client(ws), signing_secret=ws.signing_secret, process_before_response=True)
    received, channel = heard_by(app), ws.channel("papers", [ws.person("ada")])
    with receiving(app, [(500, {})]) as (url, headers):
        ws.request_url(url)
        ws.post("ada", channel, "hello")
        ws.settled()
        assert [each["text"] for each in received] == ["hello"]
        assert [each.get("x-slack-retry-num") for each in headers] == [None, "1"]
        assert headers[1]["x-slack-retry-reason"] == "http_error"


def test_no_retry_header_stops_retries(ws: Workspace) -> None:
    app = App(client=web_client(ws), signing_secret="another", process_before_response=True)
    received, channel = heard_by(app), ws.channel("papers", [ws.person("ada")])
    with receiving(app, [(500, {"x-slack-no-retry": "1"})]) as (url, headers):
        ws.request_url(url)
        ws.post("ada", channel, "hello")
        ws.settled()
        assert len(headers) == 1
        ws.pace.http_retries = ()
        ws.post("ada", channel, "signed with another secret")
        ws.settled()
    assert [each.given_up for each in ws.envelopes()] == [True, True]
    assert received == []


def test_gives_up_when_the_request_url_refuses_connections(ws: Workspace) -> None:
    ws.request_url("http://127.0.0.1:9/")
    ws.pace.http_retries = (0.0, 0.0, 0.0)
    ws.post("ada", ws.channel("papers", [ws.person("ada")]), "hello")
    ws.settled()
    (envelope,) = ws.envelopes()
    assert (envelope.sent, envelope.reason, envelope.given_up) == (4, "connection_failed", True)


def test_held_events_arrive_one_after_the_other(ws: Workspace) -> None:
    app = App(client=web_client(ws), signing_secret=ws.signing_secret, process_before_response=True)
    received, channel = heard_by(app), ws.channel("papers", [ws.person("ada")])
    with receiving(app, []) as (url, _):
        ws.request_url(url)
        with ws.hold_events() as held:
            for number in range(8):
                ws.post("ada", channel, str(number))
        held.deliver(*reversed(held.pending))
    assert [each["text"] for each in received] == list("76543210")
