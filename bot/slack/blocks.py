"""Block Kit blocks within Slack's limits, and escaped text. Pure.

Text from documents, models and people is escaped and marked verbatim, so that Slack does not turn it into links or
mentions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from rag import without_invisible

Block: TypeAlias = dict[str, Any]

SECTION = 2900
"""Maximum characters of one section. Slack accepts 3,000."""

SECTIONS = 4
"""Maximum sections of one text."""

MESSAGE = 12_500
"""Maximum characters of all blocks of a message. Slack refuses about 13,200 and more (msg_blocks_too_long)."""

NOTIFICATION = 3000
"""Maximum characters of a message's own text, which notifications show."""

LABEL = 75
"""Maximum characters of a button's text that Slack accepts."""

TITLE = 140
"""Maximum characters of a container's title. Slack accepts 150."""

_LABEL_END = 12
"""Characters at its end that a cut label keeps."""

# What Slack turns into a link or a mention by itself. A zero-width space after each match prevents that.
_LINKED_BY_SLACK = re.compile(
    r"(?<=[^\W\d_])(:)(?=\S)|(:)(?=//)"  # an address with its scheme
    r"|(?<=\S)([.。．｡])(?!(?:pdf|docx|pptx|xlsx|txt|png|jpe?g|html)\b)(?=[^\W\d_]{2}|xn--)"  # a domain
    r"|([@#])(?=\w)",  # a person's or channel's name
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<|\](?=[(\[])")
"""What begins a mention or a link in angle brackets, and what is between a link's or image's label and its address."""
_LINK = re.compile(r"<[^<>|]*\|([^<>|]*)>")
_BREAK = "\u200b"
_ALT = 2000
"""Maximum characters of the text that describes a picture."""

_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_SLACK = "slack.com"


# ---------------------------------------------------------------- blocks


def section(text: str) -> Block:
    """Return a section of mrkdwn. Slack does not turn parts of it into links or mentions."""
    return {"type": "section", "expand": True, "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(text: str) -> Block:
    """Return a block of mrkdwn in small print, cut to Slack's limit."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, SECTION), "verbatim": True}]}


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def container(title: str, children: Sequence[Block]) -> Block:
    """Return a container that is closed at first, with at most ten blocks in it."""
    return {
        "type": "container",
        "title": {"type": "plain_text", "text": cut(title, TITLE)},
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": list(children),
    }


def carousel(cards: Sequence[tuple[str, str, str]]) -> Block:
    """Return cards with pictures side by side, at most ten. Each is (title in mrkdwn, id of the picture's file in
    Slack, text that describes the picture to those who cannot see it)."""
    return {
        "type": "carousel",
        "elements": [
            {
                "type": "card",
                "title": {"type": "mrkdwn", "text": cut(title, TITLE), "verbatim": True},
                "hero_image": {"type": "image", "slack_file": {"id": file}, "alt_text": cut(alt, _ALT)},
            }
            for title, file, alt in cards
        ],
    }


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
    """Return plain text for a button, without control characters. If it is too long, its middle is cut, so that a
    file's extension stays."""
    shown = "".join(character for character in text if unicodedata.category(character)[0] != "C")
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
    """Escape text from documents, models and people. In a verbatim block it does not become a link or mention."""
    text = without_invisible(text)
    for character, entity in _ENTITIES:
        text = text.replace(character, entity)
    return text


def unescape(text: str) -> str:
    """Replace Slack's entities by their characters."""
    for character, entity in reversed(_ENTITIES):
        text = text.replace(entity, character)
    return text


def break_links(text: str) -> str:
    """Insert zero-width spaces into escaped text so that Slack does not turn parts of it into links or mentions.

    Needed for text that cannot be marked verbatim, such as that of a notification.
    """
    return _LINKED_BY_SLACK.sub(lambda match: f"{match.group()}{_BREAK}", text)


def stream_text(markdown: str) -> str:
    """Return a model's Markdown for a stream, with zero-width spaces so that Slack makes no link and no mention of it.

    In a stream, nothing can be marked verbatim.
    """
    text = _LINKED_BY_SLACK.sub(lambda match: f"{match.group()}{_BREAK}", without_invisible(markdown))
    return _MARKUP.sub(lambda match: f"{match.group()}{_BREAK}", text)


def without_links(text: str) -> str:
    """Return mrkdwn with the labels of its links instead of the links, as notifications show it."""
    return _LINK.sub(r"\1", text)


def restore_links(text: str) -> str:
    """Undo `break_links`."""
    return text.replace(_BREAK, "")


def link(url: str | None, text: str) -> str:
    """Return mrkdwn with a source's name and a link to it; only the name if the URL is missing or not a web address.

    A file in Slack has its name as the label. Other links have their host as the label, because a web page can give
    itself any title, such as "Your session has expired: sign in".
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
    """Return the host in ASCII, so that look-alike letters are visible; empty if it is not a valid host name."""
    import httpx

    try:
        return escape(httpx.URL(url).raw_host.decode("ascii")).lower()
    except (ValueError, httpx.InvalidURL):
        return ""


def markdown_to_mrkdwn(text: str) -> str:
    """Return a model's Markdown as escaped mrkdwn. Bold text, headings and lists are converted, the rest is kept."""
    safe = escape(text)
    safe = re.sub(r"^#{1,6}[ \t]+(\S.*)$", _heading, safe, flags=re.MULTILINE)
    safe = re.sub(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", r"*\1*", safe)
    return re.sub(r"^([ \t]*)[*-][ \t]+", r"\1• ", safe, flags=re.MULTILINE)


def _heading(match: re.Match[str]) -> str:
    title = match[1].rstrip(" \t").rstrip("#").rstrip(" \t")
    return f"*{title}*" if title else match[0]


def cut(text: str, length: int) -> str:
    """Return a text cut to `length` characters, plus an ellipsis if it was cut. No entity or link is split."""
    return text if len(text) <= length else text[: _whole(text, length)].rstrip() + " …"


def split(text: str) -> Iterator[str]:
    """Yield at most SECTIONS parts that each fit a section, split at paragraphs, lines or words, in this order."""
    for number in range(SECTIONS):
        if not text.strip():
            return
        if len(text) <= SECTION:
            yield text
            return
        ends = (text.rfind(separator, SECTION // 2, SECTION) for separator in ("\n\n", "\n", " "))
        end = next((end for end in ends if end > 0), SECTION)
        end = _whole(text, end)
        last = number == SECTIONS - 1
        yield text[:end].rstrip() + (" …" if last else "")
        text = text[end:].lstrip("\n")


def _whole(text: str, end: int) -> int:
    """Return `end`, or an earlier position if a cut there would split an entity or a link."""
    for opening, closing in (("&", ";"), ("<", ">")):
        start = text.rfind(opening, 1, end)
        if start > 0 and closing not in text[start:end] and closing in text[end : end + 1000]:
            end = start
    return end
