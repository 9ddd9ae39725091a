"""An index that another analysis wrote is searched until a worker has filled the next version beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from rag.analysis.analyzer import VERSION
from rag.analysis.question import question_terms
from rag.catalog import Catalog
from rag.catalog.extractions import drop_extraction
from rag.catalog.fulltext import Fts5Index
from rag.catalog.index_filling import create_version, fill_batch
from rag.catalog.index_versions import list_versions, searched_version
from rag.catalog.languages import common_languages, languages_in
from rag.catalog.share_names import search_names
from rag.catalog.share_words import drop_share_words, put_share_words, search_share_words
from rag.catalog.tables import attachment
from rag.ingest.index_filling import IndexFilling
from rag.model.search import Scope
from rag.ports import IndexEntry
from tests.rag.catalog.indexed_texts import catalog_of

TEXTS = {
    "ops": "The gateways listen on port 8443.",
    "haus": "Die Gerätedateien der Häuser werden vom Betreiber jeden Morgen geändert und danach noch einmal geprüft.",
    "lab": "Error E-4711 means the sensor is wet.",
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog whose index was analyzed by FTS5, as before the versions."""
    catalog = catalog_of(tmp_path, TEXTS)
    with catalog.write_transaction() as connection:
        connection.execute(text("UPDATE chunk SET language = NULL"))
        put_share_words(connection, 1, "the budget of the harbors")
        for name, columns in (
            ("fulltext", "title, heading, caption, body, document UNINDEXED"),
            ("share_fulltext", "words"),
        ):
            tokenize = "tokenize = 'porter unicode61 remove_diacritics 2'"
            connection.execute(text(f"CREATE VIRTUAL TABLE {name} USING fts5({columns}, {tokenize})"))
        connection.execute(text("DELETE FROM index_version"))
        connection.execute(text("INSERT INTO index_version VALUES (0, '', 0, 0, 1)"))
        for name in ("fulltext_1_terms", "fulltext_1", "share_fulltext_1"):
            connection.execute(text(f"DROP TABLE {name}"))
        rows = connection.execute(text("SELECT id, document_id, text FROM chunk")).all()
        Fts5Index().add(connection, [IndexEntry(row.id, row.document_id, "en", "", "", "", row.text) for row in rows])
        connection.execute(text("INSERT INTO share_fulltext(rowid, words) VALUES (1, 'the budget of the harbors')"))
    yield catalog
    catalog.close()


def found(connection: Connection, question: str, scope: Scope | None = None) -> list[int]:
    scope = scope or Scope.operator()
    terms = question_terms(question, languages_in(connection, scope)).terms
    return [row[0] for row in Fts5Index().search(connection, terms, scope, 10)]


def fill(catalog: Catalog) -> int:
    stage, done = IndexFilling(catalog), 0
    while count := stage.process_batch(threading.Event()):
        done += count
    return done


def test_old_index_is_searched_until_the_new_one_is_complete(catalog: Catalog) -> None:
    with catalog.write_transaction() as connection:
        assert fill_batch(connection, 2) == 2
    with catalog.read_transaction() as connection:
        assert searched_version(connection).analysis == ""
        assert found(connection, "gateway port") == [1]
        assert search_share_words(connection, question_terms("harbor", ["en"]).terms, Scope.operator(), 5)
    assert IndexFilling(catalog).count_waiting()
    fill(catalog)
    with catalog.read_transaction() as connection:
        assert searched_version(connection).analysis == VERSION
        assert len(list_versions(connection)) == 1
        assert found(connection, "gateway port") == [1]
        assert found(connection, "Geraetedatei") == [2]
        assert languages_in(connection, Scope.operator()) == {"en", "de"}
        assert search_share_words(connection, question_terms("harbor", ["en"]).terms, Scope.operator(), 5)
        names = connection.scalars(text("SELECT name FROM sqlite_master WHERE name LIKE '%fulltext%'"))
        assert not [name for name in names if "_1" not in name]
    assert IndexFilling(catalog).is_settled()
    assert fill(catalog) == 0
    with catalog.write_transaction() as connection:
        assert fill_batch(connection, 2) == 0


def crash(catalog: Catalog) -> None:
    with catalog.write_transaction() as connection:
        fill_batch(connection, 1)
        raise RuntimeError("crash")


def test_filling_continues_after_a_crash(catalog: Catalog) -> None:
    with catalog.write_transaction() as connection:
        fill_batch(connection, 1)
    with pytest.raises(RuntimeError, match="crash"):
        crash(catalog)
    assert fill(catalog) == 2 + 3  # chunks and shares
    with catalog.read_transaction() as connection:
        assert [found(connection, word) for word in ("gateway", "Betreiber", "E-4711")] == [[1], [2], [3]]


