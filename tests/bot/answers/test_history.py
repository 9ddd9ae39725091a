"""The rule which replies in a thread are questions to Magpie."""

from __future__ import annotations

from time import perf_counter

import pytest

from bot.answers.history import is_question_to_magpie


@pytest.mark.parametrize("said", ["And how high is it?", "the crane then", "warum", "hm? ok", "no, the other one"])
def test_reply_of_an_earlier_asker_is_a_question(said: str) -> None:
    assert is_question_to_magpie(said, own=True, others=False, pictures=False)


@pytest.mark.parametrize(
    "said",
    [
        "Thanks!",
        "ok",
        "thank you so much :tada:",
        "👍",
        "Danke schön",
        ":+1:",
        "super, danke",
        "了解です",
        "спасибо",
        "dzięki!",
        "شكرا",
    ],
)
def test_thanks_are_not_a_question(said: str) -> None:
    assert not is_question_to_magpie(said, own=True, others=False, pictures=False)
    assert not is_question_to_magpie(said, own=False, others=False, pictures=False)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("And how high is it?", True),
        ("which port", True),
        ("und wann", True),
        ("qual é a porta", True),
        ("welke poort", True),
        ("какой порт", True),
        ("który port", True),
        ("どのポートですか", True),
        ("ポートは？", True),
        ("用什么端口", True),
        ("是这个端口吗", True),
        ("ما هو المنفذ", True),
        ("والمنفذ؟", True),
        ("How are you?", False),
        ("Wie geht's?", False),
        ("好的，谢谢", False),
        ("これはクレーンです", False),
        ("это кран", False),
        ("the crane then", False),
        ("I said so before", False),
        ("", False),
    ],
)
def test_reply_of_another_person_is_a_question_if_it_reads_like_one(said: str, meant: bool) -> None:
    assert is_question_to_magpie(said, own=False, others=False, pictures=True) is meant


def test_reply_that_mentions_another_person_is_not_a_question() -> None:
    assert not is_question_to_magpie("<@U7> which port is it?", own=True, others=True, pictures=True)


def test_picture_of_an_earlier_asker_needs_no_text() -> None:
    assert is_question_to_magpie(" ", own=True, others=False, pictures=True)
    assert not is_question_to_magpie(" ", own=True, others=False, pictures=False)


@pytest.mark.parametrize("letter", [" ", ":", "ok ", "!"])
def test_long_reply_is_decided_in_linear_time(letter: str) -> None:
    started = perf_counter()
    is_question_to_magpie(letter * 20_000 + "\0x", own=False, others=False, pictures=False)
    assert perf_counter() - started < 2
