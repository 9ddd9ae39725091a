"""Parsing of Slack's payloads into events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.events import (
    READABLE,
    Edited,
    Event,
    FileChanged,
    FollowUp,
    Joined,
    Left,
    Linked,
    MessageDeleted,
    Moved,
    PersonChanged,
    Queried,
    Question,
    ReadersChanged,
    Shared,
    SlackFile,
    Unlinked,
    Unshared,
)
from bot.slack.payloads import mentions, parse, slack_file, without_mention
from rag.ingest.fetch.paths import SUFFIXES

ME = "U0BOT"


def raw_file(id: str = "F1", name: str = "report.pdf", **more: Any) -> dict[str, Any]:
    kind = name.rpartition(".")[2]
    return {
        "id": id,
        "name": name,
        "title": name,
        "mode": "hosted",
        "filetype": kind,
        "size": 12,
        "timestamp": 1700000000,
        "user": "U1",
        "permalink": f"https://x.slack.com/files/U1/{id}/{name}",
        "is_external": False,
    } | more


def message(text: str = "", *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    received = {"type": "message", "user": "U1", "text": text, "ts": "5.1", "channel": "C1", "channel_type": "channel"}
    return received | ({"files": list(files), "subtype": "file_share"} if files else {}) | more


PDF, PNG = slack_file(raw_file()), slack_file(raw_file("F2", "shot.png"))
STUB = {"id": "F9", "mode": "file_access", "file_access": "check_file_info", "user": "", "timestamp": 0, "created": 0}


def asks(text: str = "", *files: str, thread: str = "5.1", channel: str = "C1") -> Question:
    return Question(channel, "5.1", thread, "U1", text, files)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (message("good morning"), []),
        (message("", raw_file()), [Shared(PDF, "C1", "U1", "5.1")]),
        (message("", raw_file("F2", "shot.png")), [Shared(PNG, "C1", "U1", "5.1")]),
        (message("", raw_file("F3", "film.mp4")), []),
        (message("", raw_file(mode="external", is_external=True)), []),
        (message("", {"id": "F1", "mode": "tombstone"}), []),
        (message("", STUB), [Shared(SlackFile("F9"), "C1", "U1", "5.1")]),
        (message(f"<@{ME}> which port?"), [asks("which port?")]),
        (message(f"<@{ME}> which port?", type="app_mention"), [asks("which port?")]),
        (message(f"<@{ME}>"), [asks()]),
        (message(f"<@{ME}> why?", thread_ts="4.0"), [asks("why?", thread="4.0")]),
        (message(f"<@{ME}> why?", raw_file()), [Shared(PDF, "C1", "U1", "5.1"), asks("why?", "F1")]),
        (message(f"<@{ME}>", raw_file()), [Shared(PDF, "C1", "U1", "5.1")]),
        (message(f"<@{ME}>", raw_file("F2", "shot.png")), [Queried("F2", "C1"), asks("", "F2")]),
        (message(f"<@{ME}>", STUB), [asks("", "F9")]),
        (message("which port?", channel="D1", channel_type="im"), [asks("which port?", channel="D1")]),
        (
            message("", raw_file("F2", "shot.png"), channel="D1", channel_type="im"),
            [Queried("F2", "D1"), asks("", "F2", channel="D1")],
        ),
        (message("", raw_file(), channel="D1", channel_type="im"), [Shared(PDF, "D1", "U1", "5.1")]),
        (message(f"<@{ME}> hey", bot_id="B7"), []),
        (message(f"<@{ME}> hey", user=ME), []),
        (message("x", subtype="channel_topic"), [ReadersChanged("C1")]),
            (message("x", subtype="bot_remove"), []),
        (
            message(subtype="message_deleted", deleted_ts="5.0", previous_message=message("", raw_file())),
            [Unshared("F1", "C1"), MessageDeleted("C1", "5.0")],
        ),
        ({"type": "file_shared", "file_id": "F1", "user_id": "U1", "channel_id": "C1"},
         [Shared(SlackFile("F1"), "C1", "U1")]),
        ({"type": "file_shared", "file_id": "F1", "user_id": ME, "channel_id": "C1"}, []),
        ({"type": "file_unshared", "file_id": "F1", "channel_id": "C1"}, [Unshared("F1", "C1")]),
        ({"type": "file_deleted", "file_id": "F1"}, [Unshared("F1")]),
        ({"type": "file_change", "file_id": "F1"}, [FileChanged("F1")]),
        ({"type": "member_joined_channel", "user": ME, "channel": "C1"}, [Joined("C1")]),
        ({"type": "member_joined_channel", "user": "U1", "channel": "C1"}, [ReadersChanged("C1")]),
            ({"type": "member_left_channel", "user": "U1", "channel": "C1"}, [ReadersChanged("C1")]),
            ({"type": "channel_shared", "channel": "C1", "connected_team_id": "T2"}, [ReadersChanged("C1")]),
            ({"type": "group_archive", "channel": "G1"}, [ReadersChanged("G1")]),
            (message("x", subtype="channel_convert_to_private"), [ReadersChanged("C1")]),
            ({"type": "channel_deleted", "channel": "C1"}, [Left("C1")]),
        ({"type": "channel_left", "channel": "C1"}, [Left("C1")]),
        ({"type": "group_left", "channel": "G1"}, [Left("G1")]),
        ({"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"}, [Moved("G1", "C1")]),
        ({"type": "team_join", "user": {"id": "U5", "deleted": False}}, [PersonChanged("U5", deactivated=False)]),
            ({"type": "user_change", "user": {"id": "U5", "deleted": True}}, [PersonChanged("U5", deactivated=True)]),
            ({"type": "user_change", "user": "U5"}, []),
    ],
)  # fmt: skip
def test_parse_returns_events(event: dict[str, Any], expected: list[Event]) -> None:
    assert parse(event, ME) == expected


def edited(now: dict[str, Any], before: dict[str, Any], **more: Any) -> list[Event]:
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel"}
    return parse(event | {"message": now, "previous_message": before} | more, ME)


def test_edit_reports_added_and_removed_files_and_mentions() -> None:
    plain = message("a")
    assert edited(message("a", raw_file()), plain) == [Shared(PDF, "C1", "U1", "5.1")]
    assert edited(plain, message("a", raw_file())) == [Unshared("F1", "C1")]
    assert edited(message("a", {"id": "F1", "mode": "tombstone"}), message("a", raw_file())) == [Unshared("F1", "C1")]
    assert edited(message(f"<@{ME}> b"), plain) == [asks("b")]
    assert edited(plain, plain) == []


def test_edit_reports_changed_text() -> None:
    reworded = [Edited("C1", "5.1", "c")]
    assert edited(message(f"<@{ME}> c"), message(f"<@{ME}> b"), ts="7.5") == reworded
    assert edited(message("c"), message("b")) == reworded
    [received] = edited(message("c"), message("b"), ts="7.5")
    assert isinstance(received, Edited)
    assert received.at == 7.5
    assert edited(message("c", user=ME), message("b", user=ME)) == []


@pytest.mark.parametrize(
    ("said", "others"),
    [("and how high is it?", False), ("<@U7> and how high is it?", True), ("<!here> and how high is it?", True)],
)
def test_reply_in_a_thread_is_a_follow_up(said: str, others: bool) -> None:
    shot = raw_file("F2", "shot.png")
    [file, follow] = parse(message(said, shot, ts="6.1", thread_ts="5.1"), ME)
    assert isinstance(file, Shared)
    assert isinstance(follow, FollowUp)
    assert (follow.others, follow.pictures) == (others, ("F2",))
    asked = follow.question
    assert (asked.ts, asked.thread, asked.user, asked.files) == ("6.1", "5.1", "U1", ("F2",))


def test_other_messages_are_not_follow_ups() -> None:
    spoken = [message("hm?", ts="6.1"), message("hm?", ts="5.1", thread_ts="5.1")]
    spoken += [message("hm?", ts="6.1", thread_ts="5.1", bot_id="B1"), message("", ts="6.1", thread_ts="5.1")]
    assert [parse(one, ME) for one in spoken] == [[], [], [], []]
    [asked] = parse(message(f"<@{ME}> hm?", ts="6.1", thread_ts="5.1"), ME)
    assert isinstance(asked, Question)


def test_mention_and_message_events_of_one_question_are_equal() -> None:
    said = message(f"<@{ME}> why?", raw_file("F2", "shot.png"))
    received = {key: value for key, value in said.items() if key not in ("subtype", "channel_type")}
    assert parse(received | {"type": "app_mention"}, ME) == parse(said, ME)


def test_file_without_extension_is_recognized_by_its_type() -> None:
    assert slack_file(raw_file(name="Screenshot", filetype="png")).picture
    assert not slack_file(raw_file(name="notes", filetype="gdoc")).readable
    assert not slack_file({"id": "F1", "mode": "hidden_by_limit"}).readable
    assert slack_file({"id": "F1"}).stub


@pytest.mark.parametrize(
    ("file", "readable"),
    [
        (raw_file(name="minutes.docx"), True),
        (raw_file(name="talk.PPTX"), True),
        (raw_file(name="notes.md", filetype="markdown"), True),
        (raw_file(name="gateway.log", filetype="text"), True),
        (raw_file(name="Untitled", filetype="text", mode="snippet"), True),
        (raw_file(name="gate.py", filetype="python", mode="snippet"), True),
        (raw_file(name="page.html", filetype="html", mode="snippet"), False),
        (raw_file(name="Untitled", filetype="html", mode="snippet"), False),
        (raw_file(name="table.xlsx"), False),
        (raw_file(name="gate.py", filetype="python"), False),
        (raw_file(name="minutes.docx", is_external=True), False),
    ],
)
def test_text_and_office_files_are_readable(file: dict[str, Any], readable: bool) -> None:
    assert slack_file(file).readable is readable
    assert not slack_file(file).picture


def test_slack_and_folders_support_the_same_file_types() -> None:
    """Only `log` and `text` differ: Slack declares such files as text, but in a folder logs are noise."""
    assert {ending.removeprefix(".") for ending in SUFFIXES} | {"log", "text"} == READABLE


def test_text_has_no_mention_and_resolved_entities() -> None:
    assert without_mention(f"<@{ME}|magpie>  a &lt;b&gt; &amp;amp; <https://x.y|here> <#C1|ops>", ME) == (
        "a <b> &amp; here #ops"
    )
    assert mentions(f"hey <@{ME}>", ME)
    assert not mentions("hey <@U0BOTTOM>", ME)


def link(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "channel": "C1", "user": "U2", "ts": "5.0", "text": text, **more}


def test_links_have_no_fragments_and_exclude_slacks_own() -> None:
    text = "see <https://docs.example/a?b=1&amp;c=2#top|the docs>, <https://docs.example/a?b=1&amp;c=2> and " + (
        "<https://acme.slack.com/archives/C1/p1> <mailto:a@b.example|mail> https://bare.example"
    )
    assert parse(link(text), ME) == [Linked("https://docs.example/a?b=1&c=2", "C1", "U2", "5.0")]
    assert len(parse(link(" ".join(f"<https://docs.example/{n}>" for n in range(9))), ME)) == 5


def test_link_in_a_question_is_not_indexed() -> None:
    found = parse(link(f"<@{ME}> what does <https://docs.example/> say?"), ME)
    assert [type(one) for one in found] == [Question]


def test_edit_reports_added_and_removed_links() -> None:
    before, after = (
        link("<https://old.example> <https://both.example>"),
        link("<https://both.example> <https://new.example>"),
    )
    edit = {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "message": after,
        "previous_message": before,
    }
    assert parse(edit, ME)[:2] == [
        Unlinked("https://old.example", "C1", "5.0"),
        Linked("https://new.example", "C1", "U2", "5.0"),
    ]
    gone = {
        "type": "message",
        "subtype": "message_deleted",
        "channel": "C1",
        "deleted_ts": "5.0",
        "previous_message": before,
    }
    assert parse(gone, ME)[:2] == [
        Unlinked("https://old.example", "C1", "5.0"),
        Unlinked("https://both.example", "C1", "5.0"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["message", "app_mention", "file_shared", "file_deleted", "member_joined_channel", "channel_left"]),
    st.dictionaries(st.sampled_from(["user", "text", "ts", "channel", "subtype", "file_id", "bot_id"]), JSON),
)
def test_parser_accepts_any_types(kind: str, event: dict[str, Any]) -> None:
    for item in parse({**event, "type": kind}, ME):
        assert isinstance(item, Event)
