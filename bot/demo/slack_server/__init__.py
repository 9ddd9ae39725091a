"""A local Slack server: Web API, Socket Mode, request URL and files, as the real Slack behaves.

    with open_workspace() as ws:
        ada, channel = ws.person("ada"), ws.channel("papers", members=["ada"])
        ts = ws.post(ada, channel, f"<@{ws.bot_user}> what is this?", files=[("report.pdf", data)])
        ws.wait(lambda: ws.thread(channel, ts)[1:], what="an answer")

A bot needs `WebClient(token=ws.bot_token, base_url=ws.api_url)`, `SocketModeHandler(app, ws.app_token)`, and `ws.host`
among the hosts it may download files from. `magpie demo` and the tests use this server.

Where the real Slack is less friendly, a workspace can be too: `ws.quirks` (lasting ways of Slack), `ws.pace` (delays),
`ws.limits` (calls per minute), `ws.faults` (single failures) and `ws.hold_events()` (events in any order).
`ws.special` shares files of other kinds than uploads, `ws.apps` posts messages that no person typed.
"""

from __future__ import annotations

from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.held_events import HeldEvents
from bot.demo.slack_server.page import BrowserPage, Samples, UnavailableFeature
from bot.demo.slack_server.quirks import Quirks
from bot.demo.slack_server.rate_limits import ManualClock, RateLimits
from bot.demo.slack_server.state import Call, Conversation, FileShare, Message, OtherApp, Person, SlackFile, Timing
from bot.demo.slack_server.workspace import Workspace, open_workspace

__all__ = [
    "BrowserPage",
    "Call",
    "Conversation",
    "Envelope",
    "Faults",
    "FileShare",
    "HeldEvents",
    "ManualClock",
    "Message",
    "OtherApp",
    "Person",
    "Quirks",
    "RateLimits",
    "Samples",
    "SlackFile",
    "Timing",
    "UnavailableFeature",
    "Workspace",
    "open_workspace",
]
