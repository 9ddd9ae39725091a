"""/health, and the bot in HTTP mode with signed requests."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import select
from starlette.testclient import TestClient

from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.http import build_server, serving
from rag import BadSetting
from tests.flows.team import HANDBOOK, READ, magpie, receipts, reply, said, until
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_http_mode_handles_signed_requests(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    ada = ws.person("ada")
    room = ws.channel("harbor", members=[ada])
    with magpie(ws, tmp_path, http_port=port):
        ws.request_url(url)
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
        asked = ws.post(ada, room, f"<@{ws.bot_user}> which port does the gateway use?")
        answer = reply(ws, room, asked)
        assert "8443" in said(answer)
        ws.click(ada, room, answer.ts, "feedback", "good")
        ws.command(ada, room, "/magpie", "help")
        ws.command(ada, room, "/magpie", "find gateway")
        ws.wait(lambda: len(ws.ephemerals(ada)) == 3, 20, "three ephemeral messages")
        challenge = json.dumps({"type": "url_verification", "challenge": "c4", "token": "t"})
        headers = signed(ws.signing_secret, challenge, time.time())
        received = httpx.post(url, content=challenge, headers={"content-type": "application/json", **headers})
        assert received.json() == {"challenge": "c4"}
        health = httpx.get(f"http://127.0.0.1:{port}/health")
        assert (health.status_code, health.json()) == (200, {"ok": True})
    assert ws.connections == 0
    assert len(ws.called("chat.postMessage")) == 1


def signed(secret: str, body: str, at: float) -> dict[str, str]:
    """Return the headers of a request that Slack signs at this time."""
    stamp = str(int(at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": str(signature)}


def test_unsigned_or_old_requests_are_refused_and_not_recorded(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    ada = ws.person("ada")
    room = ws.channel("harbor", members=[ada])

    def body(id: str) -> str:
        event = {"type": "app_mention", "user": ada, "text": "hey", "ts": f"9.{id}", "channel": room}
        return json.dumps({"type": "event_callback", "event_id": f"Ev{id}", "team_id": ws.team_id, "event": event})

    def sent(id: str, headers: dict[str, str]) -> int:
        kind = {"content-type": "application/json"}
        posted = httpx.post(f"http://127.0.0.1:{port}/slack/events", content=body(id), headers=kind | headers)
        return posted.status_code

    def recorded(bot: Bot) -> tuple[int, int]:
        with bot.rag.read_transaction() as connection:
            counted = (tables.delivery, tables.question)
            deliveries, questions = (len(connection.execute(select(table)).all()) for table in counted)
        return deliveries, questions

    with magpie(ws, tmp_path, http_port=port) as bot:
        now, secret = time.time(), ws.signing_secret
        right = signed(secret, body("1"), now)
        refused = [
            {},
            signed("wrong", body("1"), now),
            signed(secret, body("2"), now),  # of another body
            signed(secret, body("1"), now - 360),
            signed(secret, body("1"), now + 360),
            right | {"x-slack-request-timestamp": str(int(now) - 1)},
            {"x-slack-signature": right["x-slack-signature"]},
        ]
        assert [sent("1", headers) for headers in refused] == [401] * len(refused)
        for stamp in ("yesterday", "", "-5", "1e9", "9" * 400):
            assert sent("1", right | {"x-slack-request-timestamp": stamp}) == 401
        assert recorded(bot) == (0, 0)
        assert sent("1", right) == 200
        assert sent("3", signed(secret, body("3"), now - 240)) == 200
        assert recorded(bot) == (2, 2)


HEALTH = {"ok": True, "connected": True, "working": True, "questions": 3}


@pytest.mark.parametrize("client", [("127.0.0.1", 5000), ("::1", 5000), ("203.0.113.9", 5000), ("unix", 5000)])
@pytest.mark.parametrize("headers", [{}, {"x-forwarded-for": "203.0.113.9"}, {"host": "bot.example"}])
@pytest.mark.parametrize("ok", [True, False])
def test_health_returns_only_ok(client: tuple[str, int], headers: dict[str, str], ok: bool) -> None:
    server = build_server({"/health": lambda: HEALTH | {"ok": ok}})
    received = TestClient(server, client=client).get("/health", headers=headers)
    assert (received.status_code, received.json()) == (200 if ok else 503, {"ok": ok})


def test_health_has_no_server_header() -> None:
    with serving(build_server({"/health": lambda: HEALTH}), "127.0.0.1", 0) as port:
        received = httpx.get(f"http://127.0.0.1:{port}/health")
    assert received.json() == {"ok": True}
    assert "server" not in received.headers


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 exists only on Linux")
def test_health_port_is_local_only(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port), socket.socket() as other:
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/health", headers={"host": "evil.example"}).status_code == 421
        other.bind(("127.0.0.2", port))  # free, so the server does not listen on all addresses


def test_health_is_503_while_slack_is_unreachable(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port):
        received = httpx.get(f"http://127.0.0.1:{port}/health")
        assert received.status_code == 200
        assert received.json() == {"ok": True}
        with ws.unreachable():
            until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").status_code == 503)
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200)


def test_port_in_use_is_reported() -> None:
    server = build_server({"/health": lambda: {"ok": True}})
    with serving(server, "127.0.0.1", 0) as port:
        with pytest.raises(BadSetting, match=f"Port {port} cannot be used"), serving(server, "127.0.0.1", port):
            pass
        assert httpx.get(f"http://127.0.0.1:{port}/slack/events").status_code == 404
