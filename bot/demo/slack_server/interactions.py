"""Buttons, shortcuts, slash commands, modals and Home: what a person does with the app's own surfaces."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bot.demo.slack_server import actions, events
from bot.demo.slack_server.actions import Draft, Stage
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.limits import Checker
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.state import Json, Message, Response, World, secret_part

USES = 5
"""How often a response_url may be used."""


class NotSetUp(Exception):
    """The app's manifest does not say that it can do this; a sentence for whoever tried."""


def _interactive(world: World, declared: frozenset[str] | None = None, name: str = "") -> None:
    """`declared` and `name`: of a shortcut or a command, which need the scope `commands` as well."""
    if not world.granted.interactive and not (name.startswith("/")):
        raise NotSetUp("The app's manifest has no settings.interactivity: nothing of it can be pressed.")
    if name and declared is not None and name not in declared:
        raise NotSetUp(f"{name} is not in the app's manifest.")
    if name and "commands" not in world.scopes:
        raise NotSetUp("The app has not the scope commands: it has no shortcuts and no commands.")


def click(stage: Stage, user: str, channel: str, ts: str, action_id: str, value: str = "") -> str:
    world = stage.world
    with world.changed:
        person = world.person_id(user)
        message = _seen(world, person, channel, ts)
        _interactive(world)
        block, element = _element(message.blocks, action_id, value)
        action: Json = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "b1")}
        action["action_ts"] = world.next_ts()
        if element["type"] == "static_select":
            action["selected_option"] = next(each for each in element["options"] if each["value"] == value)
            action["placeholder"] = element.get("placeholder")
        else:
            action["value"] = value or element.get("value", "")
        if "text" in element:
            action["text"] = element["text"]
        at: Json = {"type": "message", "message_ts": ts, "channel_id": channel}
        at["is_ephemeral"] = bool(message.ephemeral_to)
        if message.thread_ts:
            at["thread_ts"] = message.thread_ts
        payload = _base(world, "block_actions", person) | {"container": at, "actions": [action], "is_app_unfurl": False}
        payload |= {"channel": _named(world, channel), "state": {"values": {}}}
        payload |= {"response_url": _response_url(world, channel, person, message)}
        if not message.ephemeral_to:
            payload["message"] = message_json(world, message, metadata=True)
        return stage.delivery.push("interactive", [payload])[0]


def _seen(world: World, person: str, channel: str, ts: str) -> Message:
    for message in world.ephemerals:
        if (message.channel, message.ts, message.ephemeral_to) == (channel, ts, person):
            return message
    return world.message(channel, ts)


def _element(blocks: list[Json], action_id: str, value: str) -> tuple[Json, Json]:
    for block in blocks:
        for element in _elements(block):
            values = {element.get("value"), element.get("positive_button", {}).get("value")}
            values.add(element.get("negative_button", {}).get("value"))
            values |= {each.get("value") for each in element.get("options", ())}
            if element.get("action_id") == action_id and (not value or value in values):
                return block, element
    raise LookupError(f"no button {action_id!r} {value!r} in this message")


def _elements(block: Json) -> Iterator[Json]:
    yield from (each for each in block.get("elements", []) if isinstance(each, dict))
    if "accessory" in block:
        yield block["accessory"]


def click_in_view(stage: Stage, user: str, view_id: str, action_id: str, value: str = "") -> str:
    """Press a button of this person's Home or of a modal; the envelope's id."""
    world = stage.world
    with world.changed:
        person = world.person_id(user)
        _interactive(world)
        home = world.homes.get(person, {})
        view = home if home.get("id") == view_id else world.views[view_id]
        block, element = _element(view["blocks"], action_id, value)
        action: Json = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "b1")}
        action |= {"action_ts": world.next_ts(), "value": value or element.get("value", "")}
        payload = _base(world, "block_actions", person) | {"actions": [action], "view": view}
        payload["container"] = {"type": "view", "view_id": view_id}
        return stage.delivery.push("interactive", [payload])[0]


def message_shortcut(stage: Stage, user: str, channel: str, ts: str, callback_id: str) -> str:
    world = stage.world
    with world.changed:
        _interactive(world, world.granted.shortcuts, callback_id)
        person, message = world.person_id(user), world.message(channel, ts)
        payload = _base(world, "message_action", person) | {"callback_id": callback_id, "message_ts": ts}
        payload |= {"action_ts": world.next_ts(), "channel": _named(world, channel)}
        payload |= {"message": message_json(world, message), "is_enterprise_install": False, "enterprise": None}
        payload["response_url"] = _response_url(world, channel, person, message)
        return stage.delivery.push("interactive", [payload])[0]


def command(stage: Stage, user: str, channel: str, name: str, text: str) -> str:
    world = stage.world
    with world.changed:
        _interactive(world, world.granted.commands, name)
        person = world.person_id(user)
        payload: Json = {
            "token": "unused",
            "team_id": world.team,
            "team_domain": world.domain,
            "channel_id": channel,
            "channel_name": _named(world, channel)["name"],
            "user_id": person,
            "user_name": world.people[person].name,
            "command": name,
            "text": text,
            "api_app_id": world.app,
            "is_enterprise_install": "false",
            "response_url": _response_url(world, channel, person, None),
            "trigger_id": _trigger(world, person),
        }
        return stage.delivery.push("slash_commands", [payload])[0]


