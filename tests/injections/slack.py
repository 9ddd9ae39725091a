"""Find what Slack interprets in a text: links, mentions and images. Finds too much rather than too little.

According to Slack's documentation of formatting, of the mrkdwn object (`verbatim`) and of chat.update (`parse`), text
between < and > is always interpreted; plain addresses, domains and names are, unless that is turned off.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.slack.simple_blocks import simple_blocks

_MARKED = re.compile(r"<([^<>\n]*)>")
_SCHEME = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s<>]|\b(?:mailto|tel|sms|skype|slack|javascript|data):[\w/+]", re.IGNORECASE
)
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+([^\W\d_]{2,}|xn--[\w-]+)")
_NAMED = re.compile(r"(?<![\w@])@(?:channel|here|everyone)\b|(?<![\w#&])#[^\W\d_][\w-]*", re.IGNORECASE)

NO_DOMAINS = frozenset("pdf docx pptx xlsx txt png jpg jpeg html".split())
"""File extensions that are not top-level domains, so that Slack does not link them."""

_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\x7f]")
"""Characters that reverse the direction of text, or are invisible."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in a message that is more than text. `kind` is link, mention, image or hidden."""

    kind: str
    what: str


def things_in(text: str, *, verbatim: bool) -> Iterator[Thing]:
    """Yield what Slack interprets in a text; with `verbatim` (or parse=none), plain text is not interpreted."""
    for match in _HIDDEN.finditer(text):
        yield Thing("hidden", f"U+{ord(match.group()):04X}")
    for match in _MARKED.finditer(text):
        address, _, label = match.group(1).partition("|")
        host = urlsplit(address).hostname or ""
        if label not in ("", host) and not host.endswith(".slack.com"):
            address += f" under the label {label}"
        yield Thing("mention" if address[:1] in ("@", "#", "!") else "link", address)
    if verbatim:
        return
    plain = _MARKED.sub(" ", text)
    for match in _SCHEME.finditer(plain):
        yield Thing("link", plain[match.start() : match.start() + 40])
    for match in _DOMAIN.finditer(plain):
        if match.group(1).lower() not in NO_DOMAINS:
            yield Thing("link", match.group())
    for match in _NAMED.finditer(plain):
        yield Thing("mention", match.group())


def things_in_stream(text: str) -> Iterator[Thing]:
    """Yield what Slack interprets in a streamed text, which is Markdown and cannot be verbatim."""
    for match in re.finditer(r"<[@#!\w][^<>\n]*>|\][(\[]", text):
        yield Thing("mention" if match.group()[1:2] in ("@", "#", "!") else "link", match.group())
    yield from things_in(text.replace("<", " ").replace(">", " "), verbatim=False)


def things_of(text: str, blocks: Sequence[Mapping[str, Any]], links: Collection[str]) -> list[Thing]:
    """Return what a message has beside text, without Magpie's own `links`. `text` is shown in notifications."""
    found = list(things_in(text, verbatim=False))
    for block in blocks:
        found += _in_block(block)
    return [thing for thing in found if not (thing.kind == "link" and thing.what in links)]


def shown(blocks: Sequence[dict[str, Any]]) -> str:
    """Return the text of a message's blocks as readers see it."""
    texts = [str(part["text"]) for block in simple_blocks(blocks) for part in _parts(block) if "text" in part]
    text = _MARKED.sub(lambda match: match.group(1).rpartition("|")[2], "\n".join(texts))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _parts(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in (block.get("text"), *block.get("elements", ())) if part]


def _in_block(block: Mapping[str, Any]) -> Iterator[Thing]:
    if block["type"] in ("actions", "context_actions"):
        yield from _pressable(block)
        return
    if block["type"] in ("rich_text", "table"):
        yield from _in_rich_text(block)
        return
    if block["type"] == "container":
        yield from things_in(block["title"]["text"], verbatim=True)
        for child in block["child_blocks"]:
            yield from _in_block(child)
        return
    if block["type"] not in ("section", "context") or "accessory" in block:
        yield Thing("image", f"a block {block['type']}")
    for part in _parts(block):
        if part["type"] == "mrkdwn":
            yield from things_in(part["text"], verbatim=part.get("verbatim", False))
        elif part["type"] != "plain_text":
            yield Thing("image", f"an element {part['type']}")


def _in_rich_text(given: Any) -> Iterator[Thing]:
    """Yield the elements of rich text that are more than text, and hidden characters. Slack interprets none of it."""
    if isinstance(given, list):
        for item in given:
            yield from _in_rich_text(item)
    elif isinstance(given, dict):
        if given.get("type") in ("user", "usergroup", "channel", "broadcast"):
            yield Thing("mention", str(given))
        elif given.get("type") in ("link", "emoji", "date", "color") or "url" in given:
            yield Thing("link", str(given.get("url", given)))
        if isinstance(given.get("text"), str):
            yield from (Thing("hidden", f"U+{ord(match.group()):04X}") for match in _HIDDEN.finditer(given["text"]))
        for item in given.values():
            yield from _in_rich_text(item)


def _pressable(block: Mapping[str, Any]) -> Iterator[Thing]:
    """Yield what is wrong with buttons and lists: they may have plain labels only, and no URL."""
    for element in block["elements"]:
        if element["type"] not in ("button", "static_select", "feedback_buttons"):
            yield Thing("image", f"an element {element['type']}")
        yield from _labels(element)


def _labels(given: Any) -> Iterator[Thing]:
    if isinstance(given, list):
        for item in given:
            yield from _labels(item)
    elif isinstance(given, dict):
        if "url" in given:
            yield Thing("link", str(given["url"]))
        if given.get("type") == "mrkdwn":
            yield Thing("image", "a label that is not plain text")
        if isinstance(given.get("text"), str):
            yield from things_in(given["text"], verbatim=True)
        for item in given.values():
            yield from _labels(item)
