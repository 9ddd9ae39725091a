"""Interactions of a person with the app: buttons, shortcuts, slash commands, modals and Home."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bot.demo.slack_server import actions, events
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.input_limits import submitted_values
from bot.demo.slack_server.limits import Checker
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.state import Json, Message, ResponseTarget, State, random_ticket

MAX_RESPONSE_USES = 5
"""A response_url can be used this often."""


class NotConfigured(Exception):
    """The app's manifest does not declare this. The message is a sentence for the user."""


def _require_declared(state: State, declared: frozenset[str] | None = None, name: str = "") -> None:
    """Raise NotConfigured unless the manifest enables interactivity and declares the shortcut or command `name`."""
    if not state.app_config.interactive and not (name.startswith("/")):
        raise NotConfigured("The app's manifest does not enable settings.interactivity.")
    if name and declared is not None and name not in declared:
        raise NotConfigured(f"{name} is not in the app's manifest.")
    if name and "commands" not in state.scopes:
        raise NotConfigured("The app lacks the scope commands, which shortcuts and commands need.")


def click(context: Context, user: str, channel: str, ts: str, action_id: str, value: str = "") -> str:
    """Press a button of a message. Return the envelope's id. Raise LookupError if there is no such button."""
    state = context.state
    with state.changed:
        person = state.person_id(user)
        message = _visible_message(state, person, channel, ts)
        _require_declared(state)
        block, element = _element(message.blocks, action_id, value)
        action: Json = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "b1")}
        action["action_ts"] = state.next_ts()
        if element["type"] == "static_select":
            action["selected_option"] = next(each for each in element["options"] if each["value"] == value)
            action["placeholder"] = element.get("placeholder")
        else:
            action["value"] = value or element.get("value", "")
        if "text" in element:
            action["text"] = element["text"]
        container: Json = {"type": "message", "message_ts": ts, "channel_id": channel}
        container["is_ephemeral"] = bool(message.ephemeral_to)
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = _base_payload(state, "block_actions", person) | {
            "container": container,
            "actions": [action],
            "is_app_unfurl": False,
        }
        payload |= {"channel": _channel_reference(state, channel), "state": {"values": {}}}
        payload |= {"response_url": _new_response_url(state, channel, person, message)}
        if not message.ephemeral_to:
            payload["message"] = message_json(state, message, metadata=True)
        return context.delivery.push("interactive", [payload])[0]


def _visible_message(state: State, person: str, channel: str, ts: str) -> Message:
    for message in state.ephemerals:
        if (message.channel, message.ts, message.ephemeral_to) == (channel, ts, person):
            return message
    return state.message(channel, ts)


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


def click_in_view(context: Context, user: str, view_id: str, action_id: str, value: str = "") -> str:
    """Press a button of this person's Home or of a modal. Return the envelope's id."""
    state = context.state
    with state.changed:
        person = state.person_id(user)
        _require_declared(state)
        home = state.homes.get(person, {})
        view = home if home.get("id") == view_id else state.views[view_id]
        block, element = _element(view["blocks"], action_id, value)
        action: Json = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "b1")}
        action |= {"action_ts": state.next_ts(), "value": value or element.get("value", "")}
        payload = _base_payload(state, "block_actions", person) | {"actions": [action], "view": view}
        payload["container"] = {"type": "view", "view_id": view_id}
        return context.delivery.push("interactive", [payload])[0]


def message_shortcut(context: Context, user: str, channel: str, ts: str, callback_id: str) -> str:
    state = context.state
    with state.changed:
        _require_declared(state, state.app_config.shortcuts, callback_id)
        person, message = state.person_id(user), state.message(channel, ts)
        payload = _base_payload(state, "message_action", person) | {"callback_id": callback_id, "message_ts": ts}
        payload |= {"action_ts": state.next_ts(), "channel": _channel_reference(state, channel)}
        payload |= {"message": message_json(state, message), "is_enterprise_install": False, "enterprise": None}
        payload["response_url"] = _new_response_url(state, channel, person, message)
        return context.delivery.push("interactive", [payload])[0]


