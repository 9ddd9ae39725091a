"""Events the bot receives through the real SocketModeHandler. One bot for all tests, one channel for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bot.demo.slack_server.conftest import Bot, run_bolt_bot, web_client


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


def test_mention_with_files_causes_three_kinds_of_events(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, f"<@{ws.bot_user}> what is this?", files=[("a.pdf", b"%PDF-1"), ("b.txt", b"words")])
    ws.settled()
    (mention,) = bot.events("app_mention")
    (message,) = bot.events("message")
    assert (message["subtype"], message["ts"], message["channel_type"]) == ("file_share", ts, "channel")
    assert (mention["ts"], mention["upload"]) == (ts, True)
    assert [each["name"] for each in mention["files"]] == ["a.pdf", "b.txt"]
    assert not {"subtype", "channel_type"} & mention.keys()
    assert not {"shares", "channels"} & mention["files"][0].keys()
    shared = bot.events("file_shared")
    assert {each["file_id"] for each in shared} == {each["id"] for each in message["files"]}
    assert set(shared[0]) == {"type", "file_id", "user_id", "file", "channel_id", "event_ts"}
    assert len({each["event_id"] for each in bot.received}) == 4
    assert bot.received[0]["authorizations"][0]["user_id"] == ws.bot_user


def test_mention_in_a_direct_message_is_only_a_message(ws: Workspace, bot: Bot) -> None:
    for channel in (ws.direct("ada"), ws.group_direct(["ada", ws.person("bob")])):
        ws.post("ada", channel, f"<@{ws.bot_user}> hello")
    ws.settled()
    assert [each["channel_type"] for each in bot.events("message")] == ["im", "mpim"]
    assert bot.kinds() == ["message", "message"]
    assert ws.direct("ada") == ws.direct("ada")


def test_private_channel_has_type_group(ws: Workspace, bot: Bot) -> None:
    ws.post("ada", ws.channel("secret", ["ada"], private=True), "hello")
    ws.settled()
    assert [each["channel_type"] for each in bot.events()] == ["group"]


def test_bot_gets_no_events_of_channels_it_is_not_in(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("elsewhere", ["ada"], with_bot=False)
    ts = ws.post("ada", channel, f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
    ws.edit(channel, ts, "other words")
    ws.delete_message(channel, ts)
    ws.settled()
    assert bot.received == []


def test_slack_connect_events_carry_file_stubs(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("partners", ["ada", ws.person("eve", stranger_team="T9999999999")], shared=True)
    ws.post("eve", channel, "here", files=[("a.pdf", b"%PDF-1")])
    ws.settled()
    (stub,) = bot.events("message")[0]["files"]
    assert stub == {
        "id": stub["id"],
        "mode": "file_access",
        "file_access": "check_file_info",
        "created": 0,
        "timestamp": 0,
        "user": "",
    }
    assert bot.received[0]["is_ext_shared_channel"]
    client = web_client(ws)
    assert client.files_info(file=stub["id"])["file"]["name"] == "a.pdf"
    assert client.conversations_history(channel=channel)["messages"][0]["files"][0]["name"] == "a.pdf"
    ws.share("ada", stub["id"], ws.channel("inside", ["ada"]))
    ws.settled()
    assert bot.events("message")[1]["files"][0]["mode"] == "file_access"


def test_edit_carries_both_texts_and_mentions_again(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, "what is this?")
    ws.edit(channel, ts, f"<@{ws.bot_user}> what is this?")
    ws.settled()
    changed = bot.events("message")[1]
    assert (changed["subtype"], changed["message"]["ts"]) == ("message_changed", ts)
    assert changed["previous_message"]["text"] == "what is this?"
    assert changed["ts"] != ts
    (mention,) = bot.events("app_mention")
    assert mention["ts"] == ts
    assert mention["edited"]["user"] == ws.message(channel, ts).user


def test_deleted_message_names_its_files(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, "here", files=[("a.pdf", b"%PDF")])
    ws.settled()
    bot.received.clear()
    ws.delete_message(channel, ts)
    ws.settled()
    (deleted,) = bot.events()
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
    assert deleted["previous_message"]["files"][0]["name"] == "a.pdf"
    assert ws.messages(channel) == []


def test_file_events_carry_ids(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, "", files=[("a.pdf", b"%PDF"), ("b.pdf", b"%PDF")])
    first, second = ws.message(channel, ts).files
    ws.settled()
    bot.received.clear()
    ws.rename_file(first, "c.pdf")
    ws.unshare(first, channel)
    ws.delete_file(second)
    ws.settled()
    changed, unshared, deleted = bot.events("file_change") + bot.events("file_unshared") + bot.events("file_deleted")
    assert set(changed) == {"type", "file_id", "file", "event_ts"}
    assert (unshared["file_id"], unshared["channel_id"]) == (first, channel)
    assert (deleted["file_id"], deleted["channel_ids"]) == (second, [channel])
    assert web_client(ws).conversations_history(channel=channel)["messages"][0]["files"] == [
        {"id": second, "mode": "tombstone"}
    ]


def test_joining_and_leaving_cause_events(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"], with_bot=False)
    ws.invite_bot(channel, "ada")
    bob = ws.person("bob")
    ws.join(bob, channel)
    ws.leave(bob, channel)
    ws.remove_bot(channel, "ada")
    ws.post("ada", channel, "gone?")
    ws.settled()
    assert sorted((each["type"], each.get("user", "")) for each in bot.events()) == sorted(
        [
            ("member_joined_channel", ws.bot_user),
            ("message", ws.bot_user),
            ("message", bob),
            ("member_joined_channel", bob),
            ("member_left_channel", bob),
            ("channel_left", ""),
        ]
    )
    assert {each["subtype"] for each in bot.events("message")} == {"channel_join"}
    ws.remove_bot(ws.channel("secret", ["ada"], private=True))
    ws.settled()
    assert bot.kinds()[-1] == "group_left"


def test_replies_name_their_thread(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, "first")
    reply = ws.post("ada", channel, "second", thread_ts=ts)
    ws.post("ada", channel, "third", thread_ts=reply, broadcast=True)
    ws.settled()
    received = sorted(bot.events("message"), key=lambda each: str(each["ts"]))
    assert [each.get("thread_ts") for each in received] == [None, ts, ts]
    assert received[1]["parent_user_id"] == received[0]["user"]
    assert (received[2]["subtype"], received[2]["root"]["ts"]) == ("thread_broadcast", ts)
    assert [each.text for each in ws.thread(channel, ts)] == ["first", "second", "third"]


def test_bot_receives_events_of_its_own_upload(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    web_client(ws).files_upload_v2(channel=channel, content=b"%PDF", filename="page.pdf", initial_comment="here")
    ws.wait(lambda: bot.events("file_shared"), what="the share")
    ws.settled()
    (message,) = bot.events("message")
    assert (message["user"], message["bot_id"], message["subtype"]) == (ws.bot_user, ws.bot_id, "file_share")
    assert bot.events("file_shared")[0]["user_id"] == ws.bot_user


def test_opening_home_causes_an_event(ws: Workspace, bot: Bot) -> None:
    ws.open_home("ada", "messages")
    ws.settled()
    (opened,) = bot.events()
    assert (opened["tab"], opened["channel"]) == ("messages", ws.direct("ada"))


def test_reorder_reverses_the_events_of_one_action(ws: Workspace) -> None:
    channel = ws.channel("papers", ["ada"])
    ws.faults.reorder()
    ws.post("ada", channel, f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
    ws.settled()
    assert [each.event for each in ws.envelopes()[-3:]] == ["file_shared", "app_mention", "message"]


def test_lost_mention_causes_no_app_mention(ws: Workspace, bot: Bot) -> None:
    channel = ws.channel("papers", ["ada"])
    ws.faults.lose_mention()
    ws.post("ada", channel, f"<@{ws.bot_user}> see", files=[("a.pdf", b"%PDF")])
    ws.settled()
    assert sorted(bot.kinds()) == ["file_shared", "message"]


def test_emit_pushes_any_event(ws: Workspace, bot: Bot) -> None:
    ws.emit({"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"})
    ws.settled()
    assert bot.events()[0]["old_channel_id"] == "G1"


def test_events_require_subscription_and_scope() -> None:
    with open_workspace(events=["message.channels", "app_mention", "file_shared"], scopes=["channels:history"]) as ws:
        ws.post(ws.person("ada"), ws.channel("papers", ["ada"]), f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
        ws.post("ada", ws.direct("ada"), "hello")
        assert [each.event for each in ws.envelopes()] == ["message"]


def test_changes_of_people_and_channels_cause_events(ws: Workspace, bot: Bot) -> None:
    channel, gus = ws.channel("plans", ["ada"]), ws.person("gus")
    ws.join(gus, channel)
    ws.set_guest(gus, "multi")
    ws.hire("new")
    ws.set_shared(channel)
    ws.set_shared(channel, False)
    ws.archive(channel)
    ws.unarchive(channel)
    ws.deactivate(gus)
    ws.make_private(channel)
    ws.delete_channel(channel)
    ws.settled()
    kinds = [kind for kind in bot.kinds() if kind not in ("member_joined_channel", "message")]
    assert kinds == [
        *("user_change", "team_join", "channel_shared", "channel_unshared", "channel_archive", "channel_unarchive"),
        *("user_change", "group_deleted"),
    ]
    first, last = bot.events("user_change")
    assert (first["user"]["id"], first["user"]["is_restricted"]) == (gus, True)
    assert last["user"]["deleted"]
    assert [one["subtype"] for one in bot.events("message")][-1] == "channel_convert_to_private"


def test_events_can_be_dropped(ws: Workspace, bot: Bot) -> None:
    channel, gus = ws.channel("quiet", ["ada"]), ws.person("quiet-gus")
    ws.set_guest(gus, "multi", send_event=False)
    ws.set_shared(channel, send_event=False)
    ws.archive(channel, send_event=False)
    ws.settled()
    assert bot.kinds() == []
