"""The full-text index takes any text a user types, ranks by BM25, and never leaves the scope."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from rag.catalog import Catalog, sources
from rag.catalog.documents import claim_reading, put_document, put_pages
from rag.catalog.tables import source
from rag.model import Box, Kind, NewChunk, PageReading, Scope, TextSource
from rag.words import STOP_WORDS, Fts5Words, content_words

TEXTS = {
    "ops": "The gateway listens on port 8443. Restart the gateway after changing keys.",
    "hr": "Holidays are asked for two weeks ahead. Café vouchers for everybody.",
    "lab": "Error E-4711 means the sensor is wet; C++ firmware 2.10 mends it.",
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path)
    words = Fts5Words()
    with catalog.writing() as connection:
        for space, text in TEXTS.items():
            document = put_document(connection, space.ljust(64, "0"), 1, "test")
            source_id, _ = sources.put_source(connection, kind="path", ref=space, space=space, name=f"{space}.pdf")
            connection.execute(
                source.update().where(source.c.id == source_id).values(state="known", document_id=document)
            )
            row = claim_reading(connection, "run")
            assert row is not None
            page = PageReading(1, None, 600, 800, TextSource.LAYER, (), None)
            chunk = NewChunk(1, Kind.TEXT, text, "", "", Box(0, 0, 1, 1), ())
            assert put_pages(connection, words, row, "", [page], [chunk])
    yield catalog
    catalog.close()


def search(catalog: Catalog, query: str, scope: Scope) -> list[int]:
    with catalog.reading() as connection:
        return [row[0] for row in Fts5Words().search(connection, content_words(query), scope, 10)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    query=st.one_of(
        st.text(), st.sampled_from(["AND OR NOT", '"open', "error: 5", "foo-bar C++", "What's", "a*", "^x"])
    )
)
def test_any_text_is_safe(catalog: Catalog, query: str) -> None:
    assert set(search(catalog, query, Scope.operator())) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("query", "space"),
    [
        ("Which port does the gateway use?", "ops"),
        ("holiday", "hr"),  # stemmed
        ("cafe voucher", "hr"),  # folded
        ("E-4711", "lab"),
        ("firmware for c++", "lab"),
    ],
)
def test_the_right_text_comes_first(catalog: Catalog, query: str, space: str) -> None:
    assert search(catalog, query, Scope.operator())[:1] == [list(TEXTS).index(space) + 1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    spaces=st.sets(st.sampled_from([*TEXTS, "nowhere"])),
    without=st.sets(st.integers(1, 3)),
    within=st.none() | st.sets(st.integers(1, 3)),
)
def test_nothing_outside_the_scope_is_found_or_counted(
    catalog: Catalog, spaces: set[str], without: set[int], within: set[int] | None
) -> None:
    scope = Scope(frozenset(spaces), None if within is None else frozenset(within), frozenset(without))
    allowed = {n for n, space in enumerate(TEXTS, 1) if space in spaces} - without
    allowed &= {1, 2, 3} if within is None else within
    everything = " ".join(TEXTS.values())
    assert set(search(catalog, everything, scope)) == allowed
    with catalog.reading() as connection:
        assert Fts5Words().count(connection, scope) == len(allowed)
        assert Fts5Words().holders(connection, ["gateway", "week"], scope) == {
            "gateway": allowed & {1},
            "week": allowed & {2},
        }


def test_questions_lose_their_stop_words_unless_nothing_is_left() -> None:
    assert content_words("What is the port of the gateway?") == ["port", "gateway"]
    assert content_words("Who is it?") == ["who", "is", "it"]
    assert "port" not in STOP_WORDS


def test_a_second_source_of_the_same_name_is_one_source(catalog: Catalog) -> None:
    with catalog.writing() as connection:
        first = sources.put_source(connection, kind="path", ref="x", space="a", name="x", mtime_ns=1, size=1)
        again = sources.put_source(connection, kind="path", ref="x", space="b", name="x", mtime_ns=1, size=1)
        assert first[0] == again[0]
        with pytest.raises(Exception, match="UNIQUE"):
            connection.execute(insert(source).values(kind="path", ref="x", state="waiting"))
