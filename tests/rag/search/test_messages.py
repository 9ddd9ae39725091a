"""Words of messages find the file that a message shares, inside the scope only, and are shown as the message's."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import FetchResult, Posted, Rag, Scope, SearchResult, Settings, Share, end_message, put_share, source_statuses
from rag.catalog.share_ends import check_space
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

WORDS = "Budget for the harbour rebuild, final version"
QUESTION = "What is the budget for the harbour rebuild?"
FILLER = "\f".join(f"The harbour master counts boat {number}." for number in range(130))
FILES = {
    "IMG": " ",
    "OTHER": "  ",
    "TIDES": "High water at the quay.\fThe pilot boards at the outer buoy.",
    "LOG": "A log of boats.\f" + FILLER,
}


NAMES = {"IMG": "IMG_1234.png", "OTHER": "IMG_9.png", "TIDES": "tides.pdf", "LOG": "log.pdf"}


def share(ref: str, message: str, words: str | None = None, *, space: str = "C1", **given: Any) -> Share:
    name = {"IMG": "IMG_1234.png", "OTHER": "IMG_9.png"}.get(ref, f"{ref.lower()}.pdf")
    return Share(
        "drive", ref, space, name, shared_by="U1", message=message, shared_at=float(message), words=words, **given
    )


def opened(data: Path) -> Rag:
    def fetch(ref: str, into: Path) -> FetchResult:
        into.write_text(FILES[ref])
        return FetchResult(name=NAMES[ref], link=None, size=len(FILES[ref]), mtime_ns=7)

    settings = Settings(data=data, answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), open_fetchers=lambda _: {"drive": fetch})


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with four files in C1, of which two are pictures without words. No message has words."""
    data = tmp_path_factory.mktemp("messages") / "data"
    with opened(data) as made:
        put(made, *(share(ref, "5") for ref in FILES))
        stop = threading.Event()
        thread = threading.Thread(target=made.serve, args=(stop,))
        thread.start()
        try:
            for _ in range(600):
                with made.read_transaction() as connection:
                    statuses = source_statuses(connection, "drive", list(FILES), "C1")
                if [status.state for status in statuses] == ["ready"] * len(FILES):
                    break
                stop.wait(0.05)
        finally:
            stop.set()
            thread.join(30)
    return data


@pytest.fixture
def rag(indexed: Path, tmp_path: Path) -> Iterator[Rag]:
    """Return an engine on a copy of that folder."""
    with opened(Path(shutil.copytree(indexed, tmp_path / "data"))) as made:
        yield made


def put(rag: Rag, *shares: Share) -> None:
    with rag.write_transaction() as connection:
        for one in shares:
            put_share(connection, one)
        # The bytes are known, so a share in another space would be delayed.
        connection.exec_driver_sql("UPDATE share SET visible_from = 0")


def names(found: SearchResult) -> list[str]:
    return [hit.name for hit in found.hits]


def comparable(found: SearchResult) -> SearchResult:
    return replace(found, stage_ms={})


def test_message_finds_the_picture_that_it_shares(rag: Rag) -> None:
    before = rag.find(QUESTION, Scope.of("C1"))
    assert "IMG_1234.png" not in names(before)
    assert not before.found
    put(rag, share("IMG", "10", WORDS, thread="9"))
    found = rag.find(QUESTION, Scope.of("C1"))
    assert found.found
    [hit] = [hit for hit in found.hits if hit.name == "IMG_1234.png"]
    assert hit.rank <= 5
    assert hit.lanes == {"messages": 1}
    assert hit.posted == (Posted("C1", "U1", 10.0, "10", "9", WORDS),)
    assert hit.text == ""
    assert hit.page == 1


def test_search_without_words_of_messages_is_unchanged(rag: Rag) -> None:
    """Compare with the search without the lane, for questions that are found and not found."""
    lanes = tuple(lane for lane in rag.settings.search.lanes if lane != "messages")
    search = rag.settings.search.model_copy(update={"lanes": lanes})
    without = rag.settings.model_copy(update={"search": search})
    with open_rag(without, extractor=TextExtractor, embedder=NoEmbedder()) as other:
        for question in (QUESTION, "outer buoy pilot", "harbour master boat 17", "zebra"):
            found, expected = rag.find(question, Scope.of("C1")), other.find(question, Scope.of("C1"))
            assert comparable(found) == replace(comparable(expected), lanes=found.lanes)


def test_edited_message_is_found_by_its_new_words_and_a_deleted_one_by_none(rag: Rag) -> None:
    put(rag, share("IMG", "10", WORDS))
    put(rag, share("IMG", "10", "Seating plan of the annual dinner"))
    assert "IMG_1234.png" not in names(rag.find(QUESTION, Scope.of("C1")))
    plan = rag.find("Where is the seating plan for the annual dinner?", Scope.of("C1"))
    assert plan.found
    assert names(plan)[0] == "IMG_1234.png"
    with rag.write_transaction() as connection:
        end_message(connection, "drive", "IMG", "C1", "10")
    assert "IMG_1234.png" not in names(rag.find("seating plan for the annual dinner", Scope.of("C1")))


