"""The ledger: what is told twice is one row, a claim is one statement, nothing is lost by a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot import ledger
from rag import Rag, Settings, open_rag


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
