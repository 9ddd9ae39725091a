"""`magpie doctor` for Slack: every check, and the fix for every fault."""

from __future__ import annotations

import pytest
import yaml
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.cli.manifest import manifest_scopes
from bot.demo.slack_server import Workspace, open_workspace
from bot.slack.doctor import GRANTED, slack_checks
from rag import BadSetting, Check
from tests.flows.team import HANDBOOK, slack_settings
from tests.support.slack_workspace import MANIFEST, without_proxies, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


def checks(ws: Workspace, **settings: object) -> dict[str, Check]:
    return {check.name: check for check in slack_checks(lambda: slack_settings(ws, **settings), 200)}


def test_all_checks_pass_and_leave_nothing_in_slack(ws: Workspace) -> None:
    ada = ws.person("ada")
    room = ws.channel("harbor", members=[ada])
    ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)])
    found = checks(ws)
    assert {name: check.status for name, check in found.items()} == dict.fromkeys(
        ("slack token", "slack scopes", "slack socket", "slack file"), "ok"
    )
    assert f"{len(HANDBOOK):,} bytes of handbook.pdf" in found["slack file"].detail
    assert [one.user for one in ws.messages(room)] == [ada]
    assert [file.name for file in ws.files() if file.shares] == ["handbook.pdf"]


def test_required_scopes_are_in_the_manifest() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text())
    assert set(GRANTED) <= set(manifest["oauth_config"]["scopes"]["bot"]) == set(manifest_scopes())


def test_scope_of_a_newer_manifest_gives_a_warning(ws: Workspace) -> None:
    newer = [*GRANTED, "assistant:write", "canvases:read"]
    found = {check.name: check for check in slack_checks(lambda: slack_settings(ws), 200, None, newer)}
    check = found["slack scopes"]
    assert check.status == "warn"
    assert "without assistant:write, canvases:read" in check.detail
    assert "install it again" in check.fix


@pytest.mark.parametrize("scope", GRANTED)
def test_missing_scope_is_named(scope: str) -> None:
    with without_proxies(), open_workspace(scopes=set(GRANTED) - {scope}) as ws:
        check = checks(ws)["slack scopes"]
    assert check.status == "fail"
    assert check.detail == f"missing: {scope}"
    assert "install it again" in check.fix


def test_wrong_tokens_fail_with_a_fix(ws: Workspace) -> None:
    found = checks(ws, bot_token=SecretStr("xoxb-wrong"))
    assert list(found) == ["slack token"]
    assert found["slack token"].status == "fail"
    assert "OAuth & Permissions" in found["slack token"].fix
    socket = checks(ws, app_token=SecretStr("xapp-wrong"))["slack socket"]
    assert socket.status == "fail"
    assert "connections:write" in socket.fix


def test_other_bots_with_the_same_tokens_give_a_warning(ws: Workspace) -> None:
    from slack_bolt import App
    from slack_sdk import WebClient

    client = WebClient(token=ws.bot_token, base_url=ws.api_url)
    handlers = [SocketModeHandler(App(client=client), ws.app_token) for _ in range(2)]
    for handler in handlers:
        handler.connect()  # type: ignore[no-untyped-call]
    try:
        ws.wait(lambda: ws.connections == 2)
        check = checks(ws)["slack socket"]
    finally:
        for handler in handlers:
            handler.close()  # type: ignore[no-untyped-call]
    assert check.status == "warn"
    assert "2 other connections" in check.detail


def test_login_page_instead_of_the_file_fails(ws: Workspace) -> None:
    ws.post(ws.person("ada"), ws.channel("harbor", members=["ada"]), files=[("handbook.pdf", HANDBOOK)])
    ws.faults.html_login(5)
    check = checks(ws)["slack file"]
    assert check.status == "fail"
    assert "login" in check.detail
    assert "files:read" in check.fix


def test_unreachable_slack_fails(ws: Workspace) -> None:
    with ws.unreachable():
        found = checks(ws)
    assert found["slack token"].status == "fail"
    assert "cannot be reached" in found["slack token"].detail


def test_missing_settings_give_a_warning() -> None:
    def none() -> object:
        raise BadSetting("SLACK_BOT_TOKEN is not set.", "README")

    (check,) = slack_checks(none, 200)  # type: ignore[arg-type]
    assert (check.name, check.status, check.fix) == ("slack", "warn", "README")
