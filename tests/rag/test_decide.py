"""Whether a picture is on a page here: what words, vectors and pixels are each believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.decide import Mass, page_shown
from rag.fuse import Page
from rag.model import WHOLE_PAGE
from rag.pixels.lane import NOTHING, Seen, Shown
from rag.pixels.match import Proof

PAGES: list[Page] = [(1, 4), (2, 9)]
COMPARED = Seen({}, frozenset(PAGES))


def words(share: float) -> Mass:
    return Mass(1.0, share, "")


def proved(agreement: float) -> Seen:
    return Seen({PAGES[0]: Shown(Proof(40, agreement, agreement, WHOLE_PAGE), 7)}, frozenset(PAGES))


def test_a_proof_needs_no_words() -> None:
    assert page_shown(0, words(0.0), [], twin=False, seen=proved(0.9)) == (True, 0.9, "")


def test_half_of_the_words_are_enough_where_pixels_say_nothing() -> None:
    assert page_shown(20, words(0.5), PAGES, twin=False, seen=NOTHING)[0]
    assert not page_shown(20, words(0.49), PAGES, twin=False, seen=NOTHING)[0]


def test_and_not_where_they_were_compared_and_do_not_agree() -> None:
    found, _, why = page_shown(20, words(0.7), PAGES, twin=False, seen=COMPARED)
    assert not found
    assert "looks like it" in why
    assert page_shown(20, words(0.8), PAGES, twin=False, seen=COMPARED)[0]


def test_a_page_that_waits_for_its_fingerprint_is_not_disputed() -> None:
    partly = Seen({}, frozenset(PAGES[:1]))
    assert page_shown(20, words(0.6), PAGES, twin=False, seen=partly)[0]


def test_two_words_identify_nothing() -> None:
    assert not page_shown(2, words(1.0), PAGES, twin=False, seen=NOTHING)[0]
    assert page_shown(2, words(1.0), PAGES, twin=True, seen=NOTHING)[0]


@given(
    st.integers(0, 50),
    st.floats(0, 1),
    st.booleans(),
    st.sampled_from([NOTHING, COMPARED, proved(0.5), proved(1.0)]),
)
def test_found_is_a_confidence_of_a_half(count: int, share: float, twin: bool, seen: Seen) -> None:
    found, sure, why = page_shown(count, words(share), PAGES, twin=twin, seen=seen)
    assert found == (sure >= 0.5)
    assert 0 <= sure <= 1
    assert found or why
