"""The comparison with Slack, tried on the local server in both roles: no one has run it against the real one yet."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from tests.support.slack_workspace import AGENT_MANIFEST, MANIFEST, without_proxies, workspace_fixture
from tests.try_slack.__main__ import main
from tests.try_slack.comparison import scrubbed
from tests.try_slack.contract import STEPS, run_steps
from tests.try_slack.typed_commands import commands_in

ws = workspace_fixture(manifest=MANIFEST)


def try_on(ws: Workspace, **more: str) -> int:
    """Run the command with a local workspace in the role of Slack."""
    given = {"TRY_SLACK_TOKEN": ws.bot_token, "TRY_SLACK_USER": ws.person("ben"), "TRY_SLACK_API_URL": ws.api_url}
    with without_proxies():
        return main({**given, **more})


def test_equal_servers_have_no_differences_and_nothing_stays(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert try_on(ws) == 0
    count = sum(not (step.only_agents or step.needs_trigger) for step in STEPS)
    assert capsys.readouterr().out == f"{count} calls, 0 with another outcome than in the local server.\n"
    assert [each for one in ws.conversations() for each in one.messages] == []


def test_agent_is_compared_with_an_agent(capsys: pytest.CaptureFixture[str]) -> None:
    from bot.demo.slack_server import open_workspace

    with without_proxies(), open_workspace(manifest=AGENT_MANIFEST) as ws:
        assert try_on(ws) == 0
    assert capsys.readouterr().out.startswith(f"{sum(not step.needs_trigger for step in STEPS)} calls")


def test_modal_is_compared_once_a_person_types_a_command(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ben = ws.person("ben")
    direct = ws.direct(ben)

    def type_when_asked() -> None:
        ws.wait(lambda: ws.called("views.update"), 20, "the step before")
        ws.command(ben, direct, "/magpie", "settings")

    with ThreadPoolExecutor(1) as pool:
        typed = pool.submit(type_when_asked)
        assert try_on(ws, TRY_SLACK_APP_TOKEN=ws.app_token) == 0
        typed.result()
    count = sum(not step.only_agents for step in STEPS)
    assert f"{count} calls, 0 with another outcome" in capsys.readouterr().out
    [view] = ws.views()
    assert view["callback_id"] == "channel_settings"


def test_other_outcomes_are_a_table(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ws.faults.fail("chat.startStream", error="channel_type_not_supported")
    assert try_on(ws) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "| start a stream           | ok                             | channel_type_not_supported |" in lines
    assert any(line.startswith("| stop a stream ") and "message_not_found" in line for line in lines)


def test_responses_are_recorded_without_what_tells_about_the_workspace(ws: Workspace, tmp_path: Path) -> None:
    try_on(ws, RECORD=str(tmp_path / "recorded"))
    recorded = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "recorded").iterdir()}
    assert recorded["two-tables"]["response"]["error"] == "invalid_blocks"
    assert recorded["users-info"]["response"]["user"]["is_bot"] is False
    written = json.dumps(recorded)
    secrets = (ws.bot_token, ws.bot_user, ws.team_id, ws.host, *(one.name for one in ws.people()))
    assert not [secret for secret in secrets if f'"{secret}"' in written or (secret and f"/{secret}" in written)]


def test_texts_and_numbers_are_scrubbed() -> None:
    assert scrubbed({"ok": True, "user": {"id": "U1", "tz_offset": 3600}, "error": "x", "list": ["a", 1.5, None]}) == {
        "ok": True,
        "user": {"id": "…", "tz_offset": 0},
        "error": "x",
        "list": ["…", 0, None],
    }


def test_without_a_token_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({}) == 2
    assert "TRY_SLACK_TOKEN" in capsys.readouterr().err


def test_every_step_posts_what_slack_accepts_or_refuses_as_it_says(ws: Workspace) -> None:
    """The names of the steps say which ones are refused."""
    from slack_sdk import WebClient

    with without_proxies():
        user = ws.person("ada")
        taken = run_steps(WebClient(ws.bot_token, ws.api_url), user, commands_in(ws, user))
        found = {step.name: each.status for step, each in taken}
    refused = {name: status for name, status in found.items() if status != "ok"}
    assert refused == {
        "a person that does not exist": "user_not_found",
        "a channel that does not exist": "channel_not_found",
        "rich text in a container": "invalid_blocks",
        "an empty cell": "invalid_blocks",
        "two tables": "invalid_blocks",
        "a section that is too long": "invalid_blocks",
        "an unknown block": "invalid_blocks",
        "update a stream": "streaming_state_conflict",
        "a malformed chunk": "invalid_chunks",
        "stop it again": "message_not_in_streaming_state",
        "a modal without a trigger": "invalid_trigger_id",
        "a modal that is not open": "not_found",
        "the same reaction": "already_reacted",
        "an empty upload": "missing_argument",
        "a file that does not exist": "file_not_found",
    }
