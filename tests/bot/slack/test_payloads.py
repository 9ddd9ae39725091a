"""Parsing of Slack's payloads into events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.events import (
    ChannelViewed,
    Event,
    FileChanged,
    FileDeleted,
    FileLink,
    FileShared,
    FileUnshared,
    Forwarded,
    HomeOpened,
    Joined,
    Left,
    Message,
    MessageDeleted,
    MessageLink,
    Moved,
    PersonChanged,
    ReadersChanged,
    SessionStopped,
    SlackFile,
)
from bot.slack.file_objects import slack_file
from bot.slack.payloads import as_app, parse
from tests.bot.slack.raw_events import (
    ME,
    STUB,
    address,
    edit,
    message,
    person,
    raw_file,
    rich_text,
    section,
    words,
)

CHANNEL_ENTITY = {"type": "slack#/types/channel_id", "value": "C7", "team_id": "T1"}
CANVAS_ENTITY = {"type": "slack#/types/canvas_id", "value": "F7", "team_id": "T1"}
PDF, PNG = slack_file(raw_file()), slack_file(raw_file("F2", "shot.png"))


def said(text: str = "", *files: SlackFile, addressed: bool = False, channel: str = "C1", **more: Any) -> Message:
    """Return the state of the message that `message` returns the payload of."""
    state = Message(
        channel, "5.1", "", "U1", text, files, (), 5.1, complete=True, addressed=addressed, mentions_others=False,
        mentioned=addressed and not channel.startswith("D"),
    )  # fmt: skip
    return replace(state, **more)


def only(event: dict[str, Any]) -> Message:
    [state] = parse(event, ME)
    assert isinstance(state, Message)
    return state


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (message("good morning"), [said("good morning")]),
        (message("", raw_file()), [said("", PDF)]),
        (message("", raw_file("F2", "shot.png")), [said("", PNG)]),
        (message("", {"id": "F1", "mode": "tombstone"}), [said()]),
        (message("", STUB), [said("", SlackFile("F9"))]),
        (message("", raw_file(), raw_file()), [said("", PDF)]),
        (message(f"<@{ME}> which port?"), [said("which port?", addressed=True)]),
        (message(f"<@{ME}> which port?", type="app_mention"), [said("which port?", addressed=True, complete=False)]),
        (message(f"<@{ME}>"), [said(addressed=True)]),
        (message(f"<@{ME}> why?", thread_ts="4.0"), [said("why?", addressed=True, thread="4.0")]),
        (message("why?", thread_ts="5.1"), [said("why?")]),
        (message(f"<@{ME}> why?", raw_file()), [said("why?", PDF, addressed=True)]),
        (message(f"<@{ME}>", STUB), [said("", SlackFile("F9"), addressed=True)]),
        (message("which port?", channel="D1", channel_type="im"), [said("which port?", addressed=True, channel="D1")]),
        (message("which port?", channel="G1", channel_type="mpim"), [said("which port?", channel="G1")]),
        (message("", raw_file(), channel="D1", channel_type="im"), [said("", PDF, addressed=True, channel="D1")]),
        (message("hm", subtype="me_message"), [said("hm")]),
        (message("hm", subtype="thread_broadcast", thread_ts="4.0"), [said("hm", thread="4.0")]),
        (message(f"<@{ME}> hey", user=ME), []),
        (message(f"<@{ME}> hey", user=ME, bot_id="B1"), []),
        (message(f"<@{ME}> hey", is_ephemeral=True), []),
        (message("x", subtype="channel_topic"), [ReadersChanged("C1")]),
        (message("x", subtype="bot_remove"), []),
        (message("x", subtype="huddle_thread"), []),
        (message("x", ts=""), []),
        (message(subtype="message_replied", message=message("a")), []),
        ({"type": "message", "channel": "C1", "ts": "9.1", "hidden": True, "message": message("a")}, []),
        (message(subtype="message_deleted", deleted_ts="5.0", previous_message=message("", raw_file()), ts="6.5"),
         [MessageDeleted("C1", "5.0", 6.5, ("F1",))]),
        (message(subtype="message_deleted"), []),
        (message("This message was deleted.", subtype="tombstone", user="USLACKBOT", hidden=True),
         [MessageDeleted("C1", "5.1", 5.1)]),
        ({"type": "file_shared", "file_id": "F1", "user_id": "U1", "channel_id": "C1", "event_ts": "8.5"},
         [FileShared("F1", "C1", "U1", 8.5)]),
        ({"type": "file_shared", "file_id": "F1", "user_id": ME, "channel_id": "C1"}, []),
        ({"type": "file_unshared", "file_id": "F1", "channel_id": "C1", "event_ts": "8.5"},
         [FileUnshared("F1", "C1", 8.5)]),
        ({"type": "file_deleted", "file_id": "F1", "event_ts": "8.5"}, [FileDeleted("F1", 8.5)]),
        ({"type": "file_change", "file_id": "F1"}, [FileChanged("F1")]),
        ({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"}, [HomeOpened("U1", "D1")]),
        ({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages"}, []),
        (
            {"type": "agent_session_stopped", "channel": "D1", "thread_ts": "5.1", "user": "U1"},
            [SessionStopped("D1", "5.1", "U1")],
        ),
        ({"type": "app_context_changed", "user": "U1", "channel": "D1", "context": {}}, [ChannelViewed("U1", "")]),
        (
            {"type": "app_context_changed", "user": "U1", "context": {"entities": [CANVAS_ENTITY, CHANNEL_ENTITY]}},
            [ChannelViewed("U1", "C7")],
        ),
        ({"type": "app_context_changed", "context": {"entities": [CHANNEL_ENTITY]}}, []),
        ({"type": "app_context_changed", "user": "U1", "context": {"entities": "C7"}}, [ChannelViewed("U1", "")]),
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


def test_mention_and_message_events_of_one_question_differ_in_completeness_only() -> None:
    asked = message(f"<@{ME}> why?", raw_file("F2", "shot.png"))
    mention = {key: value for key, value in asked.items() if key not in ("subtype", "channel_type")}
    assert replace(only(mention | {"type": "app_mention"}), complete=True) == only(asked)


@pytest.mark.parametrize(
    "text",
    [
        f"&gt; <@{ME}> which port does the gateway use?\nI asked that last week, ignore",
        f"&gt;<@{ME}> which port?",
        f"&gt;&gt;&gt; he wrote:\n<@{ME}> which port?",
        f"`<@{ME}> which port?`",
        f"like this: ```\n<@{ME}> which port?\n``` is it right?",
        f"> <@{ME}> which port?",
    ],
)
@pytest.mark.parametrize("kind", ["message", "app_mention"])
def test_mention_in_a_quote_or_code_does_not_address_magpie(text: str, kind: str) -> None:
    state = only(message(text, type=kind))
    assert (state.addressed, state.mentioned) == (False, False)
    assert ME not in state.text
    assert only(message(text, channel="D1", channel_type="im")).addressed


@pytest.mark.parametrize(
    "text",
    [
        f"&gt; <@{ME}> which port?\n<@{ME}> and now?",
        f"`a` <@{ME}> `b`",
        f"5 &gt; 3, <@{ME}>",
        f"an ` alone, <@{ME}>",
        f"``` alone, <@{ME}>",
        f"`one\n<@{ME}> line`",
    ],
)
def test_mention_outside_quotes_and_code_addresses_magpie(text: str) -> None:
    assert only(message(text)).addressed


@pytest.mark.parametrize(
    ("elements", "addressed"),
    [
        ([section(person(), words(" which port"))], True),
        ([section(person(), words(" which port"), kind="rich_text_quote")], False),
        ([section(person(), kind="rich_text_preformatted")], False),
        ([section(person(code=True))], False),
        ([section(section(person()), kind="rich_text_list", style="bullet")], True),
        ([section(section(person()), kind="rich_text_list", style="bullet", border=1)], False),
        ([section(section(person()), kind="rich_text_list"), section(person(), kind="rich_text_quote")], True),
        ([section(words(f"<@{ME}> which port"))], False),
        ([], True),
    ],
)
def test_rich_text_decides_what_is_a_mention(elements: list[dict[str, Any]], addressed: bool) -> None:
    event = message(f"<@{ME}> which port", blocks=[rich_text(*elements)])
    assert only(event).addressed is addressed


def test_app_mention_without_a_visible_mention_addresses_magpie() -> None:
    assert only(message("hey", type="app_mention")).addressed
    assert not only(message("hey")).addressed


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("and how high is it?", False),
        ("<@U7> and how high is it?", True),
        ("<!here> and how high is it?", True),
        ("<!subteam^S1|@ops> and how high is it?", True),
        (f"<@{ME}> and how high is it?", False),
        ("&gt; <@U7> said so\nand how high is it?", False),
        ("<!date^1392734382^{date}|Feb 18> and how high is it?", False),
    ],
)
def test_message_says_whether_it_mentions_others(text: str, others: bool) -> None:
    assert only(message(text)).mentions_others is others


@pytest.mark.parametrize(
    ("element", "others"),
    [
        (person("U7"), True),
        (person(), False),
        ({"type": "usergroup", "usergroup_id": "S1"}, True),
        ({"type": "broadcast", "range": "channel"}, True),
        ({"type": "emoji", "name": "wave"}, False),
    ],
)
def test_rich_text_says_whether_it_mentions_others(element: dict[str, Any], others: bool) -> None:
    assert only(message("hm", blocks=[rich_text(section(element))])).mentions_others is others


# ---------------------------------------------------------------- authors


@pytest.mark.parametrize(
    ("author", "app", "via"),
    [
        ({}, "", ""),
        ({"bot_id": "B7"}, "", "B7"),
        ({"bot_id": "B7", "app_id": "A7", "bot_profile": {"id": "B7"}}, "", "B7"),
        ({"bot_id": "B7", "subtype": "bot_message", "user": None}, "B7", ""),
        ({"bot_id": "B7", "subtype": "bot_message"}, "B7", ""),
        ({"bot_id": "B7", "user": None}, "B7", ""),
        ({"app_id": "A7", "user": None, "subtype": "bot_message"}, "A7", ""),
        ({"user": "USLACKBOT"}, "USLACKBOT", ""),
        ({"user": "USLACKBOT", "subtype": "slackbot_response"}, "USLACKBOT", ""),
    ],
)
def test_author_is_a_person_or_an_app(author: dict[str, Any], app: str, via: str) -> None:
    state = only(message("Which port?", **author))
    assert (state.app, state.via) == (app, via)
    assert not state.addressed


@pytest.mark.parametrize("author", [{"bot_id": "B7", "user": None}, {"user": "USLACKBOT"}])
def test_app_addresses_magpie_by_a_mention_only(author: dict[str, Any]) -> None:
    direct = {"channel": "D1", "channel_type": "im"}
    assert not only(message("Which port?", **author, **direct)).addressed
    assert only(message(f"<@{ME}> which port?", **author)).addressed


def test_message_posted_under_a_users_name_counts_as_a_persons_until_the_user_is_known_to_be_an_app() -> None:
    direct = only(message("Which port?", bot_id="B7", channel="D1", channel_type="im"))
    assert (direct.addressed, direct.app, direct.via) == (True, "", "B7")
    assert as_app(direct) == replace(direct, addressed=False, app="B7", via="")
    mention = only(message(f"<@{ME}> which port?", bot_id="B7"))
    assert as_app(mention) == replace(mention, app="B7", via="")


def test_app_may_write_its_words_in_blocks_alone() -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": f"<@{ME}> which port?"}}
    state = only(message("", bot_id="B7", user=None, blocks=[{"type": "divider"}, block]))
    assert (state.text, state.addressed) == ("which port?", True)


# ---------------------------------------------------------------- links and references


def test_links_have_no_fragments_and_exclude_slacks_own() -> None:
    text = "see <https://docs.example/a?b=1&amp;c=2#top|the docs>, <https://docs.example/a?b=1&amp;c=2> and " + (
        "<https://acme.slack.com/archives/C1/p1> <mailto:a@b.example|mail> https://bare.example"
    )
    assert only(message(text)).links == ("https://docs.example/a?b=1&c=2",)
    assert len(only(message(" ".join(f"<https://docs.example/{n}>" for n in range(9)))).links) == 5


def test_link_in_a_question_is_not_indexed() -> None:
    assert only(message(f"<@{ME}> what does <https://docs.example/> say?")).links == ()


def test_link_in_code_is_not_indexed() -> None:
    text = "`<https://a.example>` ```<https://b.example>``` &gt; <https://c.example>"
    assert only(message(text)).links == ("https://c.example",)
    elements = [
        section(address("https://a.example", code=True), address("https://d.example")),
        section(address("https://b.example"), kind="rich_text_preformatted"),
        section(address("https://c.example?a=1&b=2"), kind="rich_text_quote"),
        section(address("slack://channel"), address("https://x.slack.com/files/U1/F1/a.pdf")),
    ]
    state = only(message(text, blocks=[rich_text(*elements)]))
    assert state.links == ("https://d.example", "https://c.example?a=1&b=2")
    assert state.references == (FileLink("F1", "a.pdf"),)


def test_pasted_links_to_files_and_messages_in_slack_are_references() -> None:
    text = (
        f"<@{ME}> what is the total due in <https://x.slack.com/files/U0ADA/F0INVB00001/inv-b.pdf> and "
        "<https://x.slack.com/archives/C2/p1700000010000100?thread_ts=1700000000.000100&amp;cid=C2|there>?"
    )
    state = only(message(text))
    assert state.references == (
        FileLink("F0INVB00001", "inv-b.pdf"),
        MessageLink("C2", "1700000010.000100", "1700000000.000100"),
    )
    assert state.text == "what is the total due in inv-b.pdf and there?"
    assert only(message("<https://x.slack.com/files/U0ADA/F0INVB00001/inv-b.pdf>")).references == state.references[:1]


def forward(**more: Any) -> dict[str, Any]:
    shown = {"is_share": True, "is_msg_unfurl": True, "channel_id": "C9", "ts": "4.1", "author_id": "U3"}
    return shown | {"text": f"Which color is the <@{ME}> lantern?"} | more


def test_forwarded_message_brings_words_and_files() -> None:
    state = only(message(f"<@{ME}> what is the total due here?", attachments=[forward(files=[raw_file(), STUB])]))
    assert state.forwarded == (Forwarded("C9", "4.1", "U3", "Which color is the lantern?", (PDF, SlackFile("F9"))),)
    assert state.files == ()


def test_mention_in_a_forwarded_message_does_not_address_magpie() -> None:
    assert not only(message("look", attachments=[forward()])).addressed


@pytest.mark.parametrize(
    ("attachment", "place"),
    [
        (forward(is_share=False), ("C9", "4.1")),
        (forward(is_msg_unfurl=False), ("C9", "4.1")),
        (forward(channel_id=None, from_url="https://x.slack.com/archives/C8/p1700000010000100"),
         ("C8", "1700000010.000100")),
        (forward(channel_id=None), ("", "4.1")),
        (forward(is_share=False, channel_id=None), None),
        ({"from_url": "https://docs.example", "title": "Docs", "text": "A page", "id": 1}, None),
        ({"is_app_unfurl": True, "text": "A ticket"}, None),
        ("text", None),
    ],
)  # fmt: skip
def test_preview_of_a_web_page_is_not_a_forwarded_message(attachment: object, place: tuple[str, str] | None) -> None:
    forwarded = only(message("see", attachments=[attachment])).forwarded
    assert [(one.channel, one.ts) for one in forwarded] == ([] if place is None else [place])


# ---------------------------------------------------------------- edits and deletions


def test_edit_is_the_new_state_of_the_message() -> None:
    before = message("a", raw_file())
    assert only(edit(message("b"), before)) == said("b", revision=7.5, removed=("F1",))
    assert only(edit(message("a", raw_file(), raw_file("F2", "shot.png")), before)) == said("a", PDF, PNG, revision=7.5)
    assert only(edit(message("a", {"id": "F1", "mode": "tombstone"}), before)) == said(
        "a", revision=7.5, removed=("F1",)
    )
    mentions = only(edit(message(f"<@{ME}> b"), before))
    assert mentions == said("b", addressed=True, revision=7.5, mention_added=True, removed=("F1",))
    assert only(edit(message(f"<@{ME}> b"), message(f"<@{ME}> a"))) == replace(
        mentions, mention_added=False, removed=()
    )
    assert only(edit(message("b", thread_ts="4.0"), before)).thread == "4.0"
    assert parse(edit(message("b", user=ME), message("a", user=ME)), ME) == []


@pytest.mark.parametrize(
    ("before", "now", "added"),
    [
        ("a", f"<@{ME}> a", True),
        (f"&gt; <@{ME}> a", f"<@{ME}> a", True),
        (f"<@{ME}> a", f"<@{ME}> b", False),
        (f"<@{ME}> a", "a", False),
        ("a", f"&gt; <@{ME}> a", False),
    ],
)
def test_edit_says_whether_it_added_the_mention(before: str, now: str, added: bool) -> None:
    assert only(edit(message(now), message(before))).mention_added is added


def test_edit_in_a_direct_message_is_addressed() -> None:
    direct = message("b", channel="D1", channel_type="im")
    event = edit({"type": "message", "user": "U1", "ts": "5.1", "text": "b"}, None, channel="D1", channel_type="im")
    assert only(event) == replace(only(direct), revision=7.5)


def test_revision_is_the_time_of_the_last_change() -> None:
    marked = message("b", edited={"user": "U1", "ts": "7.0"})
    assert only(marked).revision == 7.0
    assert only(message("a")).revision == 5.1
    assert only(message("a", edited={"user": "U1", "ts": "5.0"})).revision == 5.1
    assert only(edit(marked, message("a"))).revision == 7.5
    assert only(edit(message("b", edited={"user": "U1", "ts": "8.0"}), message("a"))).revision == 8.0
    assert only(edit(message("b"), None)).revision == 7.5
    assert only(message(f"<@{ME}> b", type="app_mention", edited={"ts": "7.0"})).revision == 7.0


def test_two_edits_in_one_second_have_different_revisions() -> None:
    """Slack rounds the time of an edit to a second."""
    first, second = (message(text, edited={"user": "U1", "ts": "7.000000"}) for text in ("b", "c"))
    states = [only(edit(first, message("a"), ts="7.2")), only(edit(second, first, ts="7.4"))]
    assert [state.revision for state in states] == [7.2, 7.4]


def test_preview_of_a_link_is_not_a_revision() -> None:
    posted = message("see <https://docs.example>", raw_file())
    preview = {"from_url": "https://docs.example", "text": "A page"}
    assert only(edit(posted | {"attachments": [preview]}, posted)) == only(posted)
    shown = only(edit(posted | {"attachments": [forward(is_share=False)]}, posted))
    assert (shown.revision, len(shown.forwarded)) == (5.1, 1)
    marked = posted | {"edited": {"user": "U1", "ts": "6.0"}}
    assert only(edit(marked | {"attachments": [preview]}, marked)) == only(marked)


def test_removed_file_is_a_revision_though_slack_does_not_mark_it_as_an_edit() -> None:
    assert only(edit(message("a"), message("a", raw_file()))) == said("a", revision=7.5, removed=("F1",))


def test_deleted_message_whose_thread_has_replies_is_deleted() -> None:
    tombstone = message("This message was deleted.", subtype="tombstone", user="USLACKBOT", hidden=True)
    assert parse(edit(tombstone, message("a")), ME) == [MessageDeleted("C1", "5.1", 7.5)]


# ---------------------------------------------------------------- any payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = ["message", "app_mention", "file_shared", "file_deleted", "member_joined_channel", "channel_left", "team_join"]
SUBTYPES = [None, "message_changed", "message_deleted", "bot_message", "tombstone", "thread_broadcast", "me_message"]
TEXT = st.text(alphabet=f"<>@#!|`&gt; \n{ME}http://s.k", max_size=40) | JSON
FILE = st.fixed_dictionaries(
    {"id": st.just("F1") | JSON},
    optional=dict.fromkeys(
        ["name", "title", "mode", "mimetype", "size", "permalink", "timestamp", "transcription", "plain_text"], JSON
    )
    | {"filetype": st.sampled_from(["quip", "email", "mp4", "binary", "space", ""]), "mode": st.just("hosted")},
)
LEAF = st.sampled_from(["user", "link", "text", "emoji", "broadcast"])
ELEMENT = st.recursive(
    st.fixed_dictionaries({"type": LEAF}, optional={"url": TEXT, "user_id": JSON, "style": JSON}),
    lambda inner: st.fixed_dictionaries({"type": JSON, "elements": st.lists(inner | JSON, max_size=3)}),
    max_leaves=6,
)
BLOCK = st.fixed_dictionaries({"type": st.just("rich_text"), "elements": st.lists(ELEMENT)})
SHARE = st.fixed_dictionaries({"is_share": st.just(True)}, optional={"files": st.lists(FILE), "from_url": TEXT})
FIELDS = {
    **dict.fromkeys(["user", "ts", "thread_ts", "channel", "file_id", "bot_id", "edited", "previous_message"], JSON),
    "text": TEXT,
    "files": st.lists(FILE | JSON, max_size=3) | JSON,
    "blocks": st.lists(BLOCK | JSON, max_size=3) | JSON,
    "attachments": st.lists(st.just(forward()) | SHARE | JSON, max_size=3) | JSON,
}
MESSAGE = st.fixed_dictionaries({}, optional=FIELDS | {"subtype": st.sampled_from(SUBTYPES) | JSON})


@given(st.sampled_from(KINDS), MESSAGE, MESSAGE | JSON)
def test_parser_accepts_any_types_and_always_returns_the_same(kind: str, event: dict[str, Any], nested: Any) -> None:
    received = {**event, "type": kind, "message": nested}
    found = parse(received, ME)
    assert found == parse(received, ME)
    assert all(isinstance(item, Event) for item in found)
