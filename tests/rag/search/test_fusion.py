"""Fusion: text lanes by score, all others by rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.model.search import PageKey
from rag.search.fusion import WEIGHTS, blend, fuse
from rag.search.ranking import Ranking
from rag.setting_groups import LANES


def test_every_lane_has_a_weight() -> None:
    assert set(WEIGHTS) == set(LANES)


def ranking(lane: str, scores: dict[PageKey, float]) -> Ranking:
    pages = tuple(sorted(scores, key=lambda page: -scores[page]))
    return Ranking(lane, pages, dict.fromkeys(pages, (1,)), tuple(scores[page] for page in pages))


lanes = st.dictionaries(
    st.tuples(st.integers(1, 4), st.integers(1, 6)), st.floats(0.01, 50, allow_nan=False), max_size=20
)


@given(words=lanes, near=lanes, named=lanes)
def test_fused_ranking_has_every_page_once(
    words: dict[PageKey, float], near: dict[PageKey, float], named: dict[PageKey, float]
) -> None:
    place = Ranking("place", tuple(named), {})
    fused = fuse([ranking("words", words), ranking("text-vectors", near), place], 20)
    assert sorted(fused) == sorted({*words, *near, *named})


@given(near=st.lists(st.integers(-200, 999), min_size=1, max_size=9, unique=True))
def test_text_vectors_alone_keep_their_order(near: list[int]) -> None:
    apart = {(number, 1): cosine / 1000 for number, cosine in enumerate(near)}
    assert fuse([ranking("text-vectors", apart)], 20) == list(ranking("text-vectors", apart).pages)


@given(scores=st.lists(st.integers(1, 1000), min_size=1, max_size=9, unique=True))
def test_words_keep_their_order_when_pages_have_no_neighbors(scores: list[int]) -> None:
    apart = {(number, 1): float(score) for number, score in enumerate(scores)}
    assert fuse([ranking("words", apart)], 20) == list(ranking("words", apart).pages)


def test_neighbor_of_a_good_page_ranks_before_an_equal_page() -> None:
    words = ranking("words", {(1, 5): 10.0, (1, 9): 4.0, (1, 6): 3.9})
    assert blend([words]) == [(1, 5), (1, 6), (1, 9)]


def test_page_of_the_better_document_ranks_before_an_equal_page() -> None:
    words = ranking("words", {(2, 1): 10.0, (1, 7): 4.0, (2, 7): 4.0})
    assert blend([words]) == [(2, 1), (2, 7), (1, 7)]


def test_page_far_ahead_by_words_stays_ahead_of_a_similar_one() -> None:
    words = ranking("words", {(1, 1): 20.0, (2, 1): 2.0})
    near = ranking("text-vectors", {(2, 1): 0.41, (3, 1): 0.4, (1, 1): 0.39})
    assert fuse([words, near], 20)[0] == (1, 1)
    close = ranking("words", {(1, 1): 20.0, (2, 1): 19.0})
    clear = ranking("text-vectors", {(2, 1): 0.6, (3, 1): 0.4, (1, 1): 0.39})
    assert fuse([close, clear], 20)[0] == (2, 1)


@pytest.mark.parametrize("base", [0.1, 0.8])
def test_text_that_is_hardly_nearer_than_the_last_says_little(base: float) -> None:
    words = ranking("words", {(1, 1): 20.0, (2, 1): 14.0})
    step = (1 - base) / 100  # models differ in their scales
    unsure = ranking("text-vectors", {(2, 1): base + 2 * step, (3, 1): base + step, (1, 1): base})
    sure = ranking("text-vectors", {(2, 1): base + 40 * step, (3, 1): base + step, (1, 1): base})
    assert blend([words, unsure])[0] == (1, 1)
    assert blend([words, sure])[0] == (2, 1)


def test_near_text_supports_all_pages_of_its_document() -> None:
    words = ranking("words", {(1, 1): 10.0, (2, 9): 9.5})
    near = ranking("text-vectors", {(2, 1): 0.7, (3, 1): 0.3})
    assert blend([words]) == [(1, 1), (2, 9)]
    assert blend([words, near])[0] == (2, 9)


def test_lane_without_scores_is_fused_by_rank() -> None:
    words = Ranking("words", ((1, 1), (1, 2)), {})
    picture = Ranking("clip-picture", ((1, 2), (3, 1)), {})
    assert fuse([words, picture], 20) == [(1, 2), (1, 1), (3, 1)]
    assert WEIGHTS["clip-picture"] < WEIGHTS["words"]


def test_empty_rankings_give_an_empty_ranking() -> None:
    assert fuse([], 20) == []
    assert fuse([Ranking("words", (), {})], 20) == []
