"""Block Kit's blocks within Slack's limits, and text that Slack shows as it is. Pure.

Text from documents, models and people is escaped and marked verbatim, so that Slack makes no link or mention of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import httpx

from rag import without_invisible

Block: TypeAlias = dict[str, Any]

SECTION = 2900
"""Characters of one section; Slack takes 3,000."""

SECTIONS = 4
"""Sections of one text."""

MESSAGE = 12_500
"""Characters of all blocks of a message. Slack refuses about 13,200 and more (msg_blocks_too_long)."""

NOTIFICATION = 3000
"""Characters of a message's own text, which notifications show."""

LABEL = 75
"""Characters of a button's text that Slack takes."""

_LABEL_END = 12
"""Characters of its end that a label keeps when it is cut."""

# What Slack makes a link or a mention of by itself: after these a space without width breaks it.
_LINKED_BY_SLACK = re.compile(
    r"(?<=[^\W\d_])(:)(?=\S)|(:)(?=//)"  # an address with its scheme
    r"|(?<=\S)([.。．｡])(?!(?:pdf|docx|pptx|xlsx|txt|png|jpe?g|html)\b)(?=[^\W\d_]{2}|xn--)"  # a domain
    r"|([@#])(?=\w)",  # a person's or channel's name
    re.IGNORECASE,
)
_BREAK = "\u200b"
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_SLACK = "slack.com"


# ---------------------------------------------------------------- blocks


def section(text: str) -> Block:
    """Return a section of mrkdwn, which Slack shows as it is."""
    return {"type": "section", "expand": True, "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(text: str) -> Block:
    """Return a block of mrkdwn in small print, cut to Slack's limit."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, SECTION), "verbatim": True}]}


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def sections(text: str, length: int = MESSAGE) -> list[Block]:
    """Return sections for a mrkdwn text, cut to a length."""
    return [section(part) for part in split(cut(text, max(SECTION, length)))]


def line_sections(lines: Sequence[str], lines_each: int = 10) -> list[Block]:
    """Return sections for lines of mrkdwn."""
    return [section("\n".join(lines[start : start + lines_each])) for start in range(0, len(lines), lines_each)]


def button(action_id: str, text: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": label(text), "value": value}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def label(text: str) -> Block:
    """Return plain text for a button. Text from people is shown as it is; when cut, it keeps its end, where a file's
    extension is."""
    shown = "".join(sign for sign in text if unicodedata.category(sign)[0] != "C")
    shown = shown.replace("<", "‹").replace(">", "›").strip() or "?"
    if len(shown) > LABEL:
        shown = f"{shown[: LABEL - _LABEL_END - 1]}…{shown[-_LABEL_END:]}"
    return {"type": "plain_text", "text": shown, "emoji": False}


def text_length(block: Any) -> int:
    """Return the number of characters of all texts in a block."""
    if isinstance(block, list):
        return sum(map(text_length, block))
    if isinstance(block, dict):
        return sum(
            len(part) if name == "text" and isinstance(part, str) else text_length(part) for name, part in block.items()
        )
    return 0


# ---------------------------------------------------------------- text


def escape(text: str) -> str:
    """Escape text that is not ours. In a verbatim block Slack makes no link or mention of it."""
    text = without_invisible(text)
    for sign, entity in _ENTITIES:
        text = text.replace(sign, entity)
    return text


def unescape(text: str) -> str:
    """Return the text that a person reads where Slack's entities stand."""
    for sign, entity in reversed(_ENTITIES):
        text = text.replace(entity, sign)
    return text


def break_links(text: str) -> str:
    """Return escaped text of which Slack makes no link or mention even where it is not marked verbatim, as in the text
    of a notification. A space without width breaks what would become one."""
    return _LINKED_BY_SLACK.sub(lambda match: f"{match.group()}{_BREAK}", text)


def restore_links(text: str) -> str:
    """Undo `break_links`."""
    return text.replace(_BREAK, "")


def link(url: str | None, text: str) -> str:
    """Return mrkdwn that names a source and links to it, or the name alone where the URL is none that can be shown.

    The name of a file in Slack is the link's label. Anywhere else the host is the label: a web page may give itself
    any title, such as "Your session has expired: sign in".
    """
    name = escape(text).replace("|", "¦")
    host = _host(url) if url and re.fullmatch(r"https?://[^\s<>|]+", url) else ""
    if not url or not host:
        return name
    address = url.replace("&", "&amp;")
    if host == _SLACK or host.endswith(f".{_SLACK}"):
        return f"<{address}|{name}>"
    return f"{name} (<{address}|{host}>)"


def _host(url: str) -> str:
    """Return the host as DNS writes it, so that look-alike letters show; empty for one that DNS cannot have."""
    try:
        return escape(httpx.URL(url).raw_host.decode("ascii")).lower()
    except (ValueError, httpx.InvalidURL):
        return ""


def markdown_to_mrkdwn(text: str) -> str:
    """Return a model's Markdown as escaped mrkdwn: bold, headings and lists; the rest stays as it is."""
    safe = escape(text)
    safe = re.sub(r"^#{1,6}[ \t]+(\S.*)$", _heading, safe, flags=re.MULTILINE)
    safe = re.sub(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", r"*\1*", safe)
    return re.sub(r"^([ \t]*)[*-][ \t]+", r"\1• ", safe, flags=re.MULTILINE)


def _heading(match: re.Match[str]) -> str:
    title = match[1].rstrip(" \t").rstrip("#").rstrip(" \t")
    return f"*{title}*" if title else match[0]


def cut(text: str, length: int) -> str:
    """Return a text of at most `length` characters and an ellipsis, with no entity or link cut in two."""
    return text if len(text) <= length else text[: _whole(text, length)].rstrip() + " …"


def split(text: str) -> Iterator[str]:
    """Yield at most SECTIONS parts that fit a section each, split at paragraphs, else lines, else words."""
    for number in range(SECTIONS):
        if not text.strip():
            return
        if len(text) <= SECTION:
            yield text
            return
        end = next((at for sign in ("\n\n", "\n", " ") if (at := text.rfind(sign, SECTION // 2, SECTION)) > 0), SECTION)
        end = _whole(text, end)
        last = number == SECTIONS - 1
        yield text[:end].rstrip() + (" …" if last else "")
        text = text[end:].lstrip("\n")


def _whole(text: str, end: int) -> int:
    """Return `end`, or an earlier place if it would cut an entity or a link in two."""
    for opening, closing in (("&", ";"), ("<", ">")):
        start = text.rfind(opening, 1, end)
        if start > 0 and closing not in text[start:end] and closing in text[end : end + 1000]:
            end = start
    return end
