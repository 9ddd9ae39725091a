"""`magpie status`: its output, as text and as JSON."""

from __future__ import annotations

import json

from rag import FileNote, FileReading, IndexOutcome, IndexState, Progress, Status
from rag.model.extraction import TextSource
from rag.model.operations import IndexRenewal, Outage, PageReading, TextModel
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine


def test_status_counts_documents_being_read_again(run: Run) -> None:
    again = "Being read again by a newer version: 2 documents. The old pages stay searchable."
    code, out, _ = run(FakeEngine(stored=Status({"ready": 2}, 22, 80, 0, (), {}, 2)), "status")
    assert code == 0
    assert again in " ".join(out.split())


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
