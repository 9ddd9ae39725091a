"""Fuzzing with a few damaged files; `python -m tests.faults.fuzz` uses thousands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.fuzz.mutants import draw


def fuzz(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.fuzz", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


def test_damaged_files_do_not_affect_others(tmp_path: Path) -> None:
    result = fuzz("--count", "24", "--seed", "4", "--keep", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.splitlines()[-1]
    assert last.startswith("sound: 24 damaged files"), last
    assert not list(tmp_path.iterdir())


def test_hostile_responses_of_a_web_server_end_in_time_and_leave_nothing() -> None:
    result = fuzz("--web", "60", "--seed", "4")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("sound: 60 responses"), result.stdout


def test_office_documents_load_nothing_from_outside() -> None:
    result = fuzz("--office", "80", "--seed", "4")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("sound: 80 office documents"), result.stdout


def test_damaged_files_of_other_kinds_do_not_affect_others(tmp_path: Path) -> None:
    result = fuzz("--kinds", "29", "--seed", "4", "--keep", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("sound: 29 damaged files"), result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kinds", [False, True])
def test_same_seed_gives_the_same_files(tmp_path: Path, kinds: bool) -> None:
    drawn = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        folder = tmp_path / name
        folder.mkdir()
        drawn.append([(folder / mutant.file).read_bytes() for mutant in draw(folder, 29, seed, None, kinds=kinds)])
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
