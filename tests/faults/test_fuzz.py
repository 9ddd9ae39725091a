"""Two dozen damaged files through the engine; `python -m tests.faults.fuzz` does it by the thousand."""

import subprocess
import sys
from pathlib import Path

from tests.faults.fuzz.mutants import draw


def fuzz(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.fuzz", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


def test_damaged_files_are_settled_and_touch_nothing_else(tmp_path: Path) -> None:
    done = fuzz("--count", "24", "--seed", "4", "--keep", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("sound: 24 damaged files"), last
    assert not list(tmp_path.iterdir())


def test_hostile_answers_of_a_web_server_are_told_in_time_and_leave_nothing() -> None:
    done = fuzz("--web", "60", "--seed", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("sound: 60 answers"), done.stdout


def test_office_documents_bring_in_nothing_from_outside() -> None:
    done = fuzz("--office", "80", "--seed", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("sound: 80 office documents"), done.stdout


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        folder = tmp_path / name
        folder.mkdir()
        drawn.append([(folder / one.file).read_bytes() for one in draw(folder, 25, seed, None)])
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
