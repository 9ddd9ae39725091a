"""The rich text block that Slack makes of what people type: quotes, code, links and mentions."""

from __future__ import annotations

import re
from html import unescape
from itertools import groupby

from bot.demo.slack_server.state import Json

QUOTE = "&gt;"
PREFORMATTED = re.compile(r"```(.*?)```", re.DOTALL)
PART = re.compile(r"`(?P<code>[^`\n]+)`|<@(?P<user>[A-Z0-9]+)>|<(?P<url>https?://[^|<>\n]+)(?:\|(?P<label>[^<>\n]*))?>")


def rich_text(text: str, block_id: str) -> Json:
    elements: list[Json] = []
    for number, part in enumerate(PREFORMATTED.split(text)):
        # The pattern has one group: parts with an odd number stood between the marks.
        if number % 2:
            elements.append({"type": "rich_text_preformatted", "elements": _inline(part), "border": 0})
        else:
            elements += _sections(part)
    return {"type": "rich_text", "block_id": block_id, "elements": elements}


def _sections(text: str) -> list[Json]:
    sections: list[Json] = []
    for quoted, lines in groupby(text.splitlines(), key=lambda line: line.startswith(QUOTE)):
        words = "\n".join(line.removeprefix(QUOTE).removeprefix(" ") if quoted else line for line in lines)
        if words:
            kind = "rich_text_quote" if quoted else "rich_text_section"
            sections.append({"type": kind, "elements": _inline(words)})
    return sections


def _inline(text: str) -> list[Json]:
    elements: list[Json] = []
    end = 0
    for found in PART.finditer(text):
        elements += _text(text[end : found.start()])
        end = found.end()
        if found["code"]:
            # A mention stays one inside of code.
            elements += [each | {"style": {"code": True}} for each in _inline(found["code"])]
        elif found["user"]:
            elements.append({"type": "user", "user_id": found["user"]})
        else:
            label = {"text": unescape(found["label"])} if found["label"] else {}
            elements.append({"type": "link", "url": unescape(found["url"])} | label)
    return elements + _text(text[end:])


def _text(text: str) -> list[Json]:
    return [{"type": "text", "text": unescape(text)}] if text else []
