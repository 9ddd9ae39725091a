"""Feedback on answers: what is stored, when it is deleted, and its use for evaluation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.answers.feedback import put_feedback
from bot.db import access_log, feedback, questions, retention, tables
from bot.db.used_pages import post_mark
from bot.slack.events import Question
from bot.slack.message_text import without_mention
from rag import Rag, Share, put_share
from rag.model.search import Scope
from tests.bot.conftest import Magpie, opener
from tests.flows.team import settings

WORDS = "Which port does kingfisher listen on?"


@pytest.fixture
def data(magpie: Magpie, folder: Path, tmp_path: Path) -> Path:
    assert magpie("index", str(folder), "--space", "C1")[0] == 0
    return tmp_path / "data"


def rag_on(data: Path) -> Rag:
    rag = opener(settings(data))
    assert isinstance(rag, Rag)
    return rag


def page(rag: Rag, name: str, number: int, cited: bool = True) -> dict[str, Any]:
    [row] = [row for row in rag.documents(Scope.of("C1")) if row.name == name]
    return {"document": row.id, "page": number, "number": 1, "cited": cited, "shown": cited}


def answer(connection: Connection, used: list[dict[str, Any]] | None, ts: str = "5.1", user: str = "U1") -> Answered:
    """Record a question that was answered from these pages."""
    questions.put_question(connection, Question("C1", ts, ts, user, WORDS))
    matching = tables.question.c.ts == ts
    connection.execute(tables.question.update().where(matching).values(placeholder=f"9{ts}", state="done", used=used))
    found = button_requests.answered(connection, "C1", f"9{ts}")
    assert found is not None
    return found


def test_press_refers_only_to_the_question_its_message_answers(data: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        found = answer(connection, [])
        assert (found.question.text, found.thread) == (WORDS, "5.1")
        assert button_requests.answered(connection, "C2", "95.1") is None
        assert (
            button_requests.answered(connection, "C1", "95.2", "C1:5.1") is None
        )  # a message's metadata alone is not trusted
        connection.execute(tables.question.update().values(placeholder=""))
        assert button_requests.answered(connection, "C1", "95.2", "C1:5.1") is not None
        assert button_requests.answered(connection, "C1", "95.2", "C2:5.1") is None


def test_last_rating_of_each_person_counts(data: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        found = answer(connection, [page(rag, "handbook.pdf", 2)])
        for user, verdict in (("U1", "bad"), ("U2", "bad"), ("U1", "good"), ("U1", "good")):
            put_feedback(connection, found, user, verdict, "Port 8443.")
        assert feedback.counts(connection) == {"good": 1, "bad": 1}
        [bad] = feedback.list_bad(connection)
        assert (bad.user, bad.text, bad.answer) == ("U2", WORDS, "Port 8443.")


def test_text_of_unknown_documents_is_not_stored(data: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        put_feedback(connection, answer(connection, None), "U1", "bad", "Port 8443.")
        [bad] = feedback.list_bad(connection)
        assert (bad.text, bad.answer, list(bad.passages)) == ("", "", [])
        gone = {**page(rag, "handbook.pdf", 2), "document": 999}
        put_feedback(connection, answer(connection, [gone], "6.1"), "U1", "bad", "Port 8443.")
        assert [one.text for one in feedback.list_bad(connection)] == ["", ""]


def test_rating_of_a_follow_up_stores_the_original_question(data: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        first = answer(connection, [page(rag, "report.pdf", 1)])
        pressed = button_requests.press("file", first, "U2", "7.1", 1)
        assert button_requests.put_press(connection, pressed)
        assert not button_requests.put_press(
            connection, button_requests.press("file", first, "U3", "7.2", 1)
        )  # an equal press is still open
        matching = tables.question.c.ts == "7.1"
        used = [page(rag, "handbook.pdf", 2)]
        connection.execute(tables.question.update().where(matching).values(placeholder="97.1", state="done", used=used))
        second = button_requests.answered(connection, "C1", "97.1")
        assert second is not None
        put_feedback(connection, second, "U2", "bad", "Port 8443.")
        [bad] = feedback.list_bad(connection)
        assert bad.text == WORDS
        # The question may quote the first answer, so its text depends on both files.
        [row] = connection.execute(tables.feedback.select()).all()
        assert {one[0] for one in row.documents} == {one["document"] for one in (*used, page(rag, "report.pdf", 1))}


def test_feedback_is_deleted_with_its_file_by_age_and_with_either_person(
    data: Path, magpie: Magpie, folder: Path
) -> None:
    with rag_on(data) as rag:
        with rag.write_transaction() as connection:
            for number, user in enumerate(("U1", "U2", "U3")):
                asked = answer(
                    connection, [page(rag, "handbook.pdf", 2)], f"5.{number}", "U1" if user == "U3" else user
                )
                put_feedback(connection, asked, user, "bad", "Port 8443.")
        rag.forget(["handbook.pdf"])
        with rag.write_transaction() as connection:
            access_log.scrub(connection)
            assert {(one.text, one.answer) for one in feedback.list_bad(connection)} == {("", "")}
            assert all(one.passages[0]["sha256"] for one in feedback.list_bad(connection))
    assert magpie("forget", "--yes", "--user", "U1")[0] == 0
    with rag_on(data) as rag, rag.write_transaction() as connection:
        assert [one.user for one in feedback.list_bad(connection)] == ["U2"]
        retention.expire(connection, time() + 1)
        assert feedback.counts(connection) == {"good": 0, "bad": 0}


def test_feedback_is_deleted_when_a_message_that_the_answer_shows_is_edited(data: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        shared = Share("slack", "F1", "C1", "pump.pdf", message="4.1", shared_by="U2", words="for the harbour")
        put_share(connection, shared)
        post = post_mark("C1", "4.1", "pump.pdf", "U2", "for the harbour")
        shown = {"document": 0, "page": 0, "number": 0, "cited": False, "shown": True, "post": post}
        asked = answer(connection, [page(rag, "handbook.pdf", 2), shown])
        put_feedback(connection, asked, "U1", "bad", "Posted for the harbour.")
        access_log.scrub(connection)
        assert [kept.answer for kept in feedback.list_bad(connection)] == ["Posted for the harbour."]
        put_share(connection, replace(shared, words="for the station"))
        access_log.scrub(connection)
        assert [kept.answer for kept in feedback.list_bad(connection)] == [""]


# ---------------------------------------------------------------- the commands


def test_status_counts_feedback(data: Path, magpie: Magpie) -> None:
    assert magpie("status")[1]["feedback"] == {"good": 0, "bad": 0}
    with rag_on(data) as rag, rag.write_transaction() as connection:
        put_feedback(connection, answer(connection, []), "U1", "bad", "I could not find this.")
    assert magpie("status")[1]["feedback"] == {"good": 0, "bad": 1}
    kept = {row["name"]: row["count"] for row in magpie("status", "--privacy")[1]["kept"]}
    assert (kept["feedback"], kept["asides"]) == (1, 0)


def test_bad_answers_become_questions_to_complete(data: Path, magpie: Magpie, tmp_path: Path) -> None:
    with rag_on(data) as rag, rag.write_transaction() as connection:
        asked = answer(connection, [page(rag, "handbook.pdf", 1), page(rag, "report.pdf", 1, cited=False)])
        for user in ("U1", "U2"):
            put_feedback(connection, asked, user, "bad", "Welcome aboard [1].")
        put_feedback(connection, answer(connection, None, "6.1"), "U1", "bad", "")
        put_feedback(connection, answer(connection, [], "7.1"), "U1", "good", "")
    code, shape, err = magpie("eval", "--from-feedback", "bad.jsonl")
    assert (code, shape["questions"], shape["left_out"]) == (0, 1, 1)
    assert "without text" in err
    path = tmp_path / "bad.jsonl"
    [row] = map(json.loads, path.read_text().splitlines())
    assert (row["query"], row["cited"]) == (WORDS, [{"file": "handbook.pdf", "page": 1}])
    assert "pages" not in row
    code, _, err = magpie("eval", "--questions", "bad.jsonl")
    assert code == 1
    assert "Line 1 of bad.jsonl needs pages" in err
    path.write_text(json.dumps({**row, "file": "handbook.pdf", "pages": [2]}))
    code, shape, _ = magpie("eval", "--questions", "bad.jsonl", "--report", "report.html")
    assert (code, shape["questions"]) == (0, 1)
    assert "Ratings of answers in Slack: 1 good, 3 bad." in (tmp_path / "report.html").read_text()


def test_mentions_are_exported_without_tokens(data: Path, magpie: Magpie, tmp_path: Path) -> None:
    words = without_mention("<@U9> <#C9> <!subteam^S1> which port does kingfisher use, <@U8|lee>?", "U0")
    with rag_on(data) as rag, rag.write_transaction() as connection:
        asked = answer(connection, [page(rag, "handbook.pdf", 1)])
        asked = replace(asked, question=replace(asked.question, text=words))
        put_feedback(connection, asked, "U1", "bad", "Ask <@U9> [1].")
    assert magpie("eval", "--from-feedback", "bad.jsonl")[0] == 0
    [row] = map(json.loads, (tmp_path / "bad.jsonl").read_text().splitlines())
    assert row["query"] == "which port does kingfisher use, @lee?"
    assert "U9" not in row["answer"]


def test_existing_question_file_is_not_overwritten(data: Path, magpie: Magpie, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("mine")
    code, _, err = magpie("eval", "--from-feedback", "bad.jsonl")
    assert (code, (tmp_path / "bad.jsonl").read_text()) == (1, "mine")
    assert "already exists" in err
    assert magpie("eval")[0] == 2
