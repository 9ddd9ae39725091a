"""What a cited page bears out: numbers and names, whatever the spelling; and that nothing made up passes in silence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.grounding import READ, UNFOUND, Ground, Verdict, check_support, statements, without_marks

PAGE = (
    "handbook-2024.pdf, p. 12 Crane Nine The Crane Nine relay (model KX-200) has a battery that lasts 40 hours. It "
    "costs 1,250 euros and was built on 12 March 2024 by Ada Lovelace in Zürich. It is open Mon–Fri 9–17. The relays "
    "are steel."
)
LAMP = "The lamp turns every ten seconds."
GROUNDS = {1: Ground(PAGE), 2: Ground(LAMP)}


@pytest.mark.parametrize(
    "text",
    [
        "The Crane Nine battery lasts 40 hours [1].",
        "It lasts 40 h. [1] The lamp turns every 10 seconds [2].",
        "Model KX200, also KX 200, costs 1250 € [1].",
        "It was built on 2024-03-12 by A. Lovelace in Zurich [1].",
        "Ada Lovelace's relay costs 1 250 euros, says handbook-2024.pdf on p. 12 [1].",
        "It opens Monday to Friday from 9 to 17 [1].",
        "Der Akku des Crane Nine hält 40 Stunden und kostet 1.250 Euro [1].",
        "- **Battery Life**: 40 hours [1]\n- **Turns**: every ten seconds [2]",
        "Battery Life: 40 hours [1]",
        "| Relay | Hours |\n|---|---|\n| Crane Nine | 40 [1] |",
        "There are two facts:\n- It lasts 40 hours [1]\n- It turns every 10 seconds [2]",
        "It lasts 40 hours, and the lamp turns every ten seconds [1][2].",
        "It lasts long.\nThat is 40 hours [1].",
        "Yes [1].",
        "彼は40時間 [1]。",
    ],
)
def test_what_the_page_says_passes(text: str) -> None:
    checked = check_support(text, GROUNDS)
    assert set(checked.verdicts) == {Verdict.HELD}, checked.missing
    assert checked.marked() == text


@pytest.mark.parametrize(
    ("text", "marked", "missing"),
    [
        ("It lasts 50 hours [1].", f"It lasts 50 hours [1] {UNFOUND}.", ["50"]),
        ("It lasts 50 hours. [1]", f"It lasts 50 hours. [1] {UNFOUND}", ["50"]),
        (
            "The Crane Ten lasts 40 hours [1]. The lamp turns [2].",
            f"The Crane Ten lasts 40 hours [1] {UNFOUND}. The lamp turns [2].",
            ["Ten"],
        ),
        ("It lasts 40 hours [2].", f"It lasts 40 hours [2] {UNFOUND}.", ["40"]),
        ("It was built by Grace Hopper [1].", f"It was built by Grace Hopper [1] {UNFOUND}.", ["Grace", "Hopper"]),
        ("Model KX-300 is here [1].", f"Model KX-300 is here [1] {UNFOUND}.", ["KX-300"]),
        ("It runs over VPN [1].", f"It runs over VPN [1] {UNFOUND}.", ["VPN"]),
        ("Der Akku hält 41 Stunden [1].", f"Der Akku hält 41 Stunden [1] {UNFOUND}.", ["41"]),
        ("- 40 hours [1]\n- 1,300 euros [1]", f"- 40 hours [1]\n- 1,300 euros [1] {UNFOUND}", ["1,300"]),
        ("It costs 7 euros. It lasts 40 hours [1].", f"It costs 7 euros {UNFOUND}. It lasts 40 hours [1].", ["7"]),
        ("It lasts 40 hours [1].\n\nIt weighs 8 kg.", f"It lasts 40 hours [1].\n\nIt weighs 8 kg {UNFOUND}.", ["8"]),
        ("There are three:\n- 40 hours [1]", f"There are three: {UNFOUND}\n- 40 hours [1]", ["three"]),
        ("It was built on 12 March 2025 [1].", f"It was built on 12 March 2025 [1] {UNFOUND}.", ["12 March 2025"]),
    ],
)
def test_what_it_does_not_say_is_marked(text: str, marked: str, missing: list[str]) -> None:
    checked = check_support(text, GROUNDS)
    assert checked.marked() == marked
    assert [each for one in checked.missing for each in one] == missing


def test_a_sentence_of_other_things_altogether_is_marked() -> None:
    checked = check_support("The submarine dives for treasure below the ice of the ocean [1].", GROUNDS)
    assert checked.marked().endswith(f"[1] {UNFOUND}.")


def test_what_a_model_read_from_a_picture_is_said_to_be_that() -> None:
    grounds = {1: Ground("Fig. 2: loads", seen=True), 2: Ground("Fig. 3", seen=True), 3: Ground("Fig. 4", seen=True)}
    text = "It carries 77 kg [1]. And 78 kg [2]. And 79 kg [3]. And 80 kg [1]."
    checked = check_support(text, grounds, most_read=2)
    assert checked.marked() == (
        f"It carries 77 kg [1] {READ}. And 78 kg [2] {READ}. And 79 kg [3] {UNFOUND}. And 80 kg [1] {READ}."
    )
    assert checked.read_from == (1, 2)


def test_a_models_caption_is_not_the_documents_word() -> None:
    ground = Ground("Fig. 2", caption="A crane lifts 77 kg.", captioner="blip")
    assert check_support("It lifts 77 kg [1].", {1: ground}).marked() == (
        "It lifts 77 kg [1] (from a caption written by blip)."
    )
    assert check_support("It lifts 78 kg [1].", {1: ground}).marked() == f"It lifts 78 kg [1] {UNFOUND}."


def test_no_model_writes_the_marks_itself() -> None:
    text = f"It lasts 77 hours [1] {READ}, {UNFOUND} (from a caption written by blip)."
    assert without_marks(text) == "It lasts 77 hours [1],."


@pytest.mark.parametrize(
    "mark",
    [
        "(not found in the cited page)",
        "(Not found  in\nthe cited page)",
        "(not\u00a0found in the\u200b cited page)",
        "(*not found* in the _cited_ page)",
        "（read from the picture）",
        "(ｒead from the picture)",
        f"(from a caption written by {'x' * 900})",
        "(not found(read from the picture) in the cited page)",
    ],
)
def test_a_model_cannot_write_a_mark_of_the_check(mark: str) -> None:
    assert without_marks(f"It lasts 77 hours {mark} [1].") == "It lasts 77 hours [1]."


def test_a_sentence_that_introduces_a_list_counts_its_items_alone() -> None:
    text = "There are:\n- one [1]\n- two [1]\nAlso:\n- three [1]"
    assert [one.items for one in statements(text)] == [2, 0, 0, 1, 0]


def test_abbreviations_in_a_row_end_no_sentence() -> None:
    assert len(statements("See e.g. the fig. of Dr. No on p. 5 of ch. 3 there. It is red.")) == 2


def test_marks_nested_without_end_lose_their_parentheses() -> None:
    nested = "(not found" * 40 + "(read from the picture)" + " in the cited page)" * 40
    assert "(" not in without_marks(nested)


def test_sentences_and_their_citations() -> None:
    text = "See p. 12 for Dr. Who. [1] It is 3.5 m [2][3]. No. 7? Yes! [1]\n1. One [1]\n\n| a | b [2] |\n| --- | --- |"
    assert [(re.sub(r"\s+", " ", one.text).strip(), one.cited) for one in statements(text)] == [
        ("See p. 12 for Dr. Who.", (1,)),
        ("It is 3.5 m .", (2, 3)),
        ("No. 7?", (1, 2, 3)),
        ("Yes!", (1,)),
        ("One", (1,)),
        ("| a | b |", (2,)),
    ]


# ---------------------------------------------------------------- for all input


NUMBERS = st.integers(13, 10**7)
FILLER = st.lists(st.sampled_from("the crane lifts a lamp, and turns [1] it. of steel\n".split(" ")), max_size=12)


@given(NUMBERS, st.lists(NUMBERS, max_size=6), FILLER, FILLER)
def test_a_number_that_occurs_nowhere_never_passes_silently(
    made_up: int, there: list[int], before: list[str], after: list[str]
) -> None:
    page = "The crane lifts a lamp of steel and turns it " + " ".join(f"{number} kg" for number in there)
    text = " ".join([*before, f"it lifts {made_up:,} kg", *after]) + " [1]"
    marked = check_support(text, {1: Ground(page)}).marked()
    assert (UNFOUND in marked) == (made_up not in there)


@given(st.text(max_size=300), st.text(max_size=300))
def test_marks_are_only_put_in(text: str, page: str) -> None:
    checked = check_support(f"{text} [1]", {1: Ground(page)})
    assert checked.marked().replace(f" {UNFOUND}", "") == f"{text} [1]".replace(f" {UNFOUND}", "")
    assert len(checked.verdicts) == len(checked.statements) == len(checked.missing)


@given(st.text(max_size=200))
def test_a_text_bears_itself_out(text: str) -> None:
    checked = check_support(text, {1: Ground(text)})
    assert not checked.unfound, checked.missing
