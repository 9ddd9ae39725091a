"""The calls of Slack's Web API whose outcome Magpie relies on, each with what it should be compared by.

Every step posts only in the direct message with one person and deletes what it posted. A step sees the results of those
before it by their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.agent_sessions import AGENT_SCOPE
from bot.slack.blocks import container, section
from bot.slack.rich_text import rich_blocks
from bot.slack.settings_view import SettingsForm, loading_view, settings_view

Json: TypeAlias = dict[str, Any]

TABLE = "| Relay | Hours |\n|--|--:|\n| Crane | 72 |\n| | 31 |\n"
MARKDOWN = f"## Ports\n\nThe **gateway** uses `8443` [1].\n\n1. one\n   - two\n\n> three\n\n```\nx = 1\n```\n\n{TABLE}"


_JSON = (
    "chat.postMessage",
    "chat.update",
    "chat.startStream",
    "chat.appendStream",
    "chat.stopStream",
    "agents.",
    "views.",
)
"""Methods, or beginnings of their names, whose arguments are a JSON object. Those of the others are a form."""


GetTrigger: TypeAlias = Callable[[str], str]
"""Returns the trigger of a slash command that a person uses now in a conversation: it is valid for three seconds."""


@dataclass
class Run:
    """One run of the steps. `user`: the person in whose direct message they post. `results`: responses by step.
    `get_trigger`: None if no one uses a command; the steps that need it are left out then."""

    client: WebClient
    user: str
    get_trigger: GetTrigger | None = None
    results: dict[str, Json] = field(default_factory=dict)

    @property
    def direct(self) -> str:
        return str(self.results["conversations.open"]["channel"]["id"])

    def ts(self, step: str) -> str:
        return str(self.results[step].get("ts", "0.000001"))

    def view(self, step: str) -> str:
        """Return the id of the modal that a step opened."""
        return str((self.results.get(step, {}).get("view") or {}).get("id", "V00000000"))

    @property
    def is_agent(self) -> bool:
        return AGENT_SCOPE in self.results["auth.test"]["scopes"]


@dataclass(frozen=True)
class Step:
    """One call. `keys`: fields of the response that both must have. `only_agents`: left out for other apps.
    `needs_trigger`: left out if no one uses a command."""

    name: str
    method: str
    arguments: Callable[[Run], Json]
    keys: tuple[str, ...] = ()
    only_agents: bool = False
    needs_trigger: bool = False

    def is_possible(self, run: Run) -> bool:
        """Return whether a run can take this step, once it has the result of `auth.test`."""
        return (run.is_agent or not self.only_agents) and (run.get_trigger is not None or not self.needs_trigger)


def _post(name: str, make_blocks: Callable[[], list[Json]]) -> Step:
    def arguments(run: Run) -> Json:
        question = run.ts("post a question")
        return {"channel": run.direct, "thread_ts": question, "text": name, "blocks": make_blocks()}

    return Step(name, "chat.postMessage", arguments, ("ts", "channel", "message"))


def _table(*cells: str) -> list[Json]:
    return [{"type": "table", "rows": [[{"type": "raw_text", "text": cell} for cell in cells]]}]


def _in_thread(run: Run, **more: Any) -> Json:
    return {"channel": run.direct, "thread_ts": run.ts("post a question"), **more}


def _task(status: str) -> Json:
    return {"type": "task_update", "id": "search", "title": "Search the files", "status": status}


def _session(status: str, **more: str) -> Callable[[Run], Json]:
    return lambda run: {"channel_id": run.direct, "thread_ts": run.ts("post a question"), "status": status, **more}


def _of_stream(run: Run) -> Json:
    return {"channel": run.direct, "ts": run.ts("start a stream")}


def _open_settings(run: Run) -> Json:
    trigger = run.get_trigger(run.direct) if run.get_trigger is not None else ""
    return {"trigger_id": trigger, "view": loading_view()}


def _settings(run: Run) -> Json:
    form = SettingsForm(run.direct, 1.5, True, "de", ["image", "pdf"], [run.user], "weekly")
    return {"view_id": run.view("open the settings"), "view": settings_view(form, direct=False)}


STEPS = (
    Step("auth.test", "auth.test", lambda _: {}, ("url", "team_id", "user_id", "bot_id")),
    Step("conversations.open", "conversations.open", lambda run: {"users": run.user}, ("channel",)),
    Step("users.info", "users.info", lambda run: {"user": run.user}, ("user",)),
    Step("a person that does not exist", "users.info", lambda _: {"user": "U00000000"}),
    Step("conversations.info", "conversations.info", lambda run: {"channel": run.direct}, ("channel",)),
    Step("a channel that does not exist", "conversations.info", lambda _: {"channel": "C00000000"}),
    Step("users.conversations", "users.conversations", lambda _: {"limit": 1, "types": "im"}, ("channels",)),
    Step(
        "post a question",
        "chat.postMessage",
        lambda run: {"channel": run.direct, "text": "make try-slack: which port?"},
        ("ts", "channel", "message"),
    ),
    _post("rich text, code and a table", lambda: rich_blocks(MARKDOWN, 9000)),
    _post("a container", lambda: [container("1 more passage", [section("[4] handbook.pdf, p. 9")])]),
    _post("rich text in a container", lambda: [container("1 more passage", rich_blocks("a", 100))]),
    _post("a table of raw text", lambda: _table("a", "b")),
    _post("an empty cell", lambda: _table("a", "")),
    _post("two tables", lambda: [*_table("a"), *_table("b")]),
    _post("a section that is too long", lambda: [section("x" * 3001)]),
    _post("an unknown block", lambda: [{"type": "whistle"}]),
    Step(
        "update",
        "chat.update",
        lambda run: {"channel": run.direct, "ts": run.ts("a container"), "text": "x", "blocks": [section("x")]},
        ("ts", "channel", "text"),
    ),
    Step("start a stream", "chat.startStream", lambda run: _in_thread(run, chunks=[_task("in_progress")]), ("ts",)),
    Step(
        "append to a stream",
        "chat.appendStream",
        lambda run: {
            "channel": run.direct,
            "ts": run.ts("start a stream"),
            "chunks": [_task("complete"), {"type": "markdown_text", "text": "Port **8443** [1]."}],
        },
        ("ts",),
    ),
    Step(
        "update a stream",
        "chat.update",
        lambda run: {"channel": run.direct, "ts": run.ts("start a stream"), "text": "x"},
    ),
    Step(
        "a malformed chunk",
        "chat.appendStream",
        lambda run: {"channel": run.direct, "ts": run.ts("start a stream"), "chunks": [{"type": "whistle"}]},
    ),
    Step(
        "stop a stream", "chat.stopStream", lambda run: {"channel": run.direct, "ts": run.ts("start a stream")}, ("ts",)
    ),
    Step("stop it again", "chat.stopStream", lambda run: {"channel": run.direct, "ts": run.ts("start a stream")}),
    Step(
        "update what was streamed",
        "chat.update",
        lambda run: {"channel": run.direct, "ts": run.ts("start a stream"), "text": "x", "blocks": [section("x")]},
        ("ts",),
    ),
    Step("a session", "agents.sessions.setStatus", _session("processing", title="port"), ("status",), only_agents=True),
    Step("a status that does not exist", "agents.sessions.setStatus", _session("reading"), only_agents=True),
    Step("the end of a session", "agents.sessions.setStatus", _session("active"), ("status",), only_agents=True),
    Step("a modal without a trigger", "views.open", lambda _: {"trigger_id": "1.2.0", "view": loading_view()}),
    Step("a modal that is not open", "views.update", lambda _: {"view_id": "V00000000", "view": loading_view()}),
    Step("open the settings", "views.open", _open_settings, ("view",), needs_trigger=True),
    Step("show the settings", "views.update", _settings, ("view",), needs_trigger=True),
    Step(
        "a reaction",
        "reactions.add",
        lambda run: {"channel": run.direct, "timestamp": run.ts("post a question"), "name": "eyes"},
    ),
    Step(
        "the same reaction",
        "reactions.add",
        lambda run: {"channel": run.direct, "timestamp": run.ts("post a question"), "name": "eyes"},
    ),
    Step(
        "a link to a message",
        "chat.getPermalink",
        lambda run: {"channel": run.direct, "message_ts": run.ts("post a question")},
        ("permalink",),
    ),
    Step(
        "an upload",
        "files.getUploadURLExternal",
        lambda _: {"filename": "page.png", "length": 8},
        ("upload_url", "file_id"),
    ),
    Step("an empty upload", "files.getUploadURLExternal", lambda _: {"filename": "page.png", "length": 0}),
    Step("a file that does not exist", "files.info", lambda _: {"file": "F00000000"}),
    Step("files.list", "files.list", lambda _: {"count": 1}, ("files", "paging")),
)


@dataclass(frozen=True)
class Outcome:
    """What a call returned: "ok" or the error, the fields of `Step.keys` that are missing, and the response."""

    status: str
    missing: tuple[str, ...]
    response: Mapping[str, Any]

    @property
    def summary(self) -> str:
        return f"{self.status}, without {', '.join(self.missing)}" if self.missing else self.status


def run_steps(client: WebClient, user: str, get_trigger: GetTrigger | None = None) -> Iterator[tuple[Step, Outcome]]:
    """Yield each step with its outcome, then delete what was posted."""
    run = Run(client, user, get_trigger)
    try:
        for step in STEPS:
            if not run.results or step.is_possible(run):
                yield step, _take(run, step)
    finally:
        _clean_up(run)


def _take(run: Run, step: Step) -> Outcome:
    try:
        arguments = step.arguments(run)
        if step.method.startswith(_JSON):  # as the SDK sends them
            response = run.client.api_call(step.method, json=arguments)
        else:
            response = run.client.api_call(step.method, params=arguments)
    except SlackApiError as error:
        body = error.response.data if isinstance(error.response.data, dict) else {}
        run.results[step.name] = body
        return Outcome(str(body.get("error") or error.response.status_code), (), body)
    body = response.data if isinstance(response.data, dict) else {}
    scopes = str(response.headers.get("x-oauth-scopes", ""))
    run.results[step.name] = {**body, "scopes": {scope.strip() for scope in scopes.split(",")}}
    return Outcome("ok", tuple(key for key in step.keys if key not in body), body)


def _clean_up(run: Run) -> None:
    if "conversations.open" not in run.results:
        return
    for step in reversed(STEPS):  # replies before the message that they reply to
        ts = run.results.get(step.name, {}).get("ts")
        if ts and step.method in ("chat.postMessage", "chat.startStream"):
            try:
                run.client.chat_delete(channel=run.direct, ts=ts)
            except SlackApiError as error:
                print(f"Could not delete the message of “{step.name}”: {error.response['error']}")  # noqa: T201
