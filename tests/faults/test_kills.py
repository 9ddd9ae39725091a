"""A short run of `kills.py`, which kills indexing, and processes that index at the same time."""

import multiprocessing
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.samples import draw_samples
from rag.catalog import Catalog
from tests.faults.kills import index, kill_at_random, verify


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    draw_samples(folder)
    return folder


@pytest.mark.timeout(400)
def test_killed_indexing_loses_nothing(folder: Path, tmp_path: Path) -> None:
    killed = kill_at_random(folder, tmp_path, 3, 2.0, 8.0, random.Random(sys.maxsize))
    assert index(folder, tmp_path).wait() == 0
    verdict = verify(tmp_path, killed)
    assert verdict.is_sound, verdict
    assert verdict.pages == 23


@pytest.mark.timeout(400)
def test_two_processes_that_index_lose_nothing(folder: Path, tmp_path: Path) -> None:
    pdfs = sorted(folder.glob("*.pdf"))
    processes = [index(path, tmp_path) for path in pdfs]
    assert [process.wait() for process in processes] == [0, 0]
    verdict = verify(tmp_path, 0)
    assert verdict.is_sound, verdict
    assert (verdict.documents, verdict.pages) == (2, 22)


def _open_each(folder: Path, count: int, wait_for_others: Callable[[], object]) -> None:
    for number in range(count):
        wait_for_others()
        Catalog(folder / str(number)).close()


def test_new_catalog_is_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4, timeout=60)
    openers = [spawn.Process(target=_open_each, args=(tmp_path, 40, barrier.wait)) for _ in range(barrier.parties)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert [opener.exitcode for opener in openers] == [0] * barrier.parties