def submit(stage: Stage, user: str, view_id: str, values: Json) -> str:
    world = stage.world
    with world.changed:
        person = world.person_id(user)
        view = world.views[view_id] | {"state": {"values": values}}
        payload = _base(world, "view_submission", person) | {"view": view, "response_urls": []}
        return stage.delivery.push("interactive", [payload])[0]


def close(stage: Stage, user: str, view_id: str) -> None:
    """Close a modal. The app is told where its view asks for it."""
    world = stage.world
    with world.changed:
        person, view = world.person_id(user), world.views.pop(view_id)
        if view.get("notify_on_close"):
            payload = _base(world, "view_closed", person) | {"view": view, "is_cleared": False}
            stage.delivery.push("interactive", [payload])
        world.changed.notify_all()


def open_home(stage: Stage, user: str, tab: str) -> None:
    world = stage.world
    with world.changed:
        person = world.person_id(user)
        space = world.space(actions.direct(stage, [person]))
        stage.tell([events.home_opened(world, person, space, tab)])


def emit(stage: Stage, event: Json, channel: str) -> None:
    world = stage.world
    with world.changed:
        space = world.space(channel) if channel else None
        told = events.Event({"event_ts": world.next_ts()} | event, space)
        stage.delivery.push("events_api", [events.wrapped(world, told)])


def replied(stage: Stage, envelope: Envelope) -> None:
    """What an acknowledgement with something in it does."""
    world, reply = stage.world, envelope.reply
    if envelope.kind == "slash_commands" and (reply.get("text") or reply.get("blocks")):
        _say(stage, envelope.payload["channel_id"], envelope.payload["user_id"], reply, thread_ts="")
    elif envelope.event == "view_submission":
        view_id = envelope.payload["view"]["id"]
        action = reply.get("response_action", "")
        if view_id not in world.views:  # closed meanwhile
            return
        if action == "clear":
            # All that this person has open.
            viewer = world.viewers.get(view_id)
            world.views = {key: each for key, each in world.views.items() if world.viewers.get(key) != viewer}
        elif action == "update":
            world.views[view_id] = world.views[view_id] | reply["view"]
        elif action == "push":
            pushed = world.unique_id("V")
            world.views[pushed] = reply["view"] | {"id": pushed}
            world.viewers[pushed] = world.viewers.get(view_id, envelope.payload["user"]["id"])
        elif action != "errors":
            world.views.pop(view_id, None)


def respond(stage: Stage, ticket: str, body: Json) -> str:
    """A POST to a response_url; the error, or nothing."""
    world = stage.world
    with world.changed:
        response = world.responses.get(ticket)
        if response is None or time.monotonic() > response.until:
            return "expired_url"
        checker = Checker(world)
        checker.blocks(body.get("blocks") or [])
        if checker.errors:
            return "invalid_blocks"
        if response.used >= USES:
            return "used_url"
        response.used += 1
        message = response.message
        mine = message is not None and message.user == world.bot.id
        if message is not None and mine and body.get("delete_original"):
            if message in world.ephemerals:
                world.ephemerals.remove(message)
            else:
                actions.delete(stage, message.channel, message.ts)
        elif message is not None and mine and body.get("replace_original"):
            if message.ephemeral_to:
                message.text, message.blocks = body.get("text", ""), body.get("blocks") or []
            else:
                actions.edit(stage, message.channel, message.ts, text=body.get("text", ""), blocks=body.get("blocks"))
        else:
            _say(stage, response.channel, response.user, body, thread_ts=body.get("thread_ts") or "")
        world.changed.notify_all()
        return ""


def _say(stage: Stage, channel: str, user: str, body: Json, thread_ts: str) -> None:
    draft = Draft(body.get("text", ""), body.get("blocks") or [], thread_ts=thread_ts)
    world = stage.world
    if body.get("response_type") == "in_channel" and world.bot_in(world.space(channel)):
        actions.post(stage, world.bot.id, channel, draft)
    else:
        actions.whisper(stage, channel, user, draft)


def _base(world: World, kind: str, person: str) -> Json:
    known = world.people[person]
    return {
        "type": kind,
        "token": "unused",
        "api_app_id": world.app,
        "team": {"id": world.team, "domain": world.domain},
        "user": {"id": person, "username": known.name, "name": known.name, "team_id": known.team},
        "trigger_id": _trigger(world, person),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _trigger(world: World, person: str) -> str:
    trigger = world.unique_id("1.2.")
    world.triggers[trigger] = (person, time.monotonic() + world.pace.trigger_for)
    return trigger


def _named(world: World, channel: str) -> Json:
    space = world.space(channel)
    names = {"channel": space.name, "group": "privategroup", "im": "directmessage", "mpim": space.name}
    return {"id": channel, "name": names[space.kind]}


def _response_url(world: World, channel: str, user: str, message: Message | None) -> str:
    ticket = secret_part()
    world.responses[ticket] = Response(channel, user, message, time.monotonic() + world.pace.response_for)
    return f"http://{world.host}/response/{ticket}"
