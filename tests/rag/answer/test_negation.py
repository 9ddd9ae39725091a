"""Negations: a clause and its opposite contradict each other, in each language."""

from __future__ import annotations

import pytest

from rag.answer.negation import polarity


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "the lamp turns", "the lamp does not turn"),
        ("en", "you can't row", "you can row"),
        ("en", "rowing without a lamp is not allowed", "rowing without a lamp is allowed"),
        ("de", "die Lampe brennt nicht", "die Lampe brennt"),
        ("de", "es gibt keine Lampe", "es gibt eine Lampe"),
        ("fr", "la lampe n'est pas allumée", "la lampe est allumée"),
        ("es", "la lámpara no gira", "la lámpara gira"),
        ("ru", "лампу нельзя гасить", "лампу можно гасить"),
        ("ja", "灯りは消しません", "灯りを消します"),
        ("zh", "灯不能关", "灯能关"),
    ],
)
def test_opposites_contradict_each_other(language: str, one: str, other: str) -> None:
    assert polarity(one, language).contradicts(polarity(other, language))
    assert not polarity(one, language).contradicts(polarity(one, language))


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "nobody may row without a lamp", "row with a lamp only"),
        ("en", "not only rowers come", "rowers come"),
        ("en", "lamp no. 5 burns, no later than nine", "the fifth lamp burns by nine"),
        ("fr", "il n'entre jamais personne", "personne n'entre"),
        ("ru", "никто не гребёт", "не гребут"),
        ("ja", "灯りをつけなければなりません", "灯りをつける"),
        ("en", "to row without a lamp, ask", "to row, ask"),
    ],
)
def test_clauses_that_may_both_be_true(language: str, one: str, other: str) -> None:
    assert not polarity(one, language).contradicts(polarity(other, language))
