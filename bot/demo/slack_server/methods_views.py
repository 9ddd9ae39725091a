"""views.*: Home and modals; assistant.threads.*: what shows that the bot is at work."""

from __future__ import annotations

import json
import time

from bot.demo.slack_server.limits import Checker
from bot.demo.slack_server.request import Asked, Method, Refusal
from bot.demo.slack_server.state import Json

MOST_STATUS_MESSAGES = 10
MOST_VIEW_BYTES = 250_000
MOST_STACKED = 3
"""Modals of one person, one above the other."""


def _view(asked: Asked, kind: str) -> Json:
    view = asked.json("view")
    if not isinstance(view, dict):
        raise Refusal("invalid_arguments", "[ERROR] missing required field: view")
    checker = Checker(asked.world, in_view=True)
    checker.blocks(view.get("blocks"))
    errors = [each.replace("pointer:/", "pointer:/view/") for each in checker.errors]
    if view.get("blocks") == []:
        errors.append("[ERROR] must have at least 1 item [json-pointer:/view/blocks]")
    if view.get("type") != kind:
        errors.append(f"[ERROR] unsupported type: {view.get('type')} [json-pointer:/view/type]")
    if kind == "modal" and not isinstance(view.get("title"), dict):
        errors.append("[ERROR] missing required field: title [json-pointer:/view]")
    for name in ("title", "submit", "close"):
        if kind == "home" and name in view:
            errors.append(f"[ERROR] invalid additional property: {name} [json-pointer:/view]")
        elif len((view.get(name) or {}).get("text", "")) > 24:
            errors.append(f"[ERROR] must be less than 25 characters [json-pointer:/view/{name}/text]")
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if len(view.get(name) or "") > most:
            errors.append(f"[ERROR] must be less than {most + 1} characters [json-pointer:/view/{name}]")
    if errors:
        raise Refusal("invalid_arguments", *errors)
    if len(json.dumps(view)) > MOST_VIEW_BYTES:
        raise Refusal("view_too_large")
    return view


def _opened(asked: Asked, view: Json, view_id: str) -> Json:
    world = asked.world
    more = {"id": view_id, "team_id": world.team, "app_id": world.app, "bot_id": world.bot.bot_id}
    state = {"state": {"values": {}}, "hash": f"{time.time():.6f}.h", "root_view_id": view_id}
    return {"private_metadata": "", "callback_id": "", "external_id": ""} | view | more | state


def publish(asked: Asked) -> Json:
    user = asked.text("user_id")
    if not asked.world.granted.home:
        raise Refusal("not_enabled")
    if user not in asked.world.people:
        raise Refusal("user_not_found")
    before = asked.world.homes.get(user, {})
    _unchanged(asked, before)
    view = _opened(asked, _view(asked, "home"), before.get("id") or asked.world.unique_id("V"))
    asked.world.homes[user] = view
    return {"view": view}


def _unchanged(asked: Asked, before: Json) -> None:
    """Who names the hash of what is shown is refused when somebody else has changed it."""
    if asked.text("hash") and asked.text("hash") != before.get("hash"):
        raise Refusal("hash_conflict")


def open_view(asked: Asked) -> Json:
    """With a trigger that is young and was not used. Shown above what this person has open."""
    return _shown(asked, push=False)


def push(asked: Asked) -> Json:
    """Above the modal that is open."""
    return _shown(asked, push=True)


def _shown(asked: Asked, *, push: bool) -> Json:
    world, trigger = asked.world, asked.text("trigger_id")
    if trigger not in world.triggers:
        raise Refusal("invalid_trigger_id")
    user, until = world.triggers[trigger]
    if not user:
        raise Refusal("exchanged_trigger_id")
    if time.monotonic() > until:
        raise Refusal("expired_trigger_id")
    view = _opened(asked, _view(asked, "modal"), world.unique_id("V"))
    below = [each for key, each in world.views.items() if world.viewers[key] == user]
    if push and not 0 < len(below) < MOST_STACKED:
        raise Refusal("push_limit_reached" if below else "not_found")
    if push:
        view |= {"root_view_id": below[0]["id"], "previous_view_id": below[-1]["id"]}
    world.triggers[trigger] = ("", until)
    world.views[view["id"]] = view
    world.viewers[view["id"]] = user
    return {"view": view}


def update(asked: Asked) -> Json:
    world = asked.world
    external = asked.text("external_id")
    shown = [(world.views, key, view) for key, view in world.views.items()]
    shown += [(world.homes, key, view) for key, view in world.homes.items()]
    for views, key, view in shown:
        if view["id"] == asked.text("view_id") or (external and view["external_id"] == external):
            _unchanged(asked, view)
            views[key] = _opened(asked, _view(asked, view["type"]), view["id"])
            return {"view": views[key]}
    raise Refusal("not_found")


# ---------------------------------------------------------------- assistant


def set_status(asked: Asked) -> Json:
    """Stands until the bot's next message in the thread."""
    space, ts = asked.joined("channel_id"), asked.text("thread_ts")
    if not any(message.ts == ts for message in space.messages):
        raise Refusal("invalid_thread_ts")
    if len(asked.listed("loading_messages")) > MOST_STATUS_MESSAGES:
        raise Refusal("invalid_arguments", "[ERROR] no more than 10 items allowed [json-pointer:/loading_messages]")
    asked.world.statuses[space.id, ts] = asked.text("status")
    return {}


def set_prompts(asked: Asked) -> Json:
    space, prompts = asked.joined("channel_id"), asked.json("prompts")
    if space.kind != "im":
        raise Refusal("channel_not_supported")
    if not isinstance(prompts, list) or not all({"title", "message"} <= set(each) for each in prompts):
        raise Refusal("invalid_arguments", "[ERROR] missing required field: prompts")
    asked.world.prompts[space.id] = prompts
    return {}


METHODS = {
    "views.publish": Method(publish, (), ("user_id", "view")),
    "views.open": Method(open_view, (), ("trigger_id", "view")),
    "views.push": Method(push, (), ("trigger_id", "view")),
    "views.update": Method(update, (), ("view",)),
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write"), ("channel_id", "thread_ts")),
    "assistant.threads.setSuggestedPrompts": Method(set_prompts, ("assistant:write",), ("channel_id", "prompts")),
}
