"""The ledger: what is told twice is one row, a claim is one statement, nothing is lost by a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.db import tables
from rag import Rag, Settings, open_rag


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path), histories=[tables.HISTORY]) as rag:
        yield rag


def test_the_tables_are_as_the_migrations_make_them(rag: Rag) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in tables.metadata.tables

    with rag.reading() as connection:
        made = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(made, tables.metadata) == []


def test_a_delivery_counts_once_and_only_with_its_rows(rag: Rag) -> None:
    def write_that_fails() -> None:
        with rag.writing() as connection:
            assert tables.take_delivery(connection, "Ev1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_that_fails()
    with rag.writing() as connection:
        assert tables.take_delivery(connection, "Ev1")
        assert not tables.take_delivery(connection, "Ev1")
        tables.forget_deliveries(connection, older_than=-1)
        assert tables.take_delivery(connection, "Ev1")


def test_an_errand_asked_for_while_it_runs_is_run_again(rag: Rag) -> None:
    with rag.writing() as connection:
        tables.send_errand(connection, "channel", "C1")
        tables.send_errand(connection, "channel", "C1")
        errand = tables.due_errand(connection)
        assert errand is not None
        tables.send_errand(connection, "channel", "C1")
        tables.end_errand(connection, errand)
        errand = tables.due_errand(connection)
        assert errand is not None
        tables.delay_errand(connection, errand.id, 60)
        assert tables.due_errand(connection) is None
        tables.send_errand(connection, "channel", "C1")
        again = tables.due_errand(connection)
        assert again is not None
        tables.end_errand(connection, again)
        assert tables.due_errand(connection) is None


def test_receipts_are_asked_for_once(rag: Rag) -> None:
    with rag.writing() as connection:
        for _ in range(2):
            tables.want_receipt(connection, "C1", "5.1", "F1", "U1")
        receipts = tables.open_receipts(connection)
        assert [receipt.file for receipt in receipts] == ["F1"]
        tables.end_receipt(connection, receipts[0].id)
        tables.want_receipt(connection, "C1", "5.1", "F1", "U1")
        assert tables.open_receipts(connection) == []


def test_a_picture_that_was_a_question_stays_one(rag: Rag) -> None:
    with rag.writing() as connection:
        assert not tables.is_query(connection, "F1", "C1")
        tables.put_query(connection, "F1", "C1")
        tables.put_query(connection, "F1", "C1")
        assert tables.is_query(connection, "F1", "C1")
        assert not tables.is_query(connection, "F1", "C2")
