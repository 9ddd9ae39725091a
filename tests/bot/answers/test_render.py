"""Replies are within Slack's limits and contain no link or mention from untrusted text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.page_list import pages_reply
from bot.answers.render import Reply, answer_reply, no_match_reply, page_reply, plain_reply, with_offers
from bot.demo.slack_server.limits import too_long
from bot.slack import buttons
from bot.slack.blocks import SECTION, split
from bot.slack.messages import answer_texts
from bot.slack.messages.answer_texts import (
    NO_MATCHING_PAGE,
    failed_documents,
    incomplete_file,
    late_documents,
    similar_pages,
    unreadable_file,
)
from bot.slack.messages.progress_texts import reading_documents
from bot.slack.simple_blocks import simple_blocks
from rag import FileNote, Mode, SourceStatus
from rag.model.extraction import Kind
from rag.model.operations import IndexState
from tests.injections.slack import things_in, things_of
from tests.support.engine import answer, hit

LINKED = replace(hit(1, "hand|book <v2>.pdf", 12, "vi"), link="https://x.slack.com/files/U1/F1/a.pdf?a=1&b=2")


def texts(reply: Reply) -> list[str]:
    """Return every text that Slack would parse."""
    found = []
    for block in simple_blocks(reply.blocks):
        if block["type"] in ("actions", "context_actions"):
            continue
        found += [part["text"] for part in (block.get("text"), *block.get("elements", ())) if part]
        assert all(part["verbatim"] for part in (block.get("text"), *block.get("elements", ())) if part)
    return [*found, reply.text]


def test_citation_links_to_the_file_in_slack() -> None:
    reply = answer_reply(answer("Port **8443** [1].", LINKED))
    assert reply.text == "Port *8443* [1]."
    assert texts(reply)[0] == "Port *8443* [1]."
    assert reply.blocks[0]["type"] == "rich_text"
    assert reply.blocks[1]["elements"][0]["text"] == (
        "[1] <https://x.slack.com/files/U1/F1/a.pdf?a=1&amp;b=2|hand¦book &lt;v2&gt;.pdf>, p. 12 (printed vi)"
    )
    assert [(picture.path, picture.title) for picture in reply.pictures] == [
        ("evidence-1.png", "[1] hand|book <v2>.pdf, p. 12 (printed vi)")
    ]
    assert Reply.from_json(reply.to_json()) == reply


def test_citation_names_figures_and_tables() -> None:
    table, figure = replace(LINKED, name="a.pdf", kind=Kind.TABLE), replace(hit(2, "b.pdf", 3), kind=Kind.FIGURE)
    reply = answer_reply(answer("40 hours [1], see [2].", table, figure))
    lines = reply.blocks[1]["elements"][0]["text"].split("\n")
    assert lines[0].endswith("|a.pdf>, table on p. 12 (printed vi)")
    assert lines[1] == "[2] b.pdf, figure on p. 3"
    assert [picture.title for picture in reply.pictures][1] == "[2] b.pdf, figure on p. 3"
    quoted = answer_reply(answer("[1] a.pdf, table on p. 12 (printed vi)\n“40 hours”", table, mode=Mode.PASSAGES))
    assert "|a.pdf>, table on p. 12 (printed vi)\n“40 hours”" in quoted.blocks[0]["text"]["text"]


def test_passages_after_the_third_are_closed_at_first() -> None:
    hits = [hit(number, "a.pdf", number) for number in range(1, 6)]
    text = "\n\n".join(f"[{number}] a.pdf, p. {number}\n“quote {number}”" for number in range(1, 6))
    reply = answer_reply(answer(text, *hits, mode=Mode.PASSAGES))
    first, others = reply.blocks[0], reply.blocks[1]
    assert first["text"]["text"].count("quote") == 3
    assert (others["type"], others["title"]["text"], others["default_collapsed"]) == (
        "container",
        "2 more passages",
        True,
    )
    assert "quote 4" in others["child_blocks"][0]["text"]["text"]
    assert "[4] a.pdf, p. 4" in others["child_blocks"][0]["text"]["text"]


def test_pictures_keep_their_passages_if_one_could_not_be_drawn() -> None:
    made = answer("a [1] b [2]", hit(1, "gone.pdf", 1), replace(hit(2, "b.pdf", 3), document=7))
    reply = answer_reply(replace(made, evidence=made.evidence[1:], pictured=made.cited[1:]))
    assert [(picture.title, picture.document) for picture in reply.pictures] == [("[2] b.pdf, p. 3", 7)]


def test_invalid_link_is_not_rendered() -> None:
    for link in (None, "javascript:alert(1)", "https://x|y", "https://x> <!channel"):
        reply = answer_reply(answer("a [1]", replace(LINKED, link=link)))
        assert "<" not in "".join(texts(reply))


def test_abstention_has_no_citations_and_no_pictures() -> None:
    reply = answer_reply(answer("I could not find this.", LINKED, abstained=True, notice="No model."))
    assert [block["type"] for block in reply.blocks] == ["context", "section", "context_actions"]
    assert reply.pictures == []


@pytest.mark.parametrize(
    ("link", "label"),
    [
        ("http://evil.example/login?a=1&b=2", "(<http://evil.example/login?a=1&amp;b=2|evil.example>)"),
        ("https://slack.com.evil.example/a", "(<https://slack.com.evil.example/a|slack.com.evil.example>)"),
        ("https://slack.com@evil.example/a", "(<https://slack.com@evil.example/a|evil.example>)"),
        ("https://notslack.com/a", "(<https://notslack.com/a|notslack.com>)"),
        ("https://аpple.com/a", "(<https://аpple.com/a|xn--pple-43d.com>)"),
        ("http://i❤.ws/a", ""),
    ],
)
def test_link_of_a_web_page_is_labeled_by_its_host(link: str, label: str) -> None:
    page = replace(hit(1, "Your session has expired: sign in", 1), link=link)
    received = f"Your session has expired: sign in {label}".rstrip()
    assert answer_reply(answer("Yes [1].", page)).blocks[1]["elements"][0]["text"] == f"[1] {received}, p. 1"
    assert page_reply(page, None).blocks[0]["text"]["text"] == f"This is *{received}*, p. 1."


def test_name_that_holds_another_files_place_keeps_its_own_link() -> None:
    long = replace(hit(1, "see b.txt, p. 1 a.txt", 1), link="https://x.slack.com/files/A")
    short = replace(hit(2, "b.txt", 1), link="https://x.slack.com/files/B")
    said = f"Nothing. Nearest: {long.place}; {short.place}."
    reply = answer_reply(replace(answer(said, long, short), abstained=True))
    assert reply.blocks[0]["text"]["text"] == (
        "Nothing. Nearest: <https://x.slack.com/files/A|see b.txt, p. 1 a.txt>, p. 1; "
        "<https://x.slack.com/files/B|b.txt>, p. 1."
    )


def test_abstention_links_the_nearest_pages() -> None:
    reply = answer_reply(answer(f"I could not find this. Nearest: {LINKED.place}.", LINKED, abstained=True))
    link = reply.blocks[0]["text"]["text"]
    assert "Nearest: <https://x.slack.com/files/U1/F1/a.pdf?a=1&amp;b=2|" in link
    assert link.endswith(", p. 12 (printed vi).")


def test_unmatched_screenshot_gets_the_two_nearest_pages() -> None:
    hits = [replace(LINKED, page=page, label=None) for page in (3, 4, 5)]
    reply = no_match_reply(hits, "I'm still reading late.pdf.")
    assert [block["type"] for block in reply.blocks] == ["context", "section", "actions", "context_actions"]
    text = reply.blocks[1]["text"]["text"]
    assert ", p. 3; " in text
    assert text.endswith(", p. 4.")
    assert no_match_reply([]).blocks[0]["text"]["text"] == reply.text == NO_MATCHING_PAGE


def test_matched_screenshot_gets_its_page() -> None:
    reply = page_reply(LINKED, Path("page.jpg"), "I'm still reading late.pdf.")
    assert "p. 12 (printed vi)" in reply.blocks[1]["text"]["text"]
    assert reply.pictures[0].title == LINKED.place
    assert [block["type"] for block in reply.blocks[2:]] == ["actions", "context_actions"]


def test_matched_screenshot_gets_the_reason() -> None:
    proved = replace(LINKED, why="Its pixels match: 143 points in place, 93 % of the picture agrees.")
    assert page_reply(proved, None).blocks[1]["elements"][0]["text"] == proved.why


def test_messages_about_documents_sent_with_a_question() -> None:
    read = SourceStatus("F1", "a.pdf", IndexState.READY, 9, 9, "", "", 1, 1)
    reading = SourceStatus("F2", "b.pdf", IndexState.READING, 3, 12, "", "", 2, 2)
    failed = SourceStatus("F3", "c.pdf", IndexState.FAILED, 0, 0, "It is encrypted.", "Remove its password.", None, 3)
    assert reading_documents([read, reading]) == "Reading b.pdf, page 4 of 12 …"
    assert failed_documents([read, reading]) == late_documents([read, failed]) == ""
    assert failed_documents([read, reading, failed]) == "I couldn't read c.pdf: It is encrypted."
    assert late_documents([read, reading, failed]) == "I'm still reading b.pdf. Ask again in a minute."
    assert unreadable_file(failed) == "I couldn't read c.pdf: It is encrypted. Remove its password."


def test_messages_about_parts_that_could_not_be_read() -> None:
    read = SourceStatus("F1", "a.pdf", IndexState.READY, 99, 99, "", "", 1, 1)
    slow = FileNote("This page couldn't be read: it took longer than 30 s.", lost=True, page=3)
    covered = FileNote("Text under a black box was left out.", lost=False, page=4)
    assert incomplete_file(replace(read, notes=(slow, covered))) == (
        "I read a.pdf, but not all of it. Page 3: it took longer than 30 s."
    )
    torn = tuple(FileNote("The picture is torn.", lost=True, page=page) for page in (3, 7, 8, 9))
    whole = FileNote("The last sheet was left out.", lost=True)
    locked = FileNote("It is encrypted.", lost=True, attachment="b.pdf")
    inner = FileNote("The picture is torn.", lost=True, page=2, attachment="c.pdf")
    assert incomplete_file(replace(read, notes=(whole, *torn, locked, inner))) == (
        "I read a.pdf, but not all of it. The last sheet was left out. Pages 3, 7-9: The picture is torn. "
        "b.pdf: It is encrypted. c.pdf, page 2: The picture is torn."
    )
    many = tuple(FileNote(f"Problem {page}.", lost=True, page=page) for page in range(1, 31))
    assert incomplete_file(replace(read, notes=many)).endswith("Page 5: Problem 5. … and 25 more.")


def test_long_answer_is_split_at_paragraphs() -> None:
    paragraph = "word " * 400
    cut = list(split("\n\n".join([paragraph.strip()] * 3)))
    assert [len(piece) for piece in cut] == [1999, 1999, 1999]
    assert len(list(split("a" * 50_000))) == 4


ANY = st.text(max_size=400)
SIGNS = ["<!channel>", "<@U1>", "<https://evil|bank>", "&lt;!here&gt;", "@here", "**", "|", "\n", "#"]
NASTY = st.lists(ANY | st.sampled_from(SIGNS)).map("".join)


@pytest.mark.parametrize(
    ("asked_with", "offered"),
    [
        ("", ["deeper", "model:a:4b", "model:b:8b"]),
        ("deeper", ["model:a:4b", "model:b:8b"]),
        ("model:b:8b", ["deeper", "model:a:4b"]),
    ],
)
def test_what_an_answer_was_asked_with_is_not_offered_again(asked_with: str, offered: list[str]) -> None:
    shown, more = replace(LINKED, page=1), replace(LINKED, page=2)
    found = answer("Port **8443** [1].", shown)
    found = replace(found, found=replace(found.found, hits=(shown, more)))
    reply = Reply.from_json(replace(answer_reply(found), asked_with=asked_with).to_json())
    [element] = [
        element
        for block in with_offers(reply, [], ["a:4b", "b:8b"]).blocks
        if block.get("block_id") == buttons.WITH_BLOCK
        for element in block["elements"]
    ]
    assert [option["value"] for option in element["options"]] == offered


@given(NASTY, NASTY, NASTY)
def test_untrusted_text_never_becomes_a_link_or_mention(text: str, name: str, notice: str) -> None:
    reply = answer_reply(answer(text, replace(LINKED, name=name), notice=notice))
    for said in [*texts(reply), *texts(plain_reply(text))]:
        ours = said.replace("<https://x.slack.com/files/U1/F1/a.pdf?a=1&amp;b=2|", "", 1)
        assert ours.count(">") == said.count("<https://x.slack.com/")
        assert "<" not in ours
    assert things_of("", reply.blocks, [str(LINKED.link).replace("&", "&amp;")]) == []


@given(st.text(st.sampled_from("ab &<>\n*#"), max_size=20_000))
def test_blocks_are_within_slacks_limits(text: str) -> None:
    reply = answer_reply(answer(text * 3, *[LINKED] * 20, notice=text))
    assert len(reply.blocks) <= 50
    assert len(reply.text) <= 4000
    for said in texts(reply):
        assert len(said) <= 3001
        assert not re.search(r"&(?!amp;|lt;|gt;)", said)
    assert all(0 < len(piece) <= SECTION + 2 for piece in split(text))
    assert not too_long(reply.blocks)


@given(NASTY, NASTY)
def test_notification_has_no_link_or_mention(text: str, name: str) -> None:
    reply = answer_reply(
        answer(f"{text} see https://evil.example/x, evil.com, @here, #general", replace(LINKED, name=name))
    )
    for said in (reply.text, page_reply(replace(LINKED, name=name), None).text, plain_reply(text).text):
        assert not list(things_in(said, verbatim=False))


def test_translations_are_shown_as_plain_text() -> None:
    given = answer("Port 8443 [1].", LINKED)
    texts_by_language = {
        "German": "Welcher Port? <!channel> https://evil.example/x @here",
        "French": "Quel port ? " * 40,
    }
    translated = replace(given, found=replace(given.found, translations=texts_by_language))
    shown = texts(answer_reply(translated, "Understood as: port"))[0]
    assert shown.startswith("Understood as: port\nAlso searched in German: Welcher Port? &lt;!channel&gt;")
    assert "\nAlso searched in French: Quel port ? Quel port ?" in shown
    assert len(shown) < 500
    assert not list(things_in(shown, verbatim=True))


def test_bidirectional_controls_are_removed() -> None:
    reply = page_reply(replace(LINKED, name="fee\u202efdp.exe\U000e0041", link=None), None)
    assert reply.blocks[0]["text"]["text"].startswith("This is *feefdp.exe*")


def test_brackets_in_a_name_are_not_a_citation() -> None:
    reply = answer_reply(answer("Port 8443 [1].", replace(LINKED, name="notes [4].pdf")))
    assert "|notes (4).pdf>, p. 12" in reply.blocks[1]["elements"][0]["text"]
    assert reply.pictures[0].title.startswith("[1] notes (4).pdf, p. 12")
    failed = SourceStatus("F1", "[4].pdf", IndexState.FAILED, 0, 0, "Why.", "", None, 1)
    assert failed_documents([failed]) == "I couldn't read (4).pdf: Why."


def test_notification_of_similar_pages_has_no_raw_link() -> None:
    heading = similar_pages("https://harbor.slack.com/archives/C1/p17?thread_ts=1.2")
    reply = pages_reply([], heading)
    assert reply.text == "Pages like this message:"
    assert heading in str(reply.blocks)
    assert pages_reply([], similar_pages("")).text == "Pages like the message:"


def test_files_that_are_not_read_are_named_as_far_as_their_names_are_known() -> None:
    assert answer_texts.still_reading([], 1) == "I'm still reading 1 file. The answer may be there."
    assert answer_texts.still_reading(["a.pdf"], 1) == "I'm still reading a.pdf and 1 more. The answer may be there."
    assert answer_texts.will_answer_again(["a.pdf"], 0) == "I'll answer here when a.pdf is read."
    assert answer_texts.will_answer_again([], 2) == "I'll answer here when 2 files are read."
