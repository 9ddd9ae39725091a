"""Button presses as questions, and requests to show something to one person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.db import ephemeral_messages, jobs, questions, retention, tables
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.inbox.recording import record
from bot.slack.events import HomeOpened, Question
from rag import Rag, RoundRobin, Settings
from tests.support.migrated import open_rag


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path_factory.mktemp("presses")), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture
def connection(opened: Rag) -> Iterator[Connection]:
    with opened.write_transaction() as connection:
        for table in (tables.question, tables.job):
            connection.execute(table.delete())
        yield connection


def page(document: int, number: int, shown: bool = True) -> dict[str, object]:
    return {"document": document, "page": number, "number": 0, "cited": shown, "shown": shown}


def answered(connection: Connection, asked: Question, *used: dict[str, object]) -> Answered:
    questions.put_question(connection, asked)
    matching = tables.question.c.ts == asked.ts
    placeholder = f"9{asked.ts}"
    connection.execute(
        tables.question.update().where(matching).values(placeholder=placeholder, state="done", used=list(used))
    )
    found = button_requests.answered(connection, asked.channel, placeholder)
    assert found is not None
    return found


ASKED = Question("C1", "5.1", "5.1", "U1", "which port?", ("F1",))


def test_more_pages_excludes_pages_shown_by_earlier_answers(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2), page(1, 3, shown=False))
    more = button_requests.press("more", first, "U2", "6.1")
    second = answered(connection, more, page(1, 3), page(2, 1))
    answered(connection, button_requests.press("more", first, "U3", "6.2"), page(2, 9))
    for pressed in (
        button_requests.press("more", first, "U2", "7.1"),
        button_requests.press("more", second, "U2", "7.2"),
    ):
        found = button_requests.origin(connection, pressed)
        assert found is not None
        assert (found.question.text, found.question.files, found.documents) == ("which port?", ("F1",), None)
        assert found.seen == {(1, 2), (1, 3), (2, 1), (2, 9)}


def test_more_pages_of_one_file_stay_in_this_file(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2))
    only = answered(connection, button_requests.press("file", first, "U2", "6.1", 7), page(7, 1))
    found = button_requests.origin(connection, button_requests.press("more", only, "U2", "7.1"))
    assert found is not None
    assert (found.documents, found.seen) == (frozenset([7]), frozenset([(7, 1)]))
    again = button_requests.origin(connection, button_requests.press("file", only, "U2", "7.2", 8))
    assert again is not None
    assert again.documents == frozenset([8])


def test_press_has_no_origin_if_the_question_or_its_text_was_deleted(connection: Connection) -> None:
    first = answered(connection, Question("C1", "5.1", "5.1", "U1", "which port?"), page(1, 2))
    more = button_requests.press("more", first, "U2", "6.1")
    connection.execute(tables.question.update().values(text=""))
    assert button_requests.origin(connection, more) is None
    connection.execute(tables.question.delete())
    assert button_requests.origin(connection, more) is None


def test_repeated_press_is_one_question(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2))
    assert button_requests.put_press(connection, button_requests.press("more", first, "U2", "6.1"))
    assert not button_requests.put_press(connection, button_requests.press("more", first, "U3", "6.2"))
    assert button_requests.put_press(connection, button_requests.press("file", first, "U3", "6.3", 1))
    assert button_requests.put_press(connection, button_requests.press("file", first, "U3", "6.4", 2))
    assert questions.open_questions(connection) == 3


def test_ephemeral_request_stays_until_it_is_finished(connection: Connection) -> None:
    ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.SAY, "C1", "U1", "Thanks."))
    due = claim(connection)
    assert due is not None
    assert EphemeralRequest.of(due) == EphemeralRequest(JobKind.SAY, "C1", "U1", "Thanks.")
    assert claim(connection) is None
    jobs.release_claims(connection)  # as after a kill
    due = claim(connection)
    assert due is not None
    jobs.retry(connection, due, 60, counted=False)
    assert claim(connection) is None
    assert ephemeral_messages.count_ephemeral_requests(connection) == 1
    jobs.finish(connection, due)
    assert ephemeral_messages.count_ephemeral_requests(connection) == 0


def claim(connection: Connection) -> Job | None:
    return jobs.claim(connection, ephemeral_messages.KINDS, RoundRobin())


def test_home_opened_several_times_is_updated_once(connection: Connection) -> None:
    for user in ("U1", "U1", "U2", "U1"):
        record(connection, HomeOpened(user, f"D{user}"))
    assert ephemeral_messages.count_ephemeral_requests(connection) == 2


def test_forgotten_person_has_no_ephemeral_requests(connection: Connection) -> None:
    for user in ("U1", "U2"):
        ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.FIND, "C1", user, "their words"))
    retention.forget_user(connection, "U1")
    due = claim(connection)
    assert due is not None
    assert (due.user, ephemeral_messages.count_ephemeral_requests(connection)) == ("U2", 1)