def test_changes_while_it_is_filled_are_in_both(catalog: Catalog) -> None:
    with catalog.write_transaction() as connection:
        fill_batch(connection, 2)
        extraction = connection.scalar(text("SELECT extraction_id FROM chunk WHERE id = 1"))
        drop_extraction(connection, Fts5Index(), extraction)
        drop_share_words(connection, [1])
        connection.execute(text("UPDATE share SET words = ''"))
        Fts5Index().replace(connection, IndexEntry(3, 3, "en", "", "", "a picture of a kettle", TEXTS["lab"]))
    assert Fts5Index().erase_deleted(catalog.write_transaction, threading.Event())
    with catalog.read_transaction() as connection:
        assert found(connection, "gateway") == []
        assert found(connection, "kettle") == [3]
        for name in ("fulltext_data", "fulltext_1_data", "share_fulltext_data", "share_fulltext_1_data"):
            blocks = b"".join(connection.scalars(text(f"SELECT block FROM {name}")))
            assert b"gatewa" not in blocks
            assert b"budget" not in blocks
    fill(catalog)
    with catalog.read_transaction() as connection:
        assert found(connection, "gateway") == []
        assert found(connection, "E-4711") == [3]
        assert not search_share_words(connection, question_terms("harbor", ["en"]).terms, Scope.operator(), 5)


def test_index_without_the_names_of_attachments_is_written_again(catalog: Catalog, tmp_path: Path) -> None:
    fill(catalog)
    with catalog.write_transaction() as connection:
        connection.execute(
            text("INSERT INTO attachment SELECT id, 1, 1, 2, 'ferry plan.txt', '' FROM extraction LIMIT 1")
        )
        connection.execute(text("DROP TABLE attachment_word"))
        connection.execute(text("DROP TABLE page_tokens"))
        connection.execute(text("DROP TABLE fingerprint_keys"))
        connection.execute(text("ALTER TABLE chunk_vector RENAME TO vector"))
        connection.execute(text("DROP INDEX ix_chunk_vector_chunk_id"))
        connection.execute(text("CREATE INDEX ix_vector_chunk_id ON vector (chunk_id)"))
        connection.execute(text("ALTER TABLE extraction DROP COLUMN pages_skimmed"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0015'"))
    catalog.close()
    with closing(Catalog(tmp_path)) as upgraded:
        assert fill(upgraded) == 2 * 3  # chunks and shares
        with upgraded.read_transaction() as connection:
            assert search_names(connection, question_terms("ferry", ["en"]).terms, Scope.of("ops"), 5)


def test_names_of_files_and_their_attachments_are_filled_in(catalog: Catalog) -> None:
    with catalog.write_transaction() as connection:
        extraction = connection.scalar(text("SELECT extraction_id FROM chunk WHERE id = 1"))
        key = {"extraction_id": extraction, "number": 1, "document_id": 1, "attached_id": 2, "inside": ""}
        connection.execute(attachment.insert().values(**key, name="ferry plan.txt"))
        connection.execute(text("DELETE FROM name_word"))
    fill(catalog)
    with catalog.read_transaction() as connection:
        found = [
            [(match.document, match.name) for match in search_names(connection, terms, scope, 5)]
            for terms in (question_terms("ferry", ["en"]).terms, question_terms("ops", ["en"]).terms)
            for scope in (Scope.of("ops"), Scope.of("haus"))
        ]
    assert found == [[(2, "ferry plan.txt")], [], [(1, "ops.pdf")], []]


def test_index_of_another_analysis_is_filled_again_and_an_unfinished_one_is_dropped(catalog: Catalog) -> None:
    fill(catalog)
    with catalog.write_transaction() as connection:
        connection.execute(text("UPDATE index_version SET analysis = 'older'"))
        create_version(connection, "unfinished")
    assert IndexFilling(catalog).count_waiting() > 1
    fill(catalog)
    with catalog.read_transaction() as connection:
        [version] = list_versions(connection)
        assert (version.analysis, version.is_complete) == (VERSION, True)
        assert found(connection, "Geraetedatei") == [2]


def test_languages_are_those_of_the_scope(catalog: Catalog) -> None:
    fill(catalog)
    with catalog.read_transaction() as connection:
        assert languages_in(connection, Scope.of("ops", "lab")) == {"en"}
        assert languages_in(connection, Scope.of("haus")) == {"de"}
        assert languages_in(connection, Scope.of("missing")) == frozenset()
        assert common_languages(connection, Scope.of("ops", "lab")) == ["en"]
        assert common_languages(connection, Scope.operator()) == ["en", "de"]
