"""The Slack client: errors, retries and pagination."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from bot.slack.blocks import section
from bot.slack.client import Refused, RetryPolicy, SlackClient
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


def test_unreachable_slack_means_try_again(ws: Workspace, client: SlackClient, room: str) -> None:
    with ws.unreachable(), pytest.raises(TryAgain, match="cannot be reached"):
        client.get_conversation(room)


def test_repeats_reads_but_no_posts(ws: Workspace, client: SlackClient, room: str) -> None:
    ws.faults.fail("conversations.info", status=503)
    assert client.get_conversation(room)["id"] == room
    ws.faults.fail("chat.postMessage", status=503)
    with pytest.raises(TryAgain):
        client.post_message(room, "hello", [section("hello")])
    assert len(ws.called("chat.postMessage")) == 1
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
