"""What Slack would make of a text of ours: links, mentions and pictures. Rather one too many than one too few.

After Slack's own pages on formatting text, on the mrkdwn object (`verbatim`) and on chat.update (`parse`): what stands
between < and > is always looked at; addresses, domains and names that stand there plainly, where nothing forbids it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_MARKED = re.compile(r"<([^<>\n]*)>")
_SCHEME = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s<>]|\b(?:mailto|tel|sms|skype|slack|javascript|data):[\w/+]", re.IGNORECASE
)
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+([^\W\d_]{2,}|xn--[\w-]+)")
_NAMED = re.compile(r"(?<![\w@])@(?:channel|here|everyone)\b|(?<![\w#&])#[^\W\d_][\w-]*", re.IGNORECASE)

NO_DOMAINS = frozenset("pdf docx pptx xlsx txt png jpg jpeg html".split())
"""Endings of file names that are no top-level domain, so that Slack leaves them alone."""

_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\x7f]")
"""What turns the letters after it around, or says something that nobody sees."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in a message that is more than text. `kind`: link, mention, image, or unseen."""

    kind: str
    what: str


def things_in(text: str, *, verbatim: bool) -> Iterator[Thing]:
    """What a text holds; `verbatim` also stands for parse=none: nothing is made of plain text."""
    for match in _UNSEEN.finditer(text):
        yield Thing("unseen", f"U+{ord(match.group()):04X}")
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


def things_of(text: str, blocks: Sequence[Mapping[str, Any]], links: Collection[str]) -> list[Thing]:
    """What a message holds beside text, but for `links`, which are Magpie's own. `text` is what notifications show."""
    found = list(things_in(text, verbatim=False))
    for block in blocks:
        found += _in_block(block)
    return [thing for thing in found if not (thing.kind == "link" and thing.what in links)]


def shown(blocks: Sequence[Mapping[str, Any]]) -> str:
    """The words of a message's blocks, as a reader sees them."""
    texts = [str(part["text"]) for block in blocks for part in _parts(block) if "text" in part]
    text = _MARKED.sub(lambda match: match.group(1).rpartition("|")[2], "\n".join(texts))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _parts(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in (block.get("text"), *block.get("elements", ())) if part]


def _in_block(block: Mapping[str, Any]) -> Iterator[Thing]:
    if block["type"] in ("actions", "context_actions"):
        yield from _pressable(block)
        return
    if block["type"] not in ("section", "context") or "accessory" in block:
        yield Thing("image", f"a block {block['type']}")
    for part in _parts(block):
        if part["type"] == "mrkdwn":
            yield from things_in(part["text"], verbatim=part.get("verbatim", False))
        elif part["type"] != "plain_text":
            yield Thing("image", f"an element {part['type']}")


def _pressable(block: Mapping[str, Any]) -> Iterator[Thing]:
    """Buttons and lists: labels of plain text, of which Slack makes nothing, and no address that they lead to."""
    for element in block["elements"]:
        if element["type"] not in ("button", "static_select", "feedback_buttons"):
            yield Thing("image", f"an element {element['type']}")
        yield from _labels(element)


def _labels(given: Any) -> Iterator[Thing]:
    if isinstance(given, list):
        for each in given:
            yield from _labels(each)
    elif isinstance(given, dict):
        if "url" in given:
            yield Thing("link", str(given["url"]))
        if given.get("type") == "mrkdwn":
            yield Thing("image", "a label that is no plain text")
        if isinstance(given.get("text"), str):
            yield from things_in(given["text"], verbatim=True)
        for each in given.values():
            yield from _labels(each)
