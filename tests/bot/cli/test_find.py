"""`magpie find`: its output as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rag import Posted
from rag.model.extraction import Kind
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, found, hit


def test_find_shows_the_part_of_the_text_with_the_query_words(run: Run) -> None:
    text = "nothing here " * 30 + "the square key opens the lid " + "nothing there " * 30
    _, out, _ = run(FakeEngine(hits=[hit(1, "handbook.pdf", 12, "vi", text)]), "find", "Where is the square key?")
    assert "square key opens" in " ".join(out.split())
    assert len(out) < 400


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


def test_find_shows_the_text_of_a_whole_page(run: Run) -> None:
    page = replace(hit(1, "handbook.pdf", 7, text=""), kind=Kind.PAGE)
    engine = FakeEngine(hits=[page], texts={(page.document, page.page): "Who answers questions: Gesine."})
    _, out, _ = run(engine, "find", "page 7 of the handbook")
    assert "Who answers questions: Gesine." in out


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


def test_find_says_why_nothing_was_found(run: Run) -> None:
    assert not found().found
    _, out, _ = run(FakeEngine(), "find", "nothing like it")
    assert "No page holds these words." in out
