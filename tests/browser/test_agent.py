"""An agent in the browser: sessions with Slack's own Stop, a streamed answer and its tasks, suggested questions."""

from __future__ import annotations

import pytest

from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import web_client
from tests.browser.checks import check
from tests.browser.conftest import Visit
from tests.browser.window import PHONE
from tests.support.slack_workspace import AGENT_MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=AGENT_MANIFEST)


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


def test_streamed_answer_shows_its_tasks_and_can_be_stopped(
    visit: Visit, ws: Workspace, team: DemoTeam, axe: str | None
) -> None:
    client, direct = web_client(ws), ws.direct("ada")
    ts = ws.post("ada", direct, "Which port does the gateway use?")
    client.agents_sessions_setStatus(channel_id=direct, thread_ts=ts, status="processing", title="The gateway's port")
    tasks = [("a", "Search the files", "complete"), ("b", "Write the answer", "in_progress")]
    chunks = [{"type": "task_update", "id": id, "title": title, "status": status} for id, title, status in tasks]
    begun = client.chat_startStream(channel=direct, thread_ts=ts, chunks=chunks)["ts"]
    text = {"type": "markdown_text", "text": "The gateway listens on port **8443** [1]."}
    client.chat_appendStream(channel=direct, ts=begun, chunks=[text])
    window = visit()
    window.enter("Magpie")
    window.open_thread("Which port")
    thread = window.page.locator("#thread")
    thread.locator("h2", has_text="The gateway's port").wait_for()
    assert thread.locator(".tasks li").all_inner_texts() == ["doneSearch the files", "in progressWrite the answer"]
    assert thread.locator("strong", has_text="8443").count() == 1
    check(window, axe)
    window.shot("stream-1")
    thread.get_by_role("button", name="Stop").click()
    ws.wait(lambda: ws.envelopes("agent_session_stopped"), 10, "the event of Stop")
    client.chat_update(channel=direct, ts=begun, text="Stopped.")
    client.agents_sessions_setStatus(channel_id=direct, thread_ts=ts, status="active")
    thread.get_by_role("button", name="Stop").wait_for(state="hidden")
    assert thread.locator(".tasks").count() == 0


def test_agent_is_told_which_channel_is_looked_at_and_suggests_questions(
    visit: Visit, ws: Workspace, team: DemoTeam
) -> None:
    window = visit(viewport=PHONE)
    ws.wait(lambda: ws.envelopes("app_context_changed"), 10, "the event of a channel")
    [entity] = ws.envelopes("app_context_changed")[-1].payload["event"]["context"]["entities"]
    assert entity["value"] in {one.id for one in ws.conversations()}
    window.page.goto(window.page.url.partition("#")[0] + f"#/{team.ada}/{ws.direct('ada')}")
    window.page.get_by_role("button", name="What is new?").click()
    assert window.page.locator("#conversation textarea").input_value() == "What was shared this week?"
