"""Home, the command and shortcuts on messages, in a workspace with the real bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from bot.db import ephemeral_messages, jobs, questions, tables
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.listeners import interactions
from bot.main import Bot
from bot.slack import messages
from rag import Scope
from tests.flows.team import HANDBOOK, READ, UNREADABLE, magpie, pdf, receipts, reply, said, share, told, until
from tests.support.slack_workspace import MANIFEST, workspace_fixture

LOG = pdf("The gateway was moved.", "The gateway was painted.", "Herons were painted.")

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def ben(ws: Workspace) -> str:
    return ws.person("ben")


@pytest.fixture
def room(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("harbour", members=[ada, ben])


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        yield bot


def at(ws: Workspace, text: str) -> str:
    return f"<@{ws.bot_user}> {text}"


# ---------------------------------------------------------------- the command


def test_find_lists_pages_for_who_asked_alone(ws: Workspace, bot: Bot, ada: str, ben: str, room: str) -> None:
    share(ws, ada, room)
    ws.command(ben, room, "/magpie", "find gateway port")
    found = told(ws, ben, "handbook.pdf>, p. 2")
    assert "8443" in said(found)
    assert ws.ephemerals(ada) == []
    ws.command(ben, room, "/magpie", "find submarines and whales")
    told(ws, ben, messages.NOTHING_FOUND)


def test_status_says_what_is_here_and_what_failed(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    receipts(ws, room, ws.post(ada, room, files=[("torn.pdf", b"%PDF-1.4 torn")]), UNREADABLE)
    ws.command(ada, room, "/magpie", "status")
    status = said(told(ws, ada, "Here: "))
    assert "1 file (3 pages)" in status
    assert "• torn.pdf: " in status


def test_any_other_word_is_answered_with_how_to_use_it(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    for words in ("", "help", "dance", "find"):
        ws.command(ada, room, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ada)) == 4, 20)
    assert all("/magpie find WORDS" in one.text for one in ws.ephemerals(ada))


def test_where_magpie_is_not_it_says_how_to_bring_it_in(ws: Workspace, bot: Bot, ada: str) -> None:
    away = ws.channel("away", members=[ada], with_bot=False)
    for words in ("find gateway", "status"):
        ws.command(ada, away, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ada)) == 2, 20)
    assert {said(one) for one in ws.ephemerals(ada)} == {messages.NOT_IN_CONVERSATION}
    assert len(ws.called("response_url")) == 2


def test_who_is_not_in_the_conversation_is_told_nothing_of_it(ws: Workspace, bot: Bot, ada: str, ben: str) -> None:
    secret = ws.channel("secret", members=[ada], private=True)
    share(ws, ada, secret)
    for words in ("find gateway", "status"):
        ws.command(ben, secret, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ben)) == 2, 20)
    assert {said(one) for one in ws.ephemerals(ben)} == {messages.NOT_A_MEMBER}


def test_what_was_asked_aside_is_told_after_a_restart(ws: Workspace, tmp_path: Path, ada: str, room: str) -> None:
    with magpie(ws, tmp_path / "data"):
        share(ws, ada, room)
        ws.faults.fail("chat.postEphemeral", 50, status=503)
        ws.command(ada, room, "/magpie", "find gateway port")
        ws.wait(lambda: ws.called("chat.postEphemeral"), 20, "a try")
    ws.faults.clear()
    assert ws.ephemerals(ada) == []
    with magpie(ws, tmp_path / "data"):
        told(ws, ada, "handbook.pdf>, p. 2")
    assert len(ws.ephemerals(ada)) == 1


# ---------------------------------------------------------------- Home


def test_home_shows_what_this_person_may_know(ws: Workspace, bot: Bot, ada: str, ben: str, room: str) -> None:
    share(ws, ada, room)
    secret = ws.channel("secret", members=[ada], private=True)
    share(ws, ada, secret, "log.pdf", LOG)
    receipts(ws, secret, ws.post(ada, secret, files=[("torn.pdf", b"%PDF-1.4 torn")]), UNREADABLE)
    ws.open_home(ada)
    ws.open_home(ben)
    ws.wait(lambda: ws.home(ada) and ws.home(ben), 20, "their Homes")
    hers, his = str(ws.home(ada)["blocks"]), str(ws.home(ben)["blocks"])
    assert f"<#{room}>: 1 file (3 pages)" in hers
    assert f"<#{room}>: 1 file (3 pages)" in his
    assert f"<#{secret}>: 1 file (3 pages), 1 couldn't be read" in hers
    assert "• torn.pdf: " in hers
    assert secret not in his
    assert "torn.pdf" not in his
    assert messages.NO_MODEL in hers


def test_home_shows_only_how_to_use_it_where_slack_says_nothing(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    bot.access.invalidate_all()
    ws.faults.fail("users.conversations", 50, status=503)
    ws.open_home(ada)
    ws.wait(lambda: ws.home(ada), 30, "a Home")
    shown = str(ws.home(ada)["blocks"])
    assert messages.UNKNOWN_ACCESS in shown
    assert room not in shown


# ---------------------------------------------------------------- shortcuts


def test_pages_like_a_message_are_told_in_the_direct_message(
    ws: Workspace, bot: Bot, ada: str, ben: str, room: str
) -> None:
    share(ws, ada, room)
    ts = ws.post(ada, room, "does anybody know the port of the gateway and the lantern?")
    ws.shortcut(ben, room, ts, interactions.FIND_SIMILAR)
    here = ws.direct(ben)
    ws.wait(lambda: [one for one in ws.messages(here) if one.blocks and "working" not in str(one.blocks)], 30)
    found = ws.messages(here)[0]
    assert said(found).startswith("Pages like <https://")
    assert "handbook.pdf>, p. 2" in said(found)
    assert ws.thread(room, ts)[1:] == []
    ws.wait(lambda: [one for one in ws.messages(here) if one.files], 20, "the pages' pictures")
    assert [one.thread_ts for one in ws.messages(here) if one.files] == [found.ts]
    with bot.rag.read_transaction() as connection:
        until(lambda: questions.open_questions(connection) == 0)
    assert "lantern" not in str(_rows(bot))


def _rows(bot: Bot) -> list[object]:
    with bot.rag.read_transaction() as connection:
        return [
            tuple(row)
            for row in connection.execute(tables.question.select().where(tables.question.c.kind == "similar"))
        ]


def test_a_picture_that_was_a_question_is_indexed_once_somebody_says_so(
    ws: Workspace, bot: Bot, ada: str, room: str
) -> None:
    ts = ws.post(ada, room, at(ws, "which page is it?"), files=[("shot.png", picture())])
    reply(ws, room, ts)
    ws.settled()
    assert bot.rag.documents(Scope.of(room)) == []
    ws.shortcut(ada, room, ts, interactions.INDEX_FILES)
    told(ws, ada, "Reading shot.png")
    receipts(ws, room, ts, READ)
    assert [row.name for row in bot.rag.documents(Scope.of(room))] == ["shot.png"]
    bot.sweep_all()

    def at_rest() -> bool:
        with bot.rag.read_transaction() as connection:
            return not jobs.count(connection, list(JobKind), "")

    until(at_rest)
    assert [row.name for row in bot.rag.documents(Scope.of(room))] == ["shot.png"]


def test_what_cannot_be_indexed_is_said(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    away = ws.channel("away", members=[ada], with_bot=False)
    there = ws.post(ada, away, files=[("handbook.pdf", HANDBOOK)])
    ws.shortcut(ada, away, there, interactions.INDEX_FILES)
    told(ws, ada, messages.NOT_IN_CONVERSATION)
    ws.shortcut(ada, room, ws.post(ada, room, "no file"), interactions.INDEX_FILES)
    told(ws, ada, messages.NO_FILES)
    ws.shortcut(ada, room, ws.post(ada, room, files=[("film.zip", b"PK zip")]), interactions.INDEX_FILES)
    told(ws, ada, messages.unsupported_file("film.zip"))

    def all_told() -> bool:
        with bot.rag.read_transaction() as connection:
            return ephemeral_messages.count_ephemeral_requests(connection) == 0

    until(all_told)


def picture() -> bytes:
    with pymupdf.open(stream=HANDBOOK) as document:
        made: bytes = document[1].get_pixmap(dpi=60).tobytes("png")
    return made
