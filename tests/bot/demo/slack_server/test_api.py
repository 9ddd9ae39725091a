"""The door of the Web API: forms of arguments, tokens, scopes, membership, faults."""

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


def test_query_form_and_json_are_one(ws: Workspace) -> None:
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
def test_refused_at_the_door(ws: Workspace, token: str, method: str, error: str) -> None:
    known = {"app": ws.app_token, "bot": ws.bot_token}
    with pytest.raises(SlackApiError) as refusal:
        WebClient(token=known.get(token, token), base_url=ws.api_url).api_call(method)
    assert refused(refusal) == error


def test_who_am_i(ws: Workspace, client: WebClient) -> None:
    answer = client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (ws.team_id, ws.bot_user, ws.bot_id)
    assert "files:read" in answer.headers["x-oauth-scopes"].split(",")
    assert client.bots_info(bot=ws.bot_id)["bot"]["user_id"] == ws.bot_user


def test_scopes() -> None:
    with open_workspace(scopes=["channels:read"]) as ws:
        client, room = WebClient(token=ws.bot_token, base_url=ws.api_url), ws.channel("papers", [ws.person("ada")])
        assert client.conversations_info(channel=room)["channel"]["name"] == "papers"
        with pytest.raises(SlackApiError) as refusal:
            client.chat_postMessage(channel=room, text="hello")
        assert refusal.value.response.data == {
            "ok": False,
            "error": "missing_scope",
            "needed": "chat:write",
            "provided": "channels:read",
        }
        with pytest.raises(SlackApiError) as refusal:
            client.users_conversations(types=["public_channel", "im"])
        assert refusal.value.response["needed"] == "im:read"


def test_where_the_bot_is_not(ws: Workspace, client: WebClient) -> None:
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
    ws.archive(room := ws.channel("past", ["ada"]))
    with pytest.raises(SlackApiError, match="is_archived"):
        client.chat_postMessage(channel=room, text="hello")


def test_the_manifest_says_what_is_granted(tmp_path_factory: pytest.TempPathFactory) -> None:
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


def test_a_rate_limit_passes(ws: Workspace, client: WebClient) -> None:
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    ws.faults.fail("auth.test", status=429, retry_after=0)
    assert client.auth_test()["ok"]
    assert len(ws.called("auth.test")) == 2


def test_a_rate_limit_says_how_long(ws: Workspace, client: WebClient) -> None:
    ws.faults.fail("auth.test", status=429, retry_after=7)
    with pytest.raises(SlackApiError) as refusal:
        client.auth_test()
    assert (refusal.value.response.status_code, refusal.value.response.headers["Retry-After"]) == (429, "7")
    assert refused(refusal) == "ratelimited"


def test_errors_count_down(ws: Workspace, client: WebClient) -> None:
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
def test_a_dropped_connection_did_the_work_or_did_not(ws: Workspace, drop: str, posted: int) -> None:
    client = WebClient(token=ws.bot_token, base_url=ws.api_url, retry_handlers=[])
    room = ws.channel("papers", [ws.person("ada")])
    ws.faults.fail("chat.postMessage", drop="after" if drop == "after" else "before")
    with pytest.raises(OSError):
        client.chat_postMessage(channel=room, text="hello")
    assert len(ws.messages(room)) == posted


def test_the_same_port_after_an_absence(ws: Workspace, client: WebClient) -> None:
    client.auth_test()
    with ws.unreachable(), pytest.raises(OSError):
        client.auth_test()
    assert client.auth_test()["ok"]


def test_nothing_is_left_behind(listen: Connect) -> None:
    with open_workspace() as ws:
        port = int(ws.host.split(":")[1])
        listen(ws)
        with pytest.raises(OSError), open_workspace(port):
            pass
    assert not [each for each in threading.enumerate() if each.name.startswith("workspace")]
    with open_workspace(port) as ws:
        assert ws.host == f"127.0.0.1:{port}"


def test_a_wait_in_vain_says_for_what(ws: Workspace) -> None:
    with pytest.raises(TimeoutError, match="the moon"):
        ws.wait(lambda: False, 0.01, "the moon")
