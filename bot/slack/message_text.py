"""What a message says: its mentions and links outside quotes and code, and its text as people see it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from bot.slack.blocks import unescape
from bot.slack.slack_links import file_name

Raw: TypeAlias = Mapping[str, Any]

EVERYONE = ("here", "channel", "everyone")

# Slack escapes every "<" that a person types, so none is inside a mention or link. That bounds the length of a match.
_ENTITY = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_ID = re.compile(r"\w+")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_QUOTE = re.compile(r"^(?:&gt;|>)(?:(?:&gt;|>){2}.*|[^\n]*)", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"https?://[^<|>\s]+")

# A mention without a name becomes an id between word joiners, which people do not see and cannot type by accident.
_UNNAMED = re.compile("([@#])\u2060(\\w+)\u2060")

_DEEPEST = 8
"""Levels of nested elements of a block that are read. Slack nests four."""


class Said(NamedTuple):
    """`people`: ids mentioned outside quotes and code. `groups`: whether a group or everyone is. `links`: addresses
    outside code."""

    people: frozenset[str]
    groups: bool
    links: tuple[str, ...]


def said(message: Raw) -> Said:
    """Return what a message says. Its rich text decides; a message without it is read as mrkdwn."""
    leaves = list(_leaves_of(message))
    return _said_in_blocks(leaves) if leaves else _said_in_text(words(message))


def words(message: Raw) -> str:
    """Return a message's mrkdwn. Apps may write it in blocks alone."""
    if text := as_text(message.get("text")):
        return text
    sections = (as_map(block.get("text")) for block in as_list(message.get("blocks")) if block.get("type") == "section")
    return "\n".join(as_text(section.get("text")) for section in sections)


def mentions(message: Raw, me: str) -> bool:
    """Return whether a message mentions Magpie outside quotes and code."""
    return me in said(message).people


def quotes_mention(message: Raw, me: str) -> bool:
    """Return whether a message mentions Magpie anywhere, in quotes and code too."""
    in_blocks = any(leaf.get("type") == "user" and leaf.get("user_id") == me for leaf, _, _ in _leaves_of(message))
    return in_blocks or me in _people_in(words(message))


def without_mention(text: str, me: str) -> str:
    """Return a message's text as people see it, without mentions of Magpie.

    A mention that Slack sent without a name becomes a placeholder; see `resolve`.
    """
    return " ".join(unescape(_ENTITY.sub(lambda match: _shown(match, me), text)).split())


def mentioned_people(text: str) -> frozenset[str]:
    """Return the ids of people whose names `resolve` needs."""
    return frozenset(match[2] for match in _UNNAMED.finditer(text) if match[1] == "@")


def mentioned_channels(text: str) -> frozenset[str]:
    """Return the ids of channels whose names `resolve` needs."""
    return frozenset(match[2] for match in _UNNAMED.finditer(text) if match[1] == "#")


def resolve(text: str, names: Mapping[str, str]) -> str:
    """Replace placeholders by names, and remove those of unknown people and channels. `names`: {id: name}."""

    def name(match: re.Match[str]) -> str:
        known = names.get(match[2], "").lstrip("@#")
        return f"{match[1]}{known}" if known else ""

    return " ".join(_UNNAMED.sub(name, text).split()) if _UNNAMED.search(text) else text


def with_ids(text: str) -> str:
    """Replace placeholders by ids, @U1 and #C1."""
    return _UNNAMED.sub(r"\1\2", text)


def as_mentions(text: str) -> str:
    """Replace placeholders by Slack's own mentions, <@U1> and <#C1>."""
    return _UNNAMED.sub(r"<\1\2>", text)


def resolve_mentions(text: str, names: Mapping[str, str]) -> str:
    """Do as `resolve`, for the text that `as_mentions` returned."""
    return resolve(re.sub(r"<([@#])(\w+)>", "\\1\u2060\\2\u2060", text), names)


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def as_map(value: object) -> Raw:
    """Return a mapping; {} if it is not one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Raw]:
    """Return the mappings of a list; [] if it is not a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


# ---------------------------------------------------------------- rich text


def _leaves_of(message: Raw) -> Iterator[tuple[Raw, bool, bool]]:
    for block in as_list(message.get("blocks")):
        if block.get("type") == "rich_text":
            yield from _leaves(block)


def _leaves(
    element: Raw, *, quoted: bool = False, code: bool = False, depth: int = 0
) -> Iterator[tuple[Raw, bool, bool]]:
    """Yield the elements of a block without elements of their own, and whether each is in a quote and in code."""
    kind, style = element.get("type"), element.get("style")
    quoted = (
        quoted or kind == "rich_text_quote" or bool(element.get("border"))
    )  # a list or code in a quote has a border
    code = code or kind == "rich_text_preformatted" or (isinstance(style, Mapping) and style.get("code") is True)
    if "elements" not in element:
        yield element, quoted, code
    elif depth < _DEEPEST:
        for inner in as_list(element["elements"]):
            yield from _leaves(inner, quoted=quoted, code=code, depth=depth + 1)


def _said_in_blocks(leaves: list[tuple[Raw, bool, bool]]) -> Said:
    spoken = [leaf for leaf, quoted, code in leaves if not quoted and not code]
    return Said(
        frozenset(as_text(leaf.get("user_id")) for leaf in spoken if leaf.get("type") == "user"),
        any(leaf.get("type") in ("usergroup", "broadcast") for leaf in spoken),
        tuple(
            address
            for leaf, _, code in leaves
            if leaf.get("type") == "link" and not code and _ADDRESS.fullmatch(address := as_text(leaf.get("url")))
        ),
    )


# ---------------------------------------------------------------- mrkdwn


def _said_in_text(text: str) -> Said:
    uncoded = _CODE.sub(" ", text)
    spoken = _QUOTE.sub(" ", uncoded)
    marks = [match[1] for match in _ENTITY.finditer(spoken)]
    links = (match[1] for match in _ENTITY.finditer(uncoded))
    return Said(
        _people_in(spoken),
        any(mark.startswith("!subteam") or mark.removeprefix("!") in EVERYONE for mark in marks if mark[0] == "!"),
        tuple(unescape(link) for link in links if _ADDRESS.fullmatch(link)),
    )


def _people_in(text: str) -> frozenset[str]:
    return frozenset(match[1][1:] for match in _ENTITY.finditer(text) if match[1].startswith("@"))


def _shown(match: re.Match[str], me: str) -> str:
    target, label = match[1], match[2] or ""
    match target[0]:
        case "@" if target[1:] == me:
            return " "
        case "@" | "#" as sign if _ID.fullmatch(target, 1):
            return f"{sign}{label.lstrip('@#')}" if label else f"{sign}\u2060{target[1:]}\u2060"
        case "!":
            return _shown_command(target[1:], label)
    if _ADDRESS.fullmatch(target):
        return label or file_name(unescape(target)) or target
    if target.startswith("mailto:"):
        return label or target.removeprefix("mailto:")
    return match[0]


def _shown_command(command: str, label: str) -> str:
    if command in EVERYONE:
        return f"@{command}"
    if command.startswith("subteam^"):
        return f"@{label.lstrip('@')}" if label else ""
    return label
