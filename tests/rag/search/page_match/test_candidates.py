"""Candidates by vote: the page that a picture was cut from gets the most votes."""

from __future__ import annotations

import numpy as np
import pytest

from rag.search.page_match.candidates import votes
from rag.vectors.fingerprints import POINT, QUERY_POINTS, QUERY_SIDE, Points, fingerprint, points
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
