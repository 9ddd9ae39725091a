"""The number that grows whenever a document may have left a scope, or changed its name in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from rag import Share, ShareState, delete_source, end_message, leave_space, move_space, put_share
from rag.catalog import documents, sources
from rag.catalog.share_ends import drop_shares, remove_shares
from rag.catalog.shared_documents import share_revision, visible_names
from rag.catalog.shares import name_shares
from rag.catalog.tables import attachment, document, extraction, source
from rag.model.search import Scope
from tests.support.databases import DATABASES, open_catalog

NEW = Share("drive", "F1", "C1", "manual.pdf", shared_by="U1", message="5.1", shared_at=5.1, words="pump")


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        put_share(connection, NEW)
        documents.put_document(connection, "1" * 64, 1, "test")
        connection.execute(source.update().values(state="known", document_id=1))
        yield connection


ENDS: dict[str, Callable[[Connection], object]] = {
    "message deleted": lambda connection: end_message(connection, "drive", "F1", "C1", "5.1"),
    "file deleted": lambda connection: delete_source(connection, "drive", "F1"),
    "conversation left": lambda connection: leave_space(connection, "drive", "C1"),
    "conversation renamed": lambda connection: move_space(connection, "C1", "C2"),
    "file dropped": lambda connection: drop_shares(connection, [1]),
    "file forgotten": lambda connection: remove_shares(connection, [1]),
    "file renamed": lambda connection: name_shares(connection, 1, "other.pdf", None),
    "left out": lambda connection: put_share(
        connection, Share("drive", "F1", "C1", message="5.1", state=ShareState.LEFT_OUT)
    ),
    "document deleted": lambda connection: connection.execute(document.delete()),
    "source deleted": lambda connection: connection.execute(source.delete()),
    "source gone": lambda connection: connection.execute(source.update().values(state="gone")),
}


@pytest.mark.parametrize("end", ENDS)
def test_grows_when_a_document_leaves_a_scope_or_its_name_changes(end: str, connection: Connection) -> None:
    before, names = share_revision(connection), visible_names(connection, Scope.of("C1"))
    assert names == {(1, "manual.pdf")}
    ENDS[end](connection)
    assert share_revision(connection) > before
    assert not names <= visible_names(connection, Scope.of("C1"))


ATTACHMENT_ENDS = ENDS | {
    "other attachments": lambda connection: connection.execute(attachment.delete()),
    "extraction deleted": lambda connection: connection.execute(extraction.delete().where(extraction.c.id == 1)),
}


@pytest.mark.parametrize("end", ATTACHMENT_ENDS)
def test_grows_when_an_attachment_leaves_a_scope(end: str, connection: Connection) -> None:
    documents.put_document(connection, "2" * 64, 1, "test")
    row = {"extraction_id": 1, "number": 1, "document_id": 1, "attached_id": 2, "name": "a.txt", "inside": ""}
    connection.execute(attachment.insert().values(**row))
    before, names = share_revision(connection), visible_names(connection, Scope.of("C1"))
    assert names == {(1, "manual.pdf"), (2, "manual.pdf")}
    ATTACHMENT_ENDS[end](connection)
    assert share_revision(connection) > before
    assert (2, "manual.pdf") not in visible_names(connection, Scope.of("C1"))


KEEPS: dict[str, Callable[[Connection], object]] = {
    "same share again": lambda connection: put_share(connection, NEW),
    "another share": lambda connection: put_share(connection, Share("drive", "F1", "C2", "manual.pdf", message="6.1")),
    "another file": lambda connection: put_share(connection, Share("drive", "F2", "C1", "other.pdf", message="7.1")),
    "name unchanged": lambda connection: name_shares(connection, 1, "manual.pdf", "https://drive/1"),
    "fetched again": lambda connection: sources.request_fetch(connection, "drive", "F1"),
}


@pytest.mark.parametrize("event", KEEPS)
def test_keeps_its_value_when_nothing_leaves(event: str, connection: Connection) -> None:
    before, names = share_revision(connection), visible_names(connection, Scope.of("C1"))
    KEEPS[event](connection)
    assert share_revision(connection) == before
    assert names <= visible_names(connection, Scope.of("C1"))


def test_names_of_hidden_shares_are_missing(connection: Connection) -> None:
    assert visible_names(connection, Scope.of("C2")) == frozenset()
    put_share(connection, Share("drive", "F1", "C2", "secret.pdf", message="8.1"))
    assert visible_names(connection, Scope.of("C1")) == {(1, "manual.pdf")}
