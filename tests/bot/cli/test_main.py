"""The entry point: shared options, exit codes, errors and signals."""

from __future__ import annotations

import errno
import json
import signal
import sqlite3
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot.cli.context import Engine
from rag import BadSetting, Busy, ModelSummary, NotFound, Status
from rag.errors import WeightsMissing
from rag.model.operations import PublishedFigure
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, failing


def test_fake_engine_is_an_engine() -> None:
    engine: Engine = FakeEngine()
    assert engine.status().lanes


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "there", "--json", "status"],
        ["status", "--data", "there", "--json"],
        ["--json", "status", "--data", "there"],
        ["--data", "elsewhere", "status", "--data", "there", "--json"],
    ],
)
def test_data_and_json_are_accepted_before_and_after_the_command(run: Run, arguments: list[str]) -> None:
    engine = FakeEngine(stored=Status({"ready": 2}, 22, 80, 3, (("a.pdf", "It is encrypted."),), {"words": "on"}))
    code, out, _ = run(engine, *arguments)
    assert code == 0
    assert engine.settings is not None
    assert engine.settings.data == Path("there")
    assert json.loads(out) == {
        "documents": {"ready": 2},
        "pages": 22,
        "chunks": 80,
        "waiting_for_vectors": 3,
        "waiting_for_fingerprints": 0,
        "waiting_for_captions": 0,
        "full_text": None,
        "read_again": 0,
        "searchable": [],
        "failed": [{"file": "a.pdf", "reason": "It is encrypted."}],
        "failed_pages": [],
        "notes": [],
        "outages": [],
        "disk": "",
        "refused": {},
        "lanes": {"words": "on"},
        "text_model": None,
        "feedback": {"good": 0, "bad": 0},
    }


@pytest.mark.parametrize(
    "arguments", [["models", "list", "--json"], ["models", "--json", "list"], ["models", "--json"]]
)
def test_models_are_listed_with_and_without_subcommand(run: Run, arguments: list[str]) -> None:
    row = ModelSummary(
        "ViT-B-32",
        "laion2b_s34b_b79k",
        "0.6 GB",
        cached=False,
        used=True,
        note="CPU default",
        license="MIT",
        size="0.15 B",
        good_at="photographs",
        figures=(PublishedFigure("ViDoRe v1, nDCG@5", 16.9, "a paper"),),
    )
    code, out, _ = run(FakeEngine(rows=[row]), *arguments)
    assert code == 0
    assert json.loads(out)["models"] == [
        {
            "name": "ViT-B-32",
            "weights": "laion2b_s34b_b79k",
            "memory": "0.6 GB",
            "cached": False,
            "used": True,
            "note": "CPU default",
            "license": "MIT",
            "kind": "images",
            "size": "0.15 B",
            "good_at": "photographs",
            "figures": [{"benchmark": "ViDoRe v1, nDCG@5", "value": 16.9, "source": "a paper"}],
        }
    ]


def test_data_folder_comes_from_the_environment(run: Run, tmp_path: Path) -> None:
    engine = FakeEngine()
    run(engine, "status")
    assert engine.settings is not None
    assert engine.settings.data == tmp_path / "data"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["find"], ["find", "x", "-k", "0"], ["status", "--nonsense"], ["index"]]
)
def test_exits_with_2_on_usage_error(run: Run, arguments: list[str]) -> None:
    code, _, err = run(FakeEngine(), *arguments)
    assert code == 2
    assert "Traceback" not in err


def test_exits_with_2_on_unknown_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_EMBED__DEVISE", "cpu")
    code, _, err = run(FakeEngine(), "status")
    assert code == 2
    assert "Did you mean MAGPIE_EMBED__DEVICE?" in err


def test_prints_its_version(run: Run) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert run(FakeEngine(), "--version") == (0, f"magpie {project['version']}\n", "")


# ---------------------------------------------------------------- errors and signals


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("There is no file x.", "Check the name."), 1),
        (Busy("Another Magpie writes here.", "Wait for it."), 1),
        (WeightsMissing("The weights are missing.", "magpie models pull"), 1),
        (BadSetting("The setting is wrong.", "Correct it."), 2),
    ],
)
def test_error_is_printed_as_sentence_and_remedy(run: Run, error: Any, code: int) -> None:
    got, out, err = run(failing(error), "find", "words", "--json")
    assert got == code
    assert out == ""
    assert err.splitlines() == [str(error), error.hint]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_cleanly(run: Run, request: pytest.FixtureRequest, number: signal.Signals, code: int) -> None:
    class Signalled(FakeEngine):
        def status(self) -> Status:
            signal.raise_signal(number)
            raise AssertionError("the signal was ignored")

    engine = Signalled()
    before = signal.getsignal(signal.SIGTERM)
    # A background job may have been started with SIGINT ignored.
    sigint = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(partial(signal.signal, signal.SIGINT, sigint))
    got, _, err = run(engine, "status")
    assert got == code
    assert engine.closed
    assert "run the same command again to continue" in err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full: "),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    ],
)
def test_environment_error_is_printed_as_sentence_and_remedy(run: Run, error: OSError, sentence: str) -> None:
    code, out, err = run(FakeEngine(breaks=error), "status")
    assert (code, out) == (1, "")
    assert err.startswith(sentence)
    assert "OSError" not in err


def test_full_disk_is_recognized_in_the_database_error(run: Run) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    wrapped = OperationalError("INSERT", {}, full)
    wrapped.__cause__ = full
    code, _, err = run(FakeEngine(breaks=wrapped), "status")
    assert (code, err.splitlines()[0].strip()) == (1, "The disk is full:")


def test_unexpected_error_is_printed_with_its_stack(run: Run) -> None:
    code, out, err = run(FakeEngine(breaks=ZeroDivisionError()), "status")
    assert (code, out) == (1, "")
    assert err.startswith("Unexpected error: ZeroDivisionError. This is a bug in Magpie.")
    assert "in status" in err
    assert err.endswith("ZeroDivisionError\n")


def test_help_imports_no_heavy_library() -> None:
    heavy = "torch open_clip chromadb pymupdf rapidocr cv2 ollama sqlalchemy pydantic httpx slack_sdk numpy".split()
    script = (
        "import sys; from bot.cli.main import main; code = main(['--help']);"
        f"print('loaded:', [name for name in {heavy} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "loaded: []" in done.stdout
    assert "doctor" in done.stdout
