"""Grounding: every number and name on the cited page is accepted in any spelling, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.grounding import GroundingSource, Verdict, check_grounding, without_notes
from rag.answer.messages import NOT_FOUND_NOTE as NOTE
from rag.answer.messages import READ_NOTE as READ

PAGE = (
    "handbook-2024.pdf, p. 12 Crane Nine The Crane Nine relay (model KX-200) has a battery that lasts 40 hours. It "
    "costs 1,250 euros and was built on 12 March 2024 by Ada Lovelace in Zürich. It is open Mon–Fri 9–17. The relays "
    "are steel."
)
LAMP = "The lamp turns every ten seconds."
SOURCES = {1: GroundingSource(PAGE), 2: GroundingSource(LAMP)}


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
def test_supported_statements_get_no_note(text: str) -> None:
    checked = check_grounding(text, SOURCES)
    assert set(checked.verdicts) == {Verdict.SUPPORTED}, checked.missing
    assert checked.annotated() == text


@pytest.mark.parametrize(
    ("text", "annotated", "missing"),
    [
        ("It lasts 50 hours [1].", f"It lasts 50 hours [1] {NOTE}.", ["50"]),
        ("It lasts 50 hours. [1]", f"It lasts 50 hours. [1] {NOTE}", ["50"]),
        (
            "The Crane Ten lasts 40 hours [1]. The lamp turns [2].",
            f"The Crane Ten lasts 40 hours [1] {NOTE}. The lamp turns [2].",
            ["Ten"],
        ),
        ("It lasts 40 hours [2].", f"It lasts 40 hours [2] {NOTE}.", ["40"]),
        (
            "It was built by Grace Hopper [1].",
            f"It was built by Grace Hopper [1] {NOTE}.",
            ["Grace", "Hopper"],
        ),
        ("Model KX-300 is here [1].", f"Model KX-300 is here [1] {NOTE}.", ["KX-300"]),
        ("It runs over VPN [1].", f"It runs over VPN [1] {NOTE}.", ["VPN"]),
        ("Der Akku hält 41 Stunden [1].", f"Der Akku hält 41 Stunden [1] {NOTE}.", ["41"]),
        ("- 40 hours [1]\n- 1,300 euros [1]", f"- 40 hours [1]\n- 1,300 euros [1] {NOTE}", ["1,300"]),
        (
            "It costs 7 euros. It lasts 40 hours [1].",
            f"It costs 7 euros {NOTE}. It lasts 40 hours [1].",
            ["7"],
        ),
        (
            "It lasts 40 hours [1].\n\nIt weighs 8 kg.",
            f"It lasts 40 hours [1].\n\nIt weighs 8 kg {NOTE}.",
            ["8"],
        ),
        ("There are three:\n- 40 hours [1]", f"There are three: {NOTE}\n- 40 hours [1]", ["three"]),
        (
            "It was built on 12 March 2025 [1].",
            f"It was built on 12 March 2025 [1] {NOTE}.",
            ["12 March 2025"],
        ),
    ],
)
def test_unsupported_statements_get_a_note(text: str, annotated: str, missing: list[str]) -> None:
    checked = check_grounding(text, SOURCES)
    assert checked.annotated() == annotated
    assert [item for items in checked.missing for item in items] == missing


def test_statement_that_shares_no_words_gets_a_note() -> None:
    checked = check_grounding("The submarine dives for treasure below the ice of the ocean [1].", SOURCES)
    assert checked.annotated().endswith(f"[1] {NOTE}.")


def test_statement_read_from_a_picture_gets_that_note() -> None:
    sources = {
        1: GroundingSource("Fig. 2: loads", seen=True),
        2: GroundingSource("Fig. 3", seen=True),
        3: GroundingSource("Fig. 4", seen=True),
    }
    text = "It carries 77 kg [1]. And 78 kg [2]. And 79 kg [3]. And 80 kg [1]."
    checked = check_grounding(text, sources, max_read=2)
    assert checked.annotated() == (
        f"It carries 77 kg [1] {READ}. And 78 kg [2] {READ}. And 79 kg [3] {NOTE}. And 80 kg [1] {READ}."
    )
    assert checked.read_from == (1, 2)


def test_statement_from_a_generated_caption_gets_that_note() -> None:
    source = GroundingSource("Fig. 2", caption="A crane lifts 77 kg.", captioner="blip")
    assert check_grounding("It lifts 77 kg [1].", {1: source}).annotated() == (
        "It lifts 77 kg [1] (from a caption written by blip)."
    )
    assert check_grounding("It lifts 78 kg [1].", {1: source}).annotated() == f"It lifts 78 kg [1] {NOTE}."


def test_notes_written_by_a_model_are_removed() -> None:
    text = f"It lasts 77 hours [1] {READ}, {NOTE} (from a caption written by blip)."
    assert without_notes(text) == "It lasts 77 hours [1],."


@pytest.mark.parametrize(
    "note",
    [
        "(not found on the cited page)",
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
def test_disguised_notes_are_removed(note: str) -> None:
    assert without_notes(f"It lasts 77 hours {note} [1].") == "It lasts 77 hours [1]."


def test_deeply_nested_notes_lose_their_parentheses() -> None:
    nested = "(not found" * 40 + "(read from the picture)" + " in the cited page)" * 40
    assert "(" not in without_notes(nested)


# ---------------------------------------------------------------- properties


NUMBERS = st.integers(13, 10**7)
FILLER = st.lists(st.sampled_from("the crane lifts a lamp, and turns [1] it. of steel\n".split(" ")), max_size=12)


@given(NUMBERS, st.lists(NUMBERS, max_size=6), FILLER, FILLER)
def test_number_that_is_not_on_the_page_always_gets_a_note(
    invented: int, on_page: list[int], before: list[str], after: list[str]
) -> None:
    page = "The crane lifts a lamp of steel and turns it " + " ".join(f"{number} kg" for number in on_page)
    text = " ".join([*before, f"it lifts {invented:,} kg", *after]) + " [1]"
    annotated = check_grounding(text, {1: GroundingSource(page)}).annotated()
    assert (NOTE in annotated) == (invented not in on_page)


@given(st.text(max_size=300), st.text(max_size=300))
def test_annotating_only_inserts_notes(text: str, page: str) -> None:
    checked = check_grounding(f"{text} [1]", {1: GroundingSource(page)})
    assert checked.annotated().replace(f" {NOTE}", "") == f"{text} [1]".replace(f" {NOTE}", "")
    assert len(checked.verdicts) == len(checked.statements) == len(checked.missing)


@given(st.text(max_size=200))
def test_text_supports_itself(text: str) -> None:
    checked = check_grounding(text, {1: GroundingSource(text)})
    assert not checked.not_found, checked.missing
