"""Files of other organizations in a Slack Connect channel, as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bot.demo.slack_server import Workspace
from bot.jobs.external_files import ExternalFiles
from bot.slack.files import KIND
from rag import Rag, Scope, Share, ShareState, list_shares, put_share
from tests.flows.team import magpie, pdf, until


@pytest.fixture
def partners(ws: Workspace, ada: str) -> str:
    """Return a channel with Ada and with Eve, who is of another organization."""
    return ws.channel("partners", members=[ada, ws.person("eve", stranger_team="T0THEM")], shared=True)


def test_files_of_other_organizations_are_left_out(ws: Workspace, partners: str, tmp_path: Path) -> None:
    with magpie(ws, tmp_path / "data", index_external=False) as bot:
        ws.post("eve", partners, files=[("theirs.pdf", pdf("Their buoys are red."))])
        ws.post("ada", partners, files=[("ours.pdf", pdf("Our buoys are green."))])
        until(lambda: bool(bot.rag.find("buoys", Scope.of(partners)).hits))
        until(lambda: bot.rag.status().refused.get("of another organization") == 1)
        assert [row.name for row in bot.rag.documents(Scope.of(partners))] == ["ours.pdf"]
        assert not any("red" in hit.text for hit in bot.rag.find("buoys", Scope.of(partners)).hits)


def test_files_of_other_organizations_that_were_indexed_are_removed(
    ws: Workspace, partners: str, tmp_path: Path
) -> None:
    def names() -> list[str]:
        return sorted(row.name for row in bot.rag.documents(Scope.of(partners)))

    with magpie(ws, tmp_path / "data") as bot:
        ws.post("eve", partners, files=[("theirs.pdf", pdf("Their buoys are red."))])
        ws.post("ada", partners, files=[("ours.pdf", pdf("Our buoys are green."))])
        until(lambda: names() == ["ours.pdf", "theirs.pdf"])
        own = frozenset([ws.team_id])
        for days in (None, 30):
            ExternalFiles(bot.client, bot.rag, own, days).expire()
        assert names() == ["ours.pdf", "theirs.pdf"]
    with magpie(ws, tmp_path / "data", index_external=False) as bot:
        until(lambda: names() == ["ours.pdf"])
        bot.sweep_all()
        ws.post("ada", partners, files=[("more.pdf", pdf("More buoys."))])
        until(lambda: names() == ["more.pdf", "ours.pdf"])


def test_file_that_is_known_only_by_its_id_is_left_to_the_check_that_names_it(
    ws: Workspace, partners: str, tmp_path: Path
) -> None:
    with magpie(ws, tmp_path / "data") as bot:
        own, eve = frozenset([ws.team_id]), ws.message(partners, ws.post("eve", partners, "hello")).user
        with bot.rag.write_transaction() as connection:
            put_share(connection, Share(KIND, "F0A", partners, "", None, eve, message="1.0", shared_at=1.0))
            put_share(connection, Share(KIND, "F0B", partners, "b.pdf", None, eve, message="2.0", shared_at=2.0))
        ExternalFiles(bot.client, bot.rag, own, 0).expire()
        with bot.rag.read_transaction() as connection:
            left = {share.ref for share in list_shares(connection, KIND, states=[ShareState.FORGOTTEN])}
    assert left == {"F0B"}


def test_files_of_other_organizations_are_removed_after_the_days_that_are_set(
    ws: Workspace, partners: str, tmp_path: Path
) -> None:
    def names() -> list[str]:
        return sorted(row.name for row in bot.rag.documents(Scope.of(partners)))

    with magpie(ws, tmp_path / "data") as bot:
        ws.post("eve", partners, files=[("theirs.pdf", pdf("Their buoys are red."))])
        ws.post("ada", partners, files=[("ours.pdf", pdf("Our buoys are green."))])
        until(lambda: names() == ["ours.pdf", "theirs.pdf"])
        expiry = ExternalFiles(bot.client, bot.rag, frozenset([ws.team_id]), 30)
        make_shares_older(bot.rag, days=29)
        expiry.expire()
        assert names() == ["ours.pdf", "theirs.pdf"]
        make_shares_older(bot.rag, days=2)
    with magpie(ws, tmp_path / "data", external_days=30) as bot:
        until(lambda: names() == ["ours.pdf"])
        until(lambda: len(list((tmp_path / "data" / "files").iterdir())) == 1)


def make_shares_older(rag: Rag, days: int) -> None:
    with rag.write_transaction() as connection:
        connection.execute(text("UPDATE share SET shared_at = shared_at - :seconds"), {"seconds": days * 24 * 3600})
