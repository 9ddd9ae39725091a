"""The queue of questions: recording, claims, edits, cancellations and fairness."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bot.db import question_queue, questions, reply_progress, tables
from bot.db.questions import Cancellation, ClaimedQuestion, QuestionState
from bot.slack.events import FileLink, Forwarded, MessageLink, Question, SlackFile
from tests.support.databases import DATABASES, AnyCatalog, open_catalog

ASKED = Question("C1", "5.1", "5.1", "U1", "which port?", ("F1",))


@pytest.fixture(scope="module", params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path_factory.mktemp("line"), tables.HISTORY) as catalog:
        yield catalog


@pytest.fixture
def catalog(opened: AnyCatalog) -> AnyCatalog:
    with opened.write_transaction() as connection:
        connection.execute(tables.question.delete())
    return opened


def put(connection: Connection, user: str, number: int, text: str = "?") -> None:
    questions.put_question(connection, Question("C1", f"5.{number:04}", "5.1", user, text))


def queue_all(connection: Connection) -> None:
    while asked := question_queue.claim_new(connection):
        question_queue.enqueue(connection, asked)


def edited(text: str) -> Question:
    return replace(ASKED, text=text)


def claimed(connection: Connection) -> ClaimedQuestion:
    queue_all(connection)
    asked = question_queue.claim_question(connection)
    assert asked is not None
    return asked


def test_question_reported_three_times_is_one_with_all_its_files(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for files in ((), ("F1",), ("F1", "F2"), ("F1",)):
            asked = Question("C1", "5.1", "5.1", "U1", "which port?", files)
            questions.put_question(connection, asked)
            questions.add_files(connection, asked)
        assert claimed(connection).question.files == ("F1", "F2")
        assert question_queue.claim_question(connection) is None


def test_progress_of_a_reply_survives_a_restart(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        reply_progress.store_placeholder(connection, first, "6.1")
        assert reply_progress.store_reply(connection, first, reply={"text": "8443"}, uploads=["F5"], sharing_since=1.5)
        question_queue.release_claims(connection)
        again = claimed(connection)
    assert (again.attempts, again.placeholder, again.reply) == (2, "6.1", {"text": "8443"})
    assert (again.uploads, again.sharing_since) == (["F5"], 1.5)


def test_text_of_a_reply_is_deleted_when_its_question_ends(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        assert reply_progress.store_reply(connection, first, reply={"text": "8443"})
        reply_progress.end_question(connection, first, QuestionState.DONE)
        assert connection.scalar(select(tables.question.c.reply)) is None


def test_question_of_a_button_is_stored_unchanged(catalog: AnyCatalog) -> None:
    pressed = Question("C1", "5.1", "4.1", "U1", "which port?", (), "more", {"skip": [[1, 12]]})
    with catalog.write_transaction() as connection:
        questions.put_question(connection, pressed)
        assert claimed(connection).question == pressed
        assert questions.find_question(connection, "C1", "5.1") == pressed
        assert questions.find_question(connection, "C1", "5.2") is None


def test_delay_stores_the_given_attempts(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        for attempts, expected in ((0, 1), (0, 1), (1, 1), (1, 2)):
            asked = claimed(connection)
            assert asked.attempts == expected
            reply_progress.delay_question(connection, asked, 0, attempts=attempts)
        last = claimed(connection)
        reply_progress.end_question(connection, last, QuestionState.DONE)
        reply_progress.delay_question(connection, last, 0, attempts=1)
        queue_all(connection)
        assert question_queue.claim_question(connection) is None
        assert questions.open_questions(connection) == 0


def test_later_question_waits_for_the_placeholder_of_a_new_one(catalog: AnyCatalog) -> None:
    now = f"{time():.6f}"
    with catalog.write_transaction() as connection:
        questions.put_question(connection, Question("C1", now, now, "U1", "first?"))
        put(connection, "U2", 2)
        first = question_queue.claim_new(connection)
        second = question_queue.claim_new(connection)
        assert first is not None
        assert second is not None
        question_queue.enqueue(connection, second)
        assert question_queue.claim_question(connection) is None
        question_queue.enqueue(connection, first)
        taken = question_queue.claim_question(connection)
        assert taken is not None
        assert taken.id == first.id


# ---------------------------------------------------------------- edits and cancellations


def test_edit_within_a_minute_asks_again(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        reply_progress.store_placeholder(connection, first, "6.1")
        reply_progress.store_reply(connection, first, uploads=["F5"])
        questions.put_edit(connection, edited("which gate?"), 64.0)
        assert not reply_progress.is_current(connection, first)
        assert not reply_progress.store_reply(connection, first, reply={"text": "8443"})
        reply_progress.end_question(connection, first, QuestionState.DONE)
        second = claimed(connection)
    assert (second.question.text, second.placeholder, second.reply) == ("which gate?", "6.1", None)
    assert (second.uploads, second.obsolete_uploads) == (None, ["F5"])


def test_question_loses_the_files_and_references_that_its_message_has_no_more(catalog: AnyCatalog) -> None:
    references = (Forwarded("C2", "1.0", "U2", "The gateway uses port 8443."), MessageLink("C1", "2.0"))
    asked = replace(ASKED, files=("F1", "F2"), references=references)
    left = replace(ASKED, files=("F2",), references=references[1:])
    with catalog.write_transaction() as connection:
        questions.put_question(connection, asked)
        questions.drop_files(connection, left)
        kept = questions.find_question(connection, "C1", "5.1")
    assert kept is not None
    assert (kept.files, kept.references) == (left.files, left.references)


@pytest.mark.parametrize("how", ["edit", "halt"])
def test_question_that_changes_while_its_placeholder_is_posted_gets_one_placeholder(
    catalog: AnyCatalog, how: str
) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        claimed_new = question_queue.claim_new(connection)
        assert claimed_new is not None
        if how == "edit":
            questions.put_edit(connection, edited("which gate?"), 30.0)
        else:
            questions.cancel_question(connection, "C1", "5.1", Cancellation.STOPPED)
        assert question_queue.claim_new(connection) is None
        reply_progress.store_placeholder(connection, claimed_new, "6.1")
        question_queue.enqueue(connection, claimed_new)
        assert question_queue.claim_question(connection) is None
        again = question_queue.claim_new(connection)
        assert again is not None
        assert again.placeholder == "6.1"


@pytest.mark.parametrize(
    ("edit", "at"),
    [
        (Question("C1", "5.1", "5.1", "U1", "which gate?"), 66.0),  # too late
        (Question("C1", "5.1", "5.1", "U1", "which port?"), 6.0),  # the same words
        (Question("C1", "5.1", "5.1", "U1", ""), 6.0),
        (Question("C1", "5.2", "5.1", "U1", "which gate?"), 6.0),
        (Question("C2", "5.1", "5.1", "U1", "which gate?"), 6.0),
    ],
)
def test_other_edits_are_ignored(catalog: AnyCatalog, edit: Question, at: float) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        first = claimed(connection)
        questions.put_edit(connection, edit, at)
        assert reply_progress.is_current(connection, first)


def test_edit_reopens_an_answered_question(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        reply_progress.end_question(connection, claimed(connection), QuestionState.DONE)
        questions.put_edit(connection, edited("which gate?"), 30.0)
        assert claimed(connection).question.text == "which gate?"


def test_deleted_message_cancels_its_question_unless_it_is_answered(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, ASKED)
        assert questions.cancel_question(connection, "C1", "5.1", Cancellation.DELETED)
        assert question_queue.claim_new(connection) is None
        questions.put_question(connection, ASKED)
        begun = claimed(connection)
        reply_progress.store_placeholder(connection, begun, "6.1")
        assert questions.cancel_question(connection, "C1", "5.1", Cancellation.DELETED)
        assert not reply_progress.is_current(connection, begun)
        assert question_queue.claim_question(connection) is None
        canceled = question_queue.claim_new(connection)
        assert canceled is not None
        assert (canceled.cancellation, canceled.placeholder) == (Cancellation.DELETED, "6.1")
        reply_progress.drop_question(connection, canceled)
        questions.put_question(connection, ASKED)
        reply_progress.end_question(connection, claimed(connection), QuestionState.DONE)
        assert not questions.cancel_question(connection, "C1", "5.1", Cancellation.STOPPED)


# ---------------------------------------------------------------- fairness


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=25))
def test_second_question_never_goes_before_another_persons_first(opened: AnyCatalog, users: list[str]) -> None:
    with opened.write_transaction() as connection:
        connection.execute(tables.question.delete())
        for number, user in enumerate(users):
            put(connection, user, number)
        queue_all(connection)
        order = []
        while asked := question_queue.claim_question(connection):
            order.append(asked.question.user)
            reply_progress.end_question(connection, asked, QuestionState.DONE)
    assert sorted(order) == sorted(users)
    rounds = [order[:place].count(user) for place, user in enumerate(order)]
    assert rounds == sorted(rounds)


def test_person_with_many_questions_does_not_go_before_a_newcomer(catalog: AnyCatalog) -> None:
    order = []
    with catalog.write_transaction() as connection:
        for number in range(4):
            put(connection, "A", number)
        for _ in range(2):
            asked = claimed(connection)
            order.append(asked.question.user)
            reply_progress.end_question(connection, asked, QuestionState.DONE)
        put(connection, "B", 9)
        queue_all(connection)
        assert [before for _, before in question_queue.queued(connection)] == [0, 1, 2]
        while asked := question_queue.claim_question(connection):  # type: ignore[assignment]
            order.append(asked.question.user)
            reply_progress.end_question(connection, asked, QuestionState.DONE)
    assert order == ["A", "A", "A", "B", "A"]


def test_count_before_includes_questions_being_answered(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for number, user in enumerate("ABC"):
            put(connection, user, number)
        first = claimed(connection)
        assert [before for _, before in question_queue.queued(connection)] == [1, 2]
        reply_progress.end_question(connection, first, QuestionState.DONE)
        assert [before for _, before in question_queue.queued(connection)] == [0, 1]
        [(id, _), *_] = question_queue.queued(connection)
        placed = question_queue.claim_for_position(connection, id)
        assert placed is not None
        assert question_queue.count_before(connection, placed) == 0
        assert question_queue.claim_for_position(connection, id) is None
        next_one = question_queue.claim_question(connection)  # it does not wait until the position is shown
        assert next_one is not None
        assert next_one.question.user == "C"
        assert question_queue.claim_question(connection) is None
        question_queue.enqueue(connection, placed)
        assert question_queue.claim_for_position(connection, id) is not None


def test_concurrent_claims_are_disjoint(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for number in range(40):
            put(connection, f"U{number % 7}", number)
        queue_all(connection)
    taken: list[int] = []

    def work() -> None:
        while True:
            with catalog.write_transaction() as connection:
                asked = question_queue.claim_question(connection)
            if asked is None:
                return
            taken.append(asked.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_delayed_question_is_due_at_once_when_slack_can_be_reached_again(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        put(connection, "A", 0)
        new = question_queue.claim_new(connection)
        assert new is not None
        reply_progress.delay_question(connection, new, 60, attempts=0)
        assert not question_queue.is_new_due(connection)
        assert (question_queue.next_due(connection) or 0) > time() + 50
        question_queue.end_delays(connection)
        assert question_queue.is_new_due(connection)


def test_worker_that_answered_an_earlier_text_does_not_end_the_question_that_is_posted_again(
    catalog: AnyCatalog,
) -> None:
    with catalog.write_transaction() as connection:
        questions.put_question(connection, Question("C1", "5.1", "5.1", "ada", "which port?"))
        placed = question_queue.claim_new(connection)
        assert placed is not None
        question_queue.enqueue(connection, placed)
        answered = question_queue.claim_question(connection)
        assert answered is not None
        questions.put_edit(connection, Question("C1", "5.1", "5.1", "ada", "which gate?"), 6.0)
        assert question_queue.claim_new(connection) is not None
        reply_progress.end_question(connection, answered, QuestionState.DONE)
        reply_progress.delay_question(connection, answered, 60, attempts=1)
        current = questions.find_claimed(connection, "C1", "5.1")
    assert current is not None
    assert (current.state, current.delays) == (QuestionState.POSTING, 0)


def test_words_of_a_forwarded_message_are_deleted_with_the_end_of_the_question(catalog: AnyCatalog) -> None:
    """They may be from another conversation, where the message can be deleted at any time."""
    forwarded = Forwarded("C2", "4.1", "U2", "the plan for the quay", (SlackFile("F1", "secret.pdf"),))
    asked = Question("C1", "5.1", "5.1", "ada", "what is this?", references=(forwarded, FileLink("F2", "x.pdf")))
    with catalog.write_transaction() as connection:
        questions.put_question(connection, asked)
        claimed = question_queue.claim_new(connection)
        assert claimed is not None
        assert claimed.question.references == asked.references
        reply_progress.end_question(connection, claimed, QuestionState.DONE)
        ended = questions.find_claimed(connection, "C1", "5.1")
        assert ended is not None
        assert ended.question.references == (Forwarded("C2", "4.1", "", "", (SlackFile("F1"),)), FileLink("F2"))
        questions.add_files(connection, asked)  # the event is delivered again
        again = questions.find_claimed(connection, "C1", "5.1")
    assert again == ended
