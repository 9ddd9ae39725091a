"""The running bot serves MCP and the HTTP API on its own port, and follows what happens in Slack."""

from __future__ import annotations

from pathlib import Path
from time import time

import httpx

from bot.api.tokens import new_token
from bot.db import api_tokens
from bot.demo.slack_server import Workspace
from tests.bot.slack.test_http import free_port
from tests.flows.team import HANDBOOK, READ, magpie, receipts
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


def test_person_asks_over_http_until_they_leave_the_channel(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    ada, ben = ws.person("ada"), ws.person("ben")
    room = ws.channel("harbor", members=[ada, ben], private=True)
    token, text = new_token("script", time(), 1, ben)
    with magpie(ws, tmp_path, tools_port=port) as bot:
        with bot.rag.write_transaction() as connection:
            api_tokens.put_token(connection, token)
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)

        def post(path: str, body: object) -> httpx.Response:
            headers = {"authorization": f"Bearer {text}", "accept": "application/json, text/event-stream"}
            return httpx.post(f"http://127.0.0.1:{port}{path}", json=body, headers=headers, timeout=60, trust_env=False)

        answer = post("/v1/ask", {"question": "Which port does the gateway use?"}).json()
        assert "8443" in answer["answer"]
        assert answer["citations"][0]["citation"] == "handbook.pdf, p. 2"
        listed = post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert "similar_to_image" in listed.text
        ws.leave(ben, room)
        assert post("/v1/list_documents", {}).json() == {"total": 0, "documents": []}
