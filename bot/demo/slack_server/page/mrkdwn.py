"""What a person types, as Slack puts it on the wire: entities, mentions, links."""

from __future__ import annotations

import re

from bot.demo.slack_server.page.visibility import visible_people, visible_spaces
from bot.demo.slack_server.state import Person, World

_MARK = re.compile(r"(?<![\w/@#])([@#])([\w.-]*\w)|(https?://[^\s<>|]+)")
_TRAILING = ".,;:!?)]}'\""


def wire(world: World, person: Person, typed: str) -> str:
    """`@name` and `#name` of whom and what this person knows become mentions; the rest stays text."""
    spaces = visible_spaces(world, person)
    people = {each.name.lower(): each.id for each in visible_people(world, person, spaces)}
    channels = {each.name.lower(): each for each in spaces if each.kind in ("channel", "group")}

    def marked(found: re.Match[str]) -> str:
        sign, name, url = found.groups()
        if url:
            bare = url.rstrip(_TRAILING)
            return f"<{bare}>{url[len(bare) :]}"
        if sign == "@" and name.lower() in people:
            return f"<@{people[name.lower()]}>"
        if sign == "#" and name.lower() in channels:
            space = channels[name.lower()]
            return f"<#{space.id}|{space.name}>"
        return found[0]

    safe = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARK.sub(marked, safe)


def typed(world: World, text: str) -> str:
    """The other way round, for somebody who changes a message."""

    def plain(found: re.Match[str]) -> str:
        sign, id, label = found[1], found[2], found[3]
        if sign == "@":
            return f"@{world.people[id].name}" if id in world.people else found[0]
        return f"#{label or id}"

    text = re.sub(r"<([@#])(\w+)(?:\|([^<>]*))?>", plain, text)
    text = re.sub(r"<(https?://[^<|>]+)(?:\|[^<>]*)?>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
