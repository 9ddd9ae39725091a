"""The block that Slack makes of typed text."""

from __future__ import annotations

from typing import Any

import pytest

from bot.demo.slack_server.rich_text import rich_text

USER = {"type": "user", "user_id": "U1"}


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("text", "kind", "elements"),
    [
        ("<@U1> a &lt; b", "rich_text_section", [USER, words(" a < b")]),
        ("&gt; <@U1> which port?", "rich_text_quote", [USER, words(" which port?")]),
        ("`<@U1> x`", "rich_text_section", [USER | {"style": {"code": True}}, words(" x") | {"style": {"code": True}}]),
        ("```<@U1> x```", "rich_text_preformatted", [USER, words(" x")]),
        (
            "<https://a.example/?a=1&amp;b=2>",
            "rich_text_section",
            [{"type": "link", "url": "https://a.example/?a=1&b=2"}],
        ),
        ("<https://a.example|it>", "rich_text_section", [{"type": "link", "url": "https://a.example", "text": "it"}]),
    ],
)
def test_elements(text: str, kind: str, elements: list[dict[str, Any]]) -> None:
    block = rich_text(text, "b")
    assert (block["type"], block["block_id"]) == ("rich_text", "b")
    assert [(each["type"], each["elements"]) for each in block["elements"]] == [(kind, elements)]


def test_quote_stands_between_sections() -> None:
    kinds = [each["type"] for each in rich_text("one\n&gt; two\n&gt; three\nfour ```five``` six", "b")["elements"]]
    section = "rich_text_section"
    assert kinds == [section, "rich_text_quote", section, "rich_text_preformatted", section]
