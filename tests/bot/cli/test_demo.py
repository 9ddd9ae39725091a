"""The demo's script on the real engine: real PDFs and real OCR, without a model or weights."""

from __future__ import annotations

import math
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from bot.cli.demo import QUESTIONS, _ask, _Tour, _wait_until_read
from bot.cli.terminal import Screen
from bot.db import tables
from bot.demo.slack_server import open_workspace
from bot.main import open_bot
from bot.slack.messages import button_texts
from rag import TryAgain
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, without_proxies

pytestmark = pytest.mark.timeout(600)  # two runs, and the first one runs OCR on several pages

EXPECTED = (
    "harbour-gateway-handbook.pdf, p. 10 (printed 8)",
    "harbour-gateway-handbook.pdf, table on p. 5 (printed 3)",
    "harbour-gateway-handbook.pdf, figure on p. 4 (printed 2)",
    "harbour-gateway-handbook.pdf, p. 8 (printed 6)",
    "I could not find this",
    "tern-sensor-field-report.pdf, p. 7",
)
"""The start of the answer to each question; the last is the page of the screenshot."""


@dataclass(frozen=True)
class Run:
    """Output of a run, and the CPU seconds it took including its child processes."""

    printed: str
    cpu: float


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(data_folder: Path) -> Run:
    return _run_script(data_folder)


@pytest.fixture(scope="module")
def output(first: Run) -> str:
    return first.printed


def _run_script(folder: Path) -> Run:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGPIE_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "bot.cli.main", "--data", str(folder), "demo", "--script"],
        env=kept | {"MAGPIE_ANSWER__MODEL": "", "MAGPIE_READ__WORKERS": "1", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert running.stdout is not None
    with running.stdout as out:
        printed = out.read().decode()
    cpu = _wait(running)
    assert running.returncode == 0, printed
    return Run(printed, cpu)


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process. Return the CPU seconds that it took including its child processes."""
    _, status, spent = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return spent.ru_utime + spent.ru_stime


def test_each_question_finds_its_page(output: str) -> None:
    parts = re.split(r"^\d of 6: .*$", output, flags=re.MULTILINE)[1:]
    assert len(parts) == len(EXPECTED) == len(QUESTIONS) + 1
    for (about, question), part in zip((*QUESTIONS, ("a screenshot", "@magpie")), parts, strict=True):
        expected = EXPECTED[parts.index(part)]
        read = " ".join(part.split())
        assert question in read, about
        assert expected in (re.findall(r"\[1\] (.*)", part) or [read])[0], about


def test_pictures_are_listed_and_exist(output: str) -> None:
    pictures = re.findall(r"^\s+(/.*\.(?:png|jpg))$", output, re.MULTILINE)
    assert len(pictures) >= 6
    assert all(Path(path).is_file() for path in pictures)


def test_files_get_a_receipt_and_questions_a_thread(output: str) -> None:
    assert "📎 tern-sensor-field-report.pdf\n  ✅ 1" in output
    assert output.count("    magpie  ") == 11  # six answers, five of them with pictures


def test_follow_ups_stand_below_the_line_that_introduces_them(output: str) -> None:
    below = [after for line, after in pairwise(output.splitlines()) if line.strip() == button_texts.ASK_NEXT]
    assert below
    assert all(after.strip().startswith("[") for after in below)


def test_ends_with_next_steps(output: str) -> None:
    end = output[output.index("That was the demo") :]
    for line in ("index ~/Documents", " run", "ollama pull qwen3-vl:4b-instruct", "models pull", "doctor"):
        assert line in end


@dataclass
class _Terminal:
    """A demo on a terminal: its process, the output up to the page's address, and once it ended, as in `Run`, `cpu`."""

    process: subprocess.Popen[bytes]
    printed: str
    cpu: float = math.nan


@contextmanager
def _at_a_terminal(folder: Path, *arguments: str) -> Iterator[_Terminal]:
    """Start the demo on a terminal. Yield once it has printed the page's address."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGPIE_")}
    more = {"MAGPIE_ANSWER__MODEL": "", "MAGPIE_READ__WORKERS": "1", "COLUMNS": "80", "TERM": "dumb"}
    command = [sys.executable, "-m", "bot.cli.main", "--data", str(folder), "demo", *arguments]
    running = subprocess.Popen(command, env=kept | more, stdout=theirs, stderr=subprocess.STDOUT)
    os.close(theirs)
    terminal = _Terminal(running, "")
    try:
        while not re.search(r"/page/\S+/\s", terminal.printed):
            terminal.printed += os.read(ours, 65536).decode(errors="replace")
        yield terminal
    finally:
        os.kill(running.pid, signal.SIGINT)
        terminal.cpu = _wait(running)
        os.close(ours)
    assert running.returncode == 0


def _address(printed: str) -> str:
    return str(re.findall(r"http://127\.0\.0\.1:\d+/page/\S+/", printed)[0])


def test_page_stays_open_until_ctrl_c(tmp_path: Path) -> None:
    with _at_a_terminal(tmp_path) as terminal:
        with httpx.Client(base_url=_address(terminal.printed), trust_env=False, timeout=60) as page:
            assert "<title>Magpie</title>" in page.get("").text
            start = page.get("start").json()
            assert [each["name"] for each in start["people"]] == ["ada", "ben", "cleo"]
            assert start["samples"]["questions"] == [question for _, question in QUESTIONS]
        assert terminal.process.poll() is None


def test_second_run_is_fast_and_its_page_stays_open_on_a_terminal(first: Run, data_folder: Path) -> None:
    with _at_a_terminal(data_folder, "--script") as second:
        assert re.search(r"That was the demo, in \d+ seconds", second.printed)
        assert httpx.get(_address(second.printed), trust_env=False).status_code == 200
        assert second.process.poll() is None
    assert second.cpu < 15  # CPU time, because a busy machine runs it slowly
    assert second.cpu < 0.75 * first.cpu  # time inside bubblewrap is not counted


def test_demo_that_takes_too_long_names_the_command_that_finds_out_why(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        ada = ws.person("ada")
        channel = ws.channel("harbor", members=[ada])
        shared = ws.post(ada, channel, "The handbook.")
        with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:  # not started
            tour = _Tour(ws, bot, Future(), Screen(), tmp_path, channel, ada, shared)
            with pytest.raises(TryAgain) as unread:
                _wait_until_read(tour, 0.0)
            with pytest.raises(TryAgain) as unanswered:
                _ask(tour, "which port?", seconds=0.1)
    for raised in (unread, unanswered):
        assert "magpie doctor" in raised.value.hint
