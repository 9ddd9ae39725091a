"""Statements: sentences, list items and table rows, each with its citations."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.statements import split_statements


def texts(text: str) -> list[str]:
    return [re.sub(r"\s+", " ", one.text).strip() for one in split_statements(text)]


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


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It was built in 1993. It is red.", 2),
        ("The limit is at 95. Above it, the lamp burns.", 2),
        ("They met in room 7. The door was open.", 2),
        ("Il mesure 12. La lampe brûle.", 2),
        ("Das Boot fuhr am 3. Mai ab. Es kam am 4. an.", 2),
        ("Gewährleistung gibt es bis zum 12. März 2025.", 1),
        ("Im 2. Stock brennt die Lampe. Sie ist rot.", 2),
        ("Es waren 12. Der Turm ist rot.", 2),
        ("See e.g. the fig. 3 of Dr. No on p. 5 of ch. 3 there. It is red.", 2),
        ("Das gilt z. B. für Lampen bzw. Tore. Es ist rot.", 2),
        ("De lamp (bv. regel 27) is rood, el faro p. ej. también. Het is rood.", 2),
        ("No. It is red.", 2),
        ("Room no. 7 is red.", 1),
        ("Ropes, lamps etc. The gate is red.", 2),
        ("Ropes, lamps etc. are red.", 1),
        ("This is art. It is red.", 2),
        ("Written by A. Lovelace in 1843. It is red.", 2),
        ("It costs 3.50 euros. It is red.", 2),
        ("Version 2.8.1 is red. 2.9 is blue.", 2),
        ("灯台は赤い。塔は高い。", 2),
        ("「灯台は赤い。」塔は高い。", 2),
        ("灯塔是红的。塔很高！门关着？", 3),
        ("क्या द्वार लाल है? द्वार लाल है। मीनार ऊँची है।", 3),
        ("هل الباب أحمر؟ الباب أحمر.", 2),
        ("Wait… It is red.", 2),
        ("He said “It is red.” Then he left.", 2),
        ("It is red.[1] It is high.[2]", 2),
        ("- It is red. It is high.\n- It burns.", 3),
        ("* 1993\n* 95", 2),
        ("| Lamp | 95. |\n|---|---|\n| Gate | 3. 5 |", 2),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: int) -> None:
    assert len(split_statements(text)) == sentences, texts(text)


def test_citation_belongs_to_the_sentence_before_it() -> None:
    text = "It was built in 1993. [1] It is red [2]. It burns.[3]"
    assert [one.cited for one in split_statements(text)] == [(1,), (2,), (3,)]


def test_statement_spans_are_where_its_words_are() -> None:
    text = "# Lamps\n- It is red [1]. It burns [2].\n\n灯台は赤い[1]。塔は高い[2]。"
    assert [text[one.start : one.end].strip() for one in split_statements(text)] == [
        "Lamps",
        "It is red [1].",
        "It burns [2].",
        "灯台は赤い[1]。",
        "塔は高い[2]。",
    ]


SENTENCES = st.sampled_from(
    [
        "It was built in 1993",
        "The limit is at 95",
        "Dr. Byron pays 3.50 euros",
        "See p. 12, e.g. the lamp",
        "The gate of A. Lovelace is red",
        "Room no. 7 burns",
        "Ropes etc. are stored",
    ]
)


@given(st.lists(st.tuples(SENTENCES, st.sampled_from(".!?"), st.integers(0, 3)), min_size=1, max_size=6))
def test_any_sentences_in_a_row_are_found_again(parts: list[tuple[str, str, int]]) -> None:
    text = " ".join(f"{words}{f' [{cited}]' if cited else ''}{end}" for words, end, cited in parts)
    found = split_statements(text)
    assert [re.sub(r"\s+", " ", one.text).replace(" .", ".").strip(" .!?") for one in found] == [
        words for words, _, _ in parts
    ]
    own = [one.cited == (cited,) for one, (_, _, cited) in zip(found, parts, strict=True) if cited]
    assert all(own)


@given(st.lists(st.sampled_from(["灯台は赤い", "塔は95メートル", "灯塔在1993年建成"]), min_size=1, max_size=5))
def test_any_sentences_without_spaces_are_found_again(parts: list[str]) -> None:
    text = "".join(f"{words}[{number}]。" for number, words in enumerate(parts, 1))
    assert [one.cited for one in split_statements(text)] == [(number,) for number in range(1, len(parts) + 1)]


@given(st.text("ab1.!?。 \n-|#[]", max_size=60))
def test_spans_are_in_order_and_hold_all_words(text: str) -> None:
    found = split_statements(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.start <= one.note_position <= one.end for one in found)
    inside = {at for one in found for at in range(one.start, one.end)}
    outside = "".join(sign if at not in inside else " " for at, sign in enumerate(text))
    assert not re.search(r"[ab]", outside)
