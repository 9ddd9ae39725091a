"""Statements for scopes: built once for each shape, with the values of the scope that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import StatementError

from rag import Share, put_share
from rag.catalog.documents import put_document
from rag.catalog.scope import EVERYTHING, documents_in, shape_of, values_of
from rag.catalog.tables import source
from rag.model.search import Scope, ShareFilter
from tests.support.databases import DATABASES, open_catalog

LIMITS = [
    Scope.of("C1", "C2"),
    replace(Scope.operator(), documents=frozenset({1})),
    replace(Scope.operator(), without=frozenset({1})),
    *(
        replace(Scope.operator(), shares=shares)
        for shares in (
            ShareFilter(shared_by=frozenset({"U1"})),
            ShareFilter(since=15.0),
            ShareFilter(before=15.0),
            ShareFilter(extensions=frozenset({"pdf"})),
            ShareFilter(kinds=frozenset({"drive"})),
        )
    ),
]


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        for number, (name, space) in enumerate((("a.pdf", "C1"), ("b_pdf", "C2"), ("C.PDF", "C3")), 1):
            put_share(
                connection, Share("drive", f"F{number}", space, name, None, f"U{number}", shared_at=10.0 * number)
            )
            document = put_document(connection, str(number) * 64, 1, "test")
            known = source.update().where(source.c.ref == f"F{number}")
            connection.execute(known.values(state="known", document_id=document))
        yield connection


def documents(connection: Connection, scope: Scope) -> set[int]:
    return set(connection.scalars(documents_in(shape_of(scope)), values_of(scope)))


def test_one_statement_serves_all_scopes_of_a_shape(connection: Connection) -> None:
    one, other = Scope.of("C1"), Scope.of("C2", "C3")
    assert documents_in(shape_of(one)) is documents_in(shape_of(other))
    assert (documents(connection, one), documents(connection, other)) == ({1}, {2, 3})
    assert documents(connection, Scope.of()) == set()


@pytest.mark.parametrize("scope", LIMITS)
def test_statement_fails_without_the_values_of_its_scope(connection: Connection, scope: Scope) -> None:
    assert shape_of(scope) != EVERYTHING
    documents(connection, scope)
    with pytest.raises(StatementError, match="value is required"):
        connection.execute(documents_in(shape_of(scope)), values_of(Scope.operator()))


@pytest.mark.parametrize(
    ("extension", "expected"), [("pdf", {1, 3}), ("df", set()), ("_pdf", set()), ("%", set()), ("a.pdf", set())]
)
def test_extension_is_what_follows_the_last_dot(connection: Connection, extension: str, expected: set[int]) -> None:
    wanted = ShareFilter(extensions=frozenset({extension}))
    assert documents(connection, replace(Scope.operator(), shares=wanted)) == expected
