"""The Slack client: errors, retries and pagination."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from bot.slack.blocks import section
from bot.slack.client import SlackClient
from bot.slack.errors import RateLimited, Refused, Stopping
from bot.slack.transport import RetryPolicy
from rag import OperatorMustAct, TryAgain
from tests.flows.team import slack_settings
from tests.support.slack_workspace import MANIFEST, without_proxies


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        yield ws


@pytest.fixture
def ws(workspace: Workspace) -> Iterator[Workspace]:
    yield workspace
    workspace.faults.clear()


@pytest.fixture(scope="module")
def room(workspace: Workspace) -> str:
    return workspace.channel("harbor", members=[workspace.person("ada")])


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> SlackClient:
    return SlackClient(slack_settings(workspace))


@pytest.mark.parametrize(
    ("error", "kind"),
    [("channel_not_found", Refused), ("missing_scope", OperatorMustAct), ("internal_error", TryAgain)],
)
def test_maps_each_error_of_slack(ws: Workspace, client: SlackClient, room: str, error: str, kind: type) -> None:
    ws.faults.fail("conversations.info", error=error)
    with pytest.raises(kind, match=error):
        client.get_conversation(room)


TEMPORARY = (
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "team_added_to_org",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
)
TOKEN = (
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "not_allowed_token_type",
    "org_login_required",
    "ekm_access_denied",
)


@pytest.mark.parametrize("code", TEMPORARY)
def test_temporary_code_means_try_again(ws: Workspace, client: SlackClient, room: str, code: str) -> None:
    ws.faults.fail("conversations.info", error=code)
    with pytest.raises(TryAgain):
        client.get_conversation(room)


@pytest.mark.parametrize("code", TOKEN)
def test_code_about_the_token_means_that_the_operator_must_act(
    ws: Workspace, client: SlackClient, room: str, code: str
) -> None:
    ws.faults.fail("conversations.info", error=code)
    with pytest.raises(OperatorMustAct, match=code):
        client.get_conversation(room)


@pytest.mark.parametrize(
    "body", ["", "<!DOCTYPE html><html><body>Be right back</body></html>", '{"ok": tr', "[]", "{}"]
)
@pytest.mark.parametrize("method", ["conversations.info", "chat.postMessage", "files.info"])
def test_response_that_is_not_the_json_of_slack_means_try_again(
    ws: Workspace, client: SlackClient, room: str, method: str, body: str
) -> None:
    calls: dict[str, Callable[[], object]] = {
        "conversations.info": lambda: client.get_conversation(room),
        "chat.postMessage": lambda: client.post_message(room, "hello", [section("hello")]),
        "files.info": lambda: client.get_file("F0000000001"),
    }
    ws.faults.fail(method, body=body)
    with pytest.raises(TryAgain):
        calls[method]()


def test_prompt_client_reports_how_long_slack_asks_to_wait(ws: Workspace, room: str) -> None:
    prompt = SlackClient(slack_settings(ws), RetryPolicy.PROMPT)
    ws.faults.fail("conversations.info", status=429, retry_after=17)
    with pytest.raises(RateLimited) as raised:
        prompt.get_conversation(room)
    assert raised.value.seconds == 17


def test_stop_ends_the_wait_of_a_patient_client(ws: Workspace, room: str) -> None:
    stop = threading.Event()
    stop.set()
    patient = SlackClient(slack_settings(ws), stop=stop)
    ws.faults.fail("conversations.info", status=429, retry_after=600)
    with pytest.raises(Stopping):
        patient.get_conversation(room)


def test_unreachable_slack_means_try_again(ws: Workspace, client: SlackClient, room: str) -> None:
    with ws.unreachable(), pytest.raises(TryAgain, match="cannot be reached"):
        client.get_conversation(room)


def test_repeats_reads_but_no_posts(ws: Workspace, client: SlackClient, room: str) -> None:
    ws.faults.fail("conversations.info", status=503)
    assert client.get_conversation(room)["id"] == room
    before = len(ws.called("chat.postMessage"))
    ws.faults.fail("chat.postMessage", status=503)
    with pytest.raises(TryAgain):
        client.post_message(room, "hello", [section("hello")])
    assert len(ws.called("chat.postMessage")) == before + 1
    assert ws.messages(room) == []


def test_repeats_a_post_that_slack_did_not_do(ws: Workspace, client: SlackClient, room: str) -> None:
    ws.faults.fail("chat.postMessage", status=429, retry_after=0)
    ts = client.post_message(room, "hello", [section("hello")])
    assert [one.ts for one in ws.messages(room)] == [ts]
    client.delete_message(room, ts)


def test_impatient_client_repeats_nothing(ws: Workspace, room: str) -> None:
    impatient = SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT)
    ws.faults.fail("conversations.info", status=503)
    with pytest.raises(TryAgain):
        impatient.get_conversation(room)


def test_reads_every_page_and_checks_before_each(ws: Workspace, client: SlackClient) -> None:
    people = [ws.person(f"person-{number}") for number in range(1200)]
    crowd = ws.channel("crowd", members=people)
    checks: list[None] = []
    before = len(ws.called("conversations.members"))
    members = set(client.list_members(crowd, lambda: checks.append(None)))
    assert members >= set(people)
    assert len(checks) == len(ws.called("conversations.members")) - before == 2


def test_stops_reading_pages_when_check_raises(ws: Workspace, client: SlackClient, room: str) -> None:
    def late() -> None:
        raise TryAgain("Too late.")

    before = len(ws.called("conversations.members"))
    with pytest.raises(TryAgain, match="Too late"):
        list(client.list_members(room, late))
    assert len(ws.called("conversations.members")) == before


def test_finds_one_message_of_a_channel_or_a_thread(ws: Workspace, client: SlackClient, room: str) -> None:
    first = ws.post("ada", room, "first")
    reply = ws.post("ada", room, "second", thread_ts=first)
    found = [client.find_message(room, first), client.find_message(room, reply, first)]
    assert [one and one["text"] for one in found] == ["first", "second"]
    assert client.find_message(room, "1.000001") is None


@pytest.mark.parametrize("change", ["add_reaction", "remove_reaction"])
def test_reaction_that_exists_or_is_missing_is_not_an_error(
    ws: Workspace, client: SlackClient, room: str, change: str
) -> None:
    ts = ws.post("ada", room, "hello")
    react: Callable[[str, str, str], None] = getattr(client, change)
    client.add_reaction(room, ts, "eyes")
    react(room, ts, "eyes")
    react(room, ts, "eyes")
    assert ("eyes" in ws.message(room, ts).reactions) is (change == "add_reaction")
