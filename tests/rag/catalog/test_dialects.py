"""What SQLite and PostgreSQL write differently gives the same on both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    literal,
    select,
)

from rag.catalog.any_of import are_any_of, are_in, as_list, is_any_of, is_in, is_none_of
from rag.catalog.dialects import greatest, json_list, json_values, least, upsert, whole
from tests.support.postgresql import new_database

thing = Table(
    "thing",
    MetaData(),
    Column("name", String(8), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("score", Float, nullable=False),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with ExitStack() as closing:
        url = "sqlite://" if request.param == "sqlite" else closing.enter_context(new_database())
        engine = create_engine(url)
        closing.callback(engine.dispose)
        connection = closing.enter_context(engine.connect())
        thing.metadata.create_all(connection)
        connection.commit()
        yield connection


@pytest.fixture
def connection(opened: Connection) -> Iterator[Connection]:
    """Four things: a 1, a 2, b 1 and ü 3."""
    rows = [("a", 1, 0.5), ("a", 2, 2.5), ("b", 1, -2.5), ("ü", 3, 0.0)]
    opened.execute(thing.insert(), [{"name": name, "page": page, "score": score} for name, page, score in rows])
    yield opened
    opened.rollback()


def names(connection: Connection, *where: object, **values: object) -> list[str]:
    rows = select(thing.c.name, thing.c.page).where(*where).order_by(thing.c.name, thing.c.page)  # type: ignore[arg-type]
    return [f"{name}{page}" for name, page in connection.execute(rows, values)]


def test_upsert_adds_updates_and_ignores(connection: Connection) -> None:
    new = upsert(thing).values(name="a", page=1, score=9.0)
    assert connection.execute(new.on_conflict_do_nothing()).rowcount == 0
    other = upsert(thing).values(name="d", page=2, score=9.0)
    assert connection.execute(other.on_conflict_do_nothing()).rowcount == 1
    later = greatest(thing.c.score, new.excluded.score)
    connection.execute(new.on_conflict_do_update(index_elements=["name", "page"], set_={"score": later}))
    is_low = thing.c.score < 0
    rows = [{"name": name, "page": 1, "score": 3.0} for name in ("a", "b", "c")]
    again = upsert(thing).on_conflict_do_update(index_elements=["name", "page"], set_={"score": 7.0}, where=is_low)
    connection.execute(again, rows)
    found = connection.execute(select(thing.c.name, thing.c.score).where(thing.c.page == 1).order_by(thing.c.name))
    assert [tuple(row) for row in found] == [("a", 9.0), ("b", 7.0), ("c", 3.0)]


def test_upsert_takes_rows_of_a_query(connection: Connection) -> None:
    copied = select(thing.c.name, literal(1), thing.c.score).where(thing.c.page > 1)
    connection.execute(upsert(thing).from_select(["name", "page", "score"], copied).on_conflict_do_nothing())
    assert names(connection) == ["a1", "a2", "b1", "ü1", "ü3"]


def test_lists_of_numbers_and_of_texts(connection: Connection) -> None:
    assert names(connection, is_any_of(thing.c.page, [2, 3, 2**40])) == ["a2", "ü3"]
    assert names(connection, is_any_of(thing.c.name, ["ü", "b'\"", "b"])) == ["b1", "ü3"]
    assert names(connection, is_any_of(thing.c.name, [])) == []
    assert names(connection, is_none_of(thing.c.page, [1])) == ["a2", "ü3"]
    assert names(connection, is_in(thing.c.name, "wanted"), wanted=as_list(["a"])) == ["a1", "a2"]
    assert names(connection, ~is_in(thing.c.page, "wanted"), wanted=as_list([1, 2])) == ["ü3"]


def test_list_is_not_bound_to_the_type_of_another_column(connection: Connection) -> None:
    """Statements that differ in a column only are compiled apart."""
    for _ in range(2):
        assert names(connection, is_any_of(thing.c.page, [1])) == ["a1", "b1"]
        assert names(connection, is_any_of(thing.c.name, ["a"])) == ["a1", "a2"]


def test_lists_of_rows(connection: Connection) -> None:
    columns = (thing.c.name, thing.c.page)
    assert names(connection, are_any_of(columns, [("a", 2), ("ü", 3), ("ü", 4)])) == ["a2", "ü3"]
    assert names(connection, are_in(columns, "rows"), rows=as_list([("b", 1)])) == ["b1"]
    assert names(connection, ~are_any_of(columns, [("a", 1), ("b", 1)])) == ["a2", "ü3"]


def test_lists_are_longer_than_the_number_of_values_that_a_statement_binds(connection: Connection) -> None:
    many = range(3, 100_000)
    assert names(connection, is_any_of(thing.c.page, many)) == ["ü3"]
    assert names(connection, are_any_of((thing.c.name, thing.c.page), [("ü", page) for page in many])) == ["ü3"]


def test_greatest_and_least_have_the_type_of_their_values(connection: Connection) -> None:
    rows = select(greatest(thing.c.page, 2), least(thing.c.page, thing.c.page - 1, 1), greatest(thing.c.score, 0))
    found = connection.execute(rows.order_by(thing.c.name, thing.c.page)).all()
    assert [tuple(row) for row in found] == [(2, 0, 0.5), (2, 1, 2.5), (2, 0, 0.0), (3, 1, 0.0)]


def test_whole_number_is_as_in_python(connection: Connection) -> None:
    rows = connection.execute(select(thing.c.score, whole(thing.c.score)))
    assert {row[0]: row[1] for row in rows} == {0.5: 0, 2.5: 2, -2.5: -2, 0.0: 0}
    assert connection.scalar(select(whole(literal(7.9) / 2))) == int(7.9 / 2)


def test_json_values_are_rows(connection: Connection) -> None:
    listed = json_values(bindparam("wanted", type_=String)).table_valued("value")
    rows = select(thing.c.name).join(listed, listed.c.value == thing.c.name).order_by(thing.c.page)
    assert connection.scalars(rows, {"wanted": '["ü", "a", "x"]'}).all() == ["a", "a", "ü"]


def test_json_list_has_the_values_of_each_group(connection: Connection) -> None:
    rows = select(thing.c.name, json_list(thing.c.page).label("pages")).group_by(thing.c.name)
    found = {name: sorted(json.loads(pages)) for name, pages in connection.execute(rows)}
    assert found == {"a": [1, 2], "b": [1], "ü": [3]}
    for pages, expected in (((1, 2), ["a", "b"]), ((9,), [])):
        distinct = select(json_list(thing.c.name.distinct())).where(thing.c.page.in_(pages))
        assert sorted(json.loads(connection.execute(distinct).scalar_one())) == expected
