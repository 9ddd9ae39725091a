"""Live updates of the page, which carry only differences, and the trace of the inspector."""

from __future__ import annotations

from typing import Any

from bot.demo.people import DemoTeam
from bot.demo.slack_server import Workspace
from bot.demo.slack_server.trace import Trace
from tests.bot.demo.slack_server.conftest import Connect, web_client
from tests.bot.demo.slack_server.page.conftest import LiveSocket, Visitor


def until(live: LiveSocket, key: str) -> dict[str, Any]:
    """Return the first update with this key."""
    while True:
        update = live.next()
        if key in update["set"] or key in update["gone"]:
            return update


def test_updates_carry_only_changes(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    ws.post("ada", team.channel, "first")
    with visitor.live(f"as/{team.ada}/live") as live:
        assert live.next()["whole"] is True
        ts = ws.post("ben", team.channel, "hello")
        key = f"messages/{team.channel}/{ts}"
        assert list(until(live, key)["set"]) == [key]
        ws.react("ada", team.channel, ts, "eyes")
        assert until(live, key)["set"][key]["reactions"] == {"eyes": [team.ada]}
        ws.delete_message(team.channel, ts)
        assert until(live, key) == {"whole": False, "set": {}, "gone": [key]}


def test_entries_disappear_when_a_person_leaves(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    private = next(each.id for each in ws.conversations() if each.kind == "group")
    ts = ws.post("ben", private, "hush")
    with visitor.live(f"as/{team.ben}/live") as live:
        assert f"messages/{private}/{ts}" in live.next()["set"]
        ws.leave("ben", private)
        gone = until(live, f"conversations/{private}")["gone"]
        assert {f"conversations/{private}", f"messages/{private}/{ts}"} <= set(gone)


def records(live: LiveSocket, name: str) -> dict[str, Any]:
    """Return the record of this name once it was answered, acknowledged or lost."""
    while True:
        for each in live.next()["records"]:
            if each["name"] == name and (each["took"] is not None or each["lost"]):
                return dict(each)


def test_trace_shows_calls_with_responses_and_events_with_deliveries(
    ws: Workspace, team: DemoTeam, visitor: Visitor, connect_socket: Connect
) -> None:
    ws.pace.ack_timeout = 0.1
    socket = connect_socket(ws)
    with visitor.live("inspect") as live:
        web_client(ws).auth_test()
        info = records(live, "auth.test")
        assert (info["status"], info["answer"]["user_id"], info["error"]) == (200, ws.bot_user, "")
        assert "token" not in info["payload"]
        ws.post("ada", team.channel, "hello")
        socket.next()
        socket.ack(socket.next())
        info = records(live, "message")
        assert [each["reason"] for each in info["deliveries"]] == ["", "timeout"]
        assert 0 <= info["took"] < 10_000
        ws.faults.lose_events()
        ws.post("ada", team.channel, "lost")
        assert records(live, "message")["error"] == "never acknowledged"


def test_trace_drops_old_records() -> None:
    trace = Trace(max_records=3)
    for number in range(5):
        trace.add_envelope(f"e{number}", "message", {})
    trace.acknowledge("e0", {})
    trace.acknowledge("e4", {})
    info = trace.changed_since(0)
    assert [each["number"] for each in info] == [3, 4, 5]
    assert [each["took"] is not None for each in info] == [False, False, True]


def test_trace_distinguishes_errors() -> None:
    trace = Trace()
    for status, answer in ((200, {"ok": True}), (200, {"ok": False, "error": "no_text"}), (503, {}), (0, {})):
        trace.add_response(trace.add_call("x", {}), status, answer)
    errors = [each["error"] for each in trace.changed_since(0)]
    assert errors == ["", "no_text", "HTTP 503", "the connection was dropped"]
