"""The demo's story on the real engine: real PDFs, real word recognition, no model and no weights."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import main
from bot.demo import QUESTIONS

pytestmark = pytest.mark.timeout(600)  # two runs, the first of which recognises words on several pages

EXPECTED = (
    "harbour-gateway-handbook.pdf, p. 10 (printed 8)",
    "harbour-gateway-handbook.pdf, p. 5 (printed 3)",
    "harbour-gateway-handbook.pdf, p. 4 (printed 2)",
    "harbour-gateway-handbook.pdf, p. 8 (printed 6)",
    "I could not find this",
    "tern-sensor-field-report.pdf, p. 7",
)
"""What the answer to each question begins with; the last is the screenshot's page."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What two runs in one data folder printed, on stdout and stderr."""
    folder = tmp_path_factory.mktemp("demo")
    return [_play(folder), _play(folder)]


def _play(folder: Path) -> str:

    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGPIE_")}
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "--data", str(folder), "demo", "--script"],
        env=kept | {"MAGPIE_ANSWER__MODEL": "", "MAGPIE_READ__WORKERS": "1", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout


def test_every_question_finds_its_page(story: list[str]) -> None:
    parts = re.split(r"^\d of 6: .*$", story[0], flags=re.MULTILINE)[1:]
    assert len(parts) == len(EXPECTED) == len(QUESTIONS) + 1
    for (about, question), part in zip((*QUESTIONS, ("a screenshot", "@magpie")), parts, strict=True):
        expected = EXPECTED[parts.index(part)]
        read = " ".join(part.split())
        assert question in read, about
        assert expected in (re.findall(r"\[1\] (.*)", part) or [read])[0], about


def test_pictures_are_named_and_there(story: list[str]) -> None:
    pictures = re.findall(r"^\s+(/.*\.(?:png|jpg))$", story[0], re.MULTILINE)
    assert len(pictures) >= 6
    assert all(Path(path).is_file() for path in pictures)


def test_the_files_get_their_receipt_and_the_questions_their_thread(story: list[str]) -> None:
    assert "📎 tern-sensor-field-report.pdf\n  ✅ 1" in story[0]
    assert story[0].count("    magpie  ") == 11  # six answers, five of them with pictures


def test_it_ends_by_saying_what_to_do_next(story: list[str]) -> None:
    end = story[0][story[0].index("That was the demo") :]
    for line in ("index ~/Documents", " run", "ollama pull qwen3-vl:4b-instruct", "models pull", "doctor"):
        assert line in end


def test_the_second_run_is_quick(story: list[str]) -> None:
    seconds = re.search(r"That was the demo, in (\d+) seconds", story[1])
    assert seconds
    assert int(seconds[1]) < 30


def test_the_story_has_to_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 2
    assert "--script" in capsys.readouterr().err