def command(context: Context, user: str, channel: str, name: str, text: str) -> str:
    state = context.state
    with state.changed:
        _require_declared(state, state.app_config.commands, name)
        person = state.person_id(user)
        payload: Json = {
            "token": "unused",
            "team_id": state.team,
            "team_domain": state.domain,
            "channel_id": channel,
            "channel_name": _channel_reference(state, channel)["name"],
            "user_id": person,
            "user_name": state.people[person].name,
            "command": name,
            "text": text,
            "api_app_id": state.app,
            "is_enterprise_install": "false",
            "response_url": _new_response_url(state, channel, person, None),
            "trigger_id": _new_trigger(state, person),
        }
        return context.delivery.push("slash_commands", [payload])[0]


def submit(context: Context, user: str, view_id: str, values: Json) -> str:
    state = context.state
    with state.changed:
        person = state.person_id(user)
        view = state.views[view_id]
        view = view | {"state": {"values": submitted_values(view["blocks"], values)}}
        payload = _base_payload(state, "view_submission", person) | {"view": view, "response_urls": []}
        return context.delivery.push("interactive", [payload])[0]


def close(context: Context, user: str, view_id: str) -> None:
    """Close a modal. The app receives view_closed if its view asks for it."""
    state = context.state
    with state.changed:
        person, view = state.person_id(user), state.views.pop(view_id)
        if view.get("notify_on_close"):
            payload = _base_payload(state, "view_closed", person) | {"view": view, "is_cleared": False}
            context.delivery.push("interactive", [payload])
        state.changed.notify_all()


def open_home(context: Context, user: str, tab: str) -> None:
    state = context.state
    with state.changed:
        person = state.person_id(user)
        conversation = state.conversation(actions.open_direct(context, [person]))
        context.push_events([events.home_opened(state, person, conversation, tab)])


def stop_session(context: Context, user: str, channel: str, thread: str) -> None:
    """Press Slack's own Stop button of a session: it stops the streams of the thread, and tells the app.

    Raise LookupError unless the session is processing.
    """
    state = context.state
    with state.changed:
        person, conversation = state.person_id(user), state.conversation(channel)
        session = state.sessions.get((channel, thread))
        if session is None or session.status != "processing":
            raise LookupError(f"no session is processing in {channel} {thread}")
        streaming = [each for each in state.thread(conversation, thread) if state.is_streaming(each)]
        for each in streaming:
            state.streams[channel, each.ts].stopped_by_user = True
        stopped = [each.ts for each in streaming]
        context.push_events([events.session_stopped(state, conversation, thread, person, stopped)])


def rename_session(context: Context, user: str, channel: str, thread: str, title: str) -> None:
    """Change the title of a session as a person. Raise LookupError if there is none."""
    state = context.state
    with state.changed:
        person, conversation = state.person_id(user), state.conversation(channel)
        session = state.sessions.get((channel, thread))
        if session is None:
            raise LookupError(f"no session in {channel} {thread}")
        before, session.title = session.title, title
        context.push_events([events.session_renamed(state, conversation, thread, person, before)])


def look_at(context: Context, user: str, channel: str) -> None:
    """Look at a channel beside the agent, or at none (empty). Raise LookupError for a channel that does not exist."""
    state = context.state
    with state.changed:
        person = state.person_id(user)
        if channel:
            state.conversation(channel)
        direct = state.conversation(actions.open_direct(context, [person]))
        context.push_events([events.context_changed(state, person, direct, channel)])


def emit(context: Context, event: Json, channel: str) -> None:
    state = context.state
    with state.changed:
        conversation = state.conversation(channel) if channel else None
        pushed = events.Event({"event_ts": state.next_ts()} | event, conversation)
        context.delivery.push("events_api", [events.event_payload(state, pushed)])


