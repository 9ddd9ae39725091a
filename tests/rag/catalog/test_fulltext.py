"""Full-text search accepts any text, ranks by BM25, and never leaves the scope."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from rag.analysis.question import make_term, question_terms
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import document, share, source
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Box, Kind, NewChunk
from rag.model.search import Scope
from rag.text import first_words, tokens
from tests.bench.multiplied import fill_catalog
from tests.rag.catalog.indexed_texts import put_texts
from tests.support.databases import DATABASES, AnyCatalog, open_catalog

TEXTS = {
    "ops": "The gateway listens on port 8443. Restart the gateway after chang-\ning keys of the well-\nknown host.",
    "hr": "Holidays are asked for two weeks ahead. Café vouchers for all.",
    "lab": "Error E-4711 means the sensor is wet; C++ firmware 2.10 mends it.",
}


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path) as catalog:
        put_texts(catalog, TEXTS)
        yield catalog


def search(catalog: AnyCatalog, query: str, scope: Scope) -> list[int]:
    with catalog.read_transaction() as connection:
        return [
            row[0] for row in index_of(connection).search(connection, question_terms(query, ["en"]).terms, scope, 10)
        ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    query=st.one_of(
        st.text(), st.sampled_from(["AND OR NOT", '"open', "error: 5", "foo-bar C++", "What's", "a*", "^x"])
    )
)
def test_accepts_any_text(catalog: AnyCatalog, query: str) -> None:
    assert set(search(catalog, query, Scope.operator())) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("query", "space"),
    [
        ("Which port does the gateway use?", "ops"),
        ("holiday", "hr"),  # stemmed
        ("cafe voucher", "hr"),  # folded
        ("E-4711", "lab"),
        ("firmware for c++", "lab"),
        ("changing", "ops"),  # broken at the end of a line
        ("well-known", "ops"),
    ],
)
def test_right_text_ranks_first(catalog: AnyCatalog, query: str, space: str) -> None:
    assert search(catalog, query, Scope.operator())[:1] == [list(TEXTS).index(space) + 1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    spaces=st.sets(st.sampled_from([*TEXTS, "missing"])),
    without=st.sets(st.integers(1, 3)),
    within=st.none() | st.sets(st.integers(1, 3)),
)
def test_finds_and_counts_nothing_outside_the_scope(
    catalog: AnyCatalog, spaces: set[str], without: set[int], within: set[int] | None
) -> None:
    scope = Scope(frozenset(spaces), None if within is None else frozenset(within), frozenset(without))
    allowed = {n for n, space in enumerate(TEXTS, 1) if space in spaces} - without
    allowed &= {1, 2, 3} if within is None else within
    everything = " ".join(TEXTS.values())
    assert set(search(catalog, everything, scope)) == allowed
    with catalog.read_transaction() as connection:
        assert index_of(connection).count(connection, scope) == len(allowed)
        terms = question_terms("gateway week", ["en"]).terms
        assert index_of(connection).holders(connection, terms, scope) == {
            "gateway": allowed & {1},
            "week": allowed & {2},
        }


@pytest.fixture(scope="module", params=DATABASES)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyCatalog]:
    """Return a catalog of forty documents with three chunks of ten words each, in about forty of 500 spaces."""
    chance = random.Random(1)
    texts = [" ".join(chance.choices([f"word{n}" for n in range(30)], k=10)) for _ in range(120)]
    chunks = [NewChunk(n % 3 + 1, Kind.TEXT, text, "", "", Box(0, 0, 1, 1), ()) for n, text in enumerate(texts)]
    with open_catalog(request.param, tmp_path_factory.mktemp("large")) as catalog:
        fill_catalog(catalog, (chunks[n : n + 3] for n in range(0, 120, 3)), chunks[:3], 1, lambda _: None)
        yield catalog


def hide(connection: Connection, documents: set[int]) -> None:
    """Make documents unsearchable, as while they are extracted again. A second call makes them searchable."""
    chosen = document.c.id.in_(documents)
    connection.execute(document.update().where(chosen).values(extraction_id=-document.c.extraction_id))


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from([f"word{n}" for n in range(32)]), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 1000),
    limit=st.integers(1, 130),
    hidden=st.sets(st.integers(1, 41)),
)
def test_scope_does_not_change_the_order(
    large: AnyCatalog, words: list[str], seed: int, limit: int, hidden: set[int]
) -> None:
    terms = [make_term(word, ["en"]) for word in words]
    with large.write_transaction() as connection:
        index = index_of(connection)
        shares = connection.execute(select(share.c.space, source.c.document_id).join(source)).all()
        spaces = {row.space for row in shares}
        hide(connection, hidden)
        some = {space for space in sorted(spaces) if random.Random(f"{seed} {space}").random() < 0.3}
        inside = {row.document_id for row in shares if row.space in some}
        everywhere = index.search(connection, terms, Scope.operator(), 1000)
        expected = [row for row in everywhere if row[1] in inside]
        assert index.search(connection, terms, Scope.of(*some), limit) == expected[:limit]
        holders = index.holders(connection, terms, Scope.of(*some))
        hide(connection, hidden)
    assert list(holders) == words
    assert set().union(*holders.values()) >= {row[0] for row in expected}
    assert hidden.isdisjoint(row[1] for row in everywhere)


def test_same_ref_in_two_spaces_is_one_source(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        first = record_share(connection, Share("path", "x", "a", "x", size=1, changed_ns=1))
        again = record_share(connection, Share("path", "x", "b", "x", size=1, changed_ns=1))
        assert first[0] == again[0]
        with pytest.raises(IntegrityError):
            connection.execute(insert(source).values(kind="path", ref="x", state="waiting"))


@given(text=st.text(max_size=300), max_words=st.integers(1, 20))
def test_first_words_are_a_prefix_with_at_most_that_many_words(text: str, max_words: int) -> None:
    start = first_words(text, max_words)
    assert text.startswith(start)
    assert len(tokens(start)) <= max_words
    assert len(start) <= max(max_words * 20, 0)
    if len(tokens(text)) <= max_words and len(text) <= max_words * 20:
        assert start == text


def test_long_text_is_cut_after_a_word_or_by_length_without_words() -> None:
    assert first_words("Which port does the gateway use?", 3) == "Which port does"
    assert first_words("Which port?", 2) == "Which port?"
    assert first_words("a" * 40_000, 10) == "a" * 200
    assert first_words("?" * 40_000, 10) == "?" * 200
