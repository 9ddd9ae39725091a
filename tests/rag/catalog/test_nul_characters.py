"""NUL characters of file names and texts are in neither database, and what had them is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, select

from bot.db.tables import HISTORY, channel_setting
from rag.catalog.any_of import as_list, is_any_of, is_in
from rag.catalog.dialects import upsert
from rag.catalog.nul_characters import dump_json, without_nul
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import share, source
from rag.model.extraction import Box
from tests.support.databases import DATABASES, open_catalog


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with (
        open_catalog(request.param, tmp_path, HISTORY) as catalog,
        catalog.write_transaction() as connection,
    ):
        yield connection


def test_shares_have_none(connection: Connection) -> None:
    record_share(connection, Share("slack", "F1", "C1", "plan\0.pdf", shared_by="U1"))
    record_share(connection, Share("slack", "F\0002", "C1", "\0"))
    assert connection.scalars(select(share.c.name).order_by(share.c.id)).all() == ["plan.pdf", ""]
    assert connection.scalars(select(source.c.ref).order_by(source.c.id)).all() == ["F1", "F2"]


def test_share_with_one_is_recorded_once(connection: Connection) -> None:
    first, again = (record_share(connection, Share("slack", "F\0001", "C1", "plan\0.pdf")) for _ in range(2))
    assert first[0] == again[0]


def test_lists_to_look_up_have_none(connection: Connection) -> None:
    record_share(connection, Share("slack", "F1", "C1", "plan\0.pdf"))
    names = select(share.c.name)
    assert connection.scalars(names.where(is_any_of(share.c.name, ["pl\0an.pdf"]))).all() == ["plan.pdf"]
    listed = {"names": as_list(["plan.pdf\0", r"\u0000"])}
    assert connection.scalars(names.where(is_in(share.c.name, "names")), listed).all() == ["plan.pdf"]
    assert json.loads(listed["names"]) == ["plan.pdf", r"\u0000"]


def test_rows_written_together_and_by_upsert_have_none(connection: Connection) -> None:
    connection.execute(
        source.insert(), [{"kind": "path", "ref": f"a\0{number}", "state": "known"} for number in range(3)]
    )
    new = upsert(source).values(kind="path", ref=bindparam("of"), state="known")
    connection.execute(new.on_conflict_do_nothing(), {"of": "a\0001"})
    assert connection.scalars(select(source.c.ref).order_by(source.c.ref)).all() == ["a0", "a1", "a2"]


def test_json_of_the_bot_has_none(connection: Connection) -> None:
    connection.execute(channel_setting.insert(), {"channel": "C1", "types": ["p\0df", r"\u0000"], "changed_at": 0})
    assert connection.scalar(select(channel_setting.c.types)) == ["pdf", r"\u0000"]


def test_other_values_stay_as_they_are() -> None:
    values = (1, None, b"a\0b", [2.5, {"name": "a"}], True)
    assert without_nul(values) == values


def test_named_tuples_become_lists_in_json() -> None:
    assert dump_json({"box": Box(0.1, 0.2, 0.9, 0.4), "name": "a\0b"}) == '{"box": [0.1, 0.2, 0.9, 0.4], "name": "ab"}'
