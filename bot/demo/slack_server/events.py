"""What Slack tells the app after a change: pure functions from the state to event objects.

Each event goes with the conversation it belongs to (None: to the person alone), which decides whether the
bot is told at all.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.demo.slack_server.manifest import NEEDED
from bot.demo.slack_server.payloads import message_json, person_json
from bot.demo.slack_server.state import Json, Message, Person, SlackFile, Space, World

CHANNEL_TYPES = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}
SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


class Event(NamedTuple):
    body: Json
    space: Space | None


def posted(world: World, space: Space, message: Message, shared: list[str]) -> list[Event]:
    """A new message; `shared`: the files that this message shared."""
    said = message_json(world, message, pushed=True)
    where = {"channel": space.id, "event_ts": message.ts, "channel_type": CHANNEL_TYPES[space.kind]}
    told = [Event(said | _source(world, space, message) | where, space)]
    if mentions_bot(world, space, message):
        told.append(mention(world, space, message))
    told += [file_event(world, "file_shared", world.files[each], message.user, space) for each in shared]
    return told


def mentions_bot(world: World, space: Space, message: Message) -> bool:
    """In a DM or a group DM nothing but the message is sent."""
    return space.kind in ("channel", "group") and f"<@{world.bot.id}>" in message.text and message.user != world.bot.id


def mention(world: World, space: Space, message: Message) -> Event:
    said = message_json(world, message, pushed=True)
    said = {key: value for key, value in said.items() if key not in ("subtype", "parent_user_id", "root", "reactions")}
    event = said | {"type": "app_mention", "channel": space.id, "event_ts": message.edited or message.ts}
    return Event(event | _source(world, space, message), space)


def _source(world: World, space: Space, message: Message) -> Json:
    if not space.shared:
        return {}
    person = world.people[message.user]
    profile = {"is_restricted": person.guest != "", "is_ultra_restricted": person.guest == "single"}
    return {"user_team": person.team, "source_team": person.team, "user_profile": profile}


def edited(world: World, space: Space, message: Message, before: Json, ts: str) -> list[Event]:
    """`before`: the message as it was; `ts`: of the edit itself."""
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": space.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": CHANNEL_TYPES[space.kind],
        "message": message_json(world, message, pushed=True),
        "previous_message": before,
    }
    return [Event(event, space)]


def deleted(space: Space, before: Json, deleted_ts: str, ts: str) -> Event:
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": space.id,
        "ts": ts,
        "event_ts": ts,
        "deleted_ts": deleted_ts,
        "channel_type": CHANNEL_TYPES[space.kind],
        "previous_message": before,
    }
    return Event(event, space)


def file_event(world: World, kind: str, file: SlackFile, user: str, space: Space) -> Event:
    """file_shared and file_unshared: ids and nothing else."""
    event = {"type": kind, "file_id": file.id, "user_id": user, "file": {"id": file.id}, "channel_id": space.id}
    return Event(event | {"event_ts": world.next_ts()}, space)


def file_changed(world: World, file: SlackFile) -> list[Event]:
    spaces = [world.spaces[share.space] for share in world.visible_shares(file)]
    event = {"type": "file_change", "file_id": file.id, "file": {"id": file.id}, "event_ts": world.next_ts()}
    return [Event(event, space) for space in spaces[:1]]


def file_deleted(world: World, file: SlackFile) -> list[Event]:
    spaces = list(dict.fromkeys(share.space for share in world.visible_shares(file)))
    event = {"type": "file_deleted", "file_id": file.id, "channel_ids": spaces, "event_ts": world.next_ts()}
    return [Event(event, world.spaces[each]) for each in spaces[:1]]


def joined(world: World, space: Space, user: str, inviter: str) -> Event:
    event = {"type": "member_joined_channel", "user": user, "channel": space.id, "channel_type": space.id[0]}
    event |= {"team": world.team, "event_ts": world.next_ts()}
    return Event(event | ({"inviter": inviter} if inviter else {}), space)


def left(world: World, space: Space, user: str) -> Event:
    event = {"type": "member_left_channel", "user": user, "channel": space.id, "channel_type": space.id[0]}
    return Event(event | {"team": world.team, "event_ts": world.next_ts()}, space)


def bot_removed(world: World, space: Space, actor: str) -> Event:
    """The bot is no longer a member, and is told nevertheless: so the event belongs to no conversation."""
    kind = "group_left" if space.kind == "group" else "channel_left"
    return Event({"type": kind, "channel": space.id, "actor_id": actor, "event_ts": world.next_ts()}, None)


def changed_person(world: World, person: Person, kind: str) -> Event:
    """user_change or team_join."""
    now = world.next_ts()
    event = {"type": kind, "user": person_json(world, person), "event_ts": now}
    return Event(event | ({"cache_ts": int(float(now))} if kind == "user_change" else {}), None)


def sharing_changed(world: World, space: Space) -> Event:
    """channel_shared and channel_unshared, of private channels too."""
    if space.shared:
        event: Json = {"type": "channel_shared", "connected_team_id": "T0OTHER0001"}
    else:
        event = {"type": "channel_unshared", "previously_connected_team_id": "T0OTHER0001", "is_ext_shared": False}
    return Event(event | {"channel": space.id, "event_ts": world.next_ts()}, space)


def id_changed(world: World, space: Space, old: str) -> Event:
    event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": space.id}
    return Event(event | {"event_ts": world.next_ts()}, space)


def of_channel(world: World, space: Space, what: str, user: str) -> Event:
    """channel_archive, group_deleted and the like. Who was there is told, though a deleted one is no more."""
    kind = "group" if space.kind in ("group", "mpim") else "channel"
    event = {"type": f"{kind}_{what}", "channel": space.id, "user": user, "event_ts": world.next_ts()}
    return Event(event, space)


def reacted(world: World, space: Space, message: Message, user: str, name: str, kind: str) -> Event:
    at = {"type": "message", "channel": space.id, "ts": message.ts}
    event = {"type": kind, "user": user, "reaction": name, "item_user": message.user, "item": at}
    return Event(event | {"event_ts": world.next_ts()}, space)


def home_opened(world: World, user: str, direct: Space, tab: str) -> Event:
    event: Json = {"type": "app_home_opened", "user": user, "channel": direct.id, "tab": tab}
    if tab == "home" and user in world.homes:
        event["view"] = world.homes[user]
    return Event(event | {"event_ts": world.next_ts()}, None)


def told(world: World, event: Event) -> bool:
    """Whether the app is subscribed, has the scope, and the bot is there."""
    kind = str(event.body["type"])
    if kind == "message" and event.space is not None:
        kind = SUBSCRIPTIONS[event.space.kind]
    scopes = NEEDED.get(kind, ())
    allowed = not scopes or any(scope in world.scopes for scope in scopes)
    return kind in world.subscribed and allowed and (event.space is None or world.bot_in(event.space))


def wrapped(world: World, event: Event) -> Json:
    """The outer envelope: the body of a request, or the payload of a Socket Mode frame."""
    event_id = world.unique_id("Ev")
    return {
        "token": "unused",
        "team_id": world.team,
        "context_team_id": world.team,
        "context_enterprise_id": None,
        "api_app_id": world.app,
        "event": event.body,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(float(event.body["event_ts"])),
        "authorizations": [authorization(world)],
        "is_ext_shared_channel": event.space is not None and event.space.shared,
        "event_context": f"4-{event_id}",
    }


def authorization(world: World) -> Json:
    return {
        "enterprise_id": None,
        "team_id": world.team,
        "user_id": world.bot.id,
        "is_bot": True,
        "is_enterprise_install": False,
    }


def pushed_message(world: World, message: Message) -> Json:
    """`previous_message` of an event, taken before the change."""
    return message_json(world, message, pushed=True)
