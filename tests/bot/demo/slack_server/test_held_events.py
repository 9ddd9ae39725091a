"""Events that a test delivers itself, to a real bot: in any order, repeated, or never."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bot.demo.slack_server.conftest import Bot, run_bolt_bot


@pytest.fixture(scope="module")
def bot() -> Iterator[Bot]:
    with open_workspace(scopes=SCOPES, events=EVENTS) as ws, run_bolt_bot(ws) as (bot, _):
        ws.person("ada")
        yield bot


@pytest.fixture
def ws(bot: Bot) -> Iterator[Workspace]:
    bot.received.clear()
    yield bot.ws
    bot.ws.settled()


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", ["ada"])


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_events_arrive_in_the_given_order(ws: Workspace, bot: Bot, channel: str, order: tuple[int, ...]) -> None:
    with ws.hold_events() as held:
        ws.post("ada", channel, f"<@{ws.bot_user}> hello", files=[("a.pdf", b"%PDF")])
    pending = held.pending
    assert [each.event for each in pending] == ["message", "app_mention", "file_shared"]
    ws.settled()
    assert bot.received == []
    held.deliver(*(pending[each] for each in order))
    assert bot.kinds() == [pending[each].event for each in order]
    assert held.pending == []


def test_event_is_repeated_under_its_id_or_a_new_one(ws: Workspace, bot: Bot, channel: str) -> None:
    with ws.hold_events() as held:
        ws.post("ada", channel, "hello")
    (message,) = held.named("message")
    held.deliver(message, message)
    held.deliver(message, new_event_id=True)
    first, second, third = bot.received
    assert first["event"] == second["event"] == third["event"]
    assert first["event_id"] == second["event_id"] != third["event_id"]


def test_deletion_can_come_before_its_message(ws: Workspace, bot: Bot, channel: str) -> None:
    with ws.hold_events() as held:
        ts = ws.post("ada", channel, "hello")
        ws.delete_message(channel, ts)
    posted, deleted = held.pending
    held.deliver(deleted, posted)
    assert [each.get("subtype") for each in bot.events()] == ["message_deleted", None]
    assert bot.events()[0]["previous_message"]["text"] == "hello"


def test_dropped_event_never_comes(ws: Workspace, bot: Bot, channel: str) -> None:
    with ws.hold_events() as held:
        ws.post("ada", channel, "lost")
        ws.post("ada", channel, "kept")
    held.drop(held.pending[0])
    ws.post("ada", channel, "sent at once")
    ws.settled()
    held.deliver_rest()
    assert [each["text"] for each in bot.events()] == ["sent at once", "kept"]
