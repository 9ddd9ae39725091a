"""What the bot is told, through the real SocketModeHandler. One bot for all tests, a channel for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bot.demo.slack_server.conftest import Bot, bolt_bot, client_of


@pytest.fixture(scope="module")
def bot() -> Iterator[Bot]:
    with open_workspace(scopes=SCOPES, events=EVENTS) as ws, bolt_bot(ws) as (bot, _):
        ws.person("ada")
        yield bot


@pytest.fixture
def ws(bot: Bot) -> Iterator[Workspace]:
    bot.heard.clear()
    yield bot.ws
    bot.ws.settled()


def test_a_mention_with_files_is_three_kinds_of_event(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, f"<@{ws.bot_user}> what is this?", files=[("a.pdf", b"%PDF-1"), ("b.txt", b"words")])
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
    assert len({each["event_id"] for each in bot.heard}) == 4
    assert bot.heard[0]["authorizations"][0]["user_id"] == ws.bot_user


def test_a_mention_in_a_direct_message_is_only_a_message(ws: Workspace, bot: Bot) -> None:
    for channel in (ws.direct("ada"), ws.group_direct(["ada", ws.person("bob")])):
        ws.post("ada", channel, f"<@{ws.bot_user}> hello")
    ws.settled()
    assert [each["channel_type"] for each in bot.events("message")] == ["im", "mpim"]
    assert bot.kinds() == ["message", "message"]
    assert ws.direct("ada") == ws.direct("ada")


def test_a_private_channel_says_so(ws: Workspace, bot: Bot) -> None:
    ws.post("ada", ws.channel("secret", ["ada"], private=True), "hello")
    ws.settled()
    assert [each["channel_type"] for each in bot.events()] == ["group"]


def test_where_the_bot_is_not_it_hears_nothing(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("elsewhere", ["ada"], with_bot=False)
    ts = ws.post("ada", room, f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
    ws.edit(room, ts, "other words")
    ws.delete_message(room, ts)
    ws.settled()
    assert bot.heard == []


def test_slack_connect_pushes_stubs_and_tells_the_rest_when_asked(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("partners", ["ada", ws.person("eve", stranger_team="T9999999999")], shared=True)
    ws.post("eve", room, "here", files=[("a.pdf", b"%PDF-1")])
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
    assert bot.heard[0]["is_ext_shared_channel"]
    client = client_of(ws)
    assert client.files_info(file=stub["id"])["file"]["name"] == "a.pdf"
    assert client.conversations_history(channel=room)["messages"][0]["files"][0]["name"] == "a.pdf"
    ws.share("ada", stub["id"], ws.channel("inside", ["ada"]))
    ws.settled()
    assert bot.events("message")[1]["files"][0]["mode"] == "file_access"


def test_an_edit_tells_both_texts_and_mentions_again(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, "what is this?")
    ws.edit(room, ts, f"<@{ws.bot_user}> what is this?")
    ws.settled()
    changed = bot.events("message")[1]
    assert (changed["subtype"], changed["message"]["ts"]) == ("message_changed", ts)
    assert changed["previous_message"]["text"] == "what is this?"
    assert changed["ts"] != ts
    (mention,) = bot.events("app_mention")
    assert mention["ts"] == ts
    assert mention["edited"]["user"] == ws.message(room, ts).user


def test_a_deleted_message_names_its_files_and_nothing_else_does(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, "here", files=[("a.pdf", b"%PDF")])
    ws.settled()
    bot.heard.clear()
    ws.delete_message(room, ts)
    ws.settled()
    (deleted,) = bot.events()
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
    assert deleted["previous_message"]["files"][0]["name"] == "a.pdf"
    assert ws.messages(room) == []


def test_files_change_are_unshared_and_deleted(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, "", files=[("a.pdf", b"%PDF"), ("b.pdf", b"%PDF")])
    first, second = ws.message(room, ts).files
    ws.settled()
    bot.heard.clear()
    ws.rename_file(first, "c.pdf")
    ws.unshare(first, room)
    ws.delete_file(second)
    ws.settled()
    changed, unshared, deleted = bot.events("file_change") + bot.events("file_unshared") + bot.events("file_deleted")
    assert set(changed) == {"type", "file_id", "file", "event_ts"}
    assert (unshared["file_id"], unshared["channel_id"]) == (first, room)
    assert (deleted["file_id"], deleted["channel_ids"]) == (second, [room])
    assert client_of(ws).conversations_history(channel=room)["messages"][0]["files"] == [
        {"id": second, "mode": "tombstone"}
    ]


def test_who_comes_and_goes(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"], with_bot=False)
    ws.invite_bot(room, "ada")
    bob = ws.person("bob")
    ws.join(bob, room)
    ws.leave(bob, room)
    ws.remove_bot(room, "ada")
    ws.post("ada", room, "gone?")
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


def test_replies_know_their_thread(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, "first")
    reply = ws.post("ada", room, "second", thread_ts=ts)
    ws.post("ada", room, "third", thread_ts=reply, broadcast=True)
    ws.settled()
    heard = sorted(bot.events("message"), key=lambda each: str(each["ts"]))
    assert [each.get("thread_ts") for each in heard] == [None, ts, ts]
    assert heard[1]["parent_user_id"] == heard[0]["user"]
    assert (heard[2]["subtype"], heard[2]["root"]["ts"]) == ("thread_broadcast", ts)
    assert [each.text for each in ws.thread(room, ts)] == ["first", "second", "third"]


def test_the_bots_own_upload_is_told_too(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    client_of(ws).files_upload_v2(channel=room, content=b"%PDF", filename="page.pdf", initial_comment="here")
    ws.wait(lambda: bot.events("file_shared"), what="the share")
    ws.settled()
    (message,) = bot.events("message")
    assert (message["user"], message["bot_id"], message["subtype"]) == (ws.bot_user, ws.bot_id, "file_share")
    assert bot.events("file_shared")[0]["user_id"] == ws.bot_user


def test_home_is_opened(ws: Workspace, bot: Bot) -> None:
    ws.open_home("ada", "messages")
    ws.settled()
    (opened,) = bot.events()
    assert (opened["tab"], opened["channel"]) == ("messages", ws.direct("ada"))


def test_reorder_turns_the_events_of_one_action_around(ws: Workspace) -> None:
    room = ws.channel("papers", ["ada"])
    ws.faults.reorder()
    ws.post("ada", room, f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
    ws.settled()
    assert [each.event for each in ws.envelopes()[-3:]] == ["file_shared", "app_mention", "message"]


def test_a_mention_with_a_file_may_be_missing(ws: Workspace, bot: Bot) -> None:
    room = ws.channel("papers", ["ada"])
    ws.faults.lose_mention()
    ws.post("ada", room, f"<@{ws.bot_user}> see", files=[("a.pdf", b"%PDF")])
    ws.settled()
    assert sorted(bot.kinds()) == ["file_shared", "message"]


def test_any_event(ws: Workspace, bot: Bot) -> None:
    ws.emit({"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"})
    ws.settled()
    assert bot.events()[0]["old_channel_id"] == "G1"


def test_only_what_was_subscribed_and_granted() -> None:
    with open_workspace(events=["message.channels", "app_mention", "file_shared"], scopes=["channels:history"]) as ws:
        ws.post(ws.person("ada"), ws.channel("papers", ["ada"]), f"<@{ws.bot_user}>", files=[("a.pdf", b"%PDF")])
        ws.post("ada", ws.direct("ada"), "hello")
        assert [each.event for each in ws.envelopes()] == ["message"]


def test_what_changes_of_people_and_conversations_is_told(ws: Workspace, bot: Bot) -> None:
    room, gus = ws.channel("plans", ["ada"]), ws.person("gus")
    ws.join(gus, room)
    ws.set_guest(gus, "multi")
    ws.hire("new")
    ws.set_shared(room)
    ws.set_shared(room, False)
    ws.archive(room)
    ws.unarchive(room)
    ws.deactivate(gus)
    ws.make_private(room)
    ws.delete_channel(room)
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


def test_an_event_may_be_lost(ws: Workspace, bot: Bot) -> None:
    room, gus = ws.channel("quiet", ["ada"]), ws.person("quiet-gus")
    ws.set_guest(gus, "multi", told=False)
    ws.set_shared(room, told=False)
    ws.archive(room, told=False)
    ws.settled()
    assert bot.kinds() == []
