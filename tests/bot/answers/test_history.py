"""What is a question to Magpie in a thread where it answered."""

from __future__ import annotations

from time import perf_counter

import pytest

from bot.answers.history import is_question_to_magpie


@pytest.mark.parametrize("said", ["And how high is it?", "the crane then", "warum", "hm? ok", "no, the other one"])
def test_who_asked_before_goes_on_asking(said: str) -> None:
    assert is_question_to_magpie(said, own=True, others=False, pictures=False)


@pytest.mark.parametrize(
    "said", ["Thanks!", "ok", "thank you so much :tada:", "👍", "Danke schön", ":+1:", "super, danke"]
)
def test_a_nod_is_no_question(said: str) -> None:
    assert not is_question_to_magpie(said, own=True, others=False, pictures=False)
    assert not is_question_to_magpie(said, own=False, others=False, pictures=False)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("And how high is it?", True),
        ("which port", True),
        ("und wann", True),
        ("the crane then", False),
        ("I told you so", False),
        ("", False),
    ],
)
def test_of_somebody_else_only_what_reads_as_a_question_is(said: str, meant: bool) -> None:
    assert is_question_to_magpie(said, own=False, others=False, pictures=True) is meant


def test_who_speaks_to_somebody_by_name_does_not_mean_magpie() -> None:
    assert not is_question_to_magpie("<@U7> which port is it?", own=True, others=True, pictures=True)


def test_a_picture_needs_no_words_of_who_asked_before() -> None:
    assert is_question_to_magpie(" ", own=True, others=False, pictures=True)
    assert not is_question_to_magpie(" ", own=True, others=False, pictures=False)


@pytest.mark.parametrize("letter", [" ", ":", "ok ", "!"])
def test_a_long_one_takes_no_time(letter: str) -> None:
    started = perf_counter()
    is_question_to_magpie(letter * 20_000 + "\0x", own=False, others=False, pictures=False)
    assert perf_counter() - started < 2
