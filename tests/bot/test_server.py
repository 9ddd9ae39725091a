"""HTTP: /health, and the bot in HTTP mode, where every request is signed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from bot.server import build_server, serving
from bot.workspace import Workspace, open_workspace
from rag import BadSetting
from tests.flows.team import HANDBOOK, READ, magpie, receipts, reply, said, until, without_proxies

MANIFEST = Path(__file__).resolve().parents[2] / "manifest.yml"


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with without_proxies(), open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        yield ws


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_bot_in_http_mode_answers_what_is_signed_and_nothing_else(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    ada = ws.person("ada")
    room = ws.channel("harbour", members=[ada])
    with magpie(ws, tmp_path, http_port=port):
        ws.request_url(url)
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
        asked = ws.post(ada, room, f"<@{ws.bot_user}> which port does the gateway use?")
        assert "8443" in said(reply(ws, room, asked))
        event = {"type": "app_mention", "user": ada, "text": "hey", "ts": "9.1", "channel": room}
        body = json.dumps({"type": "event_callback", "event_id": "Ev1", "team_id": ws.team_id, "event": event})
        now = str(int(time.time()))
        for secret in (None, "wrong"):
            signed = secret and SignatureVerifier(secret).generate_signature(timestamp=now, body=body)
            headers = {"x-slack-request-timestamp": now, "x-slack-signature": signed} if signed else {}
            sent = httpx.post(url, content=body, headers={"content-type": "application/json", **headers})
            assert sent.status_code == 401
        challenge = json.dumps({"type": "url_verification", "challenge": "c4", "token": "t"})
        signature = SignatureVerifier(ws.signing_secret).generate_signature(timestamp=now, body=challenge)
        headers = {"x-slack-request-timestamp": now, "x-slack-signature": str(signature)}
        told = httpx.post(url, content=challenge, headers={"content-type": "application/json", **headers})
        assert told.json() == {"challenge": "c4"}
        health = httpx.get(f"http://127.0.0.1:{port}/health")
        assert (health.status_code, health.json()["connected"]) == (200, True)
    assert ws.connections == 0
    assert len(ws.called("chat.postMessage")) == 1


def test_health_says_when_slack_is_out_of_reach(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port):
        told = httpx.get(f"http://127.0.0.1:{port}/health")
        assert told.status_code == 200
        assert told.json() == {"ok": True, "connected": True, "working": True, "questions": 0}
        with ws.unreachable():
            until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").status_code == 503)
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200)


def test_a_port_that_is_taken_is_said() -> None:
    server = build_server(lambda: {"ok": True}, None)
    with serving(server, "127.0.0.1", 0) as port:
        with pytest.raises(BadSetting, match=f"Port {port} cannot be used"), serving(server, "127.0.0.1", port):
            pass
        assert httpx.get(f"http://127.0.0.1:{port}/slack/events").status_code == 404
