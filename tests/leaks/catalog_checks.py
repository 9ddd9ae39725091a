"""Compare the catalog with the workspace, both ways: what people shared can be found, and nothing else is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from bot.demo.slack_server.state import Message
from bot.slack.files import KIND
from rag import Scope
from rag.analysis.question import make_term
from rag.catalog.share_words import search_share_words
from tests.leaks import world
from tests.leaks.marked_documents import WORD_MARK, word
from tests.leaks.watched import Leak, Missing
from tests.leaks.world import Place

if TYPE_CHECKING:
    from tests.leaks.simulation import Simulation

_ENDED = ("departed", "forgotten")
_SETTLED = frozenset({"white_check_mark", "large_yellow_circle", "warning"})
"""Reactions that say that the files of a message are searchable, in part, or cannot be read."""


class Row(NamedTuple):
    """A share in the catalog that has not ended."""

    place: Place
    state: str
    document: int | None
    words: str


class CatalogChecks:
    """Compares the catalog of one simulation. Remembers what it has searched for, and since when Magpie is where."""

    def __init__(self) -> None:
        self._searched: set[tuple[int, str]] = set()
        """(document, conversation) pairs that were found by the document's word."""
        self._words: dict[int, str] = {}
        """Marked word -> conversation where it was found."""
        self._delayed: set[tuple[int, int]] = set()
        """Shares whose delay was checked, with the documents that they show."""
        self._visible: set[tuple[str, int]] = set()
        """(conversation, document) pairs at the last check of delays."""
        self._known: set[int] = set()
        """Documents that had been read by then."""
        self._here: dict[str, float] = {}
        """Conversation -> when Magpie was first seen in it."""

    def check(self, simulation: Simulation, *, again: bool = False) -> None:
        """Raise Leak for what should not be there, and Missing for what should. `again`: search for everything again.

        Nothing may wait to be done.
        """
        if again:
            self._searched.clear()
            self._words.clear()
        rows, stand = list(_rows(simulation)), world.standing(simulation.state)
        wanted = {place for place in stand if _is_wanted(simulation, place)}
        _check_extra(simulation, rows, set(stand))
        shared = {row.place: row for row in rows if row.state == "shared"}
        known = {row.place for row in rows}
        for place in sorted(wanted):
            row = shared.get(place)
            if row is None and place not in known:
                row = shared.get(place._replace(message=""))
            if row is None:
                raise Missing("a file that people can open is not in the catalog", place)
            self._check_found(simulation, place, row)
        exact = {place: row for place, row in shared.items() if place in wanted}
        self._check_receipts(simulation, exact, stand)
        self._check_words(simulation, exact, stand)

    def check_delays(self, simulation: Simulation) -> None:
        """Raise Leak if a document that was known elsewhere is visible at once: that shows that it was known.

        Afterwards, the delay of the documents known by now is an hour, however fast they were read.
        """
        with simulation.rag.write_transaction() as connection:
            rows = connection.exec_driver_sql(
                "SELECT h.id, h.space, s.document_id, h.visible_from, s.kind FROM share h "
                "JOIN source s ON s.id = h.source_id "
                "WHERE h.state IN ('shared', 'checking') AND s.document_id IS NOT NULL"
            ).all()
            inside = connection.exec_driver_sql("SELECT DISTINCT document_id, attached_id FROM attachment").all()
            rows += [(*row[:2], attached, *row[3:]) for row in rows for of, attached in inside if of == row[2]]
            known = connection.exec_driver_sql("SELECT document_id FROM extraction WHERE state = 'complete'").all()
            connection.exec_driver_sql(
                "UPDATE extraction SET seconds = 3600 WHERE state = 'complete' AND seconds IS NOT 3600"
            )
        for id, space, document, visible_from, kind in rows:
            is_new = (id, document) not in self._delayed and (space, document) not in self._visible
            # What the operator indexes is not delayed, and what is shared where it is shown need not be.
            if kind == KIND and is_new and document in self._known and not visible_from:
                raise Leak("a share shows that its document was known elsewhere", (id, space, document))
        self._delayed = {(row[0], row[2]) for row in rows}
        self._visible = {(row[1], row[2]) for row in rows}
        self._known = {row[0] for row in known}

    def _check_found(self, simulation: Simulation, place: Place, row: Row) -> None:
        """Search for a document in one conversation by its word, once."""
        number, _ = simulation.shares.get(place.file, (-1, -1))
        if number < 0 or (row.document, place.channel) in self._searched:
            return
        if row.document is None:
            raise Missing("a file that people can open was not read", place)
        for inside in simulation.numbers_in(number):
            mark = simulation.documents[inside].mark
            found = simulation.search(f"the {mark}", Scope.of(place.channel))
            if not any(mark in hit.text for hit in found.hits):
                raise Missing("a file that people can open is not found by its word", (place, inside))
        self._searched.add((row.document, place.channel))

    def _check_receipts(self, simulation: Simulation, exact: dict[Place, Row], stand: dict[Place, Message]) -> None:
        """Check the reaction on each message that was written while Magpie was there."""
        state = simulation.state
        now = time.time()
        here = {id for id, space in state.conversations.items() if state.has_bot(space)}
        self._here = {id: self._here.get(id, now if self._here else 0.0) for id in here}
        for place in exact:
            message, space = stand[place], state.conversations[place.channel]
            if space.archived or float(message.ts) < self._here[place.channel] or place in simulation.unannounced:
                continue
            reactions = {name for name, users in message.reactions.items() if state.bot.id in users}
            if not reactions & _SETTLED:
                raise Missing("a message has no receipt although its files are in the catalog", place)

    def _check_words(self, simulation: Simulation, exact: dict[Place, Row], stand: dict[Place, Message]) -> None:
        """Check the words around files: each is found in its conversation alone, as the message reads now.

        What a person asks, for example in a thread where Magpie answered them, does not describe the file sent with it.
        """
        current: dict[int, str] = {}
        with simulation.rag.read_transaction() as connection:
            asked = {tuple(row) for row in connection.exec_driver_sql("SELECT channel, ts FROM question")}
        for place, row in exact.items():
            is_question = (place.channel, place.message) in asked
            written = set() if is_question else set(map(int, WORD_MARK.findall(stand[place].text)))
            if set(map(int, WORD_MARK.findall(row.words))) != written:
                raise Missing("the words of a message are not those in the catalog", (row, written))
            current |= dict.fromkeys(written, place.channel)
        changed = {number for number, space in current.items() if self._words.get(number) != space}
        gone = {number for number in simulation.words if number not in current and self._words.get(number) != ""}
        with simulation.rag.read_transaction() as connection:
            for number in sorted(changed):
                space = current[number]
                others = Scope.of(*(id for id in simulation.state.conversations if id != space))
                if not search_share_words(connection, [make_term(word(number), ["en"])], Scope.of(space), 5):
                    raise Missing("a file is not found by the words of its message", number)
                if search_share_words(connection, [make_term(word(number), ["en"])], others, 5):
                    raise Leak("words of a message are found in another conversation", number)
            for number in sorted(gone):
                if search_share_words(connection, [make_term(word(number), ["en"])], Scope.operator(), 5):
                    raise Leak("words that no message has any more are found", number)
        self._words |= {number: current.get(number, "") for number in changed | gone}


