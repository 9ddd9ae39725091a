"""Socket Mode frames: acknowledgements, retries and reconnects."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import Connect, run_bolt_bot


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def test_unacknowledged_event_is_retried_three_times(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    socket = connect_socket(ws)
    assert socket.hello["type"] == "hello"
    assert socket.hello["num_connections"] == 1
    ws.pace.ack_timeout = 0.05
    ws.post("ada", channel, "hello")
    frames = [socket.next() for _ in range(4)]
    assert [(each["retry_attempt"], each["retry_reason"]) for each in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({(each["envelope_id"], each["payload"]["event_id"]) for each in frames}) == 1
    ws.wait(lambda: ws.envelopes()[0].given_up, what="Slack to give up")


def test_lost_acknowledgement_causes_a_retry(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    socket = connect_socket(ws)
    ws.pace.ack_timeout = 0.1
    ws.faults.lose_acks()
    ws.post("ada", channel, "hello")
    socket.ack(socket.next())
    again = socket.next()
    assert again["retry_attempt"] == 1
    socket.ack(again)
    ws.settled()
    assert [(each.sent, each.acked) for each in ws.envelopes()] == [(2, True)]


def test_duplicates_repeat_the_envelope_or_the_event(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    socket = connect_socket(ws)
    ws.faults.duplicate()
    ws.faults.duplicate(copies=2, new_envelope=True)
    ws.post("ada", channel, "one")
    ws.post("ada", channel, "two")
    frames = [socket.next() for _ in range(5)]
    assert len({each["envelope_id"] for each in frames[:2]}) == 1
    assert len({each["envelope_id"] for each in frames[2:]}) == 3
    assert len({each["payload"]["event_id"] for each in frames[2:]}) == 1


def test_each_event_goes_to_one_connection(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    sockets = [connect_socket(ws), connect_socket(ws)]
    assert sockets[1].hello["num_connections"] == 2
    for text in ("one", "two"):
        ws.post("ada", channel, text)
    assert {socket.next()["payload"]["event"]["text"] for socket in sockets} == {"one", "two"}


def test_events_wait_for_a_connection(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    ws.post("ada", channel, "early")
    assert connect_socket(ws).next()["payload"]["event"]["text"] == "early"


def test_lost_events_are_never_delivered(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    socket = connect_socket(ws)
    ws.faults.lose_events()
    ws.post("ada", channel, "lost")
    ws.post("ada", channel, "info")
    assert socket.next()["payload"]["event"]["text"] == "info"


def test_waiting_events_expire(ws: Workspace, channel: str) -> None:
    ws.pace.hold_events = 0.01
    ws.post("ada", channel, "early")
    ws.wait(lambda: ws.envelopes()[0].given_up, what="Slack to give up")


def test_disconnect_frame_ends_the_connection(ws: Workspace, channel: str, connect_socket: Connect) -> None:
    socket = connect_socket(ws)
    ws.disconnect_now("refresh_requested")
    assert socket.next()["reason"] == "refresh_requested"
    ws.post("ada", channel, "late")
    with pytest.raises(ConnectionClosed):
        socket.next()
    assert connect_socket(ws).next()["payload"]["event"]["text"] == "late"


def test_socket_address_opens_one_connection(ws: Workspace) -> None:
    url = WebClient(base_url=ws.api_url).apps_connections_open(app_token=ws.app_token)["url"]
    with connect(url, proxy=None):
        pass
    with pytest.raises(InvalidStatus):
        connect(url, proxy=None)


def test_refuses_the_eleventh_connection(ws: Workspace, connect_socket: Connect) -> None:
    for _ in range(10):
        connect_socket(ws)
    assert connect_socket(ws).hello["reason"] == "too_many_websockets"


def test_real_client_reconnects(ws: Workspace, channel: str) -> None:
    with run_bolt_bot(ws) as (bot, _):
        ws.disconnect_now("refresh_requested")
        ws.post("ada", channel, "after a refresh")
        ws.wait(lambda: len(bot.received) == 1, what="the first event")
        with ws.unreachable():
            ws.post("ada", channel, "while away")
            assert ws.connections == 0
        ws.wait(lambda: len(bot.received) == 2, 30, "the event that waited")
        assert [each["text"] for each in bot.events()] == ["after a refresh", "while away"]
        ws.settled()
