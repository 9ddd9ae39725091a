"""A Slack of one's own on the loopback: Web API, Socket Mode, request URL, files. The bot cannot tell.

    with open_workspace() as ws:
        ada, room = ws.person("ada"), ws.channel("papers", members=["ada"])
        ts = ws.post(ada, room, f"<@{ws.bot_user}> what is this?", files=[("report.pdf", data)])
        ws.wait(lambda: ws.thread(room, ts)[1:], what="an answer")

`WebClient(token=ws.bot_token, base_url=ws.api_url)`, `SocketModeHandler(app, ws.app_token)`, and
`ws.host` as an allowed host of files are all that a bot needs. The tests run on it, and `magpie demo`.
"""

from __future__ import annotations

from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.page import Off, Page, Samples
from bot.demo.slack_server.state import Call, Message, Pace, Person, Share, SlackFile, Space
from bot.demo.slack_server.workspace import Workspace, open_workspace

__all__ = [
    "Call",
    "Envelope",
    "Faults",
    "Message",
    "Off",
    "Pace",
    "Page",
    "Person",
    "Samples",
    "Share",
    "SlackFile",
    "Space",
    "Workspace",
    "open_workspace",
]
