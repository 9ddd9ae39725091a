"""The state of a share after any order of events: what ended stays out, and every order ends alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from rag import (
    Share,
    ShareState,
    SpaceListing,
    check_space,
    delete_source,
    end_message,
    list_shares,
    move_space,
    put_share,
    settle_shares,
)
from rag.catalog.scope import is_visible
from rag.catalog.share_ends import remove_shares
from rag.catalog.states import LIVE, SourceState
from rag.catalog.tables import share, source
from tests.support.databases import DATABASES, AnyCatalog, open_catalog

MESSAGES = ("10", "15", "30")
"""Times of three messages that share one file in one space; the space is checked as of 20."""

CHECKED = 20


@pytest.fixture(scope="module", params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path_factory.mktemp("catalog")) as catalog:
        yield catalog


@contextmanager
def undone(catalog: AnyCatalog) -> Iterator[Connection]:
    """Open a transaction that leaves nothing behind."""
    with catalog.write_transaction() as connection:
        savepoint = connection.begin_nested()
        yield connection
        savepoint.rollback()


def of(message: str, **given: Any) -> Share:
    return Share("drive", "F1", "C1", "F1.pdf", shared_by="U1", message=message, shared_at=float(message), **given)


def unnamed(**given: Any) -> Share:
    """Return a share whose message is not known."""
    return Share("drive", "F1", "C1", "F1.pdf", **given)


def states(connection: Connection) -> dict[str, ShareState]:
    rows = list_shares(connection, "drive", "F1", space="C1", states=tuple(ShareState))
    return {row.message: row.state for row in rows}


def visible(connection: Connection) -> set[str]:
    rows = select(share.c.message).join(source, source.c.id == share.c.source_id)
    return set(connection.scalars(rows.where(source.c.ref == "F1", share.c.space == "C1", is_visible())))


def settle(connection: Connection, *messages: str) -> None:
    """Compare the shares with the chat's complete list, until no share waits for it."""
    listing = {"C1": SpaceListing(dict.fromkeys(messages, ""), True, bool(messages))}
    for _ in range(2):
        rows = list_shares(connection, "drive", "F1", states=tuple(ShareState))
        for found in settle_shares(connection, "drive", "F1", listing, rows).values():
            for message in found:
                put_share(connection, of(message, listed=True))


def assert_consistent(connection: Connection) -> None:
    """Check that the source is fetched only for a live share, and that an ended share says nothing."""
    rows = list_shares(connection, "drive", "F1", states=tuple(ShareState))
    waits = connection.scalar(select(source.c.state).where(source.c.ref == "F1")) != SourceState.GONE
    assert waits == any(row.state in LIVE for row in rows)
    for row in rows:
        if row.state in (ShareState.DEPARTED, ShareState.FORGOTTEN):
            assert (row.name, row.link, row.shared_by, row.words) == ("", None, None, "")


# ---------------------------------------------------------------- any order


@dataclass
class World:
    """The chat: which messages share the file, which of them were deleted, and which a person asked for since.

    `is_checked`: an end was reported without its message, and the chat was not asked since.
    """

    there: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    requested: set[str] = field(default_factory=set)
    is_file_deleted: bool = False
    is_checked: bool = False

    def is_allowed(self, message: str) -> bool:
        """Return whether this message may make the file visible now; an empty one is not known."""
        if self.is_file_deleted:
            return False
        if not message:
            return not (self.deleted or self.is_checked)
        if message in self.requested:
            return True
        return message not in self.deleted and not (self.is_checked and float(message) <= CHECKED)


EVENTS = st.one_of(
    st.tuples(st.sampled_from(("posted", "listed", "deleted", "requested", "refused")), st.sampled_from(MESSAGES)),
    st.tuples(st.sampled_from(("unnamed", "checked", "settled", "file deleted")), st.just("")),
)


def apply(connection: Connection, world: World, kind: str, message: str) -> None:
    match kind:
        case "posted":
            put_share(connection, of(message, words=f"words of {message}"))
        case "listed":
            put_share(connection, of(message, listed=True))
        case "refused":
            put_share(connection, of(message, state=ShareState.REFUSED, reason="too many files"))
        case "requested":
            put_share(connection, of(message, requested=True))
            world.requested |= {message}
        case "deleted":
            end_message(connection, "drive", "F1", "C1", message)
            world.deleted |= {message}
            world.requested -= {message}
        case "unnamed":
            put_share(connection, unnamed(listed=True))
        case "checked":
            check_space(connection, "drive", "F1", "C1", CHECKED)
            world.is_checked = True
            world.requested = {one for one in world.requested if float(one) > CHECKED}
        case "settled":
            settle(connection, *(world.there - world.deleted))
            world.is_checked = False
        case "file deleted":
            delete_source(connection, "drive", "F1")
            world.is_file_deleted = True


@given(st.lists(EVENTS, max_size=14), st.sets(st.sampled_from(MESSAGES)))
def test_ended_share_never_returns(catalog: AnyCatalog, events: list[tuple[str, str]], there: set[str]) -> None:
    with undone(catalog) as connection:
        world = World(there)
        for kind, message in events:
            apply(connection, world, kind, message)
            shown = visible(connection)
            assert all(world.is_allowed(one) for one in shown)
            if kind == "settled" and not world.is_file_deleted:
                assert shown - world.requested <= there - world.deleted
            assert_consistent(connection)


