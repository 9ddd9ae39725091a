"""Results of several searches as one."""

from __future__ import annotations

from rag.search.results import merge_results
from tests.support.engine import found, hit


def test_best_page_of_each_search_comes_first_and_each_page_once() -> None:
    first = found(hit(1, "a.pdf", 1), hit(2, "b.pdf", 2))
    second = found(hit(1, "c.pdf", 3), hit(2, "a.pdf", 1))
    merged = merge_results([first, second])
    assert [(one.rank, one.name, one.page) for one in merged.hits] == [
        (1, "a.pdf", 1),
        (2, "c.pdf", 3),
        (3, "b.pdf", 2),
    ]


def test_one_result_is_unchanged() -> None:
    result = found(hit(1, "a.pdf", 1))
    assert merge_results([result]) is result
    assert merge_results([found(why="No page."), result]).found
