"""Candidates by vote: the page that a picture was cut from gets the most votes."""

from __future__ import annotations

import numpy as np
import pytest

from rag.search.page_match.candidates import nearest_by_keys, votes
from rag.vectors.fingerprints import KEY_POINTS, POINT, QUERY_POINTS, QUERY_SIDE, Points, fingerprint, keys_of, points
from tests.rag.search.page_match.drawn import cut, page_picture


@pytest.fixture(scope="module")
def charts() -> list[Points]:
    return [fingerprint(page_picture(seed, 100, words=False)).points for seed in range(6)]


@pytest.mark.parametrize(("dark", "right"), [(False, 0), (True, 4)])
def test_right_page_gets_most_votes(charts: list[Points], dark: bool, right: int) -> None:
    shown = np.asarray(cut(page_picture(right, 100, words=False), (0.05, 0.1, 0.95, 0.55)))
    picture = points(255 - shown if dark else shown, QUERY_SIDE, QUERY_POINTS)
    assert int(np.argmax(votes(picture, charts))) == right


def test_pages_get_no_votes_without_points(charts: list[Points]) -> None:
    none = np.zeros(0, POINT)
    assert votes(none, charts).tolist() == [0.0] * 6
    assert votes(charts[0], []).tolist() == []
    assert votes(charts[0], [none, charts[0], none]).tolist()[::2] == [0.0, 0.0]
    assert votes(charts[0], [none, charts[0], none])[1] > 0


def test_common_points_do_not_vote() -> None:
    """Check that a key shared by too many points is ignored."""
    same = np.zeros(40, POINT)
    same["bits"] = np.arange(16)
    assert votes(same, [same]).tolist() == [0.0]
    assert votes(same, [same[:20]])[0] > 0


def stored(pages: list[Points]) -> list[tuple[tuple[int, int], bytes]]:
    return [((1, number), keys_of(page[:KEY_POINTS]).tobytes()) for number, page in enumerate(pages)]


@pytest.mark.parametrize(("dark", "right"), [(False, 0), (True, 4)])
def test_right_page_shares_most_keys(charts: list[Points], dark: bool, right: int) -> None:
    shown = np.asarray(cut(page_picture(right, 100, words=False), (0.05, 0.1, 0.95, 0.55)))
    picture = points(255 - shown if dark else shown, QUERY_SIDE, QUERY_POINTS)
    assert nearest_by_keys(picture, stored(charts), 6, 1) == [(1, right)]


def test_pages_that_share_no_rare_key_are_left_out(charts: list[Points]) -> None:
    none = np.zeros(0, POINT)
    assert nearest_by_keys(charts[0], [], 0, 3) == []
    assert nearest_by_keys(none, stored(charts), 6, 3) == []
    assert nearest_by_keys(charts[0], stored([none, charts[0], none]), 3, 3) == [(1, 1)]
    assert nearest_by_keys(charts[0], stored([charts[0]] * 4), 4, 3) == []
    assert nearest_by_keys(charts[0], stored([charts[0]] * 3), 3, 2) == [(1, 0), (1, 1)]


def test_keys_of_a_page_are_found_in_any_batch(charts: list[Points]) -> None:
    blank = np.zeros(0, POINT)
    pages = stored([*[blank] * 6000, charts[2], *[blank] * 6000])
    assert nearest_by_keys(charts[2], pages, len(pages), 5) == [(1, 6000)]
