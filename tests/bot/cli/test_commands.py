"""The output of each command, as text and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rag import (
    Check,
    FileNote,
    FileReading,
    IndexOutcome,
    IndexState,
    Mode,
    Posted,
    Progress,
    Settings,
    Share,
    ShareState,
    Status,
    StoredShare,
    open_rag,
    put_share,
    terms_of_model,
)
from rag.model.extraction import TextSource
from rag.model.operations import IndexRenewal, Outage, PageReading, TextModel
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, answer, found, hit

ROOT = Path(__file__).resolve().parents[3]

# ---------------------------------------------------------------- index, forget


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


def test_status_counts_documents_being_read_again(run: Run) -> None:
    again = "Being read again by a newer version: 2 documents. The old pages stay searchable."
    code, out, _ = run(FakeEngine(stored=Status({"ready": 2}, 22, 80, 0, (), {}, 2)), "status")
    assert code == 0
    assert again in " ".join(out.split())


def test_index_json(run: Run) -> None:
    engine = FakeEngine(outcomes=[IndexOutcome("a.pdf", "known", 2)])
    code, out, _ = run(engine, "index", "a.pdf", "--json")
    assert code == 0
    row = {"file": "a.pdf", "state": "known", "pages": 2, "failed_pages": [], "notes": [], "reason": "", "hint": ""}
    assert json.loads(out) == {"files": [row]}


def test_index_and_status_say_what_was_not_read_and_why(run: Run) -> None:
    torn = [FileNote("The picture is torn.", lost=True, page=page) for page in (3, 7, 8, 9)]
    covered = FileNote("Text under a black box was left out.", lost=False, page=4)
    locked = FileNote("It is encrypted.", lost=True, attachment="b.pdf")
    notes = (*torn, covered, locked)
    engine = FakeEngine(
        outcomes=[IndexOutcome("a.pdf", "new", 40, notes=notes)],
        steps=[Progress("a.pdf", "done", 40, 40, 1, 1, is_partial=True)],
        stored=Status({"ready": 1}, 40, 80, 0, (), {"words": "on"}, notes=(("a.pdf", notes),)),
    )
    code, out, err = run(engine, "index", "a.pdf")
    assert code == 0
    assert "! a.pdf, 40 pages, read in part only" in err
    assert "✓" not in err
    said = ["! a.pdf: Pages 3, 7-9: The picture is torn.", "! a.pdf: b.pdf: It is encrypted."]
    said.append("a.pdf: Page 4: Text under a black box was left out.")
    for printed in (out, run(engine, "status")[1]):
        assert [line for line in printed.splitlines() if "a.pdf:" in line] == said
    listed = json.loads(run(engine, "status", "--json")[1])
    assert listed["failed_pages"] == [{"file": "a.pdf", "pages": [3, 7, 8, 9]}]
    note = {"page": 4, "attachment": "", "text": "Text under a black box was left out.", "lost": False}
    assert listed["notes"][4] == {"file": "a.pdf"} | note
    (row,) = json.loads(run(engine, "index", "a.pdf", "--json")[1])["files"]
    assert (row["failed_pages"], row["notes"][4]) == ([3, 7, 8, 9], note)
    assert row["notes"][5] == {"page": None, "attachment": "b.pdf", "text": "It is encrypted.", "lost": True}


def test_status_of_a_file_says_how_each_page_was_read(run: Run) -> None:
    torn = FileNote("This page couldn't be read: it took longer than 60 s.", lost=True, page=2)
    pages = (PageReading(1, "i", TextSource.LAYER, ()), PageReading(2, "2", TextSource.NONE, (torn,)))
    locked = FileNote("It is encrypted.", lost=True, attachment="b.pdf")
    reading = FileReading(
        "a.pdf",
        "/tmp/a.pdf",
        IndexState.READY,
        "",
        "",
        "ab" * 32,
        "application/pdf",
        "2-ocr",
        2,
        pages,
        (locked,),
        ("b.pdf",),
    )
    code, out, _ = run(FakeEngine(readings=[reading]), "status", "a.pdf")
    assert code == 0
    assert out.splitlines() == [
        "a.pdf: ready, 2 pages.",
        f"SHA-256 {'ab' * 32}",
        "application/pdf, read by extractor 2-ocr",
        "  p. 1 (printed i): text layer",
        "  p. 2: no text",
        "    ! This page couldn't be read: it took longer than 60 s.",
        "Attached: b.pdf",
        "! a.pdf: b.pdf: It is encrypted.",
    ]
    (listed,) = json.loads(run(FakeEngine(readings=[reading]), "status", "a.pdf", "--json")[1])["files"]
    assert listed["pages"][1] == {
        "page": 2,
        "label": "2",
        "read_from": "none",
        "notes": [{"text": torn.text, "lost": True}],
    }
    assert run(FakeEngine(), "status", "a.pdf", "--privacy")[0] == 2


def test_status_of_an_ambiguous_name_lists_the_files(run: Run) -> None:
    readings = [
        FileReading("a.pdf", path, IndexState.READY, sha256=digit * 64)
        for path, digit in (("/tmp/a.pdf", "1"), ("/tmp/b/a.pdf", "2"))
    ]
    code, out, _ = run(FakeEngine(readings=readings), "status", "a.pdf")
    assert code == 0
    assert out.splitlines() == [
        "2 files have the name a.pdf. Name one by its path or its SHA-256:",
        "  11111111  /tmp/a.pdf",
        "  22222222  /tmp/b/a.pdf",
    ]


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


def test_status_says_why_files_wait_and_how_to_try_again(run: Run) -> None:
    outage = Outage("slack", 0.0, "Slack is busy.", "Wait.", needs_operator=False, waiting=12)
    failed, refused = (("a.pdf", "It is damaged."),), {"channel full": 3, "archive": 1}
    stored = Status({}, 0, 0, 0, failed, {"words": "on"}, outages=(outage,), disk="It is full.", refused=refused)
    engine = FakeEngine(stored=stored)
    _, out, _ = run(engine, "status")
    assert "Waiting until they can be fetched: 12 files. Slack is busy. Wait." in " ".join(out.split())
    assert "It is full." in out
    assert "Not indexed: 3 channel full, 1 archive." in out
    assert "magpie retry" in out
    shape = json.loads(run(engine, "status", "--json")[1])
    assert shape["outages"][0] == {
        "kind": "slack",
        "since": "1970-01-01T00:00:00+00:00",
        "reason": "Slack is busy.",
        "hint": "Wait.",
        "waiting": 12,
    }
    assert (shape["disk"], shape["refused"]) == ("It is full.", refused)


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


# ---------------------------------------------------------------- find, ask


def test_find_json_has_the_message_that_shares_a_file(run: Run) -> None:
    posted = Posted("C1", "U1", 0.0, "10", "9", "Budget for the harbour")
    shared = replace(hit(1, "IMG_1234.png", 1), posted=(posted,))
    _, out, _ = run(FakeEngine(hits=[shared, hit(2, "handbook.pdf", 12)]), "find", "budget", "--json")
    first, second = json.loads(out)["hits"]
    assert first["posted"] == [
        {
            "space": "C1",
            "shared_by": "U1",
            "shared_at": "1970-01-01T00:00:00+00:00",
            "message": "10",
            "thread": "9",
            "words": "Budget for the harbour",
        }
    ]
    assert "posted" not in second
    _, out, _ = run(
        FakeEngine(hits=[replace(shared, posted=(replace(posted, shared_by=None, words=""),))]), "find", "x", "--json"
    )
    assert "posted" not in json.loads(out)["hits"][0]


def test_find_json(run: Run) -> None:
    code, out, _ = run(FakeEngine(hits=[hit(1, "handbook.pdf", 12, "vi")]), "find", "relay", "--json")
    assert code == 0
    assert json.loads(out) == {
        "found": True,
        "corrections": {},
        "hits": [
            {
                "rank": 1,
                "file": "handbook.pdf",
                "page": 12,
                "kind": "text",
                "bbox": [0.1, 0.2, 0.9, 0.4],
                "regions": [],
                "lanes": {"words": 1},
                "why": "",
                "also": [],
                "newer": "",
            }
        ],
        "translations": {},
    }


def test_find_shows_the_proof_and_the_position_of_a_screenshot(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(b"picture")
    proved = replace(hit(1, "handbook.pdf", 12), why="Its pixels match: 143 points in place.")
    _, out, _ = run(FakeEngine(hits=[proved]), "find", "shot.png")
    printed = " ".join(out.split())
    assert "Its pixels match: 143 points in place. Position on the page: 10–90 % across, 20–40 % down." in printed


def test_find_shows_pages_and_leaves_what_is_off_to_status(run: Run) -> None:
    code, out, err = run(FakeEngine(hits=[hit(1, "handbook.pdf", 12, "vi", "word " * 100)]), "find", "relay")
    assert code == 0
    assert "handbook.pdf, p. 12 (printed vi)\n    text · matched by words\n" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "\x1b" not in out + err
    assert "picture search" not in err


def test_find_says_that_a_picture_does_not_exist(run: Run) -> None:
    _, _, err = run(FakeEngine(hits=[hit(1, "handbook.pdf", 12)]), "find", "typo.png")
    assert err == "No file is called typo.png. Searched for it as words instead.\n"


def test_find_treats_an_existing_file_as_a_picture(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(b"picture")
    engine = FakeEngine()
    code, out, _ = run(engine, "find", "shot.png", "-k", "3")
    assert code == 0
    assert "No page looks like this." in out
    run(engine, "find", "no-such.png")
    run(engine, "find", "x" * 5000)
    run(engine, "find", "zero\0byte")
    assert [entry[0] for entry in engine.asked if isinstance(entry, tuple)] == ["find_picture", "find", "find", "find"]
    assert engine.asked[0] == ("find_picture", Path("shot.png"), 3)


def test_document_cannot_steer_the_terminal(run: Run) -> None:
    hostile = hit(1, "a\x1b]0;owned\x07.pdf", 1, None, "\x1b[2Jgone [bold]marked[/bold] \x9b31m")
    _, out, err = run(FakeEngine(hits=[hostile]), "find", "x")
    assert not set(out + err) & {"\x1b", "\x07", "\x9b"}
    assert "[bold]marked[/bold]" in out


def test_ask_json(run: Run) -> None:
    engine = FakeEngine(answered=answer("It listens [1].", hit(1, "handbook.pdf", 12, "vi")), pieces=["It ", "listens"])
    code, out, _ = run(engine, "ask", "What does it do?", "--json")
    assert code == 0
    place = {"number": 1, "file": "handbook.pdf", "page": 12, "kind": "text"}
    assert json.loads(out) == {
        "answer": "It listens [1].",
        "abstained": False,
        "mode": "vision",
        "citations": [place | {"bbox": [0.1, 0.2, 0.9, 0.4]}],
        "evidence": ["evidence-1.png"],
        "passages": [place | {"text": "The relay listens."}],
        "translations": {},
        "still_reading": [],
    }


def test_ask_streams_the_answer_then_prints_citations_and_pictures(run: Run) -> None:
    engine = FakeEngine(
        answered=answer("It listens [1].", hit(1, "handbook.pdf", 12, "vi"), notice="The answer was cut."),
        pieces=["It listens", " [1]."],
    )
    code, out, _ = run(engine, "ask", "What does it do?")
    assert code == 0
    lines = [line for line in out.splitlines() if line]
    assert lines == [
        "It listens [1].",
        "The answer was cut.",
        "[1] handbook.pdf, p. 12 (printed vi)",
        "Pictures of the cited places:",
        "  evidence-1.png",
    ]


def test_ask_prints_the_whole_answer_if_more_than_its_checked_statements_belongs_to_it(run: Run) -> None:
    engine = FakeEngine(answered=answer("It listens.", hit(1, "a.pdf", 1)), pieces=["It listens [7]."])
    _, out, _ = run(engine, "ask", "?")
    assert out.index("It listens [7].") < out.index("The whole answer:") < out.index("It listens.\n")


def test_ask_that_finds_nothing_names_the_files_that_are_not_read(run: Run) -> None:
    engine = FakeEngine()
    run(engine, "status")
    with engine.write_transaction() as connection:
        for number in range(5):
            put_share(connection, Share("path", f"/{number}.pdf", "local", f"{number}.pdf", shared_at=number))
    _, out, _ = run(engine, "ask", "?")
    said = " ".join(out.split())
    assert "I'm still reading 4.pdf, 3.pdf, 2.pdf and 2 more" in said
    assert "Ask again when `magpie status` says that they are read." in said
    _, out, _ = run(engine, "ask", "?", "--json")
    assert json.loads(out)["still_reading"] == [f"{number}.pdf" for number in (4, 3, 2, 1, 0)]


def test_ask_prints_first_that_no_model_is_available(run: Run) -> None:
    quoted = answer("[1] a.pdf, p. 1\n“The relay listens.”", hit(1, "a.pdf", 1), mode=Mode.PASSAGES, notice="No model.")
    _, out, _ = run(FakeEngine(answered=quoted), "ask", "?")
    assert out.startswith("No model.\n")
    assert out.count("[1] a.pdf, p. 1") == 1


def test_ask_passes_the_picture_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(b"picture")
    engine = FakeEngine()
    assert run(engine, "ask", "Which page?", "--picture", "shot.png")[0] == 0
    assert engine.asked == [("ask", "Which page?", Path("shot.png"))]
    assert run(engine, "ask", "Which page?", "--picture", "none.png")[0] == 2


# ---------------------------------------------------------------- doctor, models, eval


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_doctor_fails_if_a_check_fails(run: Run, status: str, code: int) -> None:
    engine = FakeEngine(
        checks=[Check("catalog", "ok", "fine"), Check("weights", status, "missing", "magpie models pull")]
    )
    got, out, _ = run(engine, "doctor", "--json")
    assert got == code
    result = json.loads(out)
    assert result["ok"] == (code == 0)
    assert result["checks"] == [
        {"name": "catalog", "status": "ok", "detail": "fine", "fix": ""},
        {"name": "weights", "status": status, "detail": "missing", "fix": "magpie models pull"},
        {
            "name": "slack",
            "status": "warn",
            "detail": "SLACK_BOT_TOKEN is not set.",
            "fix": "Run magpie setup, or set it; docs/connect-slack.md shows where to find it in Slack.",
        },
    ]
    got, out, _ = run(engine, "doctor")
    assert got == code
    assert "magpie models pull" in out


def test_models_pull_prints_the_path_of_the_weights(run: Run) -> None:
    engine = FakeEngine()
    code, out, err = run(engine, "models", "pull", "ViT-B-32", "laion2b_s34b_b79k")
    assert code == 0
    assert engine.asked == [("models",), ("pull", "ViT-B-32", "laion2b_s34b_b79k")]
    assert "weights.pt" in out
    assert "fetching" in err


def test_find_and_ask_say_in_which_languages_they_searched(run: Run) -> None:
    translations = {"German": "Welcher Port?"}
    engine = FakeEngine(hits=[hit(1, "handbook.pdf", 12)], translations=translations)
    _, _, err = run(engine, "find", "Which port?")
    assert "Also searched in German: Welcher Port?" in err
    _, out, _ = run(engine, "find", "Which port?", "--json")
    assert json.loads(out)["translations"] == translations
    answered = answer("8443 [1]", hit(1, "handbook.pdf", 12))
    engine = FakeEngine(answered=replace(answered, found=replace(answered.found, translations=translations)))
    _, _, err = run(engine, "ask", "Which port?")
    assert "Also searched in German: Welcher Port?" in err
    _, out, _ = run(engine, "ask", "Which port?", "--json")
    assert json.loads(out)["translations"] == translations


def test_models_pull_asks_before_it_downloads_what_may_not_be_used_freely(run: Run) -> None:
    engine = FakeEngine()
    code, _, err = run(engine, "models", "pull", "MobileCLIP2-S0")
    assert code == 2
    assert engine.asked == [("models",)]
    printed = " ".join(err.split())
    assert "License of MobileCLIP2-S0: Apple Machine Learning Research Model License" in printed
    assert "non-commercial scientific research only" in printed
    assert "add --yes" in printed
    assert run(engine, "models", "pull", "MobileCLIP2-S0", "--yes")[0] == 0
    assert engine.asked[-1] == ("pull", "MobileCLIP2-S0", None)
    _, _, err = run(engine, "models", "pull", "ViT-B-32", "laion2b_s34b_b79k")
    assert "License of ViT-B-32 laion2b_s34b_b79k: MIT" in err


@pytest.mark.parametrize(
    ("name", "license", "is_restricted"),
    [
        ("llama4:scout", "Llama 4 Community License", True),
        ("gemma3:4b", "Gemma Terms of Use", True),
        ("google/embeddinggemma-300m", "Gemma Terms of Use", True),
        ("qwen3-vl:4b-instruct", "Apache-2.0", False),
        ("qwen2.5vl:7b", "Apache-2.0", False),
        ("qwen2.5vl:3b", "Qwen license", True),
        ("ViT-B-32 laion2b_s34b_b79k", "MIT", False),
        ("intfloat/multilingual-e5-small", "MIT", False),
        ("a-model-of-tomorrow", "not known to Magpie: see the model's page", False),
    ],
)
def test_terms_of_a_model_are_found_by_its_name(name: str, license: str, is_restricted: bool) -> None:
    terms = terms_of_model(name)
    assert (terms.license, bool(terms.restriction)) == (license, is_restricted)


def test_models_pull_downloads_the_text_embedder_too(run: Run) -> None:
    engine = FakeEngine(text_weights=Path("texts"))
    code, out, err = run(engine, "models", "pull")
    assert code == 0
    assert engine.asked == [("models",), ("pull", None, None), ("pull text",)]
    assert "weights.pt" in out
    assert "texts" in out
    assert "fetching texts" in err
    _, out, _ = run(engine, "models", "pull", "--json")
    assert json.loads(out) == {"path": "weights.pt", "text_path": "texts"}


def test_status_says_which_text_embedder_is_used_and_how_to_change_it(run: Run) -> None:
    chosen = TextModel("ollama:bge-m3", is_set=False, is_recorded=True)
    engine = FakeEngine(stored=Status({}, 0, 0, 0, (), {"words": "on"}, text_model=chosen))
    _, out, _ = run(engine, "status")
    said = (
        "Text vectors: ollama:bge-m3, chosen by MAGPIE_TEXT__MODEL=auto and kept; set MAGPIE_TEXT__MODEL to use another"
    )
    assert said in " ".join(out.split())
    _, out, _ = run(engine, "status", "--json")
    assert json.loads(out)["text_model"] == {"model": "ollama:bge-m3", "replaces": None, "waiting": 0}


def test_status_says_how_far_old_indexes_are_written_again(run: Run) -> None:
    chosen = TextModel("ollama:bge-m3", is_set=True, is_recorded=True, replaces="st:minilm", waiting=1200)
    stored = Status({}, 0, 0, 0, (), {"words": "on"}, text_model=chosen, full_text=IndexRenewal(3500, 12000))
    _, out, _ = run(FakeEngine(stored=stored), "status")
    said = " ".join(out.split())
    assert "until all texts are embedded again (1,200 chunks wait), st:minilm is used" in said
    assert (
        "Full-text index: being written again by a newer version, 3,500 of 12,000 texts wait. The old one is searched"
        " meanwhile."
    ) in said
    _, out, _ = run(FakeEngine(stored=stored), "status", "--json")
    assert json.loads(out)["full_text"] == {"waiting": 3500, "total": 12000}
    assert json.loads(out)["text_model"]["waiting"] == 1200


def test_eval_prints_and_writes_results(run: Run, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text(
        '{"id": "1", "query": "relay", "file": "handbook.pdf", "pages": [12], "kinds": ["Table"]}\n'
        '{"id": "2", "query": "relay", "file": "gone.pdf", "pages": [1]}\n'
    )
    engine = FakeEngine(hits=[hit(1, "handbook.pdf", 3), hit(2, "handbook.pdf", 12)])
    arguments = ["eval", "--questions", "q.jsonl", "--json", "out.json", "--report", "out.html"]
    code, out, err = run(engine, *arguments)
    assert code == 0
    shape = json.loads((tmp_path / "out.json").read_text())
    assert set(shape) == {"questions", "fused", "lanes", "kinds", "domains", "declined", "query_ms", "stage_ms"}
    assert shape["fused"]["recall@1"] == 0
    assert shape["fused"]["mrr"] == 0.5
    assert "fused" in out
    assert "Table" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "1 question about 1 file not indexed (gone.pdf)" in " ".join(err.split())
    assert "Nothing was missed" in (tmp_path / "out.html").read_text()
    for spelling in (["--json", *arguments[:3]], [*arguments[:3], "--json", "-"]):
        code, out, _ = run(engine, *spelling)
        assert code == 0
        assert json.loads(out)["questions"] == 1


def test_eval_of_answers_prints_and_writes_results(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(
        '{"id": "1", "query": "relay", "file": "handbook.pdf", "pages": [12], "answer": "It listens."}\n'
        '{"id": "2", "query": "gull", "pages": []}\n'
    )
    engine = FakeEngine(answered=answer("The relay listens [1].", hit(1, "handbook.pdf", 12)))
    code, out, _ = run(engine, "eval", "--answers", "--questions", "q.jsonl", "--json", "out.json")
    assert code == 0
    shape = json.loads((tmp_path / "out.json").read_text())
    assert shape["citations"]["right"] == 1
    assert shape["not_found"] == {"precision": None, "recall": 0.0}
    assert "Not found: precision – %, recall 0.0 %" in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= 80
    code, out, _ = run(engine, "--json", "eval", "--answers", "--questions", "q.jsonl")
    assert code == 0
    assert json.loads(out)["shown"]["absent"]["answer"] == 1


@pytest.mark.parametrize(
    "wrong", [["--judge", "m"], ["--answers", "--with-negatives"], ["--answers", "--report", "r.html"]]
)
def test_eval_refuses_options_that_do_not_belong_together(run: Run, tmp_path: Path, wrong: list[str]) -> None:
    assert run(FakeEngine(), "eval", "--questions", "q.jsonl", *wrong)[0] == 2


def test_eval_names_the_invalid_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("{\n")
    code, _, err = run(FakeEngine(), "eval", "--questions", "q.jsonl")
    assert code == 1
    assert "Line 1 of q.jsonl" in err


def test_find_says_why_nothing_was_found(run: Run) -> None:
    assert not found().found
    _, out, _ = run(FakeEngine(), "find", "nothing like it")
    assert "No page holds these words." in out


@pytest.mark.parametrize("command", ["ask", "find"])
def test_empty_index_is_reported_with_the_command_to_fill_it(run: Run, command: str) -> None:
    hint = "Nothing is indexed yet. Run: magpie index FOLDER"
    assert hint in run(FakeEngine(names=()), command, "relay")[1]
    assert hint not in run(FakeEngine(), command, "relay")[1]


def test_train_decision_prints_results_and_path(run: Run, tmp_path: Path) -> None:
    rows = [f'{{"id": {n}, "query": "relay {n}", "file": "{"ab"[n % 2]}.pdf", "pages": [1]}}\n' for n in range(12)]
    (tmp_path / "q.jsonl").write_text("".join(rows))
    engine = FakeEngine(names=("a.pdf", "b.pdf"))
    code, out, _ = run(engine, "train-decision", "--questions", "q.jsonl")
    assert code == 0
    assert "Questions: trained on" in out
    assert "decision.json" in out
    assert set(engine.decisions) == {"question", "few"}
    code, out, _ = run(engine, "train-decision", "--questions", "q.jsonl", "--wrongly", "0.1", "--json")
    assert json.loads(out)["question"]["declined"].keys() == {"absent", "present"}
