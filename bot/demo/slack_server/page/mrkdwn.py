"""Conversion between what people type and Slack's wire format: entities, mentions, links."""

from __future__ import annotations

import re

from bot.demo.slack_server.page.visibility import visible_conversations, visible_people
from bot.demo.slack_server.state import Person, State

_REFERENCE = re.compile(r"(?<![\w/@#])([@#])([\w.-]*\w)|(https?://[^\s<>|]+)")
_TRAILING = ".,;:!?)]}'\""


def to_mrkdwn(state: State, person: Person, typed: str) -> str:
    """Escape typed text. Turn `@name` and `#name` into mentions if this person can see them."""
    conversations = visible_conversations(state, person)
    people = {each.name.lower(): each.id for each in visible_people(state, person, conversations)}
    channels = {each.name.lower(): each for each in conversations if each.kind in ("channel", "group")}

    def replace(found: re.Match[str]) -> str:
        sign, name, url = found.groups()
        if url:
            bare = url.rstrip(_TRAILING)
            return f"<{bare}>{url[len(bare) :]}"
        if sign == "@" and name.lower() in people:
            return f"<@{people[name.lower()]}>"
        if sign == "#" and name.lower() in channels:
            conversation = channels[name.lower()]
            return f"<#{conversation.id}|{conversation.name}>"
        return found[0]

    safe = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _REFERENCE.sub(replace, safe)


def to_typed_text(state: State, text: str) -> str:
    """Return the text as it was typed, for editing."""

    def plain(found: re.Match[str]) -> str:
        sign, id, label = found[1], found[2], found[3]
        if sign == "@":
            return f"@{state.people[id].name}" if id in state.people else found[0]
        return f"#{label or id}"

    text = re.sub(r"<([@#])(\w+)(?:\|([^<>]*))?>", plain, text)
    text = re.sub(r"<(https?://[^<|>]+)(?:\|[^<>]*)?>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
