"""A word that occurs nowhere in scope is corrected to a similar word of the scope, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Rag, Scope, Settings
from rag.analysis.spelling import count_errors, max_errors
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

TEXTS = {
    "ops": "The gateway listens on port 8443. Error E-4711 means that the printer is wet. "
    "Ask Müller in Zürich, the key holder. Wages are paid by the chief. Saiten.",
    "board": "The acquisition of Harwich Shipping is planned for spring. The merger stays secret.",
}


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("shared")
    made = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1}, search={"lanes": "words"})
    with open_rag(made, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        for space, text in TEXTS.items():
            path = folder / f"{space}.pdf"
            path.write_text(text)
            opened.index([path], space)
        yield opened


@pytest.mark.parametrize(
    ("question", "corrections"),
    [
        ("gatway", {"gatway": "gateway"}),
        ("Which prot does the gateway use?", {"prot": "port"}),
        ("pritner", {"pritner": "printer"}),
        ("rpinter", {"rpinter": "printer"}),
        ("orinter", {"orinter": "printer"}),
        ("Zuerich", {}),
        ("keyholder", {"keyholder": "key holder"}),
        ("holderkey", {}),
        ("Zurihc", {"zurihc": "zurich"}),
        ("E-4712", {}),
        ("8444", {}),
        ("wat", {}),
        ("many holders", {}),
        ("post", {}),
        ("xylophone", {}),
        ("gateway port", {}),
        ("gateway pages", {}),
        ("pages", {}),
        ("Seiten gateway", {}),
        ("Which chart shows the gateway?", {}),
    ],
)
def test_typing_error_is_corrected(rag: Rag, question: str, corrections: dict[str, str]) -> None:
    found = rag.find(question, Scope.of("ops"))
    assert found.corrections == corrections
    for typed, word in corrections.items():
        assert found.notice == f"Showing results for “{word}” instead of “{typed}”."
        assert [hit.name for hit in found.hits] == ["ops.pdf"]
    assert bool(found.notice) == bool(corrections)


@pytest.mark.parametrize("question", ["acquisiton", "mergr", "harwhich", "shiping"])
def test_word_of_another_space_is_no_correction(rag: Rag, question: str) -> None:
    assert rag.find(question, Scope.of("board")).corrections
    hidden = rag.find(question, Scope.of("ops"))
    assert not hidden.corrections
    assert not hidden.notice
    assert not hidden.hits


def test_corrected_word_is_less_sure_than_the_word_itself(rag: Rag) -> None:
    right, typo = rag.find("gateway port", Scope.of("ops")), rag.find("gatway port", Scope.of("ops"))
    assert typo.hits[0].document == right.hits[0].document
    assert typo.signals["held"] < right.signals["held"]
    assert typo.confidence < right.confidence


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wat port does teh gateway listen on", "what port does the gateway listen on"),
        ("wich port adn printer", "which port and printer"),
        ("What does teh printer say abuot E-4711?", "What does the printer say about E-4711?"),
    ],
)
def test_typing_error_in_a_stop_word_does_not_count(rag: Rag, typed: str, meant: str) -> None:
    found, right = rag.find(typed, Scope.of("ops")), rag.find(meant, Scope.of("ops"))
    assert found.found
    assert (found.corrections, found.notice) == ({}, "")
    assert found.signals == right.signals


@pytest.mark.parametrize(
    "question", ["form gateway", "the Wat gateway", "the heir of the gateway", "teh", "amy gateway"]
)
def test_other_word_than_a_stop_word_counts(rag: Rag, question: str) -> None:
    assert rag.find(question, Scope.of("ops")).signals.get("held", 0) < 1


def test_word_of_the_scope_is_no_typing_error(rag: Rag, tmp_path: Path) -> None:
    path = tmp_path / "lists.pdf"
    path.write_text("The abou list is kept by the clerk.")
    rag.index([path], "lists")
    assert rag.find("gateway abou", Scope.of("ops")).signals["held"] == 1
    assert rag.find("clerk abou", Scope.of("lists")).signals["held"] == 1
    assert rag.find("printer abou", Scope.of("ops", "lists")).signals["held"] < 1


WORDS = st.text("abcé", min_size=4, max_size=9)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_for_equal_words_only(a: str, b: str) -> None:
    assert count_errors(a, b, 2) == count_errors(b, a, 2)
    assert (count_errors(a, b, 2) == 0) == (a == b)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(1, 3))
def test_distance_is_the_restricted_damerau_levenshtein_distance(a: str, b: str, limit: int) -> None:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        found = [distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])]
        if i > 1 and j > 1 and a[i - 2 : i] == b[j - 2 : j][::-1]:
            found.append(distance(i - 2, j - 2) + 1)
        return min(found)

    assert count_errors(a, b, limit) == min(distance(len(a), len(b)), limit + 1)


@given(WORDS, st.data())
def test_each_kind_of_error_counts_one(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 2))
    for typed in (
        word[:at] + word[at + 1 :],
        word[:at] + "x" + word[at:],
        word[:at] + "x" + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ):
        assert count_errors(typed, word, 2) == (typed != word)


@pytest.mark.parametrize(("word", "errors"), [("wat", 0), ("port", 1), ("gateway", 1), ("gateways", 2), ("kx200", 0)])
def test_long_words_may_have_more_errors(word: str, errors: int) -> None:
    assert max_errors(word) == errors
