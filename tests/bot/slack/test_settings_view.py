"""The modal with the settings of a channel: what it shows, and what is read from it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.demo.slack_server.input_limits import submitted_values
from bot.slack.messages import settings_texts
from bot.slack.settings_view import SettingsForm, loading_view, refusal_view, settings_view, submitted_form
from rag import FileType, answer_languages

FORM = SettingsForm("C1", 1751.25, True, "de", ["image", "pdf"], ["U1", "U2"], "weekly")


def submitted(form: SettingsForm, given: dict[str, Any] | None = None, *, direct: bool = False) -> dict[str, Any]:
    view = settings_view(form, direct=direct)
    return {**view, "state": {"values": submitted_values(view["blocks"], given or {})}}


def chosen(name: str, **state: Any) -> dict[str, Any]:
    return {name: {name: state}}


def test_submitting_the_modal_as_it_is_changes_nothing() -> None:
    for form in (FORM, SettingsForm("C1"), SettingsForm("C1", askers=[])):
        read, errors = submitted_form(submitted(form))
        assert errors == {}
        assert read is not None
        assert (read.channel, sorted(read.types)) == (form.channel, sorted(form.types))
        assert {**read.to_json(), "types": []} == {**form.to_json(), "types": []}


def test_direct_message_has_no_list_of_who_may_ask() -> None:
    names = [
        [block.get("block_id") for block in settings_view(FORM, direct=direct)["blocks"]] for direct in (False, True)
    ]
    assert [("askers" in each) for each in names] == [True, False]
    read, _ = submitted_form(submitted(SettingsForm("D1"), direct=True))
    assert read is not None
    assert read.askers is None


def test_channel_in_which_no_one_may_ask_says_so_and_is_opened_only_by_a_choice() -> None:
    closed = SettingsForm("C1", askers=[])
    blocks = {block.get("block_id"): block for block in settings_view(closed, direct=False)["blocks"]}
    assert blocks["askers"]["element"]["placeholder"]["text"] == settings_texts.NO_ASKERS_PLACEHOLDER
    assert blocks["askers"]["hint"]["text"] == settings_texts.NO_ASKERS_HINT
    everyone = chosen("everyone", selected_options=[{"value": "everyone"}])
    given = [
        {},
        everyone,
        chosen("askers", selected_users=["U2"]),
        {**everyone, **chosen("askers", selected_users=["U2"])},
    ]
    read = [submitted_form(submitted(closed, each))[0] for each in given]
    assert [each and each.askers for each in read] == [[], None, ["U2"], ["U2"]]
    assert "everyone" not in [block.get("block_id") for block in settings_view(FORM, direct=False)["blocks"]]


def test_all_types_are_no_limit() -> None:
    every = [{"value": type} for type in FileType]
    read, _ = submitted_form(submitted(FORM, chosen("types", selected_options=every)))
    assert read is not None
    assert read.types == ()


@pytest.mark.parametrize(
    ("given", "block"),
    [
        (chosen("language", selected_option={"value": "xx"}), "language"),
        (chosen("types", selected_options=[{"value": "music"}]), "types"),
        (chosen("digest", selected_option={"value": "hourly"}), "digest"),
        (chosen("askers", selected_users=[f"U{number}" for number in range(101)]), "askers"),
    ],
)
def test_impossible_values_are_errors_at_their_field(given: dict[str, Any], block: str) -> None:
    read, errors = submitted_form(submitted(FORM, given))
    assert read is None
    assert list(errors) == [block]


def test_view_without_its_metadata_is_refused() -> None:
    read, errors = submitted_form({**submitted(FORM), "private_metadata": ""})
    assert read is None
    assert errors == {"digest": settings_texts.NOT_OPENED}


def test_views_respect_the_limits_of_slack() -> None:
    for view in (
        loading_view(),
        refusal_view("No."),
        settings_view(FORM, direct=False),
        settings_view(FORM, direct=True),
        settings_view(SettingsForm("C1", askers=[]), direct=False),
    ):
        assert all(len(view[part]["text"]) <= 24 for part in ("title", "close", "submit") if part in view)
        assert len(view.get("private_metadata", "")) <= 3000
    assert len(answer_languages()) < 100
    hints = [block["hint"]["text"] for block in settings_view(FORM, direct=False)["blocks"]]
    assert settings_texts.QUIET_HINT in hints
