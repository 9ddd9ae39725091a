"""Citations: recognized in many spellings; only those that name a shown passage remain."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.blocks import escape
from rag.answer.citations import check_citations, says_not_found, without_citations
from rag.model.search import Passage
from tests.rag.answer.test_generation import hit


def passages(count: int) -> tuple[Passage, ...]:
    return tuple(Passage(number, hit(chunk=number)) for number in range(1, count + 1))


@pytest.mark.parametrize(
    ("text", "checked", "cited"),
    [
        ("It is red [2].", "It is red [2].", [2]),
        ("Red [1, 3] and blue [2].", "Red [1][3] and blue [2].", [1, 3, 2]),
        ("Red [3][1].", "Red [3][1].", [3, 1]),
        ("Red 【2】 and 【3†source】.", "Red [2] and [3].", [2, 3]),
        ("Red [1-3].", "Red [1][2][3].", [1, 2, 3]),
        ("Red [1–2].", "Red [1][2].", [1, 2]),
        ("Red [1-99999].", "Red [1][2][3].", [1, 2, 3]),
        ("Red [1 and 3; 2].", "Red [1][3][2].", [1, 3, 2]),
        ("Red [passage 2].", "Red [2].", [2]),
        ("Red [Passages 1 and 3].", "Red [1][3].", [1, 3]),
        ("Red [^2].", "Red [2].", [2]),
        ("Red [1, p. 12].", "Red [1].", [1]),
        ("Red [2](https://example.org/x).", "Red [2].", [2]),
        ("Red [1, 9].", "Red [1].", [1]),
        ("Red [9].", "Red.", []),
        ("Red [9] and blue [1].", "Red and blue [1].", [1]),
        ("[7] Red [1].", "Red [1].", [1]),
        ("Red ([8], [9]), blue.", "Red, blue.", []),
        ("Red [2024] [1].", "Red [1].", [1]),
        ("Red [0].", "Red.", []),
        ("Red[9]blue", "Red blue", []),
        ("Red [1[9],2]", "Red [1][2]", [1, 2]),
        ("Red [1] [9] [1] [3].", "Red [1][3].", [1, 3]),
        (f"Red [{'1' * 5000}].", "Red.", []),
        ("call f() [9], x[i], [1.5], [a], (2) and [ ]", "call f(), x[i], [1.5], [a], (2) and [ ]", []),
        ("- red [1]\n- [9] blue\n- green [2]", "- red [1]\n- blue\n- green [2]", [1, 2]),
        ("Red [\u200b9] [①] 〔8〕 ⟦2⟧.", "Red [1][2].", [1, 2]),
        ("Red [2\u2060] and [m²].", "Red [2] and [m²].", [2]),
        ("Red [\u202d9] [9\x7f] [\ufe0f9] [9️⃣] [\u034f9] [\U000e00419] [9\u3164] [1\u2068].", "Red [1].", [1]),
        ("Red ⌈9⌉ ⎡8⎤ ⦗7⦘ 〚9〛 ﹝7﹞ ⦋8⦌ ⸢8⸥ ⟬8⟭ ⌊2⌋.", "Red [2].", [2]),
        ("Red [9.] [9‚8] [№9] [no. 9] [+9] [*9*] [\\9] [Ⅷ] [八] [❽] [9·] [2‐].", "Red [2].", [2]),
        ("Red [*2*], **[9]** and ⟨8⟩, 「8」, [-5, 5], [p. 8].", "Red [2], **** and, 「8」, [-5, 5], [p. 8].", [2]),
        ("", "", []),
    ],
)
def test_citations_are_normalized_and_unknown_ones_removed(text: str, checked: str, cited: list[int]) -> None:
    found, used = check_citations(text, passages(3))
    assert found == checked
    assert [passage.number for passage in used] == cited


_SCRAPS = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "[1",
            "9]",
            "[7]",
            " ",
            "\n",
            "\0",
            "\u200b",
            "\u202d",
            "\x08",
            "\ufe0f",
            "\U000e0041",
            *"⌈ ⌉ ⦗ ⦘ ❽ Ⅷ * ‚ 〔 〕 ⑦ 【 】 ［ ］ ( ) 1 2 3 9 007 2024 , ; - and passage p. † a . ^ ٣".split(),
        ]
    ),
    max_size=40,
).map("".join)


@given(_SCRAPS | st.text(), st.integers(0, 4))
def test_checked_citations_name_only_shown_passages(text: str, count: int) -> None:
    checked, cited = check_citations(text, passages(count))
    visible = "".join(sign for sign in escape(checked) if unicodedata.category(sign) not in ("Cf", "Mn", "Me"))
    visible = unicodedata.normalize("NFKC", visible.replace("❽", "8").replace("Ⅷ", "8").replace("*", ""))
    named = [int(number) for number in re.findall(r"[\[【〔⌈⦗]\s?(\d+)\s?[\]】〕⌉⦘]", visible)]
    assert set(named) <= set(range(1, count + 1))
    assert [passage.number for passage in cited] == list(dict.fromkeys(named))
    assert check_citations(checked, passages(count)) == (checked, cited)


@given(_SCRAPS | st.text())
def test_quoted_text_contains_no_citation(text: str) -> None:
    assert not re.search(r"\[\d+\]", without_citations(text))


def test_deeply_nested_brackets_become_round() -> None:
    checked, cited = check_citations("[1" * 40 + "[9]" + "7]" * 40, passages(0))
    assert "[" not in checked
    assert cited == ()


def test_quoted_numbers_keep_their_signs() -> None:
    assert without_citations("[-5] ['8'] [+3 V] ⌈8⌉ [\u202d7]") == "[-5] ('8') [+3 V] (8) (7)"


def test_document_references_stay_legible() -> None:
    assert without_citations("as shown in [3, 4], 〔7〕 and [Fig. 2]") == "as shown in (3, 4), (7) and [Fig. 2]"


@pytest.mark.parametrize(
    "text", ["NOT FOUND", "Not found.", "**NOT FOUND**", "NOT_FOUND", "NOT FOUND: no passage says"]
)
def test_recognizes_not_found(text: str) -> None:
    assert says_not_found(text)


@pytest.mark.parametrize("text", ["The key was not found [1].", "Not found in Kansas, but in Ohio [1].", ""])
def test_does_not_take_other_text_for_not_found(text: str) -> None:
    assert not says_not_found(text)
