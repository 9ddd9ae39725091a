"""Sessions of agents, Slack's own Stop button, and the channel that a person looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace, open_workspace
from tests.bot.demo.slack_server.conftest import web_client
from tests.support.slack_workspace import AGENT_MANIFEST, MANIFEST, without_proxies


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with without_proxies(), open_workspace(manifest=AGENT_MANIFEST) as ws:
        yield ws


@pytest.fixture
def direct(ws: Workspace) -> str:
    return ws.direct(ws.person("ada"))


@pytest.fixture
def asked(ws: Workspace, direct: str) -> str:
    return ws.post("ada", direct, "which port?")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SlackApiError) as refused:
        call()
    return str(refused.value.response["error"])


def test_session_keeps_its_first_title(ws: Workspace, client: WebClient, direct: str, asked: str) -> None:
    [ada] = [id for id in ws.conversation(direct).members if id != ws.bot_user]
    here = {"channel_id": direct, "thread_ts": asked}
    begun = client.agents_sessions_setStatus(**here, status="processing", title="port", initiator_user_id=ada)
    assert (begun["status"], begun["agent_status"], begun["title"]) == ("processing", "processing", "port")
    assert "warning" not in begun.data
    client.agents_sessions_setStatus(**here, status="active", title="another")
    session = ws.session(direct, asked)
    assert session is not None
    assert (session.status, session.title) == ("active", "port")
    client.agents_sessions_rename(**here, title="ports")
    assert ws.session(direct, asked).title == "ports"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"status": "is reading"}, "invalid_arguments"),
        ({"title": "x" * 201}, "invalid_arguments"),
        ({"thread_ts": None}, "invalid_arguments"),
        ({"thread_ts": "1.000001"}, "invalid_thread_ts"),
        ({"initiator_user_id": "U0MISSING"}, "user_not_in_channel"),
        ({"channel_id": "C0MISSING"}, "channel_not_found"),
    ],
)
def test_wrong_argument_of_a_session_is_refused(
    client: WebClient, direct: str, asked: str, arguments: dict[str, str], error: str
) -> None:
    given = {"channel_id": direct, "thread_ts": asked, "status": "processing", **arguments}
    assert refusal(lambda: client.agents_sessions_setStatus(**given)) == error


def test_session_that_does_not_exist_has_no_name(client: WebClient, direct: str, asked: str) -> None:
    rename = {"channel_id": direct, "thread_ts": asked, "title": "x"}
    assert refusal(lambda: client.agents_sessions_rename(**rename)) == "session_not_found"


def test_only_an_agent_has_sessions() -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        direct = ws.direct(ws.person("ada"))
        ts = ws.post("ada", direct, "which port?")
        call = {"channel_id": direct, "thread_ts": ts, "status": "processing"}
        assert refusal(lambda: web_client(ws).agents_sessions_setStatus(**call)) == "not_allowed"
        ws.look_at("ada", ws.channel("harbor", ["ada"]))
        assert not ws.envelopes("app_context_changed")


def test_app_without_the_stop_event_is_warned(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(AGENT_MANIFEST.read_text().replace("      - agent_session_stopped\n", ""))
    with without_proxies(), open_workspace(manifest=manifest) as ws:
        direct = ws.direct(ws.person("ada"))
        here = {"channel_id": direct, "thread_ts": ws.post("ada", direct, "which port?")}
        answer = web_client(ws).agents_sessions_setStatus(**here, status="processing")
        assert answer["warning"] == "missing_agent_session_stopped_event_subscription"


def test_stream_is_a_session_and_stop_ends_it(ws: Workspace, client: WebClient, direct: str, asked: str) -> None:
    begun = client.chat_startStream(channel=direct, thread_ts=asked, markdown_text="one ")["ts"]
    assert ws.session(direct, asked).status == "processing"  # type: ignore[union-attr]
    ws.stop_session("ada", direct, asked)
    [envelope] = ws.envelopes("agent_session_stopped")
    event = envelope.payload["event"]
    assert (event["channel"], event["thread_ts"], event["streaming_message_ts"]) == (direct, asked, [begun])
    append = {"channel": direct, "ts": begun, "markdown_text": "two"}
    assert refusal(lambda: client.chat_appendStream(**append)) == "stopped_by_user"
    assert refusal(lambda: client.chat_stopStream(channel=direct, ts=begun)) == "stopped_by_user"
    assert ws.session(direct, asked).status == "processing"  # type: ignore[union-attr]
    client.chat_update(channel=direct, ts=begun, text="Stopped.")
    client.agents_sessions_setStatus(channel_id=direct, thread_ts=asked, status="active")
    with pytest.raises(LookupError):
        ws.stop_session("ada", direct, asked)


def test_end_of_a_stream_sets_the_status_of_its_session(
    ws: Workspace, client: WebClient, direct: str, asked: str
) -> None:
    for status, shown in (("suspended", "suspended"), (None, "active")):
        begun = client.chat_startStream(channel=direct, thread_ts=asked, markdown_text="one ")["ts"]
        client.chat_stopStream(channel=direct, ts=begun, session_status=status)
        assert ws.session(direct, asked).status == shown  # type: ignore[union-attr]
    begun = client.chat_startStream(channel=direct, thread_ts=asked, markdown_text="one ")["ts"]
    assert (
        refusal(lambda: client.chat_stopStream(channel=direct, ts=begun, session_status="done")) == "invalid_arguments"
    )


def test_person_who_looks_at_a_channel_is_reported(ws: Workspace, direct: str) -> None:
    channel = ws.channel("harbor", ["ada"])
    ws.look_at("ada", channel)
    ws.look_at("ada")
    first, second = [each.payload["event"] for each in ws.envelopes("app_context_changed")]
    assert first["context"]["entities"][0]["value"] == channel
    assert (first["channel"], second["context"]) == (direct, {})


def test_renamed_session_is_reported_to_subscribers(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yml"
    subscribed = "      - agent_session_stopped\n"
    more = f"{subscribed}      - agent_session_title_changed\n"
    manifest.write_text(AGENT_MANIFEST.read_text().replace(subscribed, more))
    with without_proxies(), open_workspace(manifest=manifest) as ws:
        direct = ws.direct(ws.person("ada"))
        here = {"channel_id": direct, "thread_ts": ws.post("ada", direct, "which port?")}
        web_client(ws).agents_sessions_setStatus(**here, status="active", title="port")
        ws.rename_session("ada", direct, here["thread_ts"], "ports")
        [envelope] = ws.envelopes("agent_session_title_changed")
        event = envelope.payload["event"]
        assert (event["title"], event["previous_title"]) == ("ports", "port")


def test_at_most_four_prompts_are_suggested(client: WebClient, direct: str) -> None:
    prompts = [{"title": "New", "message": "What?"}] * 5
    suggest = partial(client.assistant_threads_setSuggestedPrompts, channel_id=direct, prompts=prompts)
    assert refusal(suggest) == "invalid_arguments"
