"""Input blocks of modals: what the local Slack refuses, and what a submission carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace
from bot.demo.slack_server.input_limits import submitted_values
from tests.bot.demo.slack_server.conftest import Connect
from tests.bot.demo.slack_server.test_interactions import MODAL


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value.title()), "value": value}


def element(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "action_id": "it", **more}


def block(given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": "it", "label": plain("It"), "element": given, **more}


CHOICES = element("checkboxes", options=[option("a"), option("b")])
PEOPLE = element("multi_users_select", initial_users=["U1"], max_selected_items=3)
RADIO = element("radio_buttons", options=[option("a"), option("b")], initial_option=option("b"))

Show = Callable[..., Any]


@pytest.fixture
def show(ws: Workspace, client: WebClient, connect_socket: Connect) -> Show:
    """Return a function that opens a modal with these blocks."""
    socket, ada = connect_socket(ws), ws.person("ada")
    direct = ws.direct(ada)

    def show(*blocks: dict[str, Any], without: Sequence[str] = ()) -> dict[str, Any]:
        ws.command(ada, direct, "/magpie", "settings")
        while (frame := socket.next())["type"] != "slash_commands":
            socket.ack(frame)
        socket.ack(frame)
        trigger = frame["payload"]["trigger_id"]
        view = {name: value for name, value in MODAL.items() if name not in without}
        opened: dict[str, Any] = client.views_open(trigger_id=trigger, view={**view, "blocks": list(blocks)})["view"]
        return opened

    return show


def test_known_inputs_are_accepted(show: Show) -> None:
    for given in (CHOICES, PEOPLE, RADIO, element("plain_text_input", multiline=True)):
        assert show(block(given))["blocks"][0]["element"] == given


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"type": "input", "element": CHOICES}, "missing required field: label [json-pointer:/view/blocks/0]"),
        ({"type": "input", "label": plain("It")}, "missing required field: element [json-pointer:/view/blocks/0]"),
        (block(element("slider")), "unsupported type: slider [json-pointer:/view/blocks/0/element/type]"),
        (block({**CHOICES, "url": "x"}), "invalid additional property: url"),
        (block({**CHOICES, "options": [option("a")] * 11}), "must have 1 to 10 items"),
        (block({**CHOICES, "options": []}), "must have 1 to 10 items"),
        (block({**CHOICES, "options": [option("a"), option("a")]}), "values must be unique"),
        (block({**CHOICES, "initial_options": []}), "initial_options must match at least one"),
        (block({**CHOICES, "options": [option("a" * 151)]}), "must be less than 151 characters"),
        (block({**CHOICES, "options": [option("a" * 76)]}), "must be less than 76 characters"),
        (block({**RADIO, "initial_option": option("c")}), "initial_option must match one of the options"),
        (block({**PEOPLE, "max_selected_items": 0}), "must be greater than or equal to 1"),
        (block({**PEOPLE, "initial_users": "U1"}), "must be an array of strings"),
        (block(CHOICES, optional="yes"), "must be a boolean [json-pointer:/view/blocks/0/optional]"),
        (block(CHOICES, hint=plain("x" * 2001)), "must be less than 2001 characters"),
        (block(CHOICES, label={"type": "mrkdwn", "text": "x"}), "must be a text object"),
    ],
)
def test_wrong_inputs_are_refused(show: Show, given: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        show(given)
    assert error in "\n".join(refused.value.response["response_metadata"]["messages"])


def test_modal_with_an_input_needs_a_submit_button(show: Show) -> None:
    with pytest.raises(SlackApiError) as refused:
        show(block(CHOICES), without=("submit",))
    messages = refused.value.response["response_metadata"]["messages"]
    assert messages == ["[ERROR] missing required field: submit [json-pointer:/view]"]


def test_submission_has_the_initial_values_of_what_was_not_touched() -> None:
    blocks = [{**block(given), "block_id": name} for name, given in (("radio", RADIO), ("people", PEOPLE))]
    given = {"people": {"it": {"type": "multi_users_select", "selected_users": ["U2"]}}}
    assert submitted_values(blocks, given) == {
        "radio": {"it": {"type": "radio_buttons", "selected_option": option("b")}},
        "people": {"it": {"type": "multi_users_select", "selected_users": ["U2"]}},
    }


def test_submission_needs_what_is_not_optional() -> None:
    with pytest.raises(LookupError, match="'it' is empty"):
        submitted_values([block(CHOICES)], {})
    kept = submitted_values([block(CHOICES, optional=True)], {})
    assert kept == {"it": {"it": {"type": "checkboxes", "selected_options": []}}}
