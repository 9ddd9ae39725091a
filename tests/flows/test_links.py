"""Linked web pages: read if `links` is on, and removed with the message."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.slack.files import LINK
from rag import Scope, shared_in, source_statuses
from tests.flows.team import GATEWAY, magpie, pdf, settings, until
from tests.rag.ingest.fetch.site import site
from tests.support.slack_workspace import workspace_fixture

ws = workspace_fixture(ack_timeout=1.0)


@pytest.mark.timeout(120)
def test_linked_page_is_read_and_removed_with_the_message(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    data = pdf(GATEWAY)
    with (
        site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _),
        magpie(ws, tmp_path, rag=settings(tmp_path, web={"allow": ("127.0.0.1",)}), links=True) as bot,
    ):
        ws.settled()
        ts = ws.post("ada", channel, f"look at <{url}/gateway.pdf|the handbook>")

        def is_ready() -> bool:
            with bot.rag.read_transaction() as connection:
                return [one.state for one in source_statuses(connection, LINK, [f"{url}/gateway.pdf"], channel)] == [
                    "ready"
                ]

        until(is_ready)
        [hit] = bot.rag.find("gateway port", Scope.of(channel)).hits
        assert (hit.name, hit.link) == ("gateway.pdf", f"{url}/gateway.pdf")
        ws.delete_message(channel, ts)
        until(lambda: not bot.rag.find("gateway port", Scope.of(channel)).hits)


@pytest.mark.timeout(120)
def test_links_are_ignored_by_default(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    with site(lambda path: (200, {}, b"words")) as (url, requests), magpie(ws, tmp_path) as bot:
        ws.post("ada", channel, f"look at <{url}/a>")
        ws.settled()
        with bot.rag.read_transaction() as connection:
            assert shared_in(connection, LINK, channel) == []
        assert requests == []


@pytest.mark.timeout(120)
def test_bot_keeps_running_after_an_invalid_address(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    data = pdf(GATEWAY)
    invalid = ["http://i❤.ws/a", "http://a\u2024b.example/", f"http://{'a' * 64}.example/", "http://a..example/"]
    with (
        site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _),
        magpie(ws, tmp_path, rag=settings(tmp_path, web={"allow": ("127.0.0.1",)}), links=True) as bot,
    ):
        ws.settled()
        ws.post("ada", channel, "funny: " + " ".join(f"<{one}>" for one in invalid))
        ws.post("ada", channel, f"look at <{url}/gateway.pdf|the handbook>")

        def states() -> dict[str, str]:
            with bot.rag.read_transaction() as connection:
                return {
                    one.ref: one.state
                    for one in source_statuses(connection, LINK, [*invalid, f"{url}/gateway.pdf"], channel)
                }

        until(lambda: states().get(f"{url}/gateway.pdf") == "ready" and states()[invalid[0]] == "failed")
        assert set(states()) == {*invalid, f"{url}/gateway.pdf"}
