"""Buttons, page lists and Home are within Slack's limits for any file name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers import page_list
from bot.answers.render import answer_reply
from bot.demo.slack_server.limits import Checker, too_long
from bot.demo.slack_server.manifest import AppConfig
from bot.demo.slack_server.state import State
from bot.slack import buttons
from bot.slack.blocks import LABEL
from bot.slack.home import ConversationSummary, home_view, summary_lines
from bot.slack.messages import answer_texts, home_texts
from bot.slack.uploads import Picture
from rag import SourceStatus
from tests.injections.slack import things_of
from tests.support.engine import answer, found, hit

WORLD = State(AppConfig(frozenset(), frozenset()))
NAMES = st.text(max_size=300) | st.sampled_from(
    ["<!channel>.pdf", "fee\u202efdp.exe", "", " ", "a" * 300 + ".pdf", "<@U1>"]
)
OURS = hit(1, "handbook.pdf", 12)


def refused(blocks: list[dict], *, in_view: bool = False) -> list[str]:  # type: ignore[type-arg]
    checker = Checker(WORLD, in_view=in_view)
    checker.blocks(blocks)
    return checker.errors


@given(st.lists(NAMES, max_size=8))
def test_buttons_are_valid_and_names_never_become_links_or_mentions(names: list[str]) -> None:
    blocks = [*buttons.page_buttons(list(enumerate(names)), more=True), buttons.feedback_buttons()]
    assert refused(blocks) == []
    assert things_of("", blocks, []) == []
    values = [one.get("value") for one in blocks[0]["elements"]]
    assert all(value is None or value == "more" or value.isdigit() for value in values)


def test_cut_label_keeps_the_end_of_a_name() -> None:
    [block] = buttons.page_buttons([(1, "minutes of the harbor council " * 5 + "2026.pdf")], more=False)
    label = block["elements"][0]["text"]["text"]
    assert len(label) == LABEL
    assert label.startswith("Only in minutes of")
    assert label.endswith("2026.pdf")


def test_no_buttons_are_no_block() -> None:
    assert buttons.page_buttons([], more=False) == []


def test_more_than_three_files_are_shown_as_a_list() -> None:
    hits = [replace(OURS, document=number, name=f"{number}.pdf") for number in range(1, 5)]
    reply = answer_reply(answer("Everywhere [1] [2] [3] [4].", *hits))
    [block] = [one for one in reply.blocks if one["type"] == "actions"]
    assert [one["type"] for one in block["elements"]] == ["static_select"]
    three = answer_reply(answer("Everywhere [1] [2] [3].", *hits[:3]))
    [block] = [one for one in three.blocks if one["type"] == "actions"]
    assert [one["action_id"] for one in block["elements"]] == ["file:1", "file:2", "file:3"]
    alone = answer_reply(answer("Here [1].", hits[0]))
    assert [one for one in alone.blocks if one["type"] == "actions"] == []


def test_reply_lists_the_pages_it_uses() -> None:
    made = answer("Port 8443 [2].", OURS, replace(OURS, document=7, page=3))
    reply = answer_reply(replace(made, cited=made.passages[1:], evidence=(), pictured=()))
    assert [(one.document, one.page, one.number, one.cited) for one in reply.used] == [
        (1, 12, 1, False),
        (7, 3, 2, True),
    ]
    assert [one.shown for one in reply.used] == [False, True]


@given(st.lists(st.tuples(NAMES, st.text(max_size=400)), max_size=6))
def test_page_list_is_within_slacks_limits(pages: list[tuple[str, str]]) -> None:
    hits = [
        replace(hit(number, name, number), text=text, document=number) for number, (name, text) in enumerate(pages, 1)
    ]
    reply = page_list.pages_reply(hits, "More pages:", [Picture("a.png", "a")] * 9, remark="A remark.", more=True)
    assert refused(reply.blocks) == []
    assert not too_long(reply.blocks)
    assert things_of(reply.text, reply.blocks, []) == []
    assert len(reply.pictures) == 3
    assert reply.documents == [one.document for one in hits]


def test_page_list_shows_the_nearest_pages_if_nothing_was_found() -> None:
    assert page_list.found_reply(found(OURS), "").text.startswith(answer_texts.BEST_PAGES)
    near = page_list.found_reply(replace(found(OURS, OURS, OURS), found=False), "")
    assert near.text.startswith(f"{answer_texts.NOTHING_FOUND} Nearest pages:")
    assert len(near.used) == 2
    assert page_list.found_reply(found(), "").text == answer_texts.NOTHING_FOUND


def test_page_list_names_the_newer_version_if_it_is_listed_too() -> None:
    older, newer = hit(1, "plan v1.pdf", 2), replace(hit(2, "plan v2.pdf", 2), document=2)
    listed = page_list.found_reply(found(replace(older, newer=newer.place), newer), "")
    assert f"A newer version is {newer.place}." in str(listed.blocks)
    alone = page_list.found_reply(found(replace(older, newer=newer.place)), "")
    assert "newer" not in str(alone.blocks)


def test_page_list_says_how_the_question_was_understood() -> None:
    made = replace(found(OURS), notice="Showing results for “relay”.", translations={"German": "Welches Relais?"})
    [remark] = [block for block in page_list.found_reply(made, "").blocks if block["type"] == "context"]
    [text] = remark["elements"]
    assert text["text"].splitlines() == ["Showing results for “relay”.", "Also searched in German: Welches Relais?"]


STANDINGS = st.lists(
    st.builds(
        SourceStatus,
        st.just(""),
        NAMES,
        st.sampled_from(["ready", "waiting", "reading", "failed"]),
        st.just(0),
        st.integers(0, 5000),
        st.text(max_size=500),
        st.just(""),
        st.none(),
    ),
    max_size=40,
)


@given(st.lists(STANDINGS, max_size=120), st.lists(st.text(max_size=100), max_size=7))
def test_home_is_within_slacks_limits(spaces: list[list[SourceStatus]], off: list[str]) -> None:
    held = [ConversationSummary.of(f"C{number}", some) for number, some in enumerate(spaces)]
    view = home_view(held, off)
    assert len(view["blocks"]) <= 100
    assert refused(view["blocks"], in_view=True) == []
    for one in held:
        assert summary_lines(one)[0].startswith("Here: ")


@pytest.mark.parametrize(
    ("lanes", "count", "said"),
    [
        ([], 0, ""),
        (["text-vectors"], 1, "not by their meaning"),
        (["translations"], 0, ""),
        (["translations", "text-vectors"], 2, home_texts.OTHER_LANGUAGES),
        (["clip-picture", "clip-text"], 1, "Images are found by"),
        (["words", "place"], 1, "Unavailable: search by words, page number."),
    ],
)
def test_home_says_what_it_means_that_searches_are_off(lanes: list[str], count: int, said: str) -> None:
    sentences = home_texts.searches_off(lanes)
    assert len(sentences) == count
    assert said in "\n".join(sentences)


def test_home_reports_unknown_access_and_unavailable_features() -> None:
    said = str(home_view(None, ["The search by words is off: busy"]))
    assert home_texts.UNKNOWN_ACCESS in said
    assert home_texts.UNAVAILABLE_HEADER in said
    assert home_texts.NOTHING_INDEXED in str(home_view([ConversationSummary("C1")], []))
    assert home_texts.NOTHING_INDEXED in str(home_view([], []))
