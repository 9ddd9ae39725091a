"""Share, ask, be answered in the thread, with pictures: the bot in a workspace, from event to reply."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack import messages
from rag import Scope
from tests.flows.team import (
    HANDBOOK,
    READ,
    UNREADABLE,
    magpie,
    pdf,
    pictures,
    receipts,
    replies,
    reply,
    said,
    settings,
    until,
)
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def room(ws: Workspace, ada: str) -> str:
    return ws.channel("harbour", members=[ada])


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        yield bot


def at(ws: Workspace, text: str) -> str:
    return f"<@{ws.bot_user}> {text}"


def files_in(bot: Bot, *spaces: str) -> list[str]:
    return [row.name for row in bot.rag.documents(Scope.of(*spaces))]


# ---------------------------------------------------------------- questions


def test_shared_asked_answered_in_the_thread_with_the_page(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    shared = ws.post(ada, room, "our handbook", files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, room, shared, READ)
    asked = ws.post(ada, room, at(ws, "which port does the gateway use?"))
    answer = reply(ws, room, asked)
    assert "port 8443" in said(answer)
    link = bot.client.get_file(ws.files("handbook.pdf")[0].id)["permalink"]
    assert f"[1] <{link}|handbook.pdf>, p. 2" in said(answer)
    shown = pictures(ws, room, asked)
    assert shown.thread_ts == asked
    picture = ws.file(shown.files[0])
    assert picture.title == "[1] handbook.pdf, p. 2"
    with Image.open(BytesIO(picture.data)) as image:
        assert image.width > 500
    ws.wait(lambda: not ws.message(room, asked).reactions, what="the reaction to go")
    assert len(replies(ws, room, asked)) == 2
    assert ws.message(room, shared).reactions == {READ: [ws.bot_user]}


def test_a_reply_goes_to_the_thread_it_was_asked_in(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    shared = ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, room, shared, READ)
    ws.post(ada, room, at(ws, "where do the herons nest?"), thread_ts=shared)
    assert "Herons" in said(reply(ws, room, shared))


def test_what_is_told_three_ways_and_three_times_is_one(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.duplicate(9, copies=2, new_envelope=False)
    ws.faults.reorder()
    asked = ws.post(ada, room, at(ws, "which port does the gateway use?"), files=[("handbook.pdf", HANDBOOK)])
    assert "port 8443" in said(reply(ws, room, asked))
    pictures(ws, room, asked)
    ws.settled()
    receipts(ws, room, asked, READ)
    assert len(replies(ws, room, asked)) == 2
    assert files_in(bot, room) == ["handbook.pdf"]
    assert len(ws.called("chat.postMessage")) == 1


def test_a_question_waits_for_the_document_sent_with_it(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    other = ws.post(ada, room, files=[("old.pdf", pdf("The gateway used port 80 in the old days."))])
    receipts(ws, room, other, READ)
    asked = ws.post(ada, room, at(ws, "which port does the gateway use?"), files=[("new.pdf", HANDBOOK)])
    assert "8443" in said(reply(ws, room, asked))


def test_a_document_that_cannot_be_read_is_said_with_the_answer(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked = ws.post(ada, room, at(ws, "which port does the gateway use?"), files=[("torn.pdf", b"%PDF-1.4 torn")])
    answer = said(reply(ws, room, asked))
    assert "I couldn't read torn.pdf" in answer
    assert "8443" in answer


def test_nothing_found_is_said_without_a_picture(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    asked = ws.post(ada, room, at(ws, "how many weeks of parental leave?"))
    assert "could not find" in said(reply(ws, room, asked))
    ws.wait(lambda: not ws.message(room, asked).reactions)
    assert len(replies(ws, room, asked)) == 1


def test_a_mention_alone_gets_help(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    assert messages.HELP in said(reply(ws, room, ws.post(ada, room, f"<@{ws.bot_user}>")))


def test_what_is_private_is_found_nowhere_else(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ben = ws.person("ben")
    secret = ws.channel("secret", members=[ada], private=True)
    receipts(ws, secret, ws.post(ada, secret, files=[("handbook.pdf", HANDBOOK)]), READ)
    elsewhere = ws.channel("elsewhere", members=[ada, ben], private=True)
    for place in (room, elsewhere):
        asked = ws.post(ada, place, at(ws, "which port does the gateway use?"))
        assert "could not find" in said(reply(ws, place, asked))
        assert "handbook" not in said(reply(ws, place, asked))


def test_a_direct_message_needs_no_mention(ws: Workspace, bot: Bot, ada: str) -> None:
    here = ws.direct(ada)
    receipts(ws, here, ws.post(ada, here, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked = ws.post(ada, here, "which port does the gateway use?")
    assert "8443" in said(reply(ws, here, asked))


def test_other_bots_and_magpie_itself_are_not_answered(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    robot = ws.other_bot("robot")
    ws.join(robot, room)
    asked = ws.post(robot, room, at(ws, "which port?"))
    answered = ws.post(ada, room, at(ws, "which port?"))
    reply(ws, room, answered)
    ws.settled()
    assert replies(ws, room, asked) == []


# ---------------------------------------------------------------- files


def test_the_same_bytes_get_the_same_receipt(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    first = ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, room, first, READ)
    private = ws.channel("private", members=[ada], private=True)
    again = ws.post(ada, private, files=[("copy.pdf", HANDBOOK)])
    receipts(ws, private, again, READ)
    assert ws.message(private, again).reactions == ws.message(room, first).reactions
    assert bot.rag.status().pages == 3


def test_a_file_that_cannot_be_read_is_told_to_its_sender_alone(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.join(ws.person("ben"), room)
    ts = ws.post(ada, room, files=[("torn.pdf", b"%PDF-1.4 torn")])
    receipts(ws, room, ts, UNREADABLE)
    ws.wait(lambda: ws.ephemerals(ada))
    assert ws.ephemerals("ben") == []
    assert "torn.pdf" in ws.ephemerals(ada)[0].text
    assert [one for one in ws.messages(room) if one.user == ws.bot_user] == []


def test_a_text_is_read_and_a_saved_web_page_is_refused_for_what_it_is(
    ws: Workspace, bot: Bot, ada: str, room: str
) -> None:
    """Not for a login page, which also begins with <html>, and for which the bot would go on asking all day."""
    notes = b"# Notes of the sluice\n\n## Ports\n\nThe sluice listens on port 9911.\n"
    receipts(ws, room, ws.post(ada, room, files=[("notes.md", notes)]), READ)
    assert "9911" in said(reply(ws, room, ws.post(ada, room, at(ws, "which port does the sluice listen on?"))))
    receipts(ws, room, ws.post(ada, room, files=[("page.txt", b"<html><body>Port 1</body></html>")]), UNREADABLE)
    ws.wait(lambda: ws.ephemerals(ada))
    assert "saved web page" in ws.ephemerals(ada)[0].text


def test_what_magpie_cannot_read_is_left_alone(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ts = ws.post(ada, room, files=[("film.zip", b"PK zip")])
    receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
    assert ws.message(room, ts).reactions == {}
    assert files_in(bot, room) == ["handbook.pdf"]


def test_files_of_another_company_are_looked_up(ws: Workspace, bot: Bot, ada: str) -> None:
    shared = ws.channel("with-them", members=[ada, ws.person("eve", stranger_team="T0THEM")], shared=True)
    ts = ws.post("eve", shared, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, shared, ts, READ)
    assert files_in(bot, shared) == ["handbook.pdf"]


def test_a_known_file_of_another_company_has_its_name_wherever_it_is_shared(ws: Workspace, bot: Bot, ada: str) -> None:
    eve = ws.person("eve", stranger_team="T0THEM")
    first, second = (ws.channel(name, members=[ada, eve], shared=True) for name in ("with-them", "with-them-too"))
    receipts(ws, first, ws.post(eve, first, files=[("handbook.pdf", HANDBOOK)]), READ)
    ws.share(eve, ws.files("handbook.pdf")[0].id, second)
    until(lambda: files_in(bot, second) == ["handbook.pdf"])


def test_a_fresh_file_is_waited_for(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.pace.fresh_for = 1.2
    receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)


def test_what_was_shared_before_magpie_came_is_found_on_joining(ws: Workspace, tmp_path: Path, ada: str) -> None:
    room = ws.channel("old", members=[ada], with_bot=False)
    for number in range(3):
        ws.post(ada, room, files=[(f"minutes-{number}.pdf", pdf(f"Minutes number {number} of the gulls."))])
    with magpie(ws, tmp_path / "data") as bot:
        ws.invite_bot(room)
        until(lambda: bot.rag.status().documents.get("ready") == 3)
        assert files_in(bot, room) == ["minutes-0.pdf", "minutes-1.pdf", "minutes-2.pdf"]
        assert not [call for call in ws.calls if call.method == "reactions.add"]


# ---------------------------------------------------------------- what goes


@pytest.mark.parametrize("how", ["file_deleted", "file_unshared", "message_deleted", "left"])
def test_what_is_taken_away_is_gone_at_once(ws: Workspace, bot: Bot, ada: str, room: str, how: str) -> None:
    ts = ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, room, ts, READ)
    file = ws.files("handbook.pdf")[0].id
    match how:
        case "file_deleted":
            ws.delete_file(file)
        case "file_unshared":
            ws.unshare(file, room)
        case "message_deleted":
            ws.delete_message(room, ts)
        case "left":
            ws.remove_bot(room)
    ws.settled()
    assert files_in(bot, room) == []


def test_an_edit_that_adds_the_mention_asks(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
    ts = ws.post(ada, room, "which port does the gateway use?")
    ws.edit(room, ts, at(ws, "which port does the gateway use?"))
    assert "8443" in said(reply(ws, room, ts))
    ws.edit(room, ts, at(ws, "which port does the gateway use??"))
    ws.settled()
    assert len(ws.called("chat.postMessage")) == 1


# ---------------------------------------------------------------- screenshots


def screenshot() -> bytes:
    with pymupdf.open(stream=HANDBOOK) as document:
        shot: bytes = document[1].get_pixmap(dpi=110, clip=(40, 40, 500, 140)).tobytes("png")
    return shot


def test_a_screenshot_is_a_question_and_stays_one(ws: Workspace, tmp_path: Path, ada: str, room: str) -> None:
    rag = settings(tmp_path / "data", read={"workers": 1, "layout": False})
    with magpie(ws, tmp_path / "data", rag=rag) as bot:
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
        first = ws.post(ada, room, f"<@{ws.bot_user}>", files=[("shot.png", screenshot())])
        assert "handbook.pdf" in said(reply(ws, room, first))
        assert ", p. 2." in said(reply(ws, room, first))
        assert ws.file(pictures(ws, room, first).files[0]).title == "handbook.pdf, p. 2"
        bot.sweep_all()
        ws.wait(lambda: len(ws.called("files.list")) > 1, what="the sweep")
        second = ws.post(ada, room, f"<@{ws.bot_user}>", files=[("shot.png", screenshot())])
        assert said(reply(ws, room, second)) == said(reply(ws, room, first))
        assert files_in(bot, room) == ["handbook.pdf"]
