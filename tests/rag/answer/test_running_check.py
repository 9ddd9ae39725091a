"""Statements are split and checked while an answer is written."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

import pytest

from rag.answer.citations import check_citations
from rag.answer.grounding import Checked, Checker, GroundingSource
from rag.answer.running_check import RunningCheck
from rag.answer.statement_stream import StatementStream
from rag.answer.statements import split_statements
from rag.model.search import Passage
from tests.rag.answer.test_generation import hit

PAGES = {
    1: "The pier is 40 metres long. It was built in 1931 by Ida Holm. The crane lifts two tonnes.",
    2: "The lamp turns every ten seconds. Its range is 18 miles.",
    3: "Am 3. Januar wurde der Turm eingeweiht. Der Turm ist 12 m hoch.",
}
PASSAGES = tuple(Passage(number, hit(text, chunk=number)) for number, text in PAGES.items())

TEXTS = [
    "The pier is 40 metres long [1]. It was built in 1931 [1]. The crane lifts two tonnes [1].",
    "The pier is 40 metres long. [1] It was built in 1931. [1]",
    "- The pier is 40 metres long [1]\n- The lamp turns every ten seconds [2]\n\nIts range is 18 miles [2].",
    "There is more:\n1. The pier is 40 metres long [1].\n2. Its range is 18 miles [2].",
    "# Pier\nThe pier is 40 metres long [1].\n\n\n# Lamp\nIts range is 18 miles [2].",
    "| what | value |\n|---|---|\n| length of the pier | 40 metres [1] |\n| range of the lamp | 18 miles [2] |\n",
    "Am 3. Januar wurde der Turm eingeweiht [3]. Der Turm ist 12 m hoch [3].",
    "The range is approx. 18 miles, i.e. far [2]. It turns every ten seconds [2]",
    "It says: the pier is 40 metres long [1].\nThe crane lifts two tonnes: [1]",
]


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def running(said: list[Checked], question: str = "How long is the pier?") -> RunningCheck:
    checker = Checker({number: GroundingSource(text) for number, text in PAGES.items()})
    return RunningCheck(question, PASSAGES, checker, lambda _: False, said)


def reported(texts: Sequence[str], question: str = "How long is the pier?") -> list[str]:
    """Return the text that is reported after each piece, without empty ones, and after the last."""
    check = running([], question)
    return [*filter(None, map(check.add, texts)), check.finish()]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("text", TEXTS)
def test_stream_has_the_statements_of_the_whole_text(text: str, size: int) -> None:
    question = "Wie hoch ist der Turm?" if "Turm" in text else "How long is the pier?"
    stream = StatementStream(question, lambda part: check_citations(part, PASSAGES)[0])
    found = [written for piece in pieces(text, size) for written in stream.add(piece)] + stream.finish()
    expected = split_statements(text)
    assert [one.statement.text.strip() for one in found] == [one.text.strip() for one in expected]
    assert [one.statement.title for one in found] == [one.title for one in expected]
    assert [bool(one.statement.items) for one in found] == [bool(one.items) for one in expected]


@pytest.mark.parametrize("text", [TEXTS[0], TEXTS[1], TEXTS[2], TEXTS[6]])
def test_reported_text_is_the_answer_if_all_of_it_holds(text: str) -> None:
    question = "Wie hoch ist der Turm?" if "Turm" in text else "How long is the pier?"
    assert "".join(reported(pieces(text, 4), question)) == text


def test_statement_is_reported_once_the_next_one_begins() -> None:
    check = running([])
    assert check.add("The pier is 40 metres long [1]. ") == ""
    assert check.add("It was ") == "The pier is 40 metres long [1]."
    assert check.add("built in 1931 [1].\n") == " It was built in 1931 [1]."


def test_only_what_holds_is_reported_in_order() -> None:
    text = "The pier is 50 metres long [1]. The crane lifts two tonnes [1, 7]. It is red.\nIts range is 18 miles."
    assert "".join(reported(pieces(text, 5))) == "The crane lifts two tonnes [1].\nIts range is 18 miles [2]."


def test_thoughts_are_not_reported() -> None:
    text = "<think>The pier is 40 metres long [1]. The crane lifts two tonnes [1].</think>Its range is 18 miles [2]."
    assert "".join(reported(pieces(text, 3))) == "Its range is 18 miles [2]."


def test_nothing_is_reported_after_a_sentence_in_another_language() -> None:
    text = "Am 3. Januar wurde der Turm eingeweiht, wie es für ihn auf der Seite steht [3]. Its range is 18 miles [2]."
    assert "".join(reported(pieces(text, 3))) == ""


def test_what_was_reported_holds_in_the_whole_answer() -> None:
    said: list[Checked] = []
    text = "The pier is 40 metres long. Its range is 18 miles [2]. It was built by Ida Holm in 1931 [2]."
    checker = Checker({number: GroundingSource(page) for number, page in PAGES.items()})
    check = RunningCheck("How long?", PASSAGES, checker, lambda _: False, said)
    for piece in pieces(text, 6):
        check.add(piece)
    check.finish()
    whole = checker.check_text(text)
    assert [one.statement.text for one in said] == [one.statement.text for one in whole.checked if one.holds]
    assert [one.cited for one in whole.checked] == [(1,), (2,), (1,)]


def test_long_answer_takes_time_in_proportion_to_its_length() -> None:
    def seconds(text: str) -> float:
        started = process_time()
        reported(pieces(text, 4))
        return process_time() - started

    for unit in ("The crane lifts two tonnes [1]. ", "- Its range is 18 miles [2]\n", "v1.2, " * 5):
        seconds(unit)
        short, long = min(seconds(unit * 20) for _ in range(2)), min(seconds(unit * 160) for _ in range(2))
        assert long < 16 * short + 0.2
