"""Socket Mode on the wire: acknowledgements, retries, connections that come and go."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import Connect, bolt_bot


@pytest.fixture
def room(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def test_an_event_nobody_acknowledged_comes_again_three_times(ws: Workspace, room: str, listen: Connect) -> None:
    ear = listen(ws)
    assert ear.hello["type"] == "hello"
    assert ear.hello["num_connections"] == 1
    ws.pace.ack_timeout = 0.05
    ws.post("ada", room, "hello")
    frames = [ear.next() for _ in range(4)]
    assert [(each["retry_attempt"], each["retry_reason"]) for each in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({(each["envelope_id"], each["payload"]["event_id"]) for each in frames}) == 1
    ws.wait(lambda: ws.envelopes()[0].given_up, what="Slack to give up")


def test_an_acknowledgement_ends_it_unless_it_is_lost(ws: Workspace, room: str, listen: Connect) -> None:
    ear = listen(ws)
    ws.pace.ack_timeout = 0.1
    ws.faults.lose_acks()
    ws.post("ada", room, "hello")
    ear.ack(ear.next())
    again = ear.next()
    assert again["retry_attempt"] == 1
    ear.ack(again)
    ws.settled()
    assert [(each.sent, each.acked) for each in ws.envelopes()] == [(2, True)]


def test_duplicates(ws: Workspace, room: str, listen: Connect) -> None:
    ear = listen(ws)
    ws.faults.duplicate()
    ws.faults.duplicate(copies=2, new_envelope=True)
    ws.post("ada", room, "one")
    ws.post("ada", room, "two")
    frames = [ear.next() for _ in range(5)]
    assert len({each["envelope_id"] for each in frames[:2]}) == 1
    assert len({each["envelope_id"] for each in frames[2:]}) == 3
    assert len({each["payload"]["event_id"] for each in frames[2:]}) == 1


def test_each_event_goes_to_one_of_several_connections(ws: Workspace, room: str, listen: Connect) -> None:
    ears = [listen(ws), listen(ws)]
    assert ears[1].hello["num_connections"] == 2
    for text in ("one", "two"):
        ws.post("ada", room, text)
    assert {ear.next()["payload"]["event"]["text"] for ear in ears} == {"one", "two"}


def test_events_wait_for_a_connection(ws: Workspace, room: str, listen: Connect) -> None:
    ws.post("ada", room, "early")
    assert listen(ws).next()["payload"]["event"]["text"] == "early"


def test_lost_events_never_come(ws: Workspace, room: str, listen: Connect) -> None:
    ear = listen(ws)
    ws.faults.lose_events()
    ws.post("ada", room, "lost")
    ws.post("ada", room, "told")
    assert ear.next()["payload"]["event"]["text"] == "told"


def test_events_do_not_wait_forever(ws: Workspace, room: str) -> None:
    ws.pace.hold_events = 0.01
    ws.post("ada", room, "early")
    ws.wait(lambda: ws.envelopes()[0].given_up, what="Slack to give up")


def test_a_disconnect_frame_and_then_silence(ws: Workspace, room: str, listen: Connect) -> None:
    ear = listen(ws)
    ws.disconnect_now("refresh_requested")
    assert ear.next()["reason"] == "refresh_requested"
    ws.post("ada", room, "late")
    with pytest.raises(ConnectionClosed):
        ear.next()
    assert listen(ws).next()["payload"]["event"]["text"] == "late"


def test_an_address_is_good_for_one_connection(ws: Workspace) -> None:
    url = WebClient(base_url=ws.api_url).apps_connections_open(app_token=ws.app_token)["url"]
    with connect(url, proxy=None):
        pass
    with pytest.raises(InvalidStatus):
        connect(url, proxy=None)


def test_the_eleventh_connection_is_one_too_many(ws: Workspace, listen: Connect) -> None:
    for _ in range(10):
        listen(ws)
    assert listen(ws).hello["reason"] == "too_many_websockets"


def test_the_real_client_comes_back_after_everything(ws: Workspace, room: str) -> None:
    with bolt_bot(ws) as (bot, _):
        ws.disconnect_now("refresh_requested")
        ws.post("ada", room, "after a refresh")
        ws.wait(lambda: len(bot.heard) == 1, what="the first event")
        with ws.unreachable():
            ws.post("ada", room, "while away")
            assert ws.connections == 0
        ws.wait(lambda: len(bot.heard) == 2, 30, "the event that waited")
        assert [each["text"] for each in bot.events()] == ["after a refresh", "while away"]
        ws.settled()
