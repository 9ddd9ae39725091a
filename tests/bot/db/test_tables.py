"""The bot's tables: migrations create them as declared, and repeated events are one row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.db import deliveries, tables
from rag import Rag, Settings, open_rag


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path), histories=[tables.HISTORY]) as rag:
        yield rag


def test_migrations_create_the_declared_tables(rag: Rag) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in tables.metadata.tables

    with rag.read_transaction() as connection:
        made = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(made, tables.metadata) == []


def test_delivery_is_recorded_once_and_only_with_its_rows(rag: Rag) -> None:
    def write_that_fails() -> None:
        with rag.write_transaction() as connection:
            assert deliveries.put_delivery(connection, "Ev1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_that_fails()
    with rag.write_transaction() as connection:
        assert deliveries.put_delivery(connection, "Ev1")
        assert not deliveries.put_delivery(connection, "Ev1")
        deliveries.expire_deliveries(connection, time() + 1)
        assert deliveries.put_delivery(connection, "Ev1")
