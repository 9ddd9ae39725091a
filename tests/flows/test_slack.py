"""Sharing files and asking about them in a workspace, from the event to the reply with pictures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.messages import answer_texts
from rag import Scope
from tests.flows.team import (
    HANDBOOK,
    READ,
    UNREADABLE,
    magpie,
    mention,
    pdf,
    pictures,
    receipts,
    replies,
    reply,
    said,
    settings,
    until,
)


@pytest.fixture
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


def files_in(bot: Bot, *spaces: str) -> list[str]:
    return [row.name for row in bot.rag.documents(Scope.of(*spaces))]


# ---------------------------------------------------------------- questions


def test_question_is_answered_in_the_thread_with_page_and_picture(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    shared = ws.post(ada, channel, "our handbook", files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, shared, READ)
    asked = ws.post(ada, channel, mention(ws, "which port does the gateway use?"))
    answer = reply(ws, channel, asked)
    assert "port 8443" in said(answer)
    link = bot.client.get_file(ws.files("handbook.pdf")[0].id)["permalink"]
    assert f"[1] <{link}|handbook.pdf>, p. 2" in said(answer)
    shown = pictures(ws, channel, asked)
    assert shown.thread_ts == asked
    picture = ws.file(shown.files[0])
    assert picture.title == "[1] handbook.pdf, p. 2"
    with Image.open(BytesIO(picture.data)) as image:
        assert image.width > 500
    ws.wait(lambda: not ws.message(channel, asked).reactions, what="the removal of the reaction")
    assert len(replies(ws, channel, asked)) == 2
    assert ws.message(channel, shared).reactions == {READ: [ws.bot_user]}


def test_reply_is_posted_in_the_thread_of_the_question(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    shared = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, shared, READ)
    ws.post(ada, channel, mention(ws, "where do the herons nest?"), thread_ts=shared)
    assert "Herons" in said(reply(ws, channel, shared))


def test_duplicate_events_give_one_answer_and_one_file(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.duplicate(9, copies=2, new_envelope=False)
    ws.faults.reorder()
    asked = ws.post(ada, channel, mention(ws, "which port does the gateway use?"), files=[("handbook.pdf", HANDBOOK)])
    assert "port 8443" in said(reply(ws, channel, asked))
    pictures(ws, channel, asked)
    ws.settled()
    receipts(ws, channel, asked, READ)
    assert len(replies(ws, channel, asked)) == 2
    assert files_in(bot, channel) == ["handbook.pdf"]
    assert len(ws.called("chat.postMessage")) == 1


def test_question_waits_for_the_document_sent_with_it(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    other = ws.post(ada, channel, files=[("old.pdf", pdf("The gateway used port 80 in the old days."))])
    receipts(ws, channel, other, READ)
    asked = ws.post(ada, channel, mention(ws, "which port does the gateway use?"), files=[("new.pdf", HANDBOOK)])
    assert "8443" in said(reply(ws, channel, asked))


def test_answer_names_a_document_that_could_not_be_read(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked = ws.post(
        ada, channel, mention(ws, "which port does the gateway use?"), files=[("torn.pdf", b"%PDF-1.4 torn")]
    )
    answer = said(reply(ws, channel, asked))
    assert "I couldn't read torn.pdf" in answer
    assert "8443" in answer


def test_not_found_answer_has_no_picture(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    asked = ws.post(ada, channel, mention(ws, "how many weeks of parental leave?"))
    assert "could not find" in said(reply(ws, channel, asked))
    ws.wait(lambda: not ws.message(channel, asked).reactions)
    assert len(replies(ws, channel, asked)) == 1


def test_mention_without_text_gets_help(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    assert answer_texts.HELP in said(reply(ws, channel, ws.post(ada, channel, f"<@{ws.bot_user}>")))


def test_private_file_is_not_found_in_other_channels(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ben = ws.person("ben")
    secret = ws.channel("secret", members=[ada], private=True)
    receipts(ws, secret, ws.post(ada, secret, files=[("handbook.pdf", HANDBOOK)]), READ)
    elsewhere = ws.channel("elsewhere", members=[ada, ben], private=True)
    for place in (channel, elsewhere):
        asked = ws.post(ada, place, mention(ws, "which port does the gateway use?"))
        assert "could not find" in said(reply(ws, place, asked))
        assert "handbook" not in said(reply(ws, place, asked))


def test_direct_message_needs_no_mention(ws: Workspace, bot: Bot, ada: str) -> None:
    here = ws.direct(ada)
    receipts(ws, here, ws.post(ada, here, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked = ws.post(ada, here, "which port does the gateway use?")
    assert "8443" in said(reply(ws, here, asked))


def test_bots_are_not_answered(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    robot = ws.other_bot("robot")
    ws.join(robot, channel)
    asked = ws.post(robot, channel, mention(ws, "which port?"))
    answered = ws.post(ada, channel, mention(ws, "which port?"))
    reply(ws, channel, answered)
    ws.settled()
    assert [said(one) for one in replies(ws, channel, asked)] == [answer_texts.APPS_NOT_ANSWERED]


# ---------------------------------------------------------------- files


def test_same_bytes_get_the_same_receipt(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    first = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, first, READ)
    private = ws.channel("private", members=[ada], private=True)
    again = ws.post(ada, private, files=[("copy.pdf", HANDBOOK)])
    receipts(ws, private, again, READ)
    assert ws.message(private, again).reactions == ws.message(channel, first).reactions
    assert bot.rag.status().pages == 3


def test_only_the_sender_is_notified_of_an_unreadable_file(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.join(ws.person("ben"), channel)
    ts = ws.post(ada, channel, files=[("torn.pdf", b"%PDF-1.4 torn")])
    receipts(ws, channel, ts, UNREADABLE)
    ws.wait(lambda: ws.ephemerals(ada))
    assert ws.ephemerals("ben") == []
    assert "torn.pdf" in ws.ephemerals(ada)[0].text
    assert [one for one in ws.messages(channel) if one.user == ws.bot_user] == []


def test_text_file_and_saved_web_page_are_read(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    """A saved web page must not be taken for Slack's login page, after which the bot downloads again."""
    notes = b"# Notes of the sluice\n\n## Ports\n\nThe sluice listens on port 9911.\n"
    receipts(ws, channel, ws.post(ada, channel, files=[("notes.md", notes)]), READ)
    assert "9911" in said(
        reply(ws, channel, ws.post(ada, channel, mention(ws, "which port does the sluice listen on?")))
    )
    receipts(ws, channel, ws.post(ada, channel, files=[("page.html", b"<html><body>The weir uses port 7")]), READ)
    receipts(ws, channel, ws.post(ada, channel, files=[("old.doc", b"<html><body>The quay uses port 8")]), READ)


