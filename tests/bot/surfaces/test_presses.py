"""Rows behind presses: what is asked on about, and what one person is to be told, once and until it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from bot import ledger, line, shown
from bot.happenings import HomeOpened, Queried, Question, Unshared
from bot.record import record
from bot.surfaces import asides, presses
from bot.surfaces.asides import Aside
from bot.surfaces.presses import Answered
from rag import Rag, Settings, open_rag


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path_factory.mktemp("presses"))) as rag:
        rag.upgrade(ledger.MIGRATIONS, ledger.VERSIONS)
        yield rag


@pytest.fixture
def connection(opened: Rag) -> Iterator[Connection]:
    with opened.writing() as connection:
        for table in (line.question, asides.aside, ledger.wanted, ledger.queried):
            connection.execute(table.delete())
        yield connection


def page(document: int, number: int, shown: bool = True) -> dict[str, object]:
    return {"document": document, "page": number, "number": 0, "cited": shown, "shown": shown}


def answered(connection: Connection, asked: Question, *used: dict[str, object]) -> Answered:
    line.put_question(connection, asked)
    mine = line.question.c.ts == asked.ts
    placeholder = f"9{asked.ts}"
    connection.execute(
        line.question.update().where(mine).values(placeholder=placeholder, state="done", used=list(used))
    )
    found = presses.answered(connection, asked.channel, placeholder)
    assert found is not None
    return found


ASKED = Question("C1", "5.1", "5.1", "U1", "which port?", ("F1",))


def test_more_leaves_out_what_every_answer_of_this_question_showed(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2), page(1, 3, shown=False))
    more = presses.press("more", first, "U2", "6.1")
    second = answered(connection, more, page(1, 3), page(2, 1))
    answered(connection, presses.press("more", first, "U3", "6.2"), page(2, 9))
    for pressed in (presses.press("more", first, "U2", "7.1"), presses.press("more", second, "U2", "7.2")):
        found = presses.origin(connection, pressed)
        assert found is not None
        assert (found.question.text, found.question.files, found.documents) == ("which port?", ("F1",), None)
        assert found.seen == {(1, 2), (1, 3), (2, 1), (2, 9)}


def test_more_within_one_file_stays_there(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2))
    only = answered(connection, presses.press("file", first, "U2", "6.1", 7), page(7, 1))
    found = presses.origin(connection, presses.press("more", only, "U2", "7.1"))
    assert found is not None
    assert (found.documents, found.seen) == (frozenset([7]), frozenset([(7, 1)]))
    again = presses.origin(connection, presses.press("file", only, "U2", "7.2", 8))
    assert again is not None
    assert again.documents == frozenset([8])


def test_a_question_that_is_gone_or_without_words_is_asked_on_about_no_more(connection: Connection) -> None:
    first = answered(connection, Question("C1", "5.1", "5.1", "U1", "which port?"), page(1, 2))
    more = presses.press("more", first, "U2", "6.1")
    connection.execute(line.question.update().values(text=""))
    assert presses.origin(connection, more) is None
    connection.execute(line.question.delete())
    assert presses.origin(connection, more) is None


def test_the_same_press_twice_is_one_question(connection: Connection) -> None:
    first = answered(connection, ASKED, page(1, 2))
    assert presses.put_press(connection, presses.press("more", first, "U2", "6.1"))
    assert not presses.put_press(connection, presses.press("more", first, "U3", "6.2"))
    assert presses.put_press(connection, presses.press("file", first, "U3", "6.3", 1))
    assert presses.put_press(connection, presses.press("file", first, "U3", "6.4", 2))
    assert line.open_questions(connection) == 3


def test_an_aside_stays_until_it_is_told(connection: Connection) -> None:
    asides.put_aside(connection, Aside(asides.SAY, "C1", "U1", "Thanks."))
    due = asides.due_aside(connection)
    assert due is not None
    assert asides.due_aside(connection) == due
    asides.delay_aside(connection, due.id, 60)
    assert asides.due_aside(connection) is None
    assert asides.open_asides(connection) == 1
    asides.end_aside(connection, due.id)
    assert asides.open_asides(connection) == 0


def test_a_home_opened_often_is_shown_once(connection: Connection) -> None:
    for user in ("U1", "U1", "U2", "U1"):
        record(connection, HomeOpened(user, f"D{user}"))
    assert asides.open_asides(connection) == 2


def test_who_is_forgotten_is_told_nothing_more(connection: Connection) -> None:
    for user in ("U1", "U2"):
        asides.put_aside(connection, Aside(asides.FIND, "C1", user, "their words"))
    shown.forget_user(connection, "U1")
    due = asides.due_aside(connection)
    assert due is not None
    assert (due.user, asides.open_asides(connection)) == ("U2", 1)


def test_a_picture_that_somebody_wants_indexed_is_a_question_no_longer_until_it_is_gone(connection: Connection) -> None:
    record(connection, Queried("F1", "C1"))
    assert ledger.is_query(connection, "F1", "C1")
    ledger.want_file(connection, "F1", "C1")
    record(connection, Queried("F1", "C1"))  # told again by the sweep
    assert not ledger.is_query(connection, "F1", "C1")
    assert ledger.is_wanted(connection, "F1")
    assert not ledger.is_wanted(connection, "F1", "C2")
    record(connection, Unshared("F1", "C1"))
    assert not ledger.is_wanted(connection, "F1")
