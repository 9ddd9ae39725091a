"""What the page is told as it happens: the difference, and no more; and the developer's trace."""

from __future__ import annotations

from typing import Any

from bot.demo.people import Town
from bot.demo.slack_server import Workspace
from bot.demo.slack_server.trace import Trace
from tests.bot.demo.slack_server.conftest import Connect, client_of
from tests.bot.demo.slack_server.page.conftest import Live, Visitor


def until(live: Live, key: str) -> dict[str, Any]:
    """The first word that says something about this key."""
    while True:
        word = live.next()
        if key in word["set"] or key in word["gone"]:
            return word


def test_only_what_changed_is_told(ws: Workspace, town: Town, visitor: Visitor) -> None:
    ws.post("ada", town.room, "first")
    with visitor.live(f"as/{town.ada}/live") as live:
        assert live.next()["whole"] is True
        ts = ws.post("ben", town.room, "hello")
        key = f"messages/{town.room}/{ts}"
        assert list(until(live, key)["set"]) == [key]
        ws.react("ada", town.room, ts, "eyes")
        assert until(live, key)["set"][key]["reactions"] == {"eyes": [town.ada]}
        ws.delete_message(town.room, ts)
        assert until(live, key) == {"whole": False, "set": {}, "gone": [key]}


def test_who_leaves_is_told_no_more(ws: Workspace, town: Town, visitor: Visitor) -> None:
    private = next(each.id for each in ws.spaces() if each.kind == "group")
    ts = ws.post("ben", private, "hush")
    with visitor.live(f"as/{town.ben}/live") as live:
        assert f"messages/{private}/{ts}" in live.next()["set"]
        ws.leave("ben", private)
        gone = until(live, f"spaces/{private}")["gone"]
        assert {f"spaces/{private}", f"messages/{private}/{ts}"} <= set(gone)


def records(live: Live, name: str) -> dict[str, Any]:
    """The last state of the record of this name, once its answer or acknowledgement came."""
    while True:
        for each in live.next()["records"]:
            if each["name"] == name and (each["took"] is not None or each["lost"]):
                return dict(each)


def test_the_trace_tells_calls_with_answers_and_events_with_deliveries(
    ws: Workspace, town: Town, visitor: Visitor, listen: Connect
) -> None:
    ws.pace.ack_timeout = 0.1
    ear = listen(ws)
    with visitor.live("inspect") as live:
        client_of(ws).auth_test()
        told = records(live, "auth.test")
        assert (told["status"], told["answer"]["user_id"], told["error"]) == (200, ws.bot_user, "")
        assert "token" not in told["told"]
        ws.post("ada", town.room, "hello")
        ear.next()
        ear.ack(ear.next())
        told = records(live, "message")
        assert [each["reason"] for each in told["deliveries"]] == ["", "timeout"]
        assert 0 <= told["took"] < 10_000
        ws.faults.lose_events()
        ws.post("ada", town.room, "lost")
        assert records(live, "message")["error"] == "never acknowledged"


def test_old_records_are_forgotten() -> None:
    trace = Trace(kept=3)
    for number in range(5):
        trace.pushed(f"e{number}", "message", {})
    trace.acked("e0", {})
    trace.acked("e4", {})
    told = trace.changed_since(0)
    assert [each["number"] for each in told] == [3, 4, 5]
    assert [each["took"] is not None for each in told] == [False, False, True]


def test_errors_are_told_apart() -> None:
    trace = Trace()
    for status, answer in ((200, {"ok": True}), (200, {"ok": False, "error": "no_text"}), (503, {}), (0, {})):
        trace.answered(trace.called("x", {}), status, answer)
    errors = [each["error"] for each in trace.changed_since(0)]
    assert errors == ["", "no_text", "HTTP 503", "the connection was cut"]
