"""Slack's rules for input blocks, and what a submitted modal says about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bot.demo.slack_server.state import Json

Report = Callable[[str, str], None]
"""Is called with an error and its JSON pointer."""

_COMMON = {"type", "action_id", "focus_on_load"}
ELEMENTS = {
    "plain_text_input": {"placeholder", "initial_value", "multiline", "min_length", "max_length"},
    "static_select": {"placeholder", "options", "initial_option", "confirm"},
    "multi_static_select": {"placeholder", "options", "initial_options", "max_selected_items", "confirm"},
    "multi_users_select": {"placeholder", "initial_users", "max_selected_items", "confirm"},
    "radio_buttons": {"options", "initial_option", "confirm"},
    "checkboxes": {"options", "initial_options", "confirm"},
}
"""The elements that this server knows inside of an input block, and their properties."""

MAX_LABEL, MAX_PLACEHOLDER, MAX_OPTION_TEXT, MAX_OPTION_VALUE = 2000, 150, 75, 150
MAX_OPTIONS, MAX_CHOICES = 100, 10
"""Options of a list, and of radio buttons or checkboxes."""

_BUTTONS = ("radio_buttons", "checkboxes")


def check_input(block: Json, at: str, report: Report) -> None:
    """Report what Slack refuses about an input block."""
    if "label" not in block:
        report("missing required field: label", at)
    for name in ("label", "hint"):
        if name in block:
            _check_text(block[name], f"{at}/{name}", MAX_LABEL, report)
    for name in ("optional", "dispatch_action"):
        if not isinstance(block.get(name, False), bool):
            report("must be a boolean", f"{at}/{name}")
    element = block.get("element")
    if not isinstance(element, dict):
        report("missing required field: element", at)
        return
    _check_element(element, f"{at}/element", report)


def _check_element(element: Json, at: str, report: Report) -> None:
    kind = str(element.get("type", ""))
    if kind not in ELEMENTS:
        report(f"unsupported type: {kind}", f"{at}/type")
        return
    for name in element:
        if name not in _COMMON | ELEMENTS[kind]:
            report(f"invalid additional property: {name}", at)
    if "action_id" in element:
        _check_string(element["action_id"], f"{at}/action_id", 255, report)
    if "placeholder" in element:
        _check_text(element["placeholder"], f"{at}/placeholder", MAX_PLACEHOLDER, report)
    if "options" in ELEMENTS[kind]:
        _check_options(element, kind, at, report)
    if kind == "multi_users_select" and not _are_texts(element.get("initial_users", [])):
        report("must be an array of strings", f"{at}/initial_users")
    most = element.get("max_selected_items", 1)
    if not isinstance(most, int) or most < 1:
        report("must be greater than or equal to 1", f"{at}/max_selected_items")


def _check_options(element: Json, kind: str, at: str, report: Report) -> None:
    options, limit = element.get("options"), MAX_CHOICES if kind in _BUTTONS else MAX_OPTIONS
    if not isinstance(options, list) or not 1 <= len(options) <= limit:
        report(f"must have 1 to {limit} items", f"{at}/options")
        return
    for number, each in enumerate(options):
        place = f"{at}/options/{number}"
        if not isinstance(each, dict) or not {"text", "value"} <= each.keys() <= {"text", "value", "description"}:
            report("must be an option", place)
            continue
        _check_text(each["text"], f"{place}/text", MAX_OPTION_TEXT, report, plain=kind not in _BUTTONS)
        _check_string(each["value"], f"{place}/value", MAX_OPTION_VALUE, report)
    values = [each.get("value") for each in options if isinstance(each, dict)]
    if len(set(values)) < len(values):
        report("values must be unique", f"{at}/options")
    if "initial_option" in element and element["initial_option"] not in options:
        report("initial_option must match one of the options", f"{at}/initial_option")
    chosen = element.get("initial_options", options[:1])
    if not isinstance(chosen, list) or not chosen or not all(each in options for each in chosen):
        report("initial_options must match at least one of the options", f"{at}/initial_options")


def _check_text(text: Any, at: str, limit: int, report: Report, *, plain: bool = True) -> None:
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(text, dict) or text.get("type") not in kinds:
        report("must be a text object", at)
    else:
        _check_string(text.get("text"), f"{at}/text", limit, report)


def _check_string(value: Any, at: str, limit: int, report: Report) -> None:
    if not isinstance(value, str) or not value:
        report("must be a string of at least 1 character", at)
    elif len(value) > limit:
        report(f"must be less than {limit + 1} characters", at)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def submitted_values(blocks: Iterable[Json], given: Json) -> Json:
    """Return `view.state.values` of a submitted modal: what was given, and the initial values of everything else.

    Raise LookupError if something that is not optional is empty: Slack then does not send the submission.
    """
    values = dict(given)
    for block in blocks:
        if block.get("type") != "input":
            continue
        element, place = block["element"], str(block.get("block_id", ""))
        action = str(element.get("action_id", ""))
        state = {**_initial(element), **values.get(place, {}).get(action, {})}
        values[place] = {action: state}
        if not block.get("optional") and not any(content for name, content in state.items() if name != "type"):
            raise LookupError(f"{place!r} is empty")
    return values


def _initial(element: Json) -> Json:
    kind = element["type"]
    match kind:
        case "plain_text_input":
            return {"type": kind, "value": element.get("initial_value")}
        case "static_select" | "radio_buttons":
            return {"type": kind, "selected_option": element.get("initial_option")}
        case "multi_users_select":
            return {"type": kind, "selected_users": element.get("initial_users", [])}
    return {"type": kind, "selected_options": element.get("initial_options", [])}
