"""Full-text search in scripts without spaces between words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.analysis.question import question_terms
from rag.catalog.share_words import put_share_words, search_share_words
from rag.catalog.word_indexes import index_of
from rag.model.search import Scope
from rag.ports import Term
from tests.rag.catalog.indexed_texts import put_texts
from tests.support.databases import DATABASES, AnyCatalog, open_catalog

TEXTS = {
    "ja": "倉庫は毎朝六時に開けられる。最後に灯台\n守の猫が鐘楼で眠る。API v2を使う。",
    "th": "เรือเฟอร์รี่ลำสุดท้ายออกจากท่าเรือ",
    "en": "The cat of the keeper sleeps in the belfry.",
}


def terms(question: str) -> tuple[Term, ...]:
    return question_terms(question, ["ja", "th", "en"]).terms


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path) as catalog:
        put_texts(catalog, TEXTS)
        yield catalog


@pytest.mark.parametrize(
    ("query", "space"),
    [
        ("灯台守の猫", "ja"),
        ("鐘楼", "ja"),
        ("猫はどこで眠りますか", "ja"),
        ("api v2", "ja"),
        ("ท่าเรือ", "th"),
        ("cat", "en"),
    ],
)
def test_part_of_a_sentence_is_found(query: str, space: str, catalog: AnyCatalog) -> None:
    with catalog.read_transaction() as connection:
        found = index_of(connection).search(connection, terms(query), Scope.operator(), 10)
        expected = index_of(connection).search(connection, terms(query), Scope.of(space), 10)
    assert found[0] == expected[0]


def test_phrase_is_in_a_text_only_in_its_order(catalog: AnyCatalog) -> None:
    def is_held(phrase: str) -> bool:
        with catalog.read_transaction() as connection:
            return all(index_of(connection).holders(connection, terms(phrase), Scope.operator()).values())

    assert is_held("灯台守の猫")
    assert not is_held("台灯")


def test_words_of_messages_are_found_the_same_way(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        put_share_words(connection, 1, "これは灯台守の時刻表です")
    with catalog.read_transaction() as connection:
        assert search_share_words(connection, terms("灯台守"), Scope.of("ja"), 5)
        assert not search_share_words(connection, terms("港"), Scope.of("ja"), 5)
