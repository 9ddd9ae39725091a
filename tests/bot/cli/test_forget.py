"""`magpie forget`: its output, and what it removes after which question."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag import Settings, Share, ShareState, StoredShare, put_share
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine
from tests.support.migrated import open_rag

ROOT = Path(__file__).resolve().parents[3]


def stored(source: int, name: str, space: str = "C1", user: str = "U1") -> StoredShare:
    ref = f"/{source}"
    return StoredShare(
        source, source, "path", ref, space, "", "", name, None, user, 0.0, "", ShareState.SHARED, 0.0, ""
    )


def test_forget_prints_removed_files_and_fails_if_there_are_none(run: Run) -> None:
    engine = FakeEngine(known=["a.pdf"])
    code, out, _ = run(engine, "forget", "a.pdf", "--json", "--yes")
    assert (code, json.loads(out)) == (0, {"forgotten": ["a.pdf"], "questions": 0})
    code, _, err = run(engine, "forget", "other.pdf", "--yes")
    assert code == 1
    assert "other.pdf" in err


def test_forget_without_names_removes_a_space_or_a_person(run: Run) -> None:
    engine = FakeEngine()
    assert run(engine, "forget", "--space", "C123")[:2] == (1, "Nothing was removed.\n")
    assert run(engine, "forget", "--space", "C123", "--dry-run")[:2] == (1, "Nothing would be removed.\n")
    assert run(engine, "forget", "--user", "U123", "--space", "C123")[0] == 1
    assert engine.asked == [("forget", [], "C123", None), ("forget", [], "C123", "U123")]


def test_forget_lists_what_it_would_remove_and_where(run: Run) -> None:
    engine = FakeEngine(known=["a.pdf"], shares=[stored(1, "a.pdf"), stored(1, "a.pdf", "C2", "U2")])
    code, out, _ = run(engine, "forget", "a.pdf", "--dry-run")
    assert (code, engine.asked) == (0, [])
    assert "a.pdf in C1, shared by U1 on 1970-01-01" in out
    assert "a.pdf in C2, shared by U2 on 1970-01-01" in out
    code, out, _ = run(engine, "forget", "a.pdf", "--dry-run", "--json")
    assert [share["space"] for share in json.loads(out)["would_forget"]] == ["C1", "C2"]


def test_forget_removes_nothing_without_a_person_who_agrees(run: Run) -> None:
    engine = FakeEngine(known=["a.pdf"], shares=[stored(1, "a.pdf")])
    code, _, err = run(engine, "forget", "a.pdf")
    assert (code, engine.asked) == (2, [])
    assert "--yes" in err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("typed", "expected"), [("n\n", "Nothing was removed."), ("y\n", "Removed: a.pdf.")])
def test_forget_asks_the_person_at_the_terminal(run: Run, tmp_path: Path, typed: str, expected: str) -> None:
    """Run the command in another process, because only that can have a terminal as its standard input."""
    with open_rag(Settings(data=tmp_path / "data")) as rag, rag.write_transaction() as connection:
        put_share(connection, Share("path", "/a.pdf", "C1", "a.pdf", shared_by="U1"))
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "bot.cli.main", "forget", "a.pdf", "--data", str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        os.write(ours, typed.encode())
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    printed = out.decode()
    assert "a.pdf in C1, shared by U1" in printed
    assert "Remove it? It cannot be undone." in printed
    assert expected in printed


def test_forget_refuses_a_name_of_several_files_without_a_space(run: Run) -> None:
    engine = FakeEngine(known=["a.pdf"], shares=[stored(1, "a.pdf"), stored(2, "a.pdf", "C2")])
    code, _, err = run(engine, "forget", "a.pdf", "--yes")
    assert (code, engine.asked) == (2, [])
    assert "2 files are called a.pdf" in " ".join(err.split())
    assert run(engine, "forget", "a.pdf", "--space", "C2", "--yes")[0] == 0


@pytest.mark.parametrize("nothing", [[], ["--space", ""], ["--user", ""]])
def test_forget_requires_names_a_space_or_a_person(run: Run, nothing: list[str]) -> None:
    engine = FakeEngine()
    code, _, err = run(engine, "forget", *nothing)
    assert (code, engine.asked) == (2, [])
    assert all(remedy in err for remedy in ("name files", "--space C123", "--user U123"))
