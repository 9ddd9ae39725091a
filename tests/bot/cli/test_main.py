"""The command: options, exit codes, errors, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.cli.invocation import Engine
from rag import BadSetting, Busy, ModelRow, NotFound, Status
from rag.errors import WeightsMissing
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, failing


def test_the_fake_is_an_engine() -> None:
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
def test_data_and_json_stand_before_or_after_the_name(run: Run, arguments: list[str]) -> None:
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
        "read_again": 0,
        "failed": [{"file": "a.pdf", "reason": "It is encrypted."}],
        "lanes": {"words": "on"},
        "feedback": {"good": 0, "bad": 0},
    }


@pytest.mark.parametrize(
    "arguments", [["models", "list", "--json"], ["models", "--json", "list"], ["models", "--json"]]
)
def test_the_list_of_models_in_three_spellings(run: Run, arguments: list[str]) -> None:
    row = ModelRow("ViT-B-32", "laion2b_s34b_b79k", "0.6 GB", cached=False, used=True, note="CPU default")
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
        }
    ]


def test_the_environment_says_where_the_data_is(run: Run, tmp_path: Path) -> None:
    engine = FakeEngine()
    run(engine, "status")
    assert engine.settings is not None
    assert engine.settings.data == tmp_path / "data"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["find"], ["find", "x", "-k", "0"], ["status", "--nonsense"], ["index"]]
)
def test_used_wrong_is_2(run: Run, arguments: list[str]) -> None:
    code, _, err = run(FakeEngine(), *arguments)
    assert code == 2
    assert "Traceback" not in err


def test_an_unknown_setting_is_used_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_EMBED__DEVISE", "cpu")
    code, _, err = run(FakeEngine(), "status")
    assert code == 2
    assert "MAGPIE_EMBED__DEVISE" in err


# ---------------------------------------------------------------- errors and signals


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("There is no file x.", "Check the name."), 1),
        (Busy("Another Magpie writes here.", "Wait for it."), 1),
        (WeightsMissing("The weights are not here.", "magpie models pull"), 1),
        (BadSetting("The setting is wrong.", "Mend it."), 2),
    ],
)
def test_an_error_is_a_sentence_and_a_remedy(run: Run, error: Any, code: int) -> None:
    got, out, err = run(failing(error), "find", "words", "--json")
    assert got == code
    assert out == ""
    assert err.splitlines() == [str(error), error.hint]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_cleanly(run: Run, request: pytest.FixtureRequest, number: signal.Signals, code: int) -> None:
    class Signalled(FakeEngine):
        def status(self) -> Status:
            signal.raise_signal(number)
            raise AssertionError("the signal came through")

    engine = Signalled()
    before = signal.getsignal(signal.SIGTERM)
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # as it is for background jobs
    request.addfinalizer(partial(signal.signal, signal.SIGINT, ignored))
    got, _, err = run(engine, "status")
    assert got == code
    assert engine.closed
    assert "continues where it stopped" in err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_defect_is_not_dressed_up(run: Run) -> None:
    code, out, err = run(FakeEngine(breaks=ZeroDivisionError()), "status")
    assert (code, out) == (1, "")
    assert err.startswith("Magpie broke")
    assert "in status" in err
    assert err.endswith("ZeroDivisionError\n")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    heavy = "torch open_clip chromadb pymupdf rapidocr cv2 ollama sqlalchemy".split()
    script = (
        "import sys; from bot.cli.main import main; code = main(['--help']);"
        f"print('loaded:', [name for name in {heavy} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "loaded: []" in done.stdout
    assert "doctor" in done.stdout
