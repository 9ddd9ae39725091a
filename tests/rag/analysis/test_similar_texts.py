"""Questions that ask nearly the same are one group."""

from __future__ import annotations

from rag.analysis.similar_texts import group_similar


def test_order_and_forms_of_words_do_not_matter() -> None:
    texts = [
        "Where is the antenna bracket stored?",
        "Who has the key of the north gate?",
        "where are the antenna brackets stored",
        "Wer hat den Schlüssel für das Nordtor?",
        "the antenna bracket, where is it stored?",
    ]
    assert group_similar(texts) == [[0, 2, 4], [1], [3]]


def test_texts_that_share_few_words_are_not_one_group() -> None:
    assert group_similar(["Which port does the gateway use?", "Which port does the sensor of the crane have?"]) == [
        [0],
        [1],
    ]


def test_texts_without_content_words_are_compared_as_they_are() -> None:
    assert group_similar(["who?", "WHO?", "and?", ""]) == [[0, 1], [2], [3]]


def test_nothing_is_no_group() -> None:
    assert group_similar([]) == []
