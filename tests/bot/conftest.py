"""The command run in this process, with a fake engine behind it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main
from tests.fakes.engine import FakeEngine


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and 80 columns everywhere."""
    for name in [
        name
        for name in os.environ
        if name.startswith(("MAGPIE_", "SLACK_")) or name in ("FORCE_COLOR", "TTY_COMPATIBLE")
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("MAGPIE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(engine: FakeEngine, *arguments: str) -> tuple[int, str, str]:
        code = main(arguments, engine.opened)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
