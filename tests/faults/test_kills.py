"""Processes that die and processes that meet: nothing is lost either way. `kills.py` does it at length."""

import random
import sys
from pathlib import Path

import pytest

from bot.samples import draw_samples
from tests.faults.kills import index, kill_at_random, verify


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    draw_samples(folder)
    return folder


@pytest.mark.timeout(400)
def test_killed_at_random_moments_nothing_is_missing_afterwards(folder: Path, tmp_path: Path) -> None:
    killed = kill_at_random(folder, tmp_path, 3, 2.0, 8.0, random.Random(sys.maxsize))
    assert index(folder, tmp_path).wait() == 0
    verdict = verify(tmp_path, killed)
    assert verdict.sound, verdict
    assert verdict.pages == 23


@pytest.mark.timeout(400)
def test_two_that_index_at_the_same_time_lose_nothing(folder: Path, tmp_path: Path) -> None:
    pdfs = sorted(folder.glob("*.pdf"))
    both = [index(path, tmp_path) for path in pdfs]
    assert [process.wait() for process in both] == [0, 0]
    verdict = verify(tmp_path, 0)
    assert verdict.sound, verdict
    assert (verdict.documents, verdict.pages) == (2, 22)
