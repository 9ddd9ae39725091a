"""Statements: sentences, list items and table rows, each with its citations."""

from __future__ import annotations

import re

from rag.answer.statements import split_statements


def test_splits_sentences_with_their_citations() -> None:
    text = "See p. 12 for Dr. Who. [1] It is 3.5 m [2][3]. No. 7? Yes! [1]\n1. One [1]\n\n| a | b [2] |\n| --- | --- |"
    assert [(re.sub(r"\s+", " ", one.text).strip(), one.cited) for one in split_statements(text)] == [
        ("See p. 12 for Dr. Who.", (1,)),
        ("It is 3.5 m .", (2, 3)),
        ("No. 7?", (1, 2, 3)),
        ("Yes!", (1,)),
        ("One", (1,)),
        ("| a | b |", (2,)),
    ]


def test_introduction_counts_the_items_of_its_own_list() -> None:
    text = "There are:\n- one [1]\n- two [1]\nAlso:\n- three [1]"
    assert [one.items for one in split_statements(text)] == [2, 0, 0, 1, 0]


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert len(split_statements("See e.g. the fig. of Dr. No on p. 5 of ch. 3 there. It is red.")) == 2
