"""Whether the text of an unfinished reply may be shown: its scope must be as it was when the reply was begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from bot.access.directory import Directory
from bot.access.policy import Access, Granted
from bot.answers.scope_watch import ScopeWatch
from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.client import SlackClient
from bot.slack.events import Question, ReadersChanged
from bot.slack.transport import RetryPolicy
from rag import Rag, Settings, Share, end_message, put_share
from rag.catalog.documents import put_document
from rag.catalog.tables import source
from tests.flows.team import slack_settings
from tests.support.migrated import migrated, open_rag
from tests.support.slack_workspace import without_proxies


@dataclass
class Team:
    ws: Workspace
    rag: Rag
    access: Access
    channel: str
    question: Question
    granted: Granted

    def watch(self) -> ScopeWatch:
        return ScopeWatch(self.rag, self.access, self.granted)

    def share(self, ref: str, channel: str = "") -> None:
        """Share a document of its own under this ref, by a message of the same name."""
        with self.rag.write_transaction() as connection:
            put_share(connection, Share("slack", ref, channel or self.channel, f"{ref}.pdf", message=ref))
            document = put_document(connection, ref.ljust(64, "0"), 1, "test")
            known = source.update().where(source.c.ref == ref).values(state="known", document_id=document)
            connection.execute(known)

    def end(self, ref: str, channel: str = "") -> None:
        with self.rag.write_transaction() as connection:
            end_message(connection, "slack", ref, channel or self.channel, ref)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    settings = Settings(data=migrated(tmp_path), answer={"model": ""})
    with (
        without_proxies(),
        open_workspace(scopes=SCOPES, events=EVENTS) as ws,
        open_rag(settings) as rag,
    ):
        ada = ws.person("ada")
        channel = ws.channel("pumps", [ada])
        ws.channel("open", [ada])
        access = Access(Directory(SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT), ws.team_id))
        question = Question(channel, "5.1", "5.1", ada, "which port?")
        team = Team(ws, rag, access, channel, question, access.granted(channel, ada))
        team.share("F1")
        team.share("F2")
        yield team


def test_text_is_shown_while_nothing_is_missing(team: Team) -> None:
    watch = team.watch()
    assert watch.is_unchanged(team.question)
    team.share("F3")
    team.share("F4", "C9")
    team.end("F4", "C9")
    assert watch.is_unchanged(team.question)


def test_text_is_not_shown_after_a_document_of_the_scope_is_gone(team: Team) -> None:
    watch = team.watch()
    team.end("F1")
    assert not watch.is_unchanged(team.question)
    assert not watch.is_unchanged(team.question)


def test_text_is_not_shown_after_the_readers_change_the_scope(team: Team) -> None:
    watch = team.watch()
    guest = team.ws.person("gus", guest="multi")
    team.ws.join(guest, team.channel)
    team.access.invalidate(ReadersChanged(team.channel))
    assert not watch.is_unchanged(team.question)


def test_text_is_not_shown_if_the_scope_changed_before_the_watch_began(team: Team) -> None:
    guest = team.ws.person("gus", guest="multi")
    team.ws.join(guest, team.channel)
    team.access.invalidate(ReadersChanged(team.channel))
    assert not team.watch().is_unchanged(team.question)


def test_unchanged_catalog_costs_one_small_query_however_many_documents_it_has(team: Team) -> None:
    watch = team.watch()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert watch.is_unchanged(team.question)
        team.end("F9", "C9")
        del statements[:]
        assert watch.is_unchanged(team.question)
        del statements[:]
        assert watch.is_unchanged(team.question)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    selected = [statement for statement in statements if statement.startswith("SELECT")]
    assert len(selected) == 1
    assert "share_revision" in selected[0]
