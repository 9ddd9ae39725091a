"""Documents by their shares: the files of a scope, newest first, and the documents of a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from rag import Share, ShareState, end_message, put_share
from rag.catalog.documents import put_document
from rag.catalog.shared_documents import documents_in_thread, list_added_files, list_shared_files
from rag.catalog.tables import share, source
from rag.model.operations import IndexState
from rag.model.search import Scope, ShareFilter
from tests.support.databases import DATABASES, open_catalog


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        yield connection


def put(connection: Connection, ref: str, message: str, space: str = "C1", **given: Any) -> None:
    new = Share("drive", ref, space, f"{ref}.pdf", f"https://drive/{ref}", "U1", message=message, **given)
    put_share(connection, new if "shared_at" in given else Share(**_fields(new), shared_at=float(message)))


def _fields(new: Share) -> dict[str, Any]:
    return {name: getattr(new, name) for name in Share.__slots__ if name != "shared_at"}


def known(connection: Connection, ref: str) -> int:
    """Give the source a document whose extraction waits."""
    document = put_document(connection, ref.ljust(64, "0"), 1, "test")
    connection.execute(source.update().where(source.c.ref == ref).values(state="known", document_id=document))
    return document


def listed(connection: Connection, scope: Scope, limit: int = 10) -> list[tuple[str, str, str]]:
    return [(file.ref, file.space, file.message) for file in list_shared_files(connection, scope, limit)]


def test_lists_each_file_once_for_each_message_newest_first(connection: Connection) -> None:
    put(connection, "F1", "10", words="The handbook", thread="9")
    put(connection, "F2", "20")
    put(connection, "F1", "30")
    put(connection, "F1", "30")
    put(connection, "F3", "40", "C2")
    document = known(connection, "F1")
    assert listed(connection, Scope.of("C1")) == [("F1", "C1", "30"), ("F2", "C1", "20"), ("F1", "C1", "10")]
    assert listed(connection, Scope.of("C1"), 1) == [("F1", "C1", "30")]
    file = list_shared_files(connection, Scope.of("C1"), 10)[2]
    assert (file.kind, file.document, file.name, file.link) == ("drive", document, "F1.pdf", "https://drive/F1")
    assert (file.shared_by, file.shared_at, file.words, file.state) == ("U1", 10.0, "The handbook", IndexState.WAITING)
    waiting = list_shared_files(connection, Scope.of("C1"), 10)[1]
    assert (waiting.document, waiting.state) == (None, IndexState.WAITING)


def test_lists_only_what_matches_the_scope_and_its_filter(connection: Connection) -> None:
    put(connection, "F1", "10")
    put(connection, "F2", "20")
    put(connection, "F3", "30", "C2")
    one = known(connection, "F1")
    spaces = frozenset({"C1"})
    assert listed(connection, Scope(spaces, shares=ShareFilter(since=15))) == [("F2", "C1", "20")]
    assert listed(connection, Scope(spaces, shares=ShareFilter(before=20))) == [("F1", "C1", "10")]
    assert listed(connection, Scope(spaces, shares=ShareFilter(shared_by=frozenset({"U2"})))) == []
    assert listed(connection, Scope(spaces, shares=ShareFilter(extensions=frozenset({"pdf"})))) != []
    assert listed(connection, Scope(spaces, shares=ShareFilter(extensions=frozenset({"png"})))) == []
    assert listed(connection, Scope(spaces, frozenset({one}))) == [("F1", "C1", "10")]
    assert listed(connection, Scope(spaces, without=frozenset({one}))) == [("F2", "C1", "20")]
    assert listed(connection, Scope.of()) == []


def test_lists_what_was_added_in_a_time_whenever_it_was_shared(connection: Connection) -> None:
    put(connection, "F1", "10")
    put(connection, "F2", "20", state=ShareState.REFUSED, reason="too many")
    put(connection, "F3", "30", "C2")
    connection.execute(share.update().values(state_at=100.0))
    put(connection, "F2", "20")  # a limit allows it now
    [late] = list_added_files(connection, Scope.of("C1"), 101, 4e9)
    assert (late.ref, late.shared_at, late.added_at > 1e9) == ("F2", 20.0, True)
    assert [file.ref for file in list_added_files(connection, Scope.of("C1"), 100, 101)] == ["F1"]
    assert list_added_files(connection, Scope.of("C1"), 0, 100) == []


def test_ended_hidden_and_refused_shares_are_not_listed(connection: Connection) -> None:
    put(connection, "F1", "10")
    put(connection, "F2", "20")
    put(connection, "F3", "30", state=ShareState.REFUSED, reason="too large")
    put(connection, "F4", "40", state=ShareState.LEFT_OUT)
    end_message(connection, "drive", "F1", "C1", "10")
    connection.execute(share.update().where(share.c.message == "20").values(state="checking"))
    assert listed(connection, Scope.of("C1")) == []


def test_delayed_share_is_listed_as_if_it_were_being_extracted(connection: Connection) -> None:
    put(connection, "F1", "10")
    known(connection, "F1")
    connection.execute(share.update().values(visible_from=4e9))
    [file] = list_shared_files(connection, Scope.of("C1"), 10)
    assert (file.state, file.document) == (IndexState.READING, None)


def test_thread_has_the_documents_of_its_root_and_replies(connection: Connection) -> None:
    put(connection, "F1", "10")
    put(connection, "F2", "11", thread="10")
    put(connection, "F3", "12", thread="7")
    put(connection, "F4", "10", "C2")
    put(connection, "F5", "13", thread="10")
    one, two, _, _, five = (known(connection, ref) for ref in ("F1", "F2", "F3", "F4", "F5"))
    end_message(connection, "drive", "F5", "C1", "13")
    scope = Scope.of("C1", "C2")
    assert documents_in_thread(connection, "C1", "10", scope) == {one, two}
    assert documents_in_thread(connection, "C1", "10", Scope.of("C2")) == frozenset()
    assert documents_in_thread(connection, "C1", "10", Scope(frozenset({"C1"}), without=frozenset({one}))) == {two}
    assert documents_in_thread(connection, "C1", "", scope) == frozenset()
    assert five not in documents_in_thread(connection, "C1", "13", scope)
