"""`magpie index`, `retry` and `reindex`: their output, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from rag import IndexOutcome, Progress, Status
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine


def test_index_prints_the_outcome_of_each_file(run: Run) -> None:
    engine = FakeEngine(
        outcomes=[
            IndexOutcome("a.pdf", "new", 12),
            IndexOutcome("b.pdf", "failed", 0, "It is encrypted.", "Remove its password."),
        ],
        steps=[
            Progress("a.pdf", "reading", 3, 12, 0, 2),
            Progress("a.pdf", "done", 12, 12, 1, 2),
            Progress("a.pdf", "done", 12, 12, 1, 2, "5 chunks wait"),
            Progress("b.pdf", "failed", 0, 0, 2, 2, "It is encrypted."),
        ],
        stored=Status(
            {}, 0, 0, 0, (), {"words": "on", "clip-picture": "off: no weights", "clip-text": "off: no weights"}
        ),
    )
    code, out, err = run(engine, "index", "folder", "b.pdf", "--space", "C123")
    assert code == 1
    assert engine.asked[0] == ("index", [Path("folder"), Path("b.pdf")], "C123")
    assert "2 files, 12 pages: 1 new, 1 failed." in out
    assert "Remove its password." in out
    assert err.count("a.pdf, 12 pages") == 1
    assert err.startswith("Indexing folder, b.pdf")
    assert "picture" not in out + err  # magpie status says what is off


def test_index_counts_removed_files_apart(run: Run) -> None:
    engine = FakeEngine(outcomes=[IndexOutcome("a.pdf", "unchanged", 2), IndexOutcome("b.pdf", "gone", 0)])
    code, out, _ = run(engine, "index", "folder")
    assert (code, out) == (0, "1 file, 2 pages: 1 unchanged, 1 gone.\n")


def test_index_counts_skipped_files_by_reason(run: Run) -> None:
    hint = "To index it anyway, give its own path."
    links = [IndexOutcome(f"/f/{number}.txt", "skipped", 0, "It is a symbolic link.", hint) for number in range(12)]
    code, out, _ = run(FakeEngine(outcomes=[IndexOutcome("a.pdf", "new", 2), *links]), "index", "folder")
    assert code == 0
    assert out.startswith("1 file, 2 pages: 1 new.\nSkipped 12 files: It is a symbolic link.\n  /f/0.txt, /f/1.txt, ")
    assert out.endswith(f", …\n  {hint}\nFor the full list, add --json.\n")


def test_index_fails_if_nothing_can_be_read(run: Run) -> None:
    skipped = IndexOutcome("/f/a.zip", "skipped", 0, "Files with `.zip` can't be read.", "Unpack them.")
    code, out, _ = run(FakeEngine(outcomes=[skipped]), "index", "folder")
    assert (code, out.splitlines()[0]) == (1, "Nothing was indexed: all files were skipped.")
    assert "/f/a.zip" in out
    assert run(FakeEngine(), "index", "folder")[:2] == (1, "There are no files to index.\n")
    assert run(FakeEngine(), "retry")[:2] == (0, "No file failed.\n")


def test_index_json(run: Run) -> None:
    engine = FakeEngine(outcomes=[IndexOutcome("a.pdf", "known", 2)])
    code, out, _ = run(engine, "index", "a.pdf", "--json")
    assert code == 0
    row = {"file": "a.pdf", "state": "known", "pages": 2, "failed_pages": [], "notes": [], "reason": "", "hint": ""}
    assert json.loads(out) == {"files": [row]}


def test_reindex_with_and_without_names(run: Run) -> None:
    engine = FakeEngine(outcomes=[IndexOutcome("a.pdf", "unchanged", 2)])
    assert run(engine, "reindex")[0] == 0
    assert run(engine, "reindex", "a.pdf")[0] == 0
    assert [entry for entry in engine.asked if isinstance(entry, tuple) and entry[0] == "reindex"] == [
        ("reindex", []),
        ("reindex", ["a.pdf"]),
    ]


def test_retry_with_and_without_names(run: Run) -> None:
    engine = FakeEngine(outcomes=[IndexOutcome("a.pdf", "new", 2), IndexOutcome("b.pdf", "waiting", 0)])
    code, out, _ = run(engine, "retry")
    assert (code, "2 files, 2 pages: 1 new, 1 waiting." in out) == (0, True)
    assert json.loads(run(engine, "retry", "b.pdf", "--json")[1])["files"][1]["state"] == "waiting"
    asked = [entry for entry in engine.asked if isinstance(entry, tuple) and entry[0] == "retry"]
    assert asked == [("retry", []), ("retry", ["b.pdf"])]
    assert run(FakeEngine(), "retry")[:2] == (0, "No file failed.\n")
