"""The full-text indexes of SQLite and PostgreSQL find the same, and rank it the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from rag.analysis.analyzer import VERSION
from rag.analysis.question import question_terms
from rag.catalog.index_filling import fill_batch
from rag.catalog.index_versions import list_versions
from rag.catalog.share_words import drop_share_words, put_share_words, search_share_words, shares_with
from rag.catalog.tables import chunk, index_version, share
from rag.catalog.word_indexes import index_of
from rag.model.extraction import Box, Kind, NewChunk
from rag.model.search import Scope
from rag.ports import IndexEntry
from tests.bench.multiplied import fill_catalog
from tests.rag.catalog.indexed_texts import put_texts
from tests.support.databases import DATABASES, AnyCatalog, open_catalog
from tests.support.postgresql import ServerCatalog, new_database, server_catalog, upgraded_catalog

WORDS = (
    "the pump pumps pumping valve valves Ventil Ventile Wasserpumpe Pumpe E-4711 10.5 2.10 C++ 2024-05-01 harbor "
    "harbour gateway naïve Größe Grösse IT it R&D O'Brien 8443 Kundennummer pressure pressures relief 水位 ポンプ"
).split()


class Both(NamedTuple):
    """A connection to each database, which have the same texts."""

    sqlite: Connection
    postgresql: Connection

    def results(self, ask: Any) -> tuple[Any, Any]:
        return ask(index_of(self.sqlite), self.sqlite), ask(index_of(self.postgresql), self.postgresql)


def chunks() -> Iterator[list[NewChunk]]:
    """Yield 25 documents of three chunks."""
    chance = random.Random(3)
    weights = [1 / (1 + number) for number in range(len(WORDS))]

    def words(*counts: int) -> str:
        return " ".join(chance.choices(WORDS, weights, k=chance.choice(counts)))

    for _ in range(25):
        yield [
            NewChunk(page, Kind.TEXT, words(1, 20, 60), words(0, 3), words(0, 0, 5), Box(0, 0, 1, 1), ())
            for page in (1, 2, 3)
        ]


@contextmanager
def filled(database: str, folder: Path) -> Iterator[AnyCatalog]:
    with open_catalog(database, folder) as catalog:
        fill_catalog(catalog, chunks(), next(chunks()), 1, lambda _: None)
        with catalog.write_transaction() as connection:
            for number in connection.scalars(select(share.c.id).order_by(share.c.id)).all():
                put_share_words(connection, number, " ".join(WORDS[number % 7 :: number % 5 + 1]))
        yield catalog


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with ExitStack() as stack:
        opened = [stack.enter_context(filled(one, tmp_path_factory.mktemp(one))) for one in DATABASES]
        yield Both(*(stack.enter_context(catalog.read_transaction()) for catalog in opened))


questions = st.lists(st.sampled_from([*WORDS, "missing", "pum", "valv"]), min_size=1, max_size=5).map(" ".join)
scopes = st.sampled_from([Scope.operator(), Scope.of("small"), Scope(None, frozenset(range(5, 25)), frozenset({7}))])


@given(question=questions, scope=scopes, limit=st.sampled_from([3, 10, 200]))
def test_same_chunks_with_the_same_scores(both: Both, question: str, scope: Scope, limit: int) -> None:
    terms = question_terms(question, ["en", "de"]).terms
    expected, found = both.results(lambda index, connection: index.search(connection, terms, scope, limit))
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in expected], rel=1e-6)


@given(question=questions, scope=scopes)
def test_same_holders_and_counts(both: Both, question: str, scope: Scope) -> None:
    asked = question_terms(question, ["en", "de"])
    terms = (*asked.terms, *asked.more, *asked.pairs)

    def ask(index: Any, connection: Connection) -> list[Any]:
        return [
            index.holders(connection, terms, scope),
            index.counts(connection, terms),
            sorted(index.missing(connection, terms, scope)),
            index.count(connection, scope),
        ]

    expected, found = both.results(ask)
    assert found == expected


@given(
    word=st.sampled_from(["pupm", "vlave", "hrabor", "gatway", "presure", "umps", "kundenumer"]),
    scope=scopes,
)
def test_same_words_for_a_typing_error(both: Both, word: str, scope: Scope) -> None:
    expected, found = both.results(lambda index, connection: index.similar(connection, [word], scope))
    assert found == expected


def test_typing_errors_are_found_at_all(both: Both) -> None:
    for found in both.results(lambda index, connection: index.similar(connection, ["gatway"], Scope.operator())):
        assert found == {"gatway": ["gateway"]}


@given(question=questions, scope=scopes, limit=st.sampled_from([3, 50]))
def test_same_messages_with_the_same_scores(both: Both, question: str, scope: Scope, limit: int) -> None:
    terms = question_terms(question, ["en", "de"]).terms
    expected, found = (search_share_words(connection, terms, scope, limit) for connection in both)
    assert [(row.document, row.share) for row in found] == [(row.document, row.share) for row in expected]
    assert [row.score for row in found] == pytest.approx([row.score for row in expected], rel=1e-6)
    assert shares_with(both.postgresql, terms, scope) == shares_with(both.sqlite, terms, scope)


TEXTS = {"keep": "The quillgate listens on port 8443.", "drop": "The zanthoreum is locked at night."}


@pytest.fixture
def server() -> Iterator[ServerCatalog]:
    with server_catalog() as catalog:
        put_texts(catalog, TEXTS)
        yield catalog


def vocabulary(connection: Connection) -> set[str]:
    return set(connection.scalars(text(f"SELECT term FROM {list_versions(connection)[0].vocabulary}")))


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog("sqlite", tmp_path) as catalog:
        put_texts(catalog, TEXTS)
        yield catalog


def test_vocabulary_of_sqlite_loses_the_words_of_deleted_chunks(embedded: AnyCatalog) -> None:
    with embedded.write_transaction() as connection:
        index = index_of(connection)
        before = vocabulary(connection)
        dropped = connection.execute(chunk.select().where(chunk.c.text.contains("zanthoreum"))).one()
        index.remove(connection, dropped.extraction_id)
    stopped = threading.Event()
    stopped.set()
    assert not index.erase_deleted(embedded.write_transaction, stopped)
    assert index.erase_deleted(embedded.write_transaction, threading.Event())
    with embedded.write_transaction() as connection:
        assert before - vocabulary(connection) == {"=zanthoreum", "=locked", "=at", "=night", "=is"}
        assert {"=quillgate", "=the"} <= vocabulary(connection)
        assert index.similar(connection, ["quilgate"], Scope.operator()) == {"quilgate": ["quillgate"]}


def test_vocabulary_is_kept_by_an_upgrade(embedded: AnyCatalog, tmp_path: Path) -> None:
    with embedded.write_transaction() as connection:  # as schema 0020 has it
        version, before = list_versions(connection)[0], vocabulary(connection)
        connection.execute(text(f"DROP TABLE {version.vocabulary}"))
        connection.execute(text(f"CREATE VIRTUAL TABLE {version.vocabulary} USING fts5vocab({version.chunks}, row)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0020'"))
    with open_catalog("sqlite", tmp_path) as upgraded, upgraded.write_transaction() as connection:
        assert vocabulary(connection) == before
        found = index_of(connection).similar(connection, ["quilgate"], Scope.operator())
    assert found == {"quilgate": ["quillgate"]}


def files_with(connection: Connection, word: str) -> set[str]:
    """Return the files of the database that have this word, as they are on disk."""
    connection.exec_driver_sql("CHECKPOINT")
    folder, number = (
        connection.exec_driver_sql(one).scalar_one()
        for one in ("SHOW data_directory", "SELECT oid FROM pg_database WHERE datname = current_database()")
    )
    files = (Path(folder) / "base" / str(number)).iterdir()
    return {file.name for file in files if word.encode() in file.read_bytes()}


def test_erased_words_are_in_no_file_of_an_index(server: ServerCatalog) -> None:
    with server.write_transaction() as connection:
        index = index_of(connection)
        put_share_words(connection, 1, "Look at the mirabelune")
        dropped = connection.execute(chunk.select().where(chunk.c.text.contains("zanthoreum"))).one()
    with server.write_transaction() as connection:
        assert files_with(connection, "mirabelun")
        index.remove(connection, dropped.extraction_id)
        connection.execute(chunk.delete().where(chunk.c.id == dropped.id))
        drop_share_words(connection, [1])
    stopped = threading.Event()
    stopped.set()
    assert not index.erase_deleted(server.write_transaction, stopped)
    with server.write_transaction() as connection:
        assert files_with(connection, "mirabelun")
    assert index.erase_deleted(server.write_transaction, threading.Event())
    with server.write_transaction() as connection:
        named = text(
            "SELECT pg_relation_filenode(oid) FROM pg_class WHERE relname ~ 'fulltext' AND relkind IN ('r', 'i')"
        )
        words = {str(name) for name in connection.scalars(named)}
        for word in ("mirabelun", "zanthoreum"):
            assert words.isdisjoint(files_with(connection, word))
        assert not words.isdisjoint(files_with(connection, "quillgat"))


def test_replaced_words_are_not_found(server: ServerCatalog) -> None:
    with server.write_transaction() as connection:
        index = index_of(connection)
        index.replace(connection, IndexEntry(2, 2, "en", "", "", "a picture of a kettle", ""))

        def found(word: str) -> list[int]:
            terms = question_terms(word, ["en"]).terms
            return [row[0] for row in index.search(connection, terms, Scope.operator(), 5)]

        assert (found("zanthoreum"), found("kettle"), found("quillgate")) == ([], [2], [1])
        assert index.similar(connection, ["zanthorum", "ketle"], Scope.operator()) == {
            "zanthorum": [],
            "ketle": ["kettle"],
        }
        assert index.count(connection, Scope.operator()) == 2


def test_index_of_another_analysis_is_filled_again() -> None:
    with new_database() as url, upgraded_catalog(url) as catalog:
        put_texts(catalog, TEXTS)
        with catalog.write_transaction() as connection:
            connection.execute(index_version.update().values(analysis="older"))
            while fill_batch(connection, 1):
                pass
            [version] = list_versions(connection)
            assert (version.number, version.analysis, version.is_complete) == (2, VERSION, True)
            terms = question_terms("quillgate", ["en"]).terms
            [found] = index_of(connection).search(connection, terms, Scope.operator(), 5)
            assert found[0] == 1
            assert connection.scalar(text("SELECT to_regclass('fulltext_1')")) is None
