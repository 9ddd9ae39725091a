"""The methods conversations.*, users.*, bots.info, auth.test and apps.*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bot.demo.slack_server import actions
from bot.demo.slack_server.events import authorization
from bot.demo.slack_server.payloads import conversation_json, message_json, parent_json, person_json
from bot.demo.slack_server.request import FAMILIES, ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Conversation, Json, Message, Person, random_ticket

T = TypeVar("T")
TYPES = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}


def _page(
    request: ApiRequest, found: Sequence[T], default: int, max_limit: int = 1000, largest: int = 1000
) -> tuple[list[T], Json]:
    """Return one page of a list, and `response_metadata` with the next cursor.

    A limit above `max_limit` is an error, one above `largest` is lowered.
    """
    start, limit = 0, request.number("limit", default) or default
    if limit > max_limit:
        raise ApiError("invalid_limit")
    limit = min(limit, largest)
    cursor = request.text("cursor")
    if cursor:
        if not cursor.startswith("next:") or not cursor[5:].isdigit():
            raise ApiError("invalid_cursor")
        start = int(cursor[5:])
    more = start + limit < len(found)
    return list(found[start : start + limit]), {"next_cursor": f"next:{start + limit}" if more else ""}


# ---------------------------------------------------------------- conversations


def info(request: ApiRequest) -> Json:
    return {"channel": conversation_json(request.state, request.conversation(right="read"))}


def members(request: ApiRequest) -> Json:
    conversation = request.conversation(right="read")
    page, more = _page(request, conversation.members, 100)
    return {"members": page, "response_metadata": more}


def _list_of_types(request: ApiRequest, conversations: Sequence[Conversation]) -> Json:
    kinds = set()
    for each in request.items("types") or ["public_channel"]:
        if each not in TYPES:
            raise ApiError("invalid_types")
        kinds.add(TYPES[each])
        request.require_scope(f"{FAMILIES[TYPES[each]]}:read")
    unlisted = request.state.quirks.unlisted
    shown = [each for each in conversations if each.kind in kinds and each.id not in unlisted]
    if request.flag("exclude_archived"):
        shown = [each for each in shown if not each.archived]
    page, more = _page(request, shown, 100)
    return {"channels": [conversation_json(request.state, each) for each in page], "response_metadata": more}


def list_conversations(request: ApiRequest) -> Json:
    state = request.state
    return _list_of_types(
        request, [each for each in state.conversations.values() if each.kind == "channel" or state.has_bot(each)]
    )


def list_conversations_of_person(request: ApiRequest) -> Json:
    """List a person's conversations (default: the bot's). Private ones only if the bot is in them too."""
    state, user = request.state, request.text("user") or request.state.bot.id
    if user not in state.people:
        raise ApiError("user_not_found")
    theirs = [each for each in state.conversations.values() if user in each.members]
    return _list_of_types(request, [each for each in theirs if each.kind == "channel" or state.has_bot(each)])


def _between(request: ApiRequest, messages: Sequence[Message]) -> list[Message]:
    oldest, latest = request.text("oldest") or "0", request.text("latest") or "9999999999"
    inclusive = request.flag("inclusive")

    def within(message: Message) -> bool:
        if inclusive and message.ts in (oldest, latest):
            return True
        return float(oldest) < float(message.ts) < float(latest)

    return [each for each in messages if within(each)]


def _largest(request: ApiRequest) -> int:
    return request.context.limits.largest_page(1000)


def history(request: ApiRequest) -> Json:
    """Return messages, newest first. Replies are in their threads only."""
    conversation, metadata = request.joined_conversation(right="history"), request.flag("include_all_metadata")
    top_level = [each for each in conversation.messages if not each.thread_ts or each.subtype == "thread_broadcast"]
    page, more = _page(request, _between(request, top_level)[::-1], 100, 999, _largest(request))
    shown = [parent_json(request.state, each, metadata=metadata) for each in page]
    return {
        "messages": shown,
        "has_more": bool(more["next_cursor"]),
        "pin_count": 0,
        "response_metadata": more,
    }


def replies(request: ApiRequest) -> Json:
    """Return a thread, oldest first. For the ts of a reply, return only that reply."""
    conversation, metadata = request.joined_conversation(right="history"), request.flag("include_all_metadata")
    ts = request.text("ts")
    found = request.state.thread(conversation, ts)
    if not any(each.ts == ts for each in found):
        raise ApiError("thread_not_found")
    rest = [each for each in _between(request, found) if each.ts != ts]
    page, more = _page(request, [found[0], *rest], 1000, largest=_largest(request))
    shown = [
        parent_json(request.state, each, metadata=metadata)
        if each.ts == ts and not each.thread_ts
        else message_json(request.state, each, metadata=metadata)
        for each in page
    ]
    return {"messages": shown, "has_more": bool(more["next_cursor"]), "response_metadata": more}


def open_conversation(request: ApiRequest) -> Json:
    if request.text("channel"):
        conversation = request.conversation()
    else:
        users = [each for each in request.items("users") if each != request.state.bot.id]
        if not users:
            raise ApiError("users_list_not_supplied")
        request.require_scope("mpim:write" if len(users) > 1 else "im:write")
        for each in users:
            _person(request, each)
        conversation = request.state.conversation(actions.open_direct(request.context, users))
    channel = conversation_json(request.state, conversation) if request.flag("return_im") else {"id": conversation.id}
    return {"channel": channel}


# ---------------------------------------------------------------- people


def _person(request: ApiRequest, user: str) -> Person:
    if user not in request.state.people:
        raise ApiError("user_not_found")
    return request.state.people[user]


def person_info(request: ApiRequest) -> Json:
    return {"user": person_json(request.state, _person(request, request.text("user")))}


def list_people(request: ApiRequest) -> Json:
    members = [each for each in request.state.people.values() if each.team == request.state.team]
    page, more = _page(request, members, 1000)
    return {"members": [person_json(request.state, each) for each in page], "response_metadata": more}


def bot_info(request: ApiRequest) -> Json:
    bot_id = request.text("bot") or request.state.bot.bot_id
    for person in request.state.people.values():
        if bot_id and person.bot_id == bot_id:
            return {"bot": _bot(bot_id, person.app_id, person.name) | {"user_id": person.id}}
    if app := request.state.other_apps.get(bot_id):
        return {"bot": _bot(bot_id, app.app_id, app.name)}
    raise ApiError("bot_not_found")


def _bot(bot_id: str, app_id: str, name: str) -> Json:
    return {"id": bot_id, "app_id": app_id, "name": name, "deleted": False, "updated": 0, "icons": {}}


# ---------------------------------------------------------------- the app itself


def auth_test(request: ApiRequest) -> Json:
    state = request.state
    return {
        "url": f"https://{state.domain}.slack.com/",
        "team": state.domain.title(),
        "user": state.bot.name,
        "team_id": state.team,
        "user_id": state.bot.id,
        "bot_id": state.bot.bot_id,
        "is_enterprise_install": False,
    }


def open_connection(request: ApiRequest) -> Json:
    """Return an address for one Socket Mode connection."""
    state = request.state
    ticket = random_ticket()
    state.tickets.add(ticket)
    return {"url": f"ws://{state.host}/link?ticket={ticket}&app_id={state.app}"}


def authorizations(request: ApiRequest) -> Json:
    return {"authorizations": [authorization(request.state)]}


METHODS = {
    "auth.test": Method(auth_test),
    "apps.connections.open": Method(open_connection, app_level=True),
    "apps.event.authorizations.list": Method(authorizations, (), ("event_context",), app_level=True),
    "bots.info": Method(bot_info, ("users:read",)),
    "conversations.info": Method(info, (), ("channel",)),
    "conversations.members": Method(members, (), ("channel",)),
    "conversations.list": Method(list_conversations),
    "conversations.history": Method(history, (), ("channel",)),
    "conversations.replies": Method(replies, (), ("channel", "ts")),
    "conversations.open": Method(open_conversation),
    "users.conversations": Method(list_conversations_of_person),
    "users.info": Method(person_info, ("users:read",), ("user",)),
    "users.list": Method(list_people, ("users:read",)),
}