def test_message_with_few_of_the_question_s_words_finds_nothing(rag: Rag) -> None:
    put(rag, share("IMG", "10", "The budget"))
    assert "IMG_1234.png" not in names(
        rag.find("Which budget pays the new crane of the northern pier?", Scope.of("C1"))
    )


def test_first_page_of_a_longer_document_is_ranked(rag: Rag) -> None:
    put(rag, share("TIDES", "10", "Sailing instructions for newcomers"))
    found = rag.find("sailing instructions for newcomers", Scope.of("C1"))
    assert [(hit.name, hit.page) for hit in found.hits] == [("tides.pdf", 1)]
    assert found.found


def test_page_that_a_message_and_its_own_words_find_is_shown_by_its_words(rag: Rag) -> None:
    put(rag, share("TIDES", "10", "Where we have high water"))
    hit = rag.find("high water at the quay", Scope.of("C1")).hits[0]
    assert (hit.name, hit.text) == ("tides.pdf", "High water at the quay.")
    assert set(hit.lanes) == {"words", "messages"}


# ---------------------------------------------------------------- scope


QUESTIONS = (QUESTION, "harbour rebuild final version", "harbour master boat 17", "budget", "outer buoy")


def test_message_outside_the_scope_changes_nothing(rag: Rag) -> None:
    """Compare hits, what is shown, counts, signals, confidence, notices and answers."""
    put(rag, *(share(ref, "6", space="C2") for ref in FILES), share("OTHER", "10", "Rebuild of the crane"))
    before = [comparable(rag.find(question, Scope.of("C1"))) for question in QUESTIONS]
    answers = [rag.ask(question, Scope.of("C1")) for question in QUESTIONS]
    put(rag, *(share(ref, "10", WORDS, space="C2") for ref in FILES))
    assert [comparable(rag.find(question, Scope.of("C1"))) for question in QUESTIONS] == before
    for question, answer in zip(QUESTIONS, answers, strict=True):
        now = rag.ask(question, Scope.of("C1"))
        assert (now.text, now.notice, now.abstained) == (answer.text, answer.notice, answer.abstained)
    assert "IMG_1234.png" in names(rag.find(QUESTION, Scope.of("C2")))
    assert {posted.space for hit in rag.find(QUESTION, Scope.of("C2")).hits for posted in hit.posted} == {"C2"}


def test_hidden_message_changes_nothing(rag: Rag) -> None:
    put(rag, share("IMG", "10", WORDS))
    with rag.write_transaction() as connection:
        check_space(connection, "drive", "IMG", "C1", 20)
    assert "IMG_1234.png" not in names(rag.find(QUESTION, Scope.of("C1")))
    put(rag, share("IMG", "30"))
    with rag.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE share SET state = 'shared', visible_from = 4e9 WHERE message = '10'")
    found = rag.find(QUESTION, Scope.of("C1"))
    assert "IMG_1234.png" not in names(found)
    assert not found.found


def test_limits_of_the_scope_hold_for_messages(rag: Rag) -> None:
    put(rag, share("IMG", "10", WORDS))
    documents = {row.name: row.id for row in rag.documents(Scope.of("C1"))}
    spaces = frozenset({"C1"})
    inside = Scope(spaces, frozenset({documents["IMG_1234.png"]}))
    assert names(rag.find(QUESTION, inside)) == ["IMG_1234.png"]
    for scope in (
        Scope(spaces, frozenset({documents["tides.pdf"]})),
        Scope(spaces, without=frozenset({documents["IMG_1234.png"]})),
        Scope.of(),
    ):
        assert "IMG_1234.png" not in names(rag.find(QUESTION, scope))


def test_newest_message_is_shown_unless_another_one_matched(rag: Rag) -> None:
    put(rag, share("IMG", "10", WORDS), share("IMG", "20", "Once more, larger"))
    question = "budget of the harbour rebuild"
    matched = next(hit for hit in rag.find(question, Scope.of("C1")).hits if hit.name == "IMG_1234.png")
    assert matched.posted[0].message == "10"
    put(rag, share("TIDES", "10", "first"), share("TIDES", "20", "second"))
    newest = rag.find("pilot outer buoy", Scope.of("C1")).hits[0]
    assert newest.posted[0].message == "20"


def test_answer_shows_the_page_that_a_message_found(rag: Rag) -> None:
    put(rag, share("IMG", "10", "Seating plan of the annual dinner"))
    answer = rag.ask("Where is the seating plan for the annual dinner?", Scope.of("C1"))
    assert not answer.abstained
    assert [passage.hit.name for passage in answer.pictured] == ["IMG_1234.png"]
