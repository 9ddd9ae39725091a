"""Candidates by a vote: the page that a picture was cut from comes among the first."""

from __future__ import annotations

import numpy as np
import pytest

from rag.pixels.outline import Outline
from rag.pixels.prints import POINT, QUERY_POINTS, QUERY_SIDE, fingerprint, points
from tests.rag.pixels.drawn import cut, page_picture


@pytest.mark.parametrize("dark", [False, True])
def test_the_right_page_gets_most_votes(dark: bool) -> None:
    pages = [page_picture(seed, 100, words=False) for seed in range(8)]
    printed = [fingerprint(page).points for page in pages]
    for right in (0, 5):
        shown = np.asarray(cut(pages[right], (0.05, 0.1, 0.95, 0.55)))
        shown = 255 - shown if dark else shown
        outline = Outline(points(shown, QUERY_SIDE, QUERY_POINTS))
        votes = [outline.votes(page) for page in printed]
        assert int(np.argmax(votes)) == right


def test_without_points_nobody_votes() -> None:
    none = np.zeros(0, POINT)
    some = fingerprint(page_picture(1, 60)).points
    assert Outline(none).votes(some) == 0
    assert Outline(some).votes(none) == 0
    assert Outline(some).votes(some) == len(some)
