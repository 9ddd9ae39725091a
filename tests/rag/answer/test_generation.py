"""Answers: what is written, what is quoted, what is declined; and every way the generator can let us down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from rag.adapters.ollama import open_generator
from rag.answer.generation import ABSTAINED, answer, place_line
from rag.errors import GeneratorBusy, GeneratorDown, GeneratorFailed, MagpieError, ModelMissing
from rag.model import WHOLE_PAGE, Box, Found, Hit, Kind, Mode
from rag.settings import AnswerSettings
from tests.support.generator import FakeGenerator
from tests.support.ollama_server import Script, closed_address, ollama_server

SETTINGS = AnswerSettings()


def hit(
    text: str = "The pier is 40 metres long.",
    *,
    chunk: int = 1,
    page: int = 1,
    label: str | None = None,
    name: str = "handbook.pdf",
    kind: Kind = Kind.TEXT,
    heading: str = "",
    caption: str = "",
    box: Box = WHOLE_PAGE,
    marks: tuple[Box, ...] = (),
    picture: Path | None = None,
    render: Path | None = None,
    lanes: Mapping[str, int] | None = None,
) -> Hit:
    return Hit(
        rank=chunk,
        chunk=chunk,
        document=1,
        name=name,
        link=None,
        page=page,
        label=label,
        kind=kind,
        text=text,
        heading=heading,
        caption=caption,
        box=box,
        marks=marks,
        picture=picture,
        render=render,
        lanes=lanes or {"words": chunk},
    )


def found(*hits: Hit, is_found: bool = True) -> Found:
    return Found(is_found, hits, {"words": "on"}, "" if is_found else "No page has enough.", {"words": 1.0})


PIER = hit("The pier is 40 metres long. It has a crane.", chunk=1, page=12, label="vi")
TIDE = hit("The tide gauge stands at the pier head. See [17].", chunk=2, page=3, name="gauge.pdf")
CRANE = hit("A crane lifts two tonnes.", chunk=3, page=4)
LAMP = hit("The lamp turns every ten seconds.", chunk=4, page=5)
QUESTION = "How long is the pier?"


def test_an_answer_cites_the_passage_it_comes_from() -> None:
    generator, told = FakeGenerator(), list[str]()
    given = answer(QUESTION, found(TIDE, PIER), generator, SETTINGS, told.append)
    assert given.text == "The pier is 40 metres long. [2]"
    assert [place_line(passage) for passage in given.cited] == ["[2] handbook.pdf, p. 12 (printed vi)"]
    assert given.mode is Mode.VISION
    assert not given.abstained
    assert given.notice == ""
    assert given.evidence == ()
    assert "".join(told) == given.text
    assert given.stage_ms["words"] == 1.0
    assert given.stage_ms["write"] > 0
    assert generator.closed == 1


def test_a_text_model_gets_no_pictures_and_says_so_when_one_was_sent(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (600, 800), "white").save(render)
    shown = hit("The pier is 40 metres long.", render=render, kind=Kind.FIGURE)
    generator = FakeGenerator(vision=False)
    given = answer(QUESTION, found(shown), generator, SETTINGS, picture=render.read_bytes())
    assert given.mode is Mode.TEXT
    assert generator.prompts[0].pictures == ()
    assert "cannot see pictures" in given.notice


def test_a_vision_model_sees_the_picture_that_was_sent_first(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (600, 800), "white").save(render)
    hits = [hit(f"Pier {n} is long.", chunk=n, render=render, kind=Kind.FIGURE) for n in range(1, 4)]
    generator = FakeGenerator()
    answer(QUESTION, found(*hits), generator, SETTINGS, picture=render.read_bytes())
    (prompt,) = generator.prompts
    assert len(prompt.pictures) == 2
    assert "picture 1 shows the picture sent with the question; picture 2 shows passage 1." in prompt.user


def test_nothing_found_asks_no_model_and_names_the_nearest() -> None:
    generator = FakeGenerator()
    given = answer(QUESTION, found(PIER, TIDE, is_found=False), generator, SETTINGS)
    assert given.abstained
    assert given.text == f"{ABSTAINED} Nearest: handbook.pdf, p. 12 (printed vi); gauge.pdf, p. 3."
    assert given.cited == ()
    assert given.mode is Mode.PASSAGES
    assert generator.prompts == []
    assert answer(QUESTION, found(is_found=False), generator, SETTINGS).text == ABSTAINED


@pytest.mark.parametrize("said", ["NOT FOUND", "Not found. ", "NOT FOUND [9]", "It says nothing of it: NOT FOUND"])
def test_a_model_that_finds_nothing_declines(said: str) -> None:
    told: list[str] = []
    given = answer(QUESTION, found(PIER), FakeGenerator(text=said), SETTINGS, told.append)
    assert given.abstained
    assert given.text.startswith(ABSTAINED)
    assert given.cited == ()
    assert given.mode is Mode.VISION
    if said.startswith("NOT"):
        assert told == []


def test_what_only_begins_like_not_found_is_told_in_full() -> None:
    told: list[str] = []
    given = answer(QUESTION, found(PIER), FakeGenerator(text="NOT more than 40 metres [1]."), SETTINGS, told.append)
    assert "".join(told) == given.text == "NOT more than 40 metres [1]."


def test_unknown_numbers_go_and_an_answer_without_any_is_replaced() -> None:
    given = answer(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1] [9]."), SETTINGS)
    assert given.text == "It is 40 m [1]."
    replaced = answer(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [9]."), SETTINGS)
    assert replaced.mode is Mode.PASSAGES
    assert "named no passage" in replaced.notice
    assert "40 metres" in replaced.text


def test_without_a_model_the_best_passages_answer() -> None:
    given = answer(QUESTION, found(PIER, TIDE, CRANE, LAMP), None, SETTINGS)
    assert given.mode is Mode.PASSAGES
    assert given.text.split("\n\n") == [
        "[1] handbook.pdf, p. 12 (printed vi)\n“The pier is 40 metres long. It has a crane.”",
        "[2] gauge.pdf, p. 3\n“The tide gauge stands at the pier head. See (17).”",
        "[3] handbook.pdf, p. 4\n“A crane lifts two tonnes.”",
    ]
    assert [passage.number for passage in given.cited] == [1, 2, 3]
    assert len(given.passages) == 4
    assert "MAGPIE_ANSWER__MODEL=" in given.remedy


def test_a_table_and_a_figure_are_named_as_such() -> None:
    hits = [hit("40 hours", chunk=1, kind=Kind.TABLE, page=5), hit("Loads", chunk=2, kind=Kind.FIGURE, label="ii")]
    generator = FakeGenerator(text="It lasts 40 hours [1], see [2].")
    given = answer(QUESTION, found(*hits), generator, SETTINGS)
    assert [place_line(passage) for passage in given.cited] == [
        "[1] handbook.pdf, table on p. 5",
        "[2] handbook.pdf, figure on p. 1 (printed ii)",
    ]
    assert "File: handbook.pdf, table on p. 5\n" in generator.prompts[0].user
    assert "in the language of the question" in generator.prompts[0].user
    assert hits[0].place == "handbook.pdf, p. 5"


def test_a_long_passage_is_quoted_around_the_questions_words() -> None:
    long = hit("Rope. " * 300 + "The pier is exactly 40 metres long, measured twice. " + "Tar. " * 300)
    text = answer(QUESTION, found(long), None, SETTINGS).text
    assert "The pier is exactly 40 metres long, measured twice." in text
    assert "“[…] " in text
    assert " […]”" in text
    assert len(text) < 450


def test_a_picture_without_words_says_what_it_is() -> None:
    text = answer(QUESTION, found(hit("", kind=Kind.FIGURE, render=Path("p.jpg"))), None, SETTINGS).text
    assert text == "[1] handbook.pdf, figure on p. 1\n(a figure; see its picture)"


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        (
            GeneratorDown("Ollama does not answer at http://127.0.0.1:11434.", "ollama serve"),
            "No model is answering (Ollama does not answer at http://127.0.0.1:11434), so here are the best passages. "
            "To turn answers on: ollama serve",
        ),
        (
            ModelMissing("The model m is not on the Ollama server.", "ollama pull m"),
            "No model is answering (The model m is not on the Ollama server), so here are the best passages. "
            "To turn answers on: ollama pull m",
        ),
        (
            GeneratorBusy("It is busy.", "Ask again."),
            "The model gave no answer (It is busy), so here are the best passages. Ask again.",
        ),
    ],
)
@pytest.mark.parametrize("after", [None, 0, 3])
def test_whatever_breaks_the_passages_answer(error: MagpieError, notice: str, after: int | None) -> None:
    given = answer(QUESTION, found(PIER), FakeGenerator(broken=error, broken_after=after), SETTINGS)
    assert given.mode is Mode.PASSAGES
    assert f"{given.notice} {given.remedy}".rstrip() == notice
    assert "40 metres" in given.text


def test_a_cut_answer_is_kept_and_said_to_be_cut() -> None:
    given = answer(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1] and then some", longest=5), SETTINGS)
    assert given.text == "It is 40 m [1]"
    assert "cut" in given.notice
    assert given.mode is Mode.VISION
    short = answer(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1]", longest=2), SETTINGS)
    assert short.mode is Mode.PASSAGES


def test_the_generation_stops_when_the_reader_goes_away() -> None:
    generator = FakeGenerator()

    def gone(text: str) -> None:
        raise InterruptedError(text)

    with pytest.raises(InterruptedError) as caught:
        answer(QUESTION, found(PIER), generator, SETTINGS, gone)
    assert generator.closed == 1
    assert caught.tb is not None, "kept until here: it holds the stream, so that no garbage collector closes it"


def test_a_window_too_small_for_anything_quotes_passages() -> None:
    given = answer(QUESTION, found(PIER), FakeGenerator(), AnswerSettings(num_ctx=1024, num_predict=1000))
    assert given.mode is Mode.PASSAGES
    assert "MAGPIE_ANSWER__NUM_CTX" in given.notice + given.remedy


def test_what_the_window_does_not_hold_is_told_and_cannot_be_cited() -> None:
    hits = [hit(f"{QUESTION} number {n} " + "word " * 300, chunk=n) for n in range(1, 9)]
    generator = FakeGenerator(window=1600, text="It is long [1], and longer [6].")
    given = answer(QUESTION, found(*hits), generator, AnswerSettings(passages=8))
    assert 1 <= len(given.passages) < 6
    assert given.text == "It is long [1], and longer."
    assert f"held {len(given.passages)} of 8 passages" in given.notice
    assert "reads 1600 tokens" in given.remedy
    wide = answer(QUESTION, found(*hits), FakeGenerator(text="It is long [1]."), AnswerSettings(passages=8))
    assert len(wide.passages) == 8
    assert (wide.notice, wide.remedy) == ("", "")


def test_a_picture_that_does_not_fit_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 1600), "white").save(tmp_path / "p.jpg")
    generator = FakeGenerator(window=2048)
    given = answer(QUESTION, found(PIER), generator, SETTINGS, picture=(tmp_path / "p.jpg").read_bytes())
    assert generator.prompts[0].pictures == ()
    assert "Your picture does not fit" in given.notice


def test_from_the_ranking_to_the_answer_through_ollamas_protocol(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (1100, 1600), "white").save(render)
    figure = hit("Crane, gauge, lamp", chunk=5, kind=Kind.FIGURE, box=Box(0.1, 0.1, 0.9, 0.4), render=render)
    with ollama_server() as server:
        settings = AnswerSettings(host=server.url, model="sees:4b", seconds=5)
        generator = open_generator(settings)
        given = answer(QUESTION, found(PIER, TIDE, figure), generator, settings)
        assert (given.text, given.mode) == ("The pier is 40 metres long. [1]", Mode.VISION)
        assert len(server.chats()[0]["messages"][1]["images"]) == 1
        server.script = Script(text="It is 40 m long [1].", fault="error line")
        broken = answer(QUESTION, found(PIER), generator, settings)
    assert broken.mode is Mode.PASSAGES
    assert "broke down" in broken.notice
    down = AnswerSettings(host=closed_address(), model="sees:4b")
    given = answer(QUESTION, found(PIER), open_generator(down), down)
    assert given.notice.startswith(f"No model is answering (Ollama does not answer at {down.host})")
    assert "ollama pull sees:4b" in given.remedy


def test_an_error_that_is_none_of_ours_is_not_hidden() -> None:
    class Wrong(FakeGenerator):
        def ability(self) -> object:  # type: ignore[override]
            raise KeyError("a mistake of the program")

    with pytest.raises(KeyError):
        answer(QUESTION, found(PIER), Wrong(), SETTINGS)  # type: ignore[arg-type]


def test_failures_of_the_stream_are_generator_failures() -> None:
    given = answer(
        QUESTION,
        found(PIER),
        FakeGenerator(broken=GeneratorFailed("It broke off.", "Again."), broken_after=1),
        SETTINGS,
    )
    assert given.notice == "The model gave no answer (It broke off), so here are the best passages."
    assert given.remedy == "Again."
