"""The methods views.*: Home and modals."""

from __future__ import annotations

import json
import time

from bot.demo.slack_server.limits import Checker
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Json

MAX_VIEW_BYTES = 250_000
MAX_STACKED = 3
"""Modals of one person, one on top of the other."""


def _checked_view(request: ApiRequest, kind: str) -> Json:
    view = request.json("view")
    if not isinstance(view, dict):
        raise ApiError("invalid_arguments", "[ERROR] missing required field: view")
    errors = _errors_of(request, view, kind)
    if errors:
        raise ApiError("invalid_arguments", *errors)
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        raise ApiError("view_too_large")
    return view


def _errors_of(request: ApiRequest, view: Json, kind: str) -> list[str]:
    checker = Checker(request.state, in_view=True)
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
    if not errors and "submit" not in view and any(block["type"] == "input" for block in view["blocks"]):
        errors.append("[ERROR] missing required field: submit [json-pointer:/view]")
    for name, limit in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if len(view.get(name) or "") > limit:
            errors.append(f"[ERROR] must be less than {limit + 1} characters [json-pointer:/view/{name}]")
    return errors


def _stored_view(request: ApiRequest, view: Json, view_id: str) -> Json:
    state = request.state
    ids = {"id": view_id, "team_id": state.team, "app_id": state.app, "bot_id": state.bot.bot_id}
    initial = {"state": {"values": {}}, "hash": f"{time.time():.6f}.h", "root_view_id": view_id}
    return {"private_metadata": "", "callback_id": "", "external_id": ""} | view | ids | initial


def publish(request: ApiRequest) -> Json:
    user = request.text("user_id")
    if not request.state.app_config.home:
        raise ApiError("not_enabled")
    if user not in request.state.people:
        raise ApiError("user_not_found")
    before = request.state.homes.get(user, {})
    _check_hash(request, before)
    view = _stored_view(request, _checked_view(request, "home"), before.get("id") or request.state.unique_id("V"))
    request.state.homes[user] = view
    return {"view": view}


def _check_hash(request: ApiRequest, before: Json) -> None:
    """Raise ApiError if the call names a hash and the view has changed since."""
    if request.text("hash") and request.text("hash") != before.get("hash"):
        raise ApiError("hash_conflict")


def open_view(request: ApiRequest) -> Json:
    """Open a modal on top of those that this person has open. Needs a fresh, unused trigger."""
    return _open_modal(request, push=False)


def push(request: ApiRequest) -> Json:
    """Open a modal on top of the open one."""
    return _open_modal(request, push=True)


def _open_modal(request: ApiRequest, *, push: bool) -> Json:
    state, trigger = request.state, request.text("trigger_id")
    if trigger not in state.triggers:
        raise ApiError("invalid_trigger_id")
    user, until = state.triggers[trigger]
    if not user:
        raise ApiError("exchanged_trigger_id")
    if time.monotonic() > until:
        raise ApiError("expired_trigger_id")
    view = _stored_view(request, _checked_view(request, "modal"), state.unique_id("V"))
    below = [each for key, each in state.views.items() if state.viewers[key] == user]
    if push and not 0 < len(below) < MAX_STACKED:
        raise ApiError("push_limit_reached" if below else "not_found")
    if push:
        view |= {"root_view_id": below[0]["id"], "previous_view_id": below[-1]["id"]}
    state.triggers[trigger] = ("", until)
    state.views[view["id"]] = view
    state.viewers[view["id"]] = user
    return {"view": view}


def update(request: ApiRequest) -> Json:
    state = request.state
    external = request.text("external_id")
    open_views = [(state.views, key, view) for key, view in state.views.items()]
    open_views += [(state.homes, key, view) for key, view in state.homes.items()]
    for views, key, view in open_views:
        if view["id"] == request.text("view_id") or (external and view["external_id"] == external):
            _check_hash(request, view)
            views[key] = _stored_view(request, _checked_view(request, view["type"]), view["id"])
            return {"view": views[key]}
    raise ApiError("not_found")


METHODS = {
    "views.publish": Method(publish, (), ("user_id", "view")),
    "views.open": Method(open_view, (), ("trigger_id", "view")),
    "views.push": Method(push, (), ("trigger_id", "view")),
    "views.update": Method(update, (), ("view",)),
}
