"""Messages of other apps and Slackbot, the identity of apps and people, and listings with gaps."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient

from bot.demo.slack_server import Workspace


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def events(ws: Workspace, kind: str) -> list[dict[str, Any]]:
    return [each.payload["event"] for each in ws.envelopes(kind)]


def test_workflow_posts_without_a_user(ws: Workspace, client: WebClient, channel: str) -> None:
    app = ws.apps.add("Daily report")
    ts = ws.apps.post(app, channel, f"<@{ws.bot_user}> what is new?")
    reply = ws.apps.post(app, channel, "more", thread_ts=ts)
    message, second = events(ws, "message")
    assert (message["subtype"], message["bot_id"], message["app_id"]) == ("bot_message", app.bot_id, app.app_id)
    assert (message["username"], "user" in message) == ("Daily report", False)
    assert (second["ts"], second["thread_ts"]) == (reply, ts)
    (mention,) = events(ws, "app_mention")
    assert (mention["bot_id"], "user" in mention) == (app.bot_id, False)
    (found,) = client.conversations_history(channel=channel)["messages"]
    assert found["reply_users"] == [app.bot_id]
    bot = client.bots_info(bot=app.bot_id)["bot"]
    assert (bot["app_id"], bot["name"], "user_id" in bot) == (app.app_id, "Daily report", False)


def test_person_speaks_through_another_app(ws: Workspace, channel: str) -> None:
    app = ws.apps.add("Poster")
    ws.apps.post_for(app, "ada", channel, "hello")
    (message,) = events(ws, "message")
    assert (message["user"], message["bot_id"]) == (ws.people()[1].id, app.bot_id)
    assert message["bot_profile"]["app_id"] == app.app_id != ws.app_id
    assert not {"subtype", "username", "client_msg_id"} & message.keys()


def test_slackbot_speaks_in_a_thread(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "hello")
    ws.apps.post_as_slackbot(channel, "Did you know?", thread_ts=ts)
    message = events(ws, "message")[1]
    assert (message["user"], message["thread_ts"], "bot_id" in message) == ("USLACKBOT", ts, False)
    person = client.users_info(user="USLACKBOT")["user"]
    assert (person["real_name"], person["is_bot"]) == ("Slackbot", False)


def test_app_is_named_by_its_ids(ws: Workspace, client: WebClient, channel: str) -> None:
    me = client.auth_test()
    assert (me["team_id"], me["bot_id"], me["user_id"]) == (ws.team_id, ws.bot_id, ws.bot_user)
    assert client.bots_info(bot=ws.bot_id)["bot"]["app_id"] == ws.app_id
    other = client.users_info(user=ws.other_bot("echo"))["user"]
    assert client.bots_info(bot=other["profile"]["bot_id"])["bot"]["app_id"] == other["profile"]["api_app_id"]
    assert other["profile"]["api_app_id"] != ws.app_id
    ws.post("ada", channel, "hello")
    (envelope,) = ws.envelopes()
    assert (envelope.payload["api_app_id"], envelope.payload["team_id"]) == (ws.app_id, ws.team_id)


def test_people_have_names_and_time_zones(ws: Workspace, client: WebClient) -> None:
    kim = ws.person("kim", real_name="Kim Lee", tz="America/Chicago", tz_offset=-18000)
    person = client.users_info(user=kim)["user"]
    assert (person["name"], person["real_name"], person["profile"]["display_name"]) == ("kim", "Kim Lee", "kim")
    assert (person["tz"], person["tz_offset"]) == ("America/Chicago", -18000)
    assert client.users_list()["members"][-1] == person


def test_listing_can_lack_a_channel_that_slack_knows(ws: Workspace, client: WebClient, channel: str) -> None:
    other = ws.channel("other", ["ada"])
    ws.quirks.unlisted.add(channel)
    for listing in (client.conversations_list, client.users_conversations):
        assert [each["id"] for each in listing()["channels"]] == [other]
    assert client.conversations_info(channel=channel)["channel"]["name"] == "papers"


def test_listing_can_be_one_empty_page(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.faults.empty_page("users.conversations")
    empty = client.users_conversations(limit=1)
    assert (empty["channels"], empty["response_metadata"]["next_cursor"]) == ([], "")
    assert client.conversations_info(channel=channel)["channel"]["id"] == channel
    assert [each["id"] for each in client.users_conversations()["channels"]] == [channel]
