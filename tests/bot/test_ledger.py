"""The ledger: what is told twice is one row, a claim is one statement, nothing is lost by a kill."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot import ledger
from bot.events import Question
from rag import Rag, Settings, open_rag

ASKED = Question("C1", "5.1", "5.1", "U1", "which port?", ("F1",))


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path)) as rag:
        rag.upgrade(ledger.MIGRATIONS, ledger.VERSIONS)
        rag.upgrade(ledger.MIGRATIONS, ledger.VERSIONS)
        yield rag


def test_the_tables_are_as_the_migrations_make_them(rag: Rag) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in ledger.metadata.tables

    with rag.reading() as connection:
        made = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(made, ledger.metadata) == []


def test_a_delivery_counts_once_and_only_with_its_rows(rag: Rag) -> None:
    def write_that_fails() -> None:
        with rag.writing() as connection:
            assert ledger.take_delivery(connection, "Ev1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_that_fails()
    with rag.writing() as connection:
        assert ledger.take_delivery(connection, "Ev1")
        assert not ledger.take_delivery(connection, "Ev1")
        ledger.forget_deliveries(connection, older_than=-1)
        assert ledger.take_delivery(connection, "Ev1")


def test_a_question_told_three_times_is_one_with_all_its_files(rag: Rag) -> None:
    with rag.writing() as connection:
        for files in ((), ("F1",), ("F1", "F2"), ("F1",)):
            ledger.put_question(connection, Question("C1", "5.1", "5.1", "U1", "which port?", files))
        asked = ledger.claim_question(connection)
        assert asked is not None
        assert asked.question.files == ("F1", "F2")
        assert ledger.claim_question(connection) is None


def test_how_far_a_reply_came_outlives_the_process(rag: Rag) -> None:
    with rag.writing() as connection:
        ledger.put_question(connection, ASKED)
        first = ledger.claim_question(connection)
        assert first is not None
        ledger.note_reply(connection, first.id, placeholder="6.1", reply={"text": "8443"}, uploads=["F5"], sharing=1.5)
        ledger.free_claims(connection)
        again = ledger.claim_question(connection)
    assert again is not None
    assert (again.attempts, again.placeholder, again.reply, again.uploads, again.sharing) == (
        2,
        "6.1",
        {"text": "8443"},
        ["F5"],
        1.5,
    )


def test_a_delay_that_is_nobodys_fault_is_no_attempt(rag: Rag) -> None:
    with rag.writing() as connection:
        ledger.put_question(connection, ASKED)
        for counts, attempts in ((False, 1), (False, 1), (True, 1), (True, 2)):
            asked = ledger.claim_question(connection)
            assert asked is not None
            assert asked.attempts == attempts
            ledger.delay_question(connection, asked.id, 0, counts=counts)
        last = ledger.claim_question(connection)
        assert last is not None
        ledger.end_question(connection, last.id, "done")
        ledger.delay_question(connection, last.id, 0, counts=True)
        assert ledger.claim_question(connection) is None
        assert ledger.open_questions(connection) == 0


def test_a_deleted_message_takes_its_question_back_only_before_it_was_begun(rag: Rag) -> None:
    with rag.writing() as connection:
        ledger.put_question(connection, ASKED)
        ledger.withdraw_question(connection, "C1", "5.1")
        assert ledger.claim_question(connection) is None
        ledger.put_question(connection, ASKED)
        assert ledger.claim_question(connection) is not None
        ledger.withdraw_question(connection, "C1", "5.1")
        assert ledger.open_questions(connection) == 1


def test_claims_by_many_threads_share_nothing(rag: Rag) -> None:
    with rag.writing() as connection:
        for number in range(40):
            ledger.put_question(connection, Question("C1", f"5.{number}", "5.1", "U1", "?", ()))
    claimed: list[int] = []

    def work() -> None:
        while True:
            with rag.writing() as connection:
                asked = ledger.claim_question(connection)
            if asked is None:
                return
            claimed.append(asked.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 40
    assert sorted(claimed) == sorted(set(claimed))


def test_an_errand_asked_for_while_it_runs_is_run_again(rag: Rag) -> None:
    with rag.writing() as connection:
        ledger.send_errand(connection, "channel", "C1")
        ledger.send_errand(connection, "channel", "C1")
        errand = ledger.due_errand(connection)
        assert errand is not None
        ledger.send_errand(connection, "channel", "C1")
        ledger.end_errand(connection, errand)
        errand = ledger.due_errand(connection)
        assert errand is not None
        ledger.delay_errand(connection, errand.id, 60)
        assert ledger.due_errand(connection) is None
        ledger.send_errand(connection, "channel", "C1")
        again = ledger.due_errand(connection)
        assert again is not None
        ledger.end_errand(connection, again)
        assert ledger.due_errand(connection) is None


def test_receipts_are_asked_for_once(rag: Rag) -> None:
    with rag.writing() as connection:
        for _ in range(2):
            ledger.want_receipt(connection, "C1", "5.1", "F1", "U1")
        receipts = ledger.open_receipts(connection)
        assert [receipt.file for receipt in receipts] == ["F1"]
        ledger.end_receipt(connection, receipts[0].id)
        ledger.want_receipt(connection, "C1", "5.1", "F1", "U1")
        assert ledger.open_receipts(connection) == []


def test_a_picture_that_was_a_question_stays_one(rag: Rag) -> None:
    with rag.writing() as connection:
        assert not ledger.is_query(connection, "F1", "C1")
        ledger.put_query(connection, "F1", "C1")
        ledger.put_query(connection, "F1", "C1")
        assert ledger.is_query(connection, "F1", "C1")
        assert not ledger.is_query(connection, "F1", "C2")
