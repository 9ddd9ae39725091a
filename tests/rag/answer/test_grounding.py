"""Grounding: what the cited page has is accepted in any spelling, and nothing else is shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.answer.grounding import GroundingSource, check_grounding, without_notes
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
def test_supported_statements_are_shown_as_they_are(text: str) -> None:
    checked = check_grounding(text, SOURCES)
    assert checked.not_found == []
    assert checked.held > 0
    assert checked.shown_text() == text


@pytest.mark.parametrize(
    ("text", "shown", "missing"),
    [
        ("It lasts 50 hours [1].", "", ["50"]),
        ("It lasts 50 hours. [1]", "", ["50"]),
        ("The Crane Ten lasts 40 hours [1]. The lamp turns [2].", "The lamp turns [2].", ["Ten"]),
        ("It was built by Grace Hopper [1].", "", ["Grace", "Hopper"]),
        ("Model KX-300 is here [1].", "", ["KX-300"]),
        ("It runs over VPN [1].", "", ["VPN"]),
        ("Der Akku hält 41 Stunden [1].", "", ["41"]),
        ("- 40 hours [1]\n- 1,300 euros [1]", "- 40 hours [1]", ["1,300"]),
        ("It costs 7 euros. It lasts 40 hours [1].", "It lasts 40 hours [1].", ["7"]),
        ("It lasts 40 hours [1].\n\nIt weighs 8 kg.", "It lasts 40 hours [1].", ["8"]),
        ("There are three:\n- 40 hours [1]", "- 40 hours [1]", ["three"]),
        ("It was built on 12 March 2025 [1].", "", ["12 March 2025"]),
    ],
)
def test_unsupported_statements_are_left_out(text: str, shown: str, missing: list[str]) -> None:
    checked = check_grounding(text, SOURCES)
    assert checked.shown_text() == shown
    assert [item for one in checked.not_found for item in one.missing] == missing


def test_statement_that_shares_no_words_is_left_out() -> None:
    checked = check_grounding("The submarine dives for treasure below the ice of the ocean [1].", SOURCES)
    assert checked.shown_text() == ""
    assert len(checked.not_found) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The battery of Crane Nine lasts 40 hours.", "The battery of Crane Nine lasts 40 hours [1]."),
        ("The lamp turns every 10 seconds [1].", "The lamp turns every 10 seconds [2]."),
        ("It lasts 40 hours [2]. [2]", "It lasts 40 hours. [1]"),
        ("- 40 hours for the battery\n- The lamp turns", "- 40 hours for the battery [1]\n- The lamp turns [2]"),
        ("The lamp turns every ten seconds\n[1]", "The lamp turns every ten seconds [2]"),
        ("| Relay | Hours |\n|---|---|\n| Crane Nine | 40 |", "| Relay | Hours |\n|---|---|\n| Crane Nine | 40 [1] |"),
        ("A relay costs 9 euros [1]. The relays are steel.", "The relays are steel [1]."),
    ],
)
def test_right_statement_gets_the_citation_that_the_check_finds(text: str, shown: str) -> None:
    assert check_grounding(text, SOURCES).shown_text() == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Relays\nIt lasts 50 hours [1].\n\n# Lamps\nThe lamp turns [2].", "# Lamps\nThe lamp turns [2]."),
        ("There are two facts:\n- It lasts 50 hours [1]\n- The lamp turns [2]", "- The lamp turns [2]"),
        ("In short:\n- It lasts 50 hours [1]\n- The lamp turns [2]", "In short:\n- The lamp turns [2]"),
        ("In short:\n- It lasts 50 hours [1]\n\nThe lamp turns [2].", "The lamp turns [2]."),
        ("| Relay | Hours |\n|---|---|\n| Crane Nine | 50 [1] |\n\nThe lamp turns [2].", "The lamp turns [2]."),
        (
            "| Relay | Hours |\n|---|---|\n| Crane Nine | 40 [1] |\n| Crane Nine | 50 [1] |",
            "| Relay | Hours |\n|---|---|\n| Crane Nine | 40 [1] |",
        ),
        ("Yes. It lasts 50 hours [1].", ""),
        ("Yes [1]. It lasts 50 hours [1].", ""),
        ("It lasts 50 hours [1].\n\nSee [1].", ""),
        ("Yes [1].", "Yes [1]."),
        ("Yes. It lasts 50 hours [1]. The lamp turns [2].", "The lamp turns [2]."),
        ("Yes. It lasts 40 hours [1].", "Yes. It lasts 40 hours [1]."),
    ],
)
def test_what_belongs_to_a_statement_goes_with_it(text: str, shown: str) -> None:
    assert check_grounding(text, SOURCES).shown_text() == shown


def test_statement_read_from_a_picture_gets_that_note() -> None:
    sources = {
        1: GroundingSource("Fig. 2: loads", seen=True),
        2: GroundingSource("Fig. 3", seen=True),
        3: GroundingSource("Fig. 4", seen=True),
    }
    text = "It carries 77 kg [1]. And 78 kg [2]. And 79 kg [3]. And 80 kg [1]."
    checked = check_grounding(text, sources, max_read=2)
    assert checked.shown_text() == f"It carries 77 kg [1] {READ}. And 78 kg [2] {READ}. And 80 kg [1] {READ}."
    assert checked.read_from == (1, 2)


def test_statement_from_a_generated_caption_gets_that_note() -> None:
    source = GroundingSource("Fig. 2", caption="A crane lifts 77 kg.", captioner="blip")
    assert check_grounding("It lifts 77 kg [1].", {1: source}).shown_text() == (
        "It lifts 77 kg [1] (from a caption written by blip)."
    )
    assert check_grounding("It lifts 78 kg [1].", {1: source}).shown_text() == ""


def test_notes_written_by_a_model_are_removed() -> None:
    text = f"It lasts 77 hours [1] {READ}, (not found on the cited page) (from a caption written by blip)."
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
def test_number_that_is_not_on_the_page_is_never_shown(
    invented: int, on_page: list[int], before: list[str], after: list[str]
) -> None:
    page = "The crane lifts a lamp of steel and turns it " + " ".join(f"{number} kg" for number in on_page)
    text = " ".join([*before, f"it lifts {invented:,} kg", *after]) + " [1]"
    shown = check_grounding(text, {1: GroundingSource(page)}).shown_text()
    assert invented in on_page or f"{invented:,}" not in shown


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_is_shown_that_was_not_written(text: str, page: str) -> None:
    checked = check_grounding(f"{text} [1]", {1: GroundingSource(page)})
    assert set(checked.shown_text()) <= set(f"{text} [1]")
    assert bool(checked.shown_text()) <= bool(checked.held)


WRITTEN = st.lists(
    st.sampled_from(
        (
            "The battery lasts 40 hours|The battery lasts 50 hours|The lamp turns|It was built by Grace Hopper|"
            "- The relays are steel|\n|\n\n|# Relays\n|‖ 40 hours ‖\n|‖---‖\n|Yes|Two:\n|. | [1]| [2]|“|**|! "
        ).split("|")
    ),
    max_size=14,
).map(lambda parts: "".join(parts).replace("‖", "|"))


@given(WRITTEN)
def test_every_shown_statement_passes_its_check_again(text: str) -> None:
    shown = check_grounding(text, SOURCES).shown_text()
    assert check_grounding(shown, SOURCES).not_found == []
    assert "50" not in shown
    assert "Hopper" not in shown


@given(st.text(max_size=200))
@example("A_A")  # a code whose parts are stop words
def test_text_supports_itself(text: str) -> None:
    checked = check_grounding(text, {1: GroundingSource(text)})
    assert not checked.not_found
