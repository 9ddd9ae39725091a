"""Web API calls: forms of arguments, tokens, scopes, membership and faults."""

from __future__ import annotations

import json
import threading

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.demo.slack_server import Workspace, open_workspace
from tests.bot.demo.slack_server.conftest import Connect


def refused(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(error.value.response["error"])


def test_arguments_come_as_query_form_or_json(ws: Workspace) -> None:
    ada = ws.person("ada")
    headers = {"Authorization": f"Bearer {ws.bot_token}"}
    with httpx.Client(trust_env=False, base_url=ws.api_url, headers=headers) as http:
        answers = [
            http.get("users.info", params={"user": ada, "team_id": ws.team_id}),
            http.post("users.info", data={"user": ada}),
            http.post("users.info", json={"user": ada}),
            http.post("users.info", params={"user": ada}, headers={"content-type": "application/json"}),
        ]
        assert [each.json()["user"]["id"] for each in answers] == [ada] * 4
        assert http.post("users.info", content=b"{", headers={"content-type": "application/json"}).json() == {
            "ok": False,
            "error": "invalid_json",
        }
    assert ws.called("users.info")[:2] == [{"user": ada, "team_id": ws.team_id}, {"user": ada}]


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-other", "auth.test", "invalid_auth"),
        ("app", "auth.test", "not_allowed_token_type"),
        ("bot", "apps.connections.open", "not_allowed_token_type"),
        ("bot", "chat.whistle", "unknown_method"),
        ("bot", "chat.postMessage", "invalid_arguments"),
    ],
)
def test_rejects_invalid_calls(ws: Workspace, token: str, method: str, error: str) -> None:
    known = {"app": ws.app_token, "bot": ws.bot_token}
    with pytest.raises(SlackApiError) as refusal:
        WebClient(token=known.get(token, token), base_url=ws.api_url).api_call(method)
    assert refused(refusal) == error


def test_auth_test_identifies_the_bot(ws: Workspace, client: WebClient) -> None:
    answer = client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (ws.team_id, ws.bot_user, ws.bot_id)
    assert "files:read" in answer.headers["x-oauth-scopes"].split(",")
    assert client.bots_info(bot=ws.bot_id)["bot"]["user_id"] == ws.bot_user


def test_missing_scope_is_reported() -> None:
    with open_workspace(scopes=["channels:read"]) as ws:
        client, channel = WebClient(token=ws.bot_token, base_url=ws.api_url), ws.channel("papers", [ws.person("ada")])
        assert client.conversations_info(channel=channel)["channel"]["name"] == "papers"
        with pytest.raises(SlackApiError) as refusal:
            client.chat_postMessage(channel=channel, text="hello")
        assert refusal.value.response.data == {
            "ok": False,
            "error": "missing_scope",
            "needed": "chat:write",
            "provided": "channels:read",
        }
        with pytest.raises(SlackApiError) as refusal:
            client.users_conversations(types=["public_channel", "im"])
        assert refusal.value.response["needed"] == "im:read"


def test_bot_cannot_use_conversations_it_is_not_in(ws: Workspace, client: WebClient) -> None:
    public = ws.channel("open", [ws.person("ada")], with_bot=False)
    private = ws.channel("closed", ["ada"], private=True, with_bot=False)
    assert not client.conversations_info(channel=public)["channel"]["is_member"]
    for channel, error in ((public, "not_in_channel"), (private, "channel_not_found"), ("C404", "channel_not_found")):
        with pytest.raises(SlackApiError) as refusal:
            client.conversations_history(channel=channel)
        assert refused(refusal) == error
        with pytest.raises(SlackApiError) as refusal:
            client.chat_postMessage(channel=channel, text="hello")
        assert refused(refusal) == error
    ws.archive(channel := ws.channel("past", ["ada"]))
    with pytest.raises(SlackApiError, match="is_archived"):
        client.chat_postMessage(channel=channel, text="hello")


def test_scopes_come_from_the_manifest(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("app") / "manifest.yml"
    path.write_text(
        json.dumps(
            {
                "oauth_config": {"scopes": {"bot": ["chat:write"]}},
                "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}},
            }
        )
    )
    with open_workspace(manifest=path) as ws, pytest.raises(SlackApiError, match="missing_scope"):
        WebClient(token=ws.bot_token, base_url=ws.api_url).users_list()


# ---------------------------------------------------------------- faults


def test_client_retries_after_a_rate_limit(ws: Workspace, client: WebClient) -> None:
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    ws.faults.fail("auth.test", status=429, retry_after=0)
    assert client.auth_test()["ok"]
    assert len(ws.called("auth.test")) == 2


def test_rate_limit_sets_retry_after(ws: Workspace, client: WebClient) -> None:
    ws.faults.fail("auth.test", status=429, retry_after=7)
    with pytest.raises(SlackApiError) as refusal:
        client.auth_test()
    assert (refusal.value.response.status_code, refusal.value.response.headers["Retry-After"]) == (429, "7")
    assert refused(refusal) == "ratelimited"


def test_faults_happen_the_given_number_of_times(ws: Workspace, client: WebClient) -> None:
    ws.faults.fail("*", times=2, status=503)
    ws.faults.fail("users.list", error="fatal_error")
    for _ in range(2):
        with pytest.raises(SlackApiError) as refusal:
            client.auth_test()
        assert refusal.value.response.status_code == 503
    with pytest.raises(SlackApiError, match="fatal_error"):
        client.users_list()
    assert client.users_list()["ok"]


@pytest.mark.parametrize(("drop", "posted"), [("before", 0), ("after", 1)])
def test_connection_is_dropped_before_or_after_the_work(ws: Workspace, drop: str, posted: int) -> None:
    client = WebClient(token=ws.bot_token, base_url=ws.api_url, retry_handlers=[])
    channel = ws.channel("papers", [ws.person("ada")])
    ws.faults.fail("chat.postMessage", drop="after" if drop == "after" else "before")
    with pytest.raises(OSError):
        client.chat_postMessage(channel=channel, text="hello")
    assert len(ws.messages(channel)) == posted


def test_server_returns_on_the_same_port(ws: Workspace, client: WebClient) -> None:
    client.auth_test()
    with ws.unreachable(), pytest.raises(OSError):
        client.auth_test()
    assert client.auth_test()["ok"]


def test_closing_frees_the_port_and_ends_all_threads(connect_socket: Connect) -> None:
    with open_workspace() as ws:
        port = int(ws.host.split(":")[1])
        connect_socket(ws)
        with pytest.raises(OSError), open_workspace(port):
            pass
    assert not [each for each in threading.enumerate() if each.name.startswith("workspace")]
    with open_workspace(port) as ws:
        assert ws.host == f"127.0.0.1:{port}"


def test_wait_timeout_names_the_condition(ws: Workspace) -> None:
    with pytest.raises(TimeoutError, match="the moon"):
        ws.wait(lambda: False, 0.01, "the moon")
