"""PostgreSQL ranks texts as FTS5 does, by the same tokens."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, NullPool, create_engine, select, text

from rag.catalog.fulltext import any_of, queries_of
from rag.catalog.index_versions import IndexVersion
from rag.catalog.tsvector_tables import (
    create_table,
    create_vocabulary,
    delete_texts,
    drop_table,
    holding_values,
    put_texts,
    ranked_texts,
    ranking_values,
    texts_with,
)
from rag.ports import Term
from tests.support.postgresql import new_database

WEIGHTS = {"title": 1.0, "heading": 1.5, "caption": 1.5, "body": 1.0, "forms": 1.25}
COLUMNS = tuple(WEIGHTS)[:4]
VERSION = IndexVersion(1, "1", 0, 0, is_complete=True)

VOCABULARY = ["pump", "pumps", "pumping", "valve", "c++", "e-4711", "läufer", "10.5", "水", "水位", r"a\b", "b"]
SURFACES = ["=pump", "=valve"]


def texts() -> dict[int, dict[str, list[str]]]:
    """Return 150 texts, some with many tokens and some with hardly any."""
    chance = random.Random(7)
    weights = [1 / (1 + number) for number in range(len(VOCABULARY))]
    return {
        number: {
            field: chance.choices(
                VOCABULARY, weights, k=chance.choice((0, 1, 3, 12) if field != "body" else (1, 20, 60))
            )
            + (chance.choices(SURFACES, k=chance.choice((0, 2))) if field == "forms" else [])
            for field in WEIGHTS
        }
        for number in range(1, 151)
    }


@pytest.fixture(scope="module")
def server() -> Iterator[Connection]:
    with new_database() as url, closing(create_engine(url, poolclass=NullPool).connect()) as connection:
        create_table(connection, "fulltext_1")
        put_texts(connection, "fulltext_1", texts())
        connection.commit()
        yield connection


@pytest.fixture(scope="module")
def fts5() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as database:
        tokenize = """tokenize = "ascii tokenchars '-./_:@+#&^~='" """
        database.execute(f"CREATE VIRTUAL TABLE fulltext_1 USING fts5({', '.join(WEIGHTS)}, {tokenize})")
        for rowid, fields in texts().items():
            row = [rowid, *(" ".join(fields[field]) for field in WEIGHTS)]
            database.execute(f"INSERT INTO fulltext_1 (rowid, {', '.join(WEIGHTS)}) VALUES (?, ?, ?, ?, ?, ?)", row)
        yield database


def ranked(server: Connection, terms: Sequence[Term]) -> list[tuple[int, float]]:
    found = ranked_texts("fulltext_1")
    rows = select(found).order_by(found.c.score.desc(), found.c.id)
    with server.begin_nested():
        return [(row.id, row.score) for row in server.execute(rows, ranking_values(terms, WEIGHTS))]


def ranked_by_fts5(fts5: sqlite3.Connection, terms: Sequence[Term]) -> list[tuple[int, float]]:
    rank = f"bm25(fulltext_1, {', '.join(map(str, WEIGHTS.values()))})"
    rows = f"SELECT rowid, -{rank} FROM fulltext_1 WHERE fulltext_1 MATCH ? ORDER BY {rank}, rowid"
    return fts5.execute(rows, (any_of(VERSION, terms, COLUMNS),)).fetchall()


tokens = st.sampled_from([*VOCABULARY, *SURFACES, "missing"])
phrase = st.lists(tokens, min_size=1, max_size=3).map(tuple)
phrases = st.lists(phrase, max_size=2).map(tuple)
drawn = st.lists(
    st.builds(
        lambda number, anywhere, written, surface, prefixes: Term(
            f"term {number}", anywhere, written, surface, prefixes
        ),
        st.integers(0, 9),
        st.lists(phrase, min_size=1, max_size=2).map(tuple),
        phrases,
        st.sampled_from(["", "=pump", "=valve"]),
        st.lists(st.sampled_from(["pum", "pump", "水", "x"]), max_size=1).map(tuple),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda term: term.text,
)


@given(terms=drawn)
def test_ranks_as_fts5_does(server: Connection, fts5: sqlite3.Connection, terms: list[Term]) -> None:
    found, expected = ranked(server, terms), ranked_by_fts5(fts5, terms)
    assert dict(found) == pytest.approx(dict(expected), rel=1e-9)
    # Equal scores may differ in their last digit.
    assert [round(score, 6) for _, score in found] == [round(score, 6) for _, score in expected]


@given(terms=drawn)
def test_finds_the_same_texts_as_fts5(server: Connection, fts5: sqlite3.Connection, terms: list[Term]) -> None:
    found = texts_with("fulltext_1")
    held: dict[str, set[int]] = {term.text: set() for term in terms}
    with server.begin_nested():
        for row in server.execute(select(found), holding_values(terms)):
            held[row.term].add(row.id)
    queries = (queries_of(VERSION, [term], COLUMNS) for term in terms)
    matching = "SELECT fulltext_1.rowid FROM fulltext_1, json_each(?) AS query WHERE fulltext_1 MATCH query.value"
    expected = [{row[0] for row in fts5.execute(matching, (query,))} for query in queries]
    assert list(held.values()) == expected


def found_in(connection: Connection, name: str, token: str) -> set[int]:
    found = texts_with(name)
    rows = connection.execute(select(found.c.id), holding_values([Term(token, ((token,),))]))
    return set(rows.scalars())


def test_text_that_is_written_again_or_deleted_is_not_found_by_its_old_tokens(server: Connection) -> None:
    create_table(server, "other")
    new: Mapping[int, Mapping[str, Sequence[str]]] = {
        1: {"body": ["pump"], "title": []},
        2: {"body": ["pump", "valve"]},
    }
    put_texts(server, "other", new)
    put_texts(server, "other", {1: {"body": ["valve"]}})
    assert (found_in(server, "other", "pump"), found_in(server, "other", "valve")) == ({2}, {1, 2})
    delete_texts(server, "other", [2, 3])
    assert (found_in(server, "other", "pump"), found_in(server, "other", "valve")) == (set(), {1})
    drop_table(server, "other")


@pytest.mark.parametrize(
    "token", ["o'brien", r"a\b", r"\\'", "a:1*", "x & y | !z", "<->", "(", '"', "3" * 3000, "水" * 900]
)
def test_any_token_is_found_alone_in_a_phrase_and_by_its_beginning(server: Connection, token: str) -> None:
    with server.begin_nested() as undone:
        create_table(server, "odd")
        put_texts(server, "odd", {1: {"body": ["pump", token]}, 2: {"body": [token, "pump"]}, 3: {"body": ["other"]}})
        assert found_in(server, "odd", token) == {1, 2}
        asked = [Term("phrase", (("pump", token),)), Term("beginning", (), prefixes=(token,))]
        rows = server.execute(select(texts_with("odd")), holding_values(asked))
        assert {tuple(row) for row in rows} == {("phrase", 1), ("beginning", 1), ("beginning", 2)}
        undone.rollback()


def test_term_without_phrases_is_in_no_text(server: Connection) -> None:
    assert not server.execute(select(texts_with("fulltext_1")), holding_values([Term("c", ())])).all()
    assert not ranked(server, [Term("c", ())])


def test_more_tokens_than_postgresql_has_positions_for_are_found(server: Connection) -> None:
    with server.begin_nested() as undone:
        create_table(server, "long")
        many = [f"word{number}" for number in range(20_000)]
        put_texts(server, "long", {1: {"body": many}, 2: {"body": ["pump"] * 400}, 3: {"body": ["pump"]}})
        assert found_in(server, "long", "word19999") == {1}
        scores = select(ranked_texts("long"))
        found = {row.id for row in server.execute(scores, ranking_values([Term("pump", (("pump",),))], WEIGHTS))}
        assert found == {2, 3}
        undone.rollback()


def test_vocabulary_has_the_unstemmed_words_of_the_texts_that_there_are(server: Connection) -> None:
    def vocabulary() -> dict[str, int]:
        return {row.term: row.texts for row in server.execute(text("SELECT term, texts FROM terms"))}

    with server.begin_nested() as undone:
        create_table(server, "other")
        create_vocabulary(server, "terms")
        texts: dict[int, dict[str, list[str]]] = {
            1: {"body": ["pump"], "forms": ["=pump", "=pump", "pumps"]},
            2: {"body": ["=body"], "forms": ["=pump", "=valve"]},
        }
        put_texts(server, "other", texts, "terms")
        assert vocabulary() == {"=pump": 2, "=valve": 1}
        put_texts(server, "other", {2: {"forms": ["=harbor"]}}, "terms")
        assert vocabulary() == {"=pump": 1, "=harbor": 1}
        put_texts(server, "other", texts, "terms")
        assert vocabulary() == {"=pump": 2, "=valve": 1}
        delete_texts(server, "other", [1, 2, 3], "terms")
        assert vocabulary() == {}
        assert tuple(server.execute(text("SELECT * FROM other_size")).one()) == (0, 0)
        undone.rollback()