@given(st.data(), st.sets(st.sampled_from(MESSAGES)), st.sets(st.sampled_from(MESSAGES)), st.booleans())
def test_every_order_of_the_events_ends_alike(
    catalog: AnyCatalog, data: st.DataObject, posted: set[str], deleted: set[str], is_checked: bool
) -> None:
    """The chat answers with the messages that stand, at any time and in the end."""
    deleted &= posted
    events = [("posted", message) for message in posted] + [("deleted", message) for message in deleted]
    events += [("checked", "")] * is_checked
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    asked = data.draw(st.lists(st.just(("settled", "")), max_size=2))
    with undone(catalog) as connection:
        world = World(posted - deleted)
        for kind, message in data.draw(st.permutations([*events, *repeated, *asked])):
            apply(connection, world, kind, message)
        settle(connection, *world.there)
        assert visible(connection) == posted - deleted
        assert {one for one, state in states(connection).items() if one and state is ShareState.DEPARTED} == deleted
        assert_consistent(connection)


@given(st.permutations(("left out", "posted", "listed", "posted")))
def test_question_s_picture_is_left_out_in_every_order(catalog: AnyCatalog, events: list[str]) -> None:
    with undone(catalog) as connection:
        for kind in events:
            if kind == "left out":
                put_share(connection, of("10", state=ShareState.LEFT_OUT))
            else:
                put_share(connection, of("10", listed=kind == "listed"))
        assert states(connection) == {"10": ShareState.LEFT_OUT}
        assert_consistent(connection)
        put_share(connection, of("10", requested=True))
        put_share(connection, of("10", state=ShareState.LEFT_OUT))
        assert visible(connection) == {"10"}


# ---------------------------------------------------------------- single orders


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    with open_catalog(request.param, tmp_path) as catalog, catalog.write_transaction() as connection:
        yield connection


def source_of(connection: Connection) -> int:
    return int(connection.scalar(select(source.c.id).where(source.c.ref == "F1")) or 0)


def test_listing_without_a_message_does_not_restore_a_deleted_one(connection: Connection) -> None:
    end_message(connection, "drive", "F1", "C1", "10")
    assert put_share(connection, unnamed(listed=True)) is ShareState.CHECKING
    settle(connection)
    assert visible(connection) == set()


def test_file_shared_since_a_message_was_deleted_is_visible(connection: Connection) -> None:
    end_message(connection, "drive", "F1", "C1", "10")
    assert put_share(connection, unnamed()) is ShareState.SHARED


def test_event_without_a_message_from_before_an_end_does_not_restore_the_share(connection: Connection) -> None:
    check_space(connection, "drive", "F1", "C1", CHECKED)
    assert put_share(connection, unnamed(shared_at=15.0)) is ShareState.DEPARTED
    assert visible(connection) == set()


def test_event_from_before_a_removal_does_not_restore_the_share(connection: Connection) -> None:
    put_share(connection, of("10"))
    remove_shares(connection, [source_of(connection)], "C1")
    assert put_share(connection, of("15")) is ShareState.FORGOTTEN
    assert put_share(connection, unnamed(shared_at=15.0)) is ShareState.FORGOTTEN
    assert put_share(connection, unnamed(listed=True)) is ShareState.FORGOTTEN
    assert visible(connection) == set()


def test_check_after_a_removal_does_not_remove_what_was_shared_since(connection: Connection) -> None:
    put_share(connection, unnamed(shared_at=1.0))
    remove_shares(connection, [source_of(connection)], "C1")
    later = Share("drive", "F1", "C1", "F1.pdf", message="later", shared_at=4e9)
    check_space(connection, "drive", "F1", "C1", 5e9)
    assert put_share(connection, later) is ShareState.CHECKING


def test_refused_share_is_checked_before_it_is_shown(connection: Connection) -> None:
    put_share(connection, of("10", state=ShareState.REFUSED, reason="too many files"))
    check_space(connection, "drive", "F1", "C1", CHECKED)
    assert put_share(connection, of("10")) is ShareState.CHECKING
    assert put_share(connection, of("10", state=ShareState.REFUSED, reason="too large")) is ShareState.REFUSED
    settle(connection, "10")
    assert visible(connection) == set()


def test_end_of_an_unnamed_share_covers_events_that_arrive_after_the_chat_was_asked(connection: Connection) -> None:
    put_share(connection, unnamed(shared_at=5.0))
    check_space(connection, "drive", "F1", "C1", CHECKED)
    settle(connection)
    assert put_share(connection, of("10")) is ShareState.CHECKING


def test_share_that_is_left_out_later_is_not_fetched(connection: Connection) -> None:
    put_share(connection, of("10"))
    put_share(connection, of("10", state=ShareState.LEFT_OUT))
    assert_consistent(connection)


def test_moved_space_keeps_what_was_removed_and_what_was_shared_since(connection: Connection) -> None:
    put_share(connection, unnamed(shared_at=4e9))
    remove_shares(connection, [source_of(connection)], "C1")
    put_share(connection, Share("drive", "F1", "C1", "F1.pdf", message="later", shared_at=3e9))
    move_space(connection, "C1", "C2")
    rows = list_shares(connection, "drive", "F1", space="C2", states=tuple(ShareState))
    assert {row.message: row.state for row in rows} == {"": ShareState.FORGOTTEN, "later": ShareState.SHARED}
