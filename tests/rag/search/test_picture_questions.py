"""A question under a screenshot: its words and the picture are both searched for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import Answer, Rag, Scope, Settings
from rag.model.extraction import Inspection
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.store import FakeStore

EVERYTHING = Scope.operator()
SHOT = "Fault E4711 relay halted\nupstream heartbeat lost\nbutton Retry button Cancel"
RECOVERY = "To recover the relay, drain the upstream queue and restart the scheduler."
CRANE = "The crane lifts forty tons at the northern quay."


class ShotExtractor(TextExtractor):
    """Reads files whose names end in `.png` as pictures with these words."""

    def inspect(self, path: Path) -> Inspection:
        found = super().inspect(path)
        return Inspection("image/png", found.page_count, None) if path.suffix == ".png" else found


def pages(**texts: str) -> str:
    """Return a file of twelve pages with these texts, by page number: p3="…"."""
    filler = "Chapter {0} of the harbor manual lists the ropes and the lamps of berth {0}."
    return "\f".join(texts.get(f"p{number}", filler.format(number)) for number in range(1, 13))


Asking = Callable[..., Answer]


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    settings = Settings.model_validate(
        {"data": tmp_path / "data", "answer": {"model": ""}, "search": {"lanes": "words,place"}}
    )
    with open_rag(settings, extractor=ShotExtractor, embedder=NoEmbedder(), store=FakeStore()) as rag:
        yield rag


@pytest.fixture
def ask(rag: Rag, tmp_path: Path) -> Asking:
    """Index these files, and ask a question under screenshots with these words."""

    def answer(question: str, *shots: str, **files: str) -> Answer:
        folder = tmp_path / "shared"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.pdf").write_text(text)
        rag.index([folder])
        paths = []
        for number, words in enumerate(shots):
            paths.append(tmp_path / f"shot{number}.png")
            paths[-1].write_text(words)
        return rag.ask(question, EVERYTHING, paths)

    return answer


def cited(answer: Answer) -> list[tuple[str, int]]:
    return [(passage.hit.name, passage.hit.page) for passage in answer.cited]


def test_answer_is_on_another_page_of_the_document_that_the_picture_shows(ask: Asking) -> None:
    answer = ask("How do I recover the relay?", SHOT, manual=pages(p3=SHOT, p9=RECOVERY), other=pages())
    assert cited(answer)[0] == ("manual.pdf", 9)
    assert ("manual.pdf", 3) in cited(answer)


def test_answer_is_in_another_document(ask: Asking) -> None:
    answer = ask("How many tons does the crane lift?", SHOT, manual=pages(p3=SHOT), cranes=pages(p5=CRANE))
    assert set(cited(answer)[:2]) == {("manual.pdf", 3), ("cranes.pdf", 5)}


def test_page_of_the_matched_document_ranks_before_the_same_words_elsewhere(ask: Asking) -> None:
    other = pages(p2=f"{RECOVERY} This is about cranes.")
    answer = ask("How do I recover the relay?", SHOT, aaa=other, manual=pages(p3=SHOT, p9=f"{RECOVERY} Then wait."))
    assert cited(answer)[0] == ("manual.pdf", 9)
    assert ("aaa.pdf", 2) in cited(answer)


def test_picture_that_matches_nothing_leaves_the_words(ask: Asking) -> None:
    answer = ask("How many tons does the crane lift?", "zebra xylophone quartet violins", cranes=pages(p5=CRANE))
    assert cited(answer)[0] == ("cranes.pdf", 5)
    assert "The picture matches no page here" in answer.notice


def test_words_that_are_found_nowhere_leave_the_picture(ask: Asking) -> None:
    answer = ask("zebra xylophone quartet?", SHOT, manual=pages(p3=SHOT, p9=RECOVERY))
    assert cited(answer) == [("manual.pdf", 3)]
    assert "these are the pages that the picture shows" in answer.notice


def test_abstains_and_says_what_was_not_found(ask: Asking) -> None:
    answer = ask("zebra xylophone quartet?", "violins of the northern opera choir", manual=pages(p3=SHOT))
    assert answer.abstained
    assert "No page matches the picture, and no page has the words of the question." in answer.notice
    assert "No file that I may use here mentions" in answer.found.why or "None of its words" in answer.found.why


def test_pages_of_several_pictures_come_in_their_order(ask: Asking) -> None:
    second = "Ledger of berth eleven\noutstanding dues ninety crowns\nbutton Pay"
    answer = ask("zebra xylophone quartet?", second, SHOT, manual=pages(p3=SHOT, p9=RECOVERY), ledger=pages(p7=second))
    assert cited(answer) == [("ledger.pdf", 7), ("manual.pdf", 3)]


def test_page_that_resembles_an_unmatched_picture_ranks_before_others(ask: Asking) -> None:
    """The picture has the fault's number, which the words leave out."""
    shot = "Fault E4711 window closed unexpectedly violin opera choir zebra quartet xylophone"
    manual = pages(p4="Fault E9000: restart the scheduler.", p8="Fault E4711: restart the scheduler.")
    answer = ask("Which fault needs a restart of the scheduler?", shot, manual=manual)
    assert cited(answer)[0] == ("manual.pdf", 8)


def test_picture_without_a_question_is_answered_by_its_page(ask: Asking) -> None:
    assert cited(ask("", SHOT, manual=pages(p3=SHOT, p9=RECOVERY)))[0] == ("manual.pdf", 3)
