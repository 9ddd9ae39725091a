"""conversations.*, users.*, bots.info, auth.test, and what an app may ask about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bot.demo.slack_server import actions
from bot.demo.slack_server.events import authorization
from bot.demo.slack_server.payloads import message_json, parent_json, person_json, space_json
from bot.demo.slack_server.request import FAMILIES, Asked, Method, Refusal
from bot.demo.slack_server.state import Json, Message, Person, Space, secret_part

T = TypeVar("T")
TYPES = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}


def _page(asked: Asked, found: Sequence[T], otherwise: int, most: int = 1000) -> tuple[list[T], Json]:
    """One page of a cursored list, and `response_metadata`."""
    start, limit = 0, asked.number("limit", otherwise) or otherwise
    if limit > most:
        raise Refusal("invalid_limit")
    cursor = asked.text("cursor")
    if cursor:
        if not cursor.startswith("next:") or not cursor[5:].isdigit():
            raise Refusal("invalid_cursor")
        start = int(cursor[5:])
    more = start + limit < len(found)
    return list(found[start : start + limit]), {"next_cursor": f"next:{start + limit}" if more else ""}


# ---------------------------------------------------------------- conversations


def info(asked: Asked) -> Json:
    return {"channel": space_json(asked.world, asked.space(right="read"))}


def members(asked: Asked) -> Json:
    space = asked.space(right="read")
    page, more = _page(asked, space.members, 100)
    return {"members": page, "response_metadata": more}


def _of_types(asked: Asked, spaces: Sequence[Space]) -> Json:
    kinds = set()
    for each in asked.listed("types") or ["public_channel"]:
        if each not in TYPES:
            raise Refusal("invalid_types")
        kinds.add(TYPES[each])
        asked.may(f"{FAMILIES[TYPES[each]]}:read")
    shown = [each for each in spaces if each.kind in kinds]
    if asked.flag("exclude_archived"):
        shown = [each for each in shown if not each.archived]
    page, more = _page(asked, shown, 100)
    return {"channels": [space_json(asked.world, each) for each in page], "response_metadata": more}


def list_spaces(asked: Asked) -> Json:
    world = asked.world
    return _of_types(asked, [each for each in world.spaces.values() if each.kind == "channel" or world.bot_in(each)])


def of_person(asked: Asked) -> Json:
    """Of the bot itself, or of somebody: then of what is not public only where the bot is too."""
    world, who = asked.world, asked.text("user") or asked.world.bot.id
    if who not in world.people:
        raise Refusal("user_not_found")
    theirs = [each for each in world.spaces.values() if who in each.members]
    return _of_types(asked, [each for each in theirs if each.kind == "channel" or world.bot_in(each)])


def _between(asked: Asked, messages: Sequence[Message]) -> list[Message]:
    oldest, latest = asked.text("oldest") or "0", asked.text("latest") or "9999999999"
    inclusive = asked.flag("inclusive")

    def within(message: Message) -> bool:
        if inclusive and message.ts in (oldest, latest):
            return True
        return float(oldest) < float(message.ts) < float(latest)

    return [each for each in messages if within(each)]


def history(asked: Asked) -> Json:
    """Newest first; replies stay in their threads."""
    space, told = asked.joined(right="history"), asked.flag("include_all_metadata")
    own = [each for each in space.messages if not each.thread_ts or each.subtype == "thread_broadcast"]
    page, more = _page(asked, _between(asked, own)[::-1], 100, 999)
    shown = [parent_json(asked.world, each, metadata=told) for each in page]
    return {
        "messages": shown,
        "has_more": bool(more["next_cursor"]),
        "pin_count": 0,
        "response_metadata": more,
    }


def replies(asked: Asked) -> Json:
    """A thread, its first message first; of a reply's ts, that reply alone."""
    space, told = asked.joined(right="history"), asked.flag("include_all_metadata")
    ts = asked.text("ts")
    found = asked.world.thread(space, ts)
    if not any(each.ts == ts for each in found):
        raise Refusal("thread_not_found")
    rest = [each for each in _between(asked, found) if each.ts != ts]
    page, more = _page(asked, [found[0], *rest], 1000)
    shown = [
        parent_json(asked.world, each, metadata=told)
        if each.ts == ts and not each.thread_ts
        else message_json(asked.world, each, metadata=told)
        for each in page
    ]
    return {"messages": shown, "has_more": bool(more["next_cursor"]), "response_metadata": more}


def open_space(asked: Asked) -> Json:
    if asked.text("channel"):
        space = asked.space()
    else:
        users = [each for each in asked.listed("users") if each != asked.world.bot.id]
        if not users:
            raise Refusal("users_list_not_supplied")
        asked.may("mpim:write" if len(users) > 1 else "im:write")
        for each in users:
            _person(asked, each)
        space = asked.world.space(actions.direct(asked.stage, users))
    told = space_json(asked.world, space) if asked.flag("return_im") else {"id": space.id}
    return {"channel": told}


# ---------------------------------------------------------------- people


def _person(asked: Asked, who: str) -> Person:
    if who not in asked.world.people:
        raise Refusal("user_not_found")
    return asked.world.people[who]


def person_info(asked: Asked) -> Json:
    return {"user": person_json(asked.world, _person(asked, asked.text("user")))}


def list_people(asked: Asked) -> Json:
    ours = [each for each in asked.world.people.values() if each.team == asked.world.team]
    page, more = _page(asked, ours, 1000)
    return {"members": [person_json(asked.world, each) for each in page], "response_metadata": more}


def bot_info(asked: Asked) -> Json:
    wanted = asked.text("bot") or asked.world.bot.bot_id
    for person in asked.world.people.values():
        if person.bot_id == wanted and wanted:
            told = {"id": person.bot_id, "deleted": False, "name": person.name, "user_id": person.id}
            return {"bot": told | {"app_id": asked.world.app, "updated": 0, "icons": {}}}
    raise Refusal("bot_not_found")


# ---------------------------------------------------------------- the app itself


def auth_test(asked: Asked) -> Json:
    world = asked.world
    return {
        "url": f"https://{world.domain}.slack.com/",
        "team": world.domain.title(),
        "user": world.bot.name,
        "team_id": world.team,
        "user_id": world.bot.id,
        "bot_id": world.bot.bot_id,
        "is_enterprise_install": False,
    }


def open_connection(asked: Asked) -> Json:
    """An address that may be used once."""
    world = asked.world
    ticket = secret_part()
    world.tickets.add(ticket)
    return {"url": f"ws://{world.host}/link?ticket={ticket}&app_id={world.app}"}


def authorizations(asked: Asked) -> Json:
    return {"authorizations": [authorization(asked.world)]}


METHODS = {
    "auth.test": Method(auth_test),
    "apps.connections.open": Method(open_connection, app_level=True),
    "apps.event.authorizations.list": Method(authorizations, (), ("event_context",), app_level=True),
    "bots.info": Method(bot_info, ("users:read",)),
    "conversations.info": Method(info, (), ("channel",)),
    "conversations.members": Method(members, (), ("channel",)),
    "conversations.list": Method(list_spaces),
    "conversations.history": Method(history, (), ("channel",)),
    "conversations.replies": Method(replies, (), ("channel", "ts")),
    "conversations.open": Method(open_space),
    "users.conversations": Method(of_person),
    "users.info": Method(person_info, ("users:read",), ("user",)),
    "users.list": Method(list_people, ("users:read",)),
}
