"""Statements that a page seems to support because it has their words, though it is about something else."""

from __future__ import annotations

import pytest

from rag.answer.grounding import GroundingSource, check_grounding

PEOPLE = (
    "Runa Halvard is harbor master and decides what the book does not. Tomas Brekke looks after the gateway and wrote "
    "most of this. The deputy is Ines Caldeira; she leads the quay crew."
)
POWER = "After a power cut the gateway does not start by itself. Somebody has to look at it first."
NOTES = "Keep chapter 4 open when you start the gateway after a power cut. Alarm A2 rang in the night watch."
WATCH = "From then on two people are in the watch room, day and night."


def cited(text: str, *pages: str) -> list[tuple[int, ...]]:
    """Return the passages that support each statement; an empty tuple for one that does not hold."""
    sources = {number: GroundingSource(page) for number, page in enumerate(pages, 1)}
    return [one.cited if one.holds else () for one in check_grounding(text, sources).checked]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Runa Halvard is the harbor master.", True),
        ("Ines Caldeira leads the quay crew.", True),
        ("Tomas Brekke wrote most of the book.", True),
        ("Tomas Brekke is the harbor master.", False),
        ("Runa Halvard leads the quay crew.", False),
    ],
)
def test_name_belongs_to_the_words_around_it(text: str, holds: bool) -> None:
    assert cited(f"{text} [1]", PEOPLE) == [(1,) if holds else ()]


def test_no_before_a_denial_is_not_another_one() -> None:
    assert cited("No, the gateway does not start by itself after a power cut. [1]", POWER) == [(1,)]


def test_passage_that_denies_a_statement_outweighs_one_that_has_the_same_words() -> None:
    assert cited("The gateway starts after a power cut.", NOTES, POWER) == [()]


def test_denial_needs_a_page_that_is_about_it() -> None:
    assert cited("The alarm is not rung at night.", NOTES) == [()]
    assert cited("Nobody starts the gateway by itself.", POWER) == [(1,)]


def test_passage_with_less_of_a_statement_does_not_support_what_a_better_one_contradicts() -> None:
    assert cited("From then on three people are in the watch room. [1]", WATCH, "Three boats came.") == [()]
    assert cited("From then on two people are in the watch room. [2]", WATCH, "Three boats came.") == [(1,)]


def test_few_words_of_the_page_are_not_enough() -> None:
    assert cited(
        "The readings are printed on paper and buried in the garden. [1]", "The readings are kept. A garden."
    ) == [()]
    made_up = "Alarm A2 is a code that tells officers that ships are in danger of being turned off at sea. [1]"
    assert cited(made_up, NOTES) == [()]
