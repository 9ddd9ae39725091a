"""Questions in the thread of a file, of a screenshot or of somebody's question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.messages import answer_texts
from rag import list_shares
from tests.flows.team import (
    HANDBOOK,
    READ,
    answers,
    ask,
    magpie,
    mention,
    pdf,
    receipts,
    replies,
    reply,
    said,
    share,
    until,
    wait_for_ephemeral,
)

ALDER = pdf("Invoice 17 of Alder Ltd. Total due: 310 euro.")
BIRCH = pdf("Invoice 88 of Birch Ltd. Total due: 975 euro.")
CEDAR = pdf("Invoice 3 of Cedar Ltd. Total due: 44 euro.")
TOTAL = "what is the total due in this invoice?"
PAGE_2 = "handbook.pdf>*, p. 2"


def shot(page: int = 1) -> bytes:
    with pymupdf.open(stream=HANDBOOK, filetype="pdf") as document:
        picture: bytes = document[page].get_pixmap(dpi=110, clip=(40, 40, 500, 140)).tobytes("png")
    return picture


@pytest.fixture(autouse=True)
def bot(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        share(ws, ada, channel)
        yield bot


def ask_in(ws: Workspace, person: str, channel: str, thread: str, words: str, number: int = 1) -> str:
    """Ask in a thread and return the text of its answer number `number`."""
    ws.post(person, channel, mention(ws, words), thread_ts=thread)
    return said(answers(ws, channel, thread, number)[number - 1])


# ---------------------------------------------------------------- files


def test_question_is_answered_from_the_file_of_its_thread(ws: Workspace, ada: str, ben: str, channel: str) -> None:
    alder = share(ws, ada, channel, "alder.pdf", ALDER)
    birch = share(ws, ada, channel, "birch.pdf", BIRCH)
    for thread, total, name in ((alder, "310", "alder.pdf"), (birch, "975", "birch.pdf")):
        answer = ask_in(ws, ben, channel, thread, TOTAL)
        assert total in answer
        assert name in answer
        assert answer_texts.IN_THREAD in answer


def test_question_is_answered_from_a_reply_of_its_thread(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    share(ws, ada, channel, "alder.pdf", ALDER)
    thread = ws.post(ada, channel, "the papers are coming")
    ws.post(ben, channel, "good", thread_ts=thread)
    ws.post(ada, channel, files=[("cedar.pdf", CEDAR)], thread_ts=thread)

    def is_known() -> bool:
        with bot.rag.read_transaction() as connection:
            return bool(list_shares(connection, space=channel, thread=thread))

    until(is_known)  # but not read yet
    answer = ask_in(ws, ben, channel, thread, TOTAL)
    assert "44 euro" in answer
    assert answer_texts.IN_THREAD in answer


def test_question_is_answered_from_a_file_that_was_posted_below_it(ws: Workspace, ada: str, channel: str) -> None:
    share(ws, ada, channel, "alder.pdf", ALDER)
    with ws.hold_events() as held:
        asked = ws.post(ada, channel, mention(ws, TOTAL))
        below = ws.post(ada, channel, files=[("birch.pdf", BIRCH)], thread_ts=asked)
        held.deliver(*(one for one in held.named("message") if one.payload["event"]["ts"] == below))
        held.deliver_rest()
    answer = said(reply(ws, channel, asked))
    assert "975 euro" in answer


def test_other_files_answer_what_the_files_of_the_thread_do_not(ws: Workspace, ada: str, channel: str) -> None:
    birch = share(ws, ada, channel, "birch.pdf", BIRCH)
    answer = ask_in(ws, ada, channel, birch, "which port does the gateway use?")
    assert "8443" in answer
    assert answer_texts.NOT_IN_THREAD in answer
    assert "could not find" in ask_in(ws, ada, channel, birch, "who was the first emperor of Rome?", 2)


def test_unusable_file_of_a_thread_is_named_for_a_bare_mention(ws: Workspace, ada: str, channel: str) -> None:
    thread = ws.post(ada, channel, files=[("plans.zip", b"PK\x05\x06" + bytes(18))])
    wait_for_ephemeral(ws, ada, "plans.zip")
    assert "don't open archives" in ask_in(ws, ada, channel, thread, "")


def test_unusable_file_of_a_thread_is_named_if_no_other_file_answers(ws: Workspace, ada: str, channel: str) -> None:
    thread = ws.post(ada, channel, "the plans", files=[("plans.zip", b"PK\x05\x06" + bytes(18))])
    answer = ask_in(ws, ada, channel, thread, "who was the first emperor of Rome?")
    assert "don't open archives" in answer
    assert "could not find" in answer


def test_unusable_file_with_a_mention_is_answered_and_not_explained_twice(
    ws: Workspace, ada: str, channel: str
) -> None:
    for _ in range(2):
        asked = ws.post(ada, channel, mention(ws, ""), files=[("plans.zip", b"PK\x05\x06" + bytes(18))])
        assert "don't open archives" in said(reply(ws, channel, asked))
    assert ws.ephemerals(ada) == []


def test_remarks_and_the_place_of_an_answer_are_lines(ws: Workspace, ada: str, channel: str) -> None:
    alder = share(ws, ada, channel, "alder.pdf", ALDER)
    answer = ask_in(ws, ada, channel, alder, f"type:pdf {TOTAL}")
    assert answer.startswith(f"Understood as: PDF\n{answer_texts.IN_THREAD}\n")


def test_file_that_left_the_thread_is_neither_used_nor_named(ws: Workspace, ada: str, ben: str, channel: str) -> None:
    birch = share(ws, ada, channel, "birch.pdf", BIRCH)
    ws.post(ben, channel, "see above", thread_ts=birch)
    ws.delete_file(ws.files("birch.pdf")[0].id)
    ws.settled()
    answer = ask_in(ws, ben, channel, birch, TOTAL)
    assert "975" not in answer
    assert "birch" not in answer.lower()
    assert answer_texts.IN_THREAD not in answer


# ---------------------------------------------------------------- screenshots


@pytest.mark.parametrize("words", ["which page is this?", ""])
def test_screenshot_of_the_thread_is_meant(ws: Workspace, ada: str, ben: str, channel: str, words: str) -> None:
    thread = ws.post(ada, channel, "look at this", files=[("shot.png", shot())])
    answer = ask_in(ws, ben, channel, thread, words)
    assert PAGE_2 in answer
    assert "shot.png" not in answer


@pytest.mark.parametrize(("name", "data", "words"), [("shot.png", shot(), ""), ("alder.pdf", ALDER, TOTAL)])
def test_root_whose_event_is_lost_is_read_for_the_question_below_it(
    ws: Workspace, ada: str, ben: str, channel: str, name: str, data: bytes, words: str
) -> None:
    share(ws, ada, channel, "birch.pdf", BIRCH)
    with ws.hold_events() as held:
        thread = ws.post(ada, channel, "look at this", files=[(name, data)])
        held.drop(*held.pending)
    answer = ask_in(ws, ben, channel, thread, words)
    assert (PAGE_2 if name == "shot.png" else "310") in answer


def test_screenshot_that_was_a_question_is_meant_by_the_next_one(
    ws: Workspace, ada: str, ben: str, channel: str
) -> None:
    thread = ws.post(ada, channel, mention(ws, ""), files=[("shot.png", shot())])
    assert PAGE_2 in said(reply(ws, channel, thread))
    assert PAGE_2 in ask_in(ws, ben, channel, thread, "welche Seite ist das?", 2)


def test_all_screenshots_of_a_question_are_used_in_order(ws: Workspace, ada: str, channel: str) -> None:
    files = [(f"shot{page}.png", shot(page)) for page in (1, 0, 2, 1, 0, 2)]
    answer = said(reply(ws, channel, ws.post(ada, channel, mention(ws, ""), files=files)))
    places = [line.partition("handbook.pdf>*, ")[2] for line in answer.splitlines() if "Screenshot" in line]
    assert places == ["p. 2.", "p. 1.", "p. 3.", "p. 2.", "p. 1."]
    assert "I used the first 5 of 6 screenshots." in answer


def test_question_with_several_screenshots_is_answered_from_all(ws: Workspace, ada: str, channel: str) -> None:
    share(ws, ada, channel, "alder.pdf", ALDER)
    files = [("shot0.png", shot(0)), ("shot1.png", shot(1))]
    answer = said(reply(ws, channel, ws.post(ada, channel, mention(ws, "which port is it?"), files=files)))
    assert "8443" in answer


# ---------------------------------------------------------------- words of people


ROOT = "Which port does the gateway use? I need it for the firewall."


@pytest.mark.parametrize(
    "words", ["", "can you answer this?", "kannst du das bitte beantworten?", "能回答这个问题吗？"]
)
def test_question_of_the_root_is_meant(ws: Workspace, ada: str, ben: str, channel: str, words: str) -> None:
    thread = ws.post(ada, channel, ROOT)
    ws.post(ada, channel, "it is urgent", thread_ts=thread)
    answer = ask_in(ws, ben, channel, thread, words)
    assert "8443" in answer
    assert "Understood as: Which port does the gateway use?" in answer
    assert "firewall" not in answer


def test_last_question_of_people_is_meant_if_the_root_asks_nothing(
    ws: Workspace, ada: str, ben: str, channel: str
) -> None:
    thread = ws.post(ada, channel, "the new handbook is out")
    ws.post(ben, channel, "where do the herons nest?", thread_ts=thread)
    ws.post(ada, channel, "no idea", thread_ts=thread)
    answer = ask_in(ws, ada, channel, thread, "")
    assert "Understood as: where do the herons nest?" in answer
    assert "Herons nest here" in answer


def test_late_event_of_an_earlier_reply_is_no_follow_up(ws: Workspace, ada: str, ben: str, channel: str) -> None:
    thread = ws.post(ada, channel, "the new handbook is out")
    with ws.hold_events() as held:
        ws.post(ben, channel, "where do the herons nest?", thread_ts=thread)
    asked = ws.post(ada, channel, mention(ws, "which port does the gateway use?"), thread_ts=thread)
    answers(ws, channel, thread, 1)
    held.deliver_rest()
    ws.settled()
    later = ws.post(ada, channel, mention(ws, "and where is the lantern?"), thread_ts=thread)
    reply_to_later = answers(ws, channel, thread, 2)
    assert [one.ts > later for one in reply_to_later] == [False, True]
    assert reply_to_later[0].ts > asked


def test_words_of_the_thread_complete_a_question(ws: Workspace, ada: str, ben: str, channel: str) -> None:
    thread = ws.post(ada, channel, "Is the lantern of the gateway broken?")
    answer = ask_in(ws, ben, channel, thread, "and is it green?")
    assert "lantern is green" in answer
    assert "about: Is the lantern of the gateway broken?" in answer


def test_words_of_a_thread_stay_in_it(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    thread = ws.post(ada, channel, "Which port does the heliotrope gateway use?")
    assert "heliotrope" in ask_in(ws, ben, channel, thread, "")
    _, other = ask(ws, ben, channel, "and what is it?")
    assert "heliotrope" not in said(other)
    assert "gateway" not in said(other)
    assert "heliotrope" not in caplog.text
    with bot.rag.read_transaction() as connection:
        for table in ("question", "access_log"):
            rows = connection.exec_driver_sql(f"SELECT text FROM {table}").all()
            assert "heliotrope" not in str(rows)


def test_bare_mention_without_anything_to_ask_gets_help(ws: Workspace, ada: str, channel: str) -> None:
    thread = ws.post(ada, channel, "good morning!")
    assert ask_in(ws, ada, channel, thread, "") == answer_texts.HELP


# ---------------------------------------------------------------- mentions


def test_mentioned_people_are_read_as_names(ws: Workspace, ada: str, ben: str, channel: str) -> None:
    share(ws, ada, channel, "keys.pdf", pdf("Ben has the key of the lighthouse."))
    thread = ws.post(ada, channel, f"Does <@{ben}> have the key of the lighthouse?")
    answer = ask_in(ws, ada, channel, thread, "")
    assert "Understood as: Does @ben have the key of the lighthouse?" in answer
    assert "Ben has the key" in answer
    assert ben not in answer
    assert "Ben has the key" in said(ask(ws, ada, channel, f"which key has <@{ben}> of the lighthouse?")[1])


# ---------------------------------------------------------------- attachments that cannot be used


def test_attachment_that_cannot_be_used_is_said(ws: Workspace, ada: str, channel: str) -> None:
    asked = ws.post(
        ada, channel, mention(ws, "which port does the gateway use?"), files=[("plans.zip", b"PK\x05\x06" + bytes(18))]
    )
    answer = said(reply(ws, channel, asked))
    assert "don't open archives" in answer
    assert "8443" in answer
    assert len(replies(ws, channel, asked)) >= 1


def test_external_file_of_a_question_is_said(ws: Workspace, ada: str) -> None:
    here, url = ws.direct(ada), "https://docs.google.com/document/d/1"
    file = ws.special.external(ada, here, "Plan", url, text="which port does the gateway use?")
    assert "It is stored outside Slack" in said(reply(ws, here, ws.file(file).shares[0].ts))


def test_pdf_that_slack_calls_binary_is_read(ws: Workspace, ada: str, channel: str) -> None:
    details = {"filetype": "binary", "mimetype": "application/octet-stream"}
    file = ws.special.upload(ada, channel, "upload", BIRCH, details, text="weekly report")
    ts = ws.file(file).shares[0].ts
    receipts(ws, channel, ts, READ)
    assert "975 euro" in ask_in(ws, ada, channel, ts, TOTAL)
