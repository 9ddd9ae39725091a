"""`magpie backup` and `magpie restore` on the real engine: what they print, and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.main import main
from tests.bot.conftest import Magpie, opener


def test_restored_folder_answers_as_before(magpie: Magpie, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    magpie("index", str(folder))
    before = magpie("find", "gateway")[1]["hits"]
    code, made, _ = magpie("backup", "backup.tar")
    assert (code, made["tokens"], made["missing"]) == (0, False, 0)
    assert magpie("backup", "backup.tar")[0] == 1
    code, found, _ = magpie("restore", "backup.tar", "--data", "other")
    assert (code, found) == (0, made)
    assert main(["--data", "other", "find", "gateway", "--json"], opener) == 0
    assert '"page": 2' in capsys.readouterr().out
    assert magpie("find", "gateway")[1]["hits"] == before


def test_restore_says_what_to_do_next(magpie: Magpie, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    magpie("index", str(folder))
    assert main(["--data", "data", "backup", "backup.tar"], opener) == 0
    said = capsys.readouterr().out
    assert "It has no tokens" in said
    assert main(["--data", "other", "restore", "backup.tar"], opener) == 0
    said = capsys.readouterr().out
    assert "magpie setup" in said
    assert "magpie doctor" in said
    assert main(["--data", "other", "restore", "backup.tar"], opener) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["--data", "third", "restore", "absent.tar"], opener) == 1