def handle_reply(context: Context, envelope: Envelope) -> None:
    """Apply the payload of an acknowledgement: a command's response, or what happens to a modal."""
    state, reply = context.state, envelope.reply
    if envelope.kind == "slash_commands" and (reply.get("text") or reply.get("blocks")):
        _post_response(context, envelope.payload["channel_id"], envelope.payload["user_id"], reply, thread_ts="")
    elif envelope.event == "view_submission":
        view_id = envelope.payload["view"]["id"]
        action = reply.get("response_action", "")
        if view_id not in state.views:  # closed in the meantime
            return
        if action == "clear":
            # Close every modal of this person.
            viewer = state.viewers.get(view_id)
            state.views = {key: each for key, each in state.views.items() if state.viewers.get(key) != viewer}
        elif action == "update":
            state.views[view_id] = state.views[view_id] | reply["view"]
        elif action == "push":
            pushed = state.unique_id("V")
            state.views[pushed] = reply["view"] | {"id": pushed}
            state.viewers[pushed] = state.viewers.get(view_id, envelope.payload["user"]["id"])
        elif action != "errors":
            state.views.pop(view_id, None)


def respond(context: Context, ticket: str, body: Json) -> str:
    """Handle a POST to a response_url. Return Slack's error, or an empty string."""
    state = context.state
    with state.changed:
        target = state.responses.get(ticket)
        if target is None or time.monotonic() > target.until:
            return "expired_url"
        checker = Checker(state)
        checker.blocks(body.get("blocks") or [])
        if checker.errors:
            return "invalid_blocks"
        if target.used >= MAX_RESPONSE_USES:
            return "used_url"
        target.used += 1
        message = target.message
        is_own = message is not None and message.user == state.bot.id
        if message is not None and is_own and body.get("delete_original"):
            if message in state.ephemerals:
                state.ephemerals.remove(message)
            else:
                actions.delete(context, message.channel, message.ts)
        elif message is not None and is_own and body.get("replace_original"):
            if message.ephemeral_to:
                message.text, message.blocks = body.get("text", ""), body.get("blocks") or []
            else:
                actions.edit(context, message.channel, message.ts, text=body.get("text", ""), blocks=body.get("blocks"))
        else:
            _post_response(context, target.channel, target.user, body, thread_ts=body.get("thread_ts") or "")
        state.changed.notify_all()
        return ""


def _post_response(context: Context, channel: str, user: str, body: Json, thread_ts: str) -> None:
    draft = NewMessage(body.get("text", ""), body.get("blocks") or [], thread_ts=thread_ts)
    state = context.state
    if body.get("response_type") == "in_channel" and state.has_bot(state.conversation(channel)):
        actions.post(context, state.bot.id, channel, draft)
    else:
        actions.post_ephemeral(context, channel, user, draft)


def _base_payload(state: State, kind: str, person: str) -> Json:
    user = state.people[person]
    return {
        "type": kind,
        "token": "unused",
        "api_app_id": state.app,
        "team": {"id": state.team, "domain": state.domain},
        "user": {"id": person, "username": user.name, "name": user.name, "team_id": user.team},
        "trigger_id": _new_trigger(state, person),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _new_trigger(state: State, person: str) -> str:
    trigger = state.unique_id("1.2.")
    state.triggers[trigger] = (person, time.monotonic() + state.timing.trigger_for)
    return trigger


def _channel_reference(state: State, channel: str) -> Json:
    conversation = state.conversation(channel)
    names = {"channel": conversation.name, "group": "privategroup", "im": "directmessage", "mpim": conversation.name}
    return {"id": channel, "name": names[conversation.kind]}


def _new_response_url(state: State, channel: str, user: str, message: Message | None) -> str:
    ticket = random_ticket()
    state.responses[ticket] = ResponseTarget(channel, user, message, time.monotonic() + state.timing.response_for)
    return f"http://{state.host}/response/{ticket}"
