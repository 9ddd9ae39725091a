"""Markdown becomes Slack's own blocks, within Slack's limits, without links and mentions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack_server.limits import Checker, too_long
from bot.demo.slack_server.manifest import AppConfig
from bot.demo.slack_server.state import State
from bot.slack.blocks import SECTION, text_length
from bot.slack.rich_text import MAX_CELLS, MAX_ROWS, rich_blocks
from bot.slack.simple_blocks import has_new_blocks, simple_blocks
from tests.injections.slack import things_of

STATE = State(AppConfig(frozenset(), frozenset()))

TABLE = """| Relay | Hours |
|:--|--:|
| Crane | **72** |
| | 31 |
"""


def errors(blocks: list[dict[str, Any]]) -> list[str]:
    """Return what Slack says is wrong with these blocks."""
    checker = Checker(STATE)
    checker.blocks(blocks)
    return checker.errors


def parts(markdown: str) -> list[dict[str, Any]]:
    """Return the parts of the only block, which is rich text."""
    [block] = rich_blocks(markdown, 5000)
    assert block["type"] == "rich_text"
    assert errors([block]) == []
    found: list[dict[str, Any]] = block["elements"]
    return found


def texts(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (text, names of its styles) of each element."""
    return [(each["text"], " ".join(each.get("style", {}))) for each in part["elements"]]


def test_styles_and_headings() -> None:
    [section] = parts("## Ports\n\nThe **gateway** uses `8443` *now* ~~8080~~ [1].")
    assert texts(section) == [
        ("Ports", "bold"),
        ("\n\n", ""),
        ("The ", ""),
        ("gateway", "bold"),
        (" uses ", ""),
        ("8443", "code"),
        (" ", ""),
        ("now", "italic"),
        (" ", ""),
        ("8080", "strike"),
        (" [1].", ""),
    ]


def test_lists_stand_beside_each_other_in_reading_order() -> None:
    found = parts("- one\n  - nested\n- two\n\n3. three\n4. four")
    assert [(each["style"], each["indent"], each.get("offset", 0)) for each in found] == [
        ("bullet", 0, 0),
        ("bullet", 1, 0),
        ("bullet", 0, 0),
        ("ordered", 0, 2),
    ]
    assert [texts(item)[0][0] for each in found for item in each["elements"]] == [
        "one",
        "nested",
        "two",
        "three",
        "four",
    ]


def test_ordered_list_goes_on_after_a_list_in_it() -> None:
    found = parts("1. one\n   - nested\n2. two")
    assert [(each["style"], each.get("offset", 0)) for each in found] == [("ordered", 0), ("bullet", 0), ("ordered", 1)]


def test_quote_and_code() -> None:
    quote, code = parts("> one\n> two\n\n```python\nx = 1 < 2\n```")
    assert (quote["type"], texts(quote)) == ("rich_text_quote", [("one\ntwo", "")])
    assert (code["type"], texts(code)) == ("rich_text_preformatted", [("x = 1 < 2", "")])


@pytest.mark.parametrize(
    "text",
    [
        "[bank](https://evil.example)",
        "![a](https://evil.example/a.png)",
        "<https://evil.example>",
        "<b>bold</b>",
        "<@U1> <!channel>",
        "[1]: https://evil.example",
        "C:\\_tmp\\*.log",
        "&lt;!here&gt;",
        "5 * 3 * 2",
        "file_name_here",
    ],
)
def test_what_is_no_text_of_an_answer_stays_as_it_is(text: str) -> None:
    [section] = parts(text)
    assert texts(section) == [(text, "")]


def test_table_is_a_table_once_and_code_after_that() -> None:
    table, code = rich_blocks(f"{TABLE}\n{TABLE}", 5000)
    assert table["type"] == "table"
    assert [each["align"] for each in table["column_settings"]] == ["left", "right"]
    cells = [[cell["elements"][0]["elements"] for cell in row] for row in table["rows"]]
    assert cells[0][0] == [{"type": "text", "text": "Relay", "style": {"bold": True}}]
    assert cells[1][1] == [{"type": "text", "text": "72", "style": {"bold": True}}]
    assert cells[2][0][0]["text"]  # Slack refuses an empty text
    assert texts(code["elements"][0]) == [("Relay | Hours\n------+------\nCrane | 72\n      | 31", "")]
    assert errors([table, code]) == []


@pytest.mark.parametrize(("rows", "cells"), [(MAX_ROWS, 2), (2, MAX_CELLS + 1)])
def test_table_that_is_too_large_is_code(rows: int, cells: int) -> None:
    lines = ["| a " * cells + "|", "|--" * cells + "|", *["| b " * cells + "|"] * rows]
    [block] = rich_blocks("\n".join(lines), 12_000)
    assert block["elements"][0]["type"] == "rich_text_preformatted"
    assert errors([block]) == []


def test_code_that_grows_beyond_the_limit_is_shown_as_it_was_written() -> None:
    wide = f"| {'x' * 900} | b |\n|--|--|\n" + "| a | b |\n" * 20
    blocks = rich_blocks(f"{TABLE}\n{wide}", 3000)
    assert text_length(blocks) <= 3000 + SECTION
    assert errors(blocks) == []


LINES = st.lists(
    st.text(max_size=80)
    | st.sampled_from(
        [
            "# a",
            "- a",
            "  - b",
            "1. c",
            "> q",
            "```",
            "|a|b|",
            "|--|--|",
            "| c | d |",
            "**b**",
            "<!here>",
            "[a](http://b.c)",
        ]
    ),
    max_size=30,
).map("\n".join)


@given(LINES)
def test_any_text_becomes_blocks_that_slack_accepts(text: str) -> None:
    blocks = rich_blocks(text, 4000)
    assert errors(blocks) == []
    assert not too_long(blocks)
    assert things_of("", blocks, ()) == []


@given(LINES)
def test_simple_form_has_sections_only(text: str) -> None:
    simple = simple_blocks(rich_blocks(text, 4000))
    assert {block["type"] for block in simple} <= {"section"}
    assert not has_new_blocks(simple)
    assert errors(simple) == []
    assert things_of("", simple, ()) == []


def test_simple_form_keeps_what_is_said() -> None:
    blocks = rich_blocks(f"The **gateway** uses `8443`.\n\n1. one\n   - two\n\n> three\n\n{TABLE}", 4000)
    text, table = (block["text"]["text"] for block in simple_blocks(blocks))
    assert text == "The *gateway* uses `8443`.\n1. one\n    • two\n> three"
    assert table == "```Relay | Hours\nCrane | 72\n\u00a0 | 31```"
