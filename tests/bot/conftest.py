"""The command run in this process, with a fake engine behind it, or with the real one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bot.cli.context import Engine
from bot.cli.main import main
from bot.db import tables
from rag import Settings
from tests.support.absent import NoEmbedder
from tests.support.engine import FakeEngine
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


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


# ---------------------------------------------------------------- the real engine


Magpie = Callable[..., tuple[int, Any, str]]


def opener(settings: Settings, *, upgrade: bool = True) -> AbstractContextManager[Engine]:
    reader = TextExtractor()
    return open_rag(
        settings, extractor=lambda: reader, embedder=NoEmbedder(), histories=[tables.HISTORY], upgrade=upgrade
    )


@pytest.fixture
def magpie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Magpie:
    for name in [name for name in os.environ if name.startswith("MAGPIE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MAGPIE_ANSWER__MODEL", "")
    monkeypatch.setenv("MAGPIE_READ__WORKERS", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, Any, str]:
        code = main(["--data", "data", "--json", *arguments], opener)
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "handbook.pdf").write_text("Welcome aboard\fThe gateway listens on port 8443\fGoodbye")
    (folder / "report.pdf").write_text("Gulls sat on the upper end of every sensor")
    return folder
