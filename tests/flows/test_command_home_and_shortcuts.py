"""The slash command, the Home tab and the shortcuts on messages, in a workspace with the real bot."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pymupdf
import pytest

from bot.db import access_log, ephemeral_messages, jobs, questions, tables
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.inbox.recording import record
from bot.listeners import interactions
from bot.main import Bot
from bot.slack.events import MessageDeleted
from bot.slack.files import KIND
from bot.slack.messages import answer_texts, command_texts, home_texts
from rag import Scope, Share, list_shares, put_share
from tests.flows.team import (
    HANDBOOK,
    READ,
    UNREADABLE,
    magpie,
    mention,
    pdf,
    receipts,
    reply,
    said,
    share,
    until,
    wait_for_ephemeral,
)

LOG = pdf("The gateway was moved.", "The gateway was painted.", "Herons were painted.")


# ---------------------------------------------------------------- the command


def test_find_lists_pages_only_for_the_asker(ws: Workspace, bot: Bot, ada: str, ben: str, channel: str) -> None:
    share(ws, ada, channel)
    ws.command(ben, channel, "/magpie", "find gateway port")
    found = wait_for_ephemeral(ws, ben, "handbook.pdf>, p. 2")
    assert "8443" in said(found)
    assert ws.ephemerals(ada) == []
    ws.command(ben, channel, "/magpie", "find submarines and whales")
    wait_for_ephemeral(ws, ben, answer_texts.NOTHING_FOUND)


def test_status_lists_files_and_failures(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    receipts(ws, channel, ws.post(ada, channel, files=[("torn.pdf", b"%PDF-1.4 torn")]), UNREADABLE)
    ws.command(ada, channel, "/magpie", "status")
    status = said(wait_for_ephemeral(ws, ada, "Here: "))
    assert "1 file (3 pages)" in status
    assert "• torn.pdf: " in status


def test_unknown_words_are_answered_with_the_usage(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    for words in ("", "help", "dance", "find"):
        ws.command(ada, channel, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ada)) == 4, 20)
    assert all("/magpie find WORDS" in one.text for one in ws.ephemerals(ada))


def test_command_where_the_bot_is_not_a_member_explains_how_to_invite_it(ws: Workspace, bot: Bot, ada: str) -> None:
    away = ws.channel("away", members=[ada], with_bot=False)
    for words in ("find gateway", "status"):
        ws.command(ada, away, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ada)) == 2, 20)
    assert {said(one) for one in ws.ephemerals(ada)} == {command_texts.NOT_IN_CONVERSATION}
    assert len(ws.called("response_url")) == 2


def test_command_of_a_person_who_is_not_a_member_shows_nothing(ws: Workspace, bot: Bot, ada: str, ben: str) -> None:
    secret = ws.channel("secret", members=[ada], private=True)
    share(ws, ada, secret)
    for words in ("find gateway", "status"):
        ws.command(ben, secret, "/magpie", words)
    ws.wait(lambda: len(ws.ephemerals(ben)) == 2, 20)
    assert {said(one) for one in ws.ephemerals(ben)} == {command_texts.NOT_A_MEMBER}


def test_command_is_answered_after_a_restart(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    with magpie(ws, tmp_path / "data"):
        share(ws, ada, channel)
        ws.faults.fail("chat.postEphemeral", 50, status=503)
        ws.command(ada, channel, "/magpie", "find gateway port")
        ws.wait(lambda: ws.called("chat.postEphemeral"), 20, "a try")
    ws.faults.clear()
    assert ws.ephemerals(ada) == []
    with magpie(ws, tmp_path / "data"):
        wait_for_ephemeral(ws, ada, "handbook.pdf>, p. 2")
    assert len(ws.ephemerals(ada)) == 1


def logged_questions(bot: Bot) -> set[str]:
    with bot.rag.read_transaction() as connection:
        return {row.text for row in access_log.list_accesses(connection, "")}


def test_mentions_reach_neither_the_search_nor_the_log_as_tokens(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    """An app whose commands are escaped sends mentions as a message does, with & and < as entities."""
    share(ws, ada, channel)
    words = f"find port of the gateway &amp; its lantern <@{ada}> <#{channel}> <!subteam^S0123|@crew> <!here>"
    ws.command(ben, channel, "/magpie", words)
    wait_for_ephemeral(ws, ben, "handbook.pdf>, p. 2")
    assert logged_questions(bot) == {"port of the gateway & its lantern @ada #harbor @crew @here"}


def test_mentions_of_a_message_do_not_reach_the_search_for_similar_pages_as_tokens(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    share(ws, ada, channel)
    ts = ws.post(ada, channel, f"<@{ben}> <!subteam^S0123> which port does the gateway use, <#{channel}>?")
    ws.shortcut(ben, channel, ts, interactions.FIND_SIMILAR)
    here = ws.direct(ben)
    ws.wait(lambda: [one for one in ws.messages(here) if one.blocks and "working" not in str(one.blocks)], 30)
    found = said(ws.messages(here)[0])
    assert "handbook.pdf>, p. 2" in found
    logged = logged_questions(bot)
    assert not any(token in text for text in [found, *logged] for token in (ben, "\u2060", "subteam"))


# ---------------------------------------------------------------- Home


def test_home_shows_only_what_the_person_can_open(ws: Workspace, bot: Bot, ada: str, ben: str, channel: str) -> None:
    share(ws, ada, channel)
    secret = ws.channel("secret", members=[ada], private=True)
    share(ws, ada, secret, "log.pdf", LOG)
    receipts(ws, secret, ws.post(ada, secret, files=[("torn.pdf", b"%PDF-1.4 torn")]), UNREADABLE)
    ws.open_home(ada)
    ws.open_home(ben)
    ws.wait(lambda: ws.home(ada) and ws.home(ben), 20, "both Home tabs")
    ada_home, ben_home = str(ws.home(ada)["blocks"]), str(ws.home(ben)["blocks"])
    assert f"<#{channel}>: 1 file (3 pages)" in ada_home
    assert f"<#{channel}>: 1 file (3 pages)" in ben_home
    assert f"<#{secret}>: 1 file (3 pages), 1 couldn't be read" in ada_home
    assert "• torn.pdf: " in ada_home
    assert secret not in ben_home
    assert "torn.pdf" not in ben_home
    assert home_texts.NO_MODEL in ada_home
    assert "• Pages are found by their words, not by their meaning." in ada_home
    assert ada_home.count("Images are found by") == 1
    for of_operators in ("127.0.0.1", "MAGPIE_", "weights", "fix:", "translates"):
        assert of_operators not in ada_home


def test_home_shows_only_the_usage_if_slack_does_not_answer(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    bot.access.invalidate_all()
    ws.faults.fail("users.conversations", 50, status=503)
    ws.open_home(ada)
    ws.wait(lambda: ws.home(ada), 30, "the Home tab")
    shown = str(ws.home(ada)["blocks"])
    assert home_texts.UNKNOWN_ACCESS in shown
    assert channel not in shown


@pytest.mark.parametrize(
    ("source_url", "said_of_it"),
    [
        ("https://git.example/our-magpie", "Its source code: https://git.example/our-magpie"),
        ("", "To get its source code, ask your Magpie admin."),
    ],
    ids=["address", "no address"],
)
def test_help_and_home_name_the_license_and_offer_the_source_code(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, source_url: str, said_of_it: str
) -> None:
    offer = f"Magpie {version('magpie')} is free software under the AGPL-3.0-or-later. {said_of_it}"
    with magpie(ws, tmp_path / "data", source_url=source_url):
        ws.command(ada, channel, "/magpie", "help")
        ws.open_home(ada)
        ws.wait(lambda: ws.ephemerals(ada) and ws.home(ada), 20, "the help and the Home tab")
    assert ws.ephemerals(ada)[0].text.splitlines()[-1] == offer
    last = ws.home(ada)["blocks"][-1]
    assert (last["type"], [element["text"] for element in last["elements"]]) == ("context", [offer])


# ---------------------------------------------------------------- shortcuts


def test_pages_like_a_message_are_posted_in_the_direct_message(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    share(ws, ada, channel)
    ts = ws.post(ada, channel, "does anyone know the port of the gateway and the lantern?")
    ws.shortcut(ben, channel, ts, interactions.FIND_SIMILAR)
    here = ws.direct(ben)
    ws.wait(lambda: [one for one in ws.messages(here) if one.blocks and "working" not in str(one.blocks)], 30)
    found = ws.messages(here)[0]
    assert said(found).startswith("Pages like <https://")
    assert "handbook.pdf>, p. 2" in said(found)
    assert ws.thread(channel, ts)[1:] == []
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


def test_picture_of_a_question_is_indexed_by_the_shortcut(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ts = ws.post(ada, channel, mention(ws, "which page is it?"), files=[("shot.png", picture())])
    reply(ws, channel, ts)
    ws.settled()
    assert bot.rag.documents(Scope.of(channel)) == []
    ws.shortcut(ada, channel, ts, interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, "Reading shot.png")
    receipts(ws, channel, ts, READ)
    assert [row.name for row in bot.rag.documents(Scope.of(channel))] == ["shot.png"]
    bot.sweep_all()

    def is_idle() -> bool:
        with bot.rag.read_transaction() as connection:
            return not jobs.count(connection, list(JobKind), "")

    until(is_idle)
    assert [row.name for row in bot.rag.documents(Scope.of(channel))] == ["shot.png"]


def test_shortcut_explains_what_cannot_be_indexed(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    away = ws.channel("away", members=[ada], with_bot=False)
    ts = ws.post(ada, away, files=[("handbook.pdf", HANDBOOK)])
    ws.shortcut(ada, away, ts, interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, command_texts.NOT_IN_CONVERSATION)
    ws.shortcut(ada, channel, ws.post(ada, channel, "no file"), interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, command_texts.NO_FILES)
    ws.shortcut(ada, channel, ws.post(ada, channel, files=[("film.zip", b"PK zip")]), interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, command_texts.unsupported_file("film.zip"))

    def all_sent() -> bool:
        with bot.rag.read_transaction() as connection:
            return ephemeral_messages.count_ephemeral_requests(connection) == 0

    until(all_sent)


def test_shortcut_of_a_person_who_is_not_a_member_says_that_nothing_is_indexed(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ts = ws.post(ada, channel, mention(ws, "which page is it?"), files=[("shot.png", picture())])
    reply(ws, channel, ts)
    ws.shortcut(ws.person("cleo"), channel, ts, interactions.INDEX_FILES)
    wait_for_ephemeral(ws, "cleo", command_texts.NOT_INDEXED)
    assert bot.rag.documents(Scope.of(channel)) == []


def test_shortcut_on_a_message_whose_deletion_was_reported_promises_nothing(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ts = share(ws, ada, channel)
    with bot.rag.write_transaction() as connection:
        record(connection, MessageDeleted(channel, ts))
    ws.shortcut(ada, channel, ts, interactions.INDEX_FILES)
    assert said(wait_for_ephemeral(ws, ada, "")) == command_texts.FILE_UNREACHABLE


def test_shortcut_asks_slack_about_a_file_that_was_removed_before_its_message_was_known(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ws.faults.lose_events(9)
    ts = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    ws.faults.clear()
    file = ws.message(channel, ts).files[0]
    with bot.rag.write_transaction() as connection:
        put_share(connection, Share(KIND, file, channel, "handbook.pdf"))
    bot.rag.forget([file])
    ws.shortcut(ada, channel, ts, interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, "Reading handbook.pdf")
    receipts(ws, channel, ts, READ)


def test_forgotten_file_is_found_again_by_the_words_of_its_message_after_the_shortcut(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ts = ws.post(ada, channel, "the nightingale plan", files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, ts, READ)
    bot.rag.forget(["handbook.pdf"])
    ws.shortcut(ada, channel, ts, interactions.INDEX_FILES)

    def words() -> list[str]:
        with bot.rag.read_transaction() as connection:
            return [found.words for found in list_shares(connection, space=channel)]

    until(lambda: words() == ["the nightingale plan"], 5)


def test_shortcut_on_a_file_that_slack_does_not_make_available_is_answered(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ws.pace.fresh_for = 3600.0
    ts = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    ws.shortcut(ada, channel, ts, interactions.INDEX_FILES)
    wait_for_ephemeral(ws, ada, command_texts.FILE_NOT_READY)


def picture() -> bytes:
    with pymupdf.open(stream=HANDBOOK) as document:
        made: bytes = document[1].get_pixmap(dpi=60).tobytes("png")
    return made
