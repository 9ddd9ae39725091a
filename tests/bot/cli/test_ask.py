"""`magpie ask`: its output, as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Mode, Share, put_share
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, answer, hit


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


@pytest.mark.parametrize("command", ["ask", "find"])
def test_empty_index_is_reported_with_the_command_to_fill_it(run: Run, command: str) -> None:
    hint = "Nothing is indexed yet. Run: magpie index FOLDER"
    assert hint in run(FakeEngine(names=()), command, "relay")[1]
    assert hint not in run(FakeEngine(), command, "relay")[1]