def test_unsupported_file_is_ignored(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ts = ws.post(ada, channel, files=[("film.zip", b"PK zip")])
    receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    assert ws.message(channel, ts).reactions == {}
    assert files_in(bot, channel) == ["handbook.pdf"]


def test_file_of_another_company_is_read(ws: Workspace, bot: Bot, ada: str) -> None:
    shared = ws.channel("with-them", members=[ada, ws.person("eve", stranger_team="T0THEM")], shared=True)
    ts = ws.post("eve", shared, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, shared, ts, READ)
    assert files_in(bot, shared) == ["handbook.pdf"]


def test_known_file_of_another_company_is_listed_with_its_name(ws: Workspace, bot: Bot, ada: str) -> None:
    eve = ws.person("eve", stranger_team="T0THEM")
    first, second = (ws.channel(name, members=[ada, eve], shared=True) for name in ("with-them", "with-them-too"))
    receipts(ws, first, ws.post(eve, first, files=[("handbook.pdf", HANDBOOK)]), READ)
    ws.share(eve, ws.files("handbook.pdf")[0].id, second)
    until(lambda: files_in(bot, second) == ["handbook.pdf"])


def test_new_file_is_read_once_slack_has_it(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.pace.fresh_for = 1.2
    receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)


def test_files_shared_before_the_bot_joined_are_indexed(ws: Workspace, tmp_path: Path, ada: str) -> None:
    channel = ws.channel("old", members=[ada], with_bot=False)
    for number in range(3):
        ws.post(ada, channel, files=[(f"minutes-{number}.pdf", pdf(f"Minutes number {number} of the gulls."))])
    with magpie(ws, tmp_path / "data") as bot:
        ws.invite_bot(channel)
        names = ["minutes-0.pdf", "minutes-1.pdf", "minutes-2.pdf"]
        until(lambda: bot.rag.status().documents == {"ready": 3})
        until(lambda: files_in(bot, channel) == names)  # a file can be read before its share is checked
        assert not [call for call in ws.calls if call.method == "reactions.add"]


# ---------------------------------------------------------------- removed files and edits


@pytest.mark.parametrize("how", ["file_deleted", "file_unshared", "message_deleted", "left"])
def test_removed_file_disappears_at_once(ws: Workspace, bot: Bot, ada: str, channel: str, how: str) -> None:
    ts = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, ts, READ)
    file = ws.files("handbook.pdf")[0].id
    match how:
        case "file_deleted":
            ws.delete_file(file)
        case "file_unshared":
            ws.unshare(file, channel)
        case "message_deleted":
            ws.delete_message(channel, ts)
        case "left":
            ws.remove_bot(channel)
    ws.settled()
    assert files_in(bot, channel) == []


def test_edit_that_adds_a_mention_is_answered_once(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    ts = ws.post(ada, channel, "which port does the gateway use?")
    ws.edit(channel, ts, mention(ws, "which port does the gateway use?"))
    assert "8443" in said(reply(ws, channel, ts))
    ws.edit(channel, ts, mention(ws, "which port does the gateway use??"))
    ws.settled()
    assert len(ws.called("chat.postMessage")) == 1


# ---------------------------------------------------------------- screenshots


def screenshot() -> bytes:
    with pymupdf.open(stream=HANDBOOK) as document:
        shot: bytes = document[1].get_pixmap(dpi=110, clip=(40, 40, 500, 140)).tobytes("png")
    return shot


def test_screenshot_with_a_mention_is_not_indexed(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    rag = settings(tmp_path / "data", read={"workers": 1, "layout": False})
    with magpie(ws, tmp_path / "data", rag=rag) as bot:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        until(lambda: not bot.rag.status().waiting_for_fingerprints)
        first = ws.post(ada, channel, f"<@{ws.bot_user}>", files=[("shot.png", screenshot())])
        assert "handbook.pdf" in said(reply(ws, channel, first))
        assert ", p. 2." in said(reply(ws, channel, first))
        assert ws.file(pictures(ws, channel, first).files[0]).title == "handbook.pdf, p. 2"
        bot.sweep_all()
        ws.wait(lambda: len(ws.called("files.list")) > 1, what="the sweep")
        until(bot.rag.is_ready_for_picture)  # a process for the next screenshot is started in advance
        second = ws.post(ada, channel, f"<@{ws.bot_user}>", files=[("shot.png", screenshot())])
        assert said(reply(ws, channel, second)) == said(reply(ws, channel, first))
        assert files_in(bot, channel) == ["handbook.pdf"]
