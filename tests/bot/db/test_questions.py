"""The line of questions: what is told twice is one row, a claim is one statement, nobody's second goes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from bot.db import questions, tables
from bot.db.questions import Cancellation, ClaimedQuestion, QuestionState
from bot.slack.events import Edited, Question
from rag import Rag, Settings, open_rag

ASKED = Question("C1", "5.1", "5.1", "U1", "which port?", ("F1",))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path_factory.mktemp("line")), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture
def rag(opened: Rag) -> Rag:
    with opened.write_transaction() as connection:
        connection.execute(tables.question.delete())
    return opened


def put(connection: Connection, user: str, number: int, text: str = "?") -> None:
    questions.put_question(connection, Question("C1", f"5.{number:04}", "5.1", user, text))


def greet_all(connection: Connection) -> None:
    while asked := questions.claim_new(connection):
        questions.enqueue(connection, asked)


def claimed(connection: Connection) -> ClaimedQuestion:
    greet_all(connection)
    asked = questions.claim_question(connection)
    assert asked is not None
    return asked


def test_a_question_told_three_times_is_one_with_all_its_files(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        for files in ((), ("F1",), ("F1", "F2"), ("F1",)):
            questions.put_question(connection, Question("C1", "5.1", "5.1", "U1", "which port?", files))
        assert claimed(connection).question.files == ("F1", "F2")
        assert questions.claim_question(connection) is None


def test_how_far_a_reply_came_outlives_the_process(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        questions.store_placeholder(connection, first, "6.1")
        assert questions.store_reply(connection, first, reply={"text": "8443"}, uploads=["F5"], sharing_since=1.5)
        questions.release_claims(connection)
        again = claimed(connection)
    assert (again.attempts, again.placeholder, again.reply) == (2, "6.1", {"text": "8443"})
    assert (again.uploads, again.sharing_since) == (["F5"], 1.5)


def test_what_a_button_asks_for_comes_back_as_it_was(rag: Rag) -> None:
    pressed = Question("C1", "5.1", "4.1", "U1", "which port?", (), "more", {"skip": [[1, 12]]})
    with rag.write_transaction() as connection:
        questions.put_question(connection, pressed)
        assert claimed(connection).question == pressed
        assert questions.find_question(connection, "C1", "5.1") == pressed
        assert questions.find_question(connection, "C1", "5.2") is None


def test_a_delay_counts_as_the_attempts_that_it_is_told(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        for attempts, expected in ((0, 1), (0, 1), (1, 1), (1, 2)):
            asked = claimed(connection)
            assert asked.attempts == expected
            questions.delay_question(connection, asked, 0, attempts=attempts)
        last = claimed(connection)
        questions.end_question(connection, last, QuestionState.DONE)
        questions.delay_question(connection, last, 0, attempts=1)
        greet_all(connection)
        assert questions.claim_question(connection) is None
        assert questions.open_questions(connection) == 0


def test_a_question_that_is_greeted_still_is_waited_for_while_it_is_new(rag: Rag) -> None:
    now = f"{time():.6f}"
    with rag.write_transaction() as connection:
        questions.put_question(connection, Question("C1", now, now, "U1", "first?"))
        put(connection, "U2", 2)
        first = questions.claim_new(connection)
        second = questions.claim_new(connection)
        assert first is not None
        assert second is not None
        questions.enqueue(connection, second)
        assert questions.claim_question(connection) is None
        questions.enqueue(connection, first)
        taken = questions.claim_question(connection)
        assert taken is not None
        assert taken.id == first.id


# ---------------------------------------------------------------- other words, no answer


def test_other_words_within_a_minute_are_another_question(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        questions.store_placeholder(connection, first, "6.1")
        questions.store_reply(connection, first, uploads=["F5"])
        questions.put_edit(connection, Edited("C1", "5.1", "which gate?", 64.0))
        assert not questions.is_current(connection, first)
        assert not questions.store_reply(connection, first, reply={"text": "8443"})
        questions.end_question(connection, first, QuestionState.DONE)
        second = claimed(connection)
    assert (second.question.text, second.placeholder, second.reply) == ("which gate?", "6.1", None)
    assert (second.uploads, second.obsolete_uploads) == (None, ["F5"])


@pytest.mark.parametrize("how", ["edit", "halt"])
def test_what_changes_while_it_is_greeted_is_greeted_by_nobody_else_meanwhile(rag: Rag, how: str) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        greeted = questions.claim_new(connection)
        assert greeted is not None
        if how == "edit":
            questions.put_edit(connection, Edited("C1", "5.1", "which gate?", 30.0))
        else:
            questions.cancel_question(connection, "C1", "5.1", Cancellation.STOPPED)
        assert questions.claim_new(connection) is None
        questions.store_placeholder(connection, greeted, "6.1")
        questions.enqueue(connection, greeted)
        assert questions.claim_question(connection) is None
        again = questions.claim_new(connection)
        assert again is not None
        assert again.placeholder == "6.1"


@pytest.mark.parametrize(
    "edit",
    [
        Edited("C1", "5.1", "which gate?", 66.0),  # too late
        Edited("C1", "5.1", "which port?", 6.0),  # the same words
        Edited("C1", "5.1", "", 6.0),
        Edited("C1", "5.2", "which gate?", 6.0),
        Edited("C2", "5.1", "which gate?", 6.0),
    ],
)
def test_other_edits_change_nothing(rag: Rag, edit: Edited) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        questions.put_edit(connection, edit)
        assert questions.is_current(connection, first)


def test_an_edit_brings_back_what_was_answered(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        questions.end_question(connection, claimed(connection), QuestionState.DONE)
        questions.put_edit(connection, Edited("C1", "5.1", "which gate?", 30.0))
        assert claimed(connection).question.text == "which gate?"


def test_a_deleted_message_takes_its_question_along_unless_it_is_answered(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        assert questions.cancel_question(connection, "C1", "5.1", Cancellation.DELETED)
        assert questions.claim_new(connection) is None
        questions.put_question(connection, ASKED)
        begun = claimed(connection)
        questions.store_placeholder(connection, begun, "6.1")
        assert questions.cancel_question(connection, "C1", "5.1", Cancellation.DELETED)
        assert not questions.is_current(connection, begun)
        assert questions.claim_question(connection) is None
        let_go = questions.claim_new(connection)
        assert let_go is not None
        assert (let_go.cancellation, let_go.placeholder) == (Cancellation.DELETED, "6.1")
        questions.drop_question(connection, let_go)
        questions.put_question(connection, ASKED)
        questions.end_question(connection, claimed(connection), QuestionState.DONE)
        assert not questions.cancel_question(connection, "C1", "5.1", Cancellation.STOPPED)


# ---------------------------------------------------------------- whose turn it is


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=25))
def test_nobodys_next_question_goes_before_anothers_earlier_one(opened: Rag, users: list[str]) -> None:
    with opened.write_transaction() as connection:
        connection.execute(tables.question.delete())
        for number, user in enumerate(users):
            put(connection, user, number)
        greet_all(connection)
        order = []
        while asked := questions.claim_question(connection):
            order.append(asked.question.user)
            questions.end_question(connection, asked, QuestionState.DONE)
    assert sorted(order) == sorted(users)
    rounds = [order[:place].count(user) for place, user in enumerate(order)]
    assert rounds == sorted(rounds)


def test_who_asks_a_lot_does_not_go_before_who_comes_later(rag: Rag) -> None:
    order = []
    with rag.write_transaction() as connection:
        for number in range(4):
            put(connection, "A", number)
        for _ in range(2):
            asked = claimed(connection)
            order.append(asked.question.user)
            questions.end_question(connection, asked, QuestionState.DONE)
        put(connection, "B", 9)
        greet_all(connection)
        assert [before for _, before in questions.queued(connection)] == [0, 1, 2]
        while asked := questions.claim_question(connection):  # type: ignore[assignment]
            order.append(asked.question.user)
            questions.end_question(connection, asked, QuestionState.DONE)
    assert order == ["A", "A", "A", "B", "A"]


def test_how_many_go_before_counts_those_at_work(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        for number, user in enumerate("ABC"):
            put(connection, user, number)
        first = claimed(connection)
        assert [before for _, before in questions.queued(connection)] == [1, 2]
        questions.end_question(connection, first, QuestionState.DONE)
        assert [before for _, before in questions.queued(connection)] == [0, 1]
        [(id, _), *_] = questions.queued(connection)
        placed = questions.claim_for_position(connection, id)
        assert placed is not None
        assert questions.count_before(connection, placed) == 0
        assert questions.claim_for_position(connection, id) is None
        assert questions.claim_question(connection) is None
        questions.enqueue(connection, placed)
        assert questions.claim_for_position(connection, id) is not None


def test_claims_by_many_threads_share_nothing(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        for number in range(40):
            put(connection, f"U{number % 7}", number)
        greet_all(connection)
    taken: list[int] = []

    def work() -> None:
        while True:
            with rag.write_transaction() as connection:
                asked = questions.claim_question(connection)
            if asked is None:
                return
            taken.append(asked.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40
