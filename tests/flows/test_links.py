"""Web pages that people link to: read when the setting says so, and gone with the message."""

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
def test_a_page_that_somebody_links_to_is_read_and_goes_with_the_message(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("harbour", members=[ada])
    data = pdf(GATEWAY)
    with (
        site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _),
        magpie(ws, tmp_path, rag=settings(tmp_path, web={"allow": ("127.0.0.1",)}), links=True) as bot,
    ):
        ws.settled()
        ts = ws.post("ada", room, f"look at <{url}/gateway.pdf|the handbook>")

        def read() -> bool:
            with bot.rag.read_transaction() as connection:
                return [one.state for one in source_statuses(connection, LINK, [f"{url}/gateway.pdf"], room)] == [
                    "ready"
                ]

        until(read)
        [hit] = bot.rag.find("gateway port", Scope.of(room)).hits
        assert (hit.name, hit.link) == ("gateway.pdf", f"{url}/gateway.pdf")
        ws.delete_message(room, ts)
        until(lambda: not bot.rag.find("gateway port", Scope.of(room)).hits)


@pytest.mark.timeout(120)
def test_links_are_left_alone_unless_the_setting_says_otherwise(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("harbour", members=[ada])
    with site(lambda path: (200, {}, b"words")) as (url, asked), magpie(ws, tmp_path) as bot:
        ws.post("ada", room, f"look at <{url}/a>")
        ws.settled()
        with bot.rag.read_transaction() as connection:
            assert shared_in(connection, LINK, room) == []
        assert asked == []


@pytest.mark.timeout(120)
def test_address_that_no_server_can_have_leaves_the_bot_running(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("harbour", members=[ada])
    data = pdf(GATEWAY)
    odd = ["http://i❤.ws/a", "http://a\u2024b.example/", f"http://{'a' * 64}.example/", "http://a..example/"]
    with (
        site(lambda path: (200, {"Content-Type": "application/pdf"}, data)) as (url, _),
        magpie(ws, tmp_path, rag=settings(tmp_path, web={"allow": ("127.0.0.1",)}), links=True) as bot,
    ):
        ws.settled()
        ws.post("ada", room, "funny: " + " ".join(f"<{one}>" for one in odd))
        ws.post("ada", room, f"look at <{url}/gateway.pdf|the handbook>")

        def states() -> dict[str, str]:
            with bot.rag.read_transaction() as connection:
                return {
                    one.ref: one.state for one in source_statuses(connection, LINK, [*odd, f"{url}/gateway.pdf"], room)
                }

        until(lambda: states().get(f"{url}/gateway.pdf") == "ready" and states()[odd[0]] == "failed")
        assert set(states()) == {*odd, f"{url}/gateway.pdf"}