def check_deletions(simulation: Simulation) -> None:
    """Raise Leak if a file is in the catalog whose deletion was reported. Nothing needs to be looked up for it."""
    gone = {id for id, file in simulation.state.files.items() if file.deleted} - simulation.lost
    with simulation.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT s.ref FROM source s JOIN share h ON h.source_id = s.id WHERE h.state IN ('shared', 'checking')"
        ).all()
    if any(row[0] in gone for row in rows):
        raise Leak("a deleted file is in the catalog until it is looked up")


def check_departures(simulation: Simulation) -> None:
    """Raise Leak if a file can be found in a channel after it was reported that it left: it has to be looked up first.

    The report does not say which message it left, and may arrive before that message.
    """
    stand = world.standing(simulation.state)
    with simulation.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT s.ref, h.space, h.message FROM source s JOIN share h ON h.source_id = s.id "
            "WHERE s.kind = 'slack' AND h.state = 'shared' AND h.message != ''"
        ).all()
    for place in (Place(*row) for row in rows):
        left_at = simulation.unshared.get((place.file, place.channel), 0.0)
        if float(place.message) <= left_at and place not in stand and _is_readable(simulation, place.channel):
            raise Leak("a file that left a channel is in the catalog until it is looked up", place)


def _is_readable(simulation: Simulation, channel: str) -> bool:
    """Return whether Magpie is in a conversation that has readers: only there does it hear that files leave."""
    space = simulation.state.conversations.get(channel)
    return space is not None and simulation.state.has_bot(space) and world.has_readers(simulation.state, space)


def is_shown(simulation: Simulation, place: Place) -> bool:
    """Return whether the catalog has a visible share at this place; with an empty message, one that names none."""
    with simulation.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT 1 FROM source s JOIN share h ON h.source_id = s.id "
            "WHERE s.ref = ? AND h.space = ? AND h.message = ? AND h.state = 'shared'",
            tuple(place),
        )
        return rows.first() is not None


def _rows(simulation: Simulation) -> Iterator[Row]:
    with simulation.rag.read_transaction() as connection:
        found = connection.exec_driver_sql(
            "SELECT s.ref, h.space, h.message, h.state, s.document_id, h.words FROM source s "
            "JOIN share h ON h.source_id = s.id WHERE s.kind = 'slack' AND h.state NOT IN (?, ?)",
            _ENDED,
        ).all()
    for ref, space, message, state, document, words in found:
        yield Row(Place(ref, space, message), state, document, words)


def _is_wanted(simulation: Simulation, place: Place) -> bool:
    """Return whether a file that stands in a message belongs into the catalog.

    A question's picture does not, and neither does a picture that Magpie posted and a person shares again.
    """
    if place in simulation.forgotten or simulation.state.files[place.file].owner == simulation.state.bot.id:
        return False
    is_document = place.file in simulation.shares or place in simulation.requested
    return is_document or not world.is_question(simulation.state, place)


def _check_extra(simulation: Simulation, rows: list[Row], stand: set[Place]) -> None:
    """Raise Leak if the catalog has a share that Slack does not have, that was forgotten, or that was a question."""
    left = stand - simulation.forgotten
    somewhere = {place._replace(message="") for place in left if _is_wanted(simulation, place)}
    for row in rows:
        space = simulation.state.conversations.get(row.place.channel)
        if space is not None and not world.has_readers(simulation.state, space):
            continue
        is_there = row.place in stand if row.place.message else row.place in somewhere
        if not is_there:
            raise Leak("a share that was removed in Slack is still in the catalog", row)
        if row.state == "shared" and row.place in simulation.forgotten:
            raise Leak("a forgotten file is in the catalog again", row)
        if row.state == "shared" and row.place.message and not _is_wanted(simulation, row.place):
            raise Leak("a picture that was sent as a question is in the catalog", row)
