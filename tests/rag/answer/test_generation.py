"""Answers: written, quoted or declined; and every failure of the generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rag.adapters.ollama import open_generator
from rag.answer.generation import answer_question, place_line
from rag.answer.messages import ABSTAINED
from rag.errors import GeneratorBusy, GeneratorDown, GeneratorFailed, MagpieError, ModelMissing
from rag.model.extraction import WHOLE_PAGE, Box, Kind
from rag.model.search import AnswerProgress, AnswerStage, Hit, Mode, Posted, SearchResult
from rag.setting_groups import AnswerSettings
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
    line_boxes: tuple[Box, ...] = (),
    picture: Path | None = None,
    page_image: Path | None = None,
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
        line_boxes=line_boxes,
        picture=picture,
        page_image=page_image,
        lanes=lanes or {"words": chunk},
    )


def found(*hits: Hit, is_found: bool = True) -> SearchResult:
    return SearchResult(is_found, hits, {"words": "on"}, "" if is_found else "No page has enough.", {"words": 1.0})


PIER = hit("The pier is 40 metres long. It has a crane.", chunk=1, page=12, label="vi")
TIDE = hit("The tide gauge stands at the pier head. See [17].", chunk=2, page=3, name="gauge.pdf")
CRANE = hit("A crane lifts two tonnes.", chunk=3, page=4)
LAMP = hit("The lamp turns every ten seconds.", chunk=4, page=5)
QUESTION = "How long is the pier?"


def shown(reports: Sequence[AnswerProgress]) -> str:
    """Return the text that readers were shown while an answer was made."""
    return "".join(progress.text for progress in reports)


def test_answer_cites_its_passage() -> None:
    generator, reports = FakeGenerator(), list[AnswerProgress]()
    answer = answer_question(QUESTION, found(TIDE, PIER), generator, SETTINGS, reports.append)
    assert answer.text == "The pier is 40 metres long. [2]"
    assert [place_line(passage) for passage in answer.cited] == ["[2] handbook.pdf, p. 12 (printed vi)"]
    assert answer.mode is Mode.VISION
    assert not answer.abstained
    assert answer.notice == ""
    assert answer.evidence == ()
    assert shown(reports) == answer.text
    assert answer.stage_ms["words"] == 1.0
    assert answer.stage_ms["write"] > 0
    assert generator.closed == 1


def test_text_model_gets_no_pictures_and_the_notice_says_so(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (600, 800), "white").save(render)
    shown = hit("The pier is 40 metres long.", page_image=render, kind=Kind.FIGURE)
    generator = FakeGenerator(vision=False)
    answer = answer_question(QUESTION, found(shown), generator, SETTINGS, picture=render.read_bytes())
    assert answer.mode is Mode.TEXT
    assert generator.prompts[0].pictures == ()
    assert "cannot see pictures" in answer.notice


def test_vision_model_gets_the_question_picture_first(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (600, 800), "white").save(render)
    hits = [hit(f"Pier {n} is long.", chunk=n, page_image=render, kind=Kind.FIGURE) for n in range(1, 4)]
    generator = FakeGenerator()
    answer_question(QUESTION, found(*hits), generator, SETTINGS, picture=render.read_bytes())
    (prompt,) = generator.prompts
    assert len(prompt.pictures) == 2
    assert "picture 1 shows the picture sent with the question; picture 2 shows passage 1." in prompt.user


def test_abstains_without_asking_the_model_if_nothing_was_found() -> None:
    generator = FakeGenerator()
    answer = answer_question(QUESTION, found(PIER, TIDE, is_found=False), generator, SETTINGS)
    assert answer.abstained
    assert answer.text == f"{ABSTAINED} Nearest: handbook.pdf, p. 12 (printed vi); gauge.pdf, p. 3."
    assert answer.cited == ()
    assert answer.mode is Mode.PASSAGES
    assert generator.prompts == []
    assert answer_question(QUESTION, found(is_found=False), generator, SETTINGS).text == ABSTAINED


@pytest.mark.parametrize("text", ["NOT FOUND", "Not found. ", "NOT FOUND [9]", "It says nothing of it: NOT FOUND"])
def test_abstains_if_the_model_finds_no_answer(text: str) -> None:
    reports: list[AnswerProgress] = []
    answer = answer_question(QUESTION, found(PIER), FakeGenerator(text=text), SETTINGS, reports.append)
    assert answer.abstained
    assert answer.text.startswith(ABSTAINED)
    assert answer.cited == ()
    assert answer.mode is Mode.VISION
    assert shown(reports) == ""


def test_text_that_begins_like_not_found_is_streamed_in_full() -> None:
    reports: list[AnswerProgress] = []
    answer = answer_question(
        QUESTION, found(PIER), FakeGenerator(text="NOT more than 40 metres [1]."), SETTINGS, reports.append
    )
    assert shown(reports) == answer.text == "NOT more than 40 metres [1]."


def test_answer_without_valid_citation_is_replaced_by_passages() -> None:
    answer = answer_question(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1] [9]."), SETTINGS)
    assert answer.text == "It is 40 m [1]."
    replaced = answer_question(QUESTION, found(PIER), FakeGenerator(text="It is rather long [9]."), SETTINGS)
    assert replaced.mode is Mode.PASSAGES
    assert replaced.notice == "Best passages (no written answer: the model cited no passage)."
    assert "40 metres" in replaced.text


def test_quotes_the_best_passages_without_a_model() -> None:
    answer = answer_question(QUESTION, found(PIER, TIDE, CRANE, LAMP), None, SETTINGS)
    assert answer.mode is Mode.PASSAGES
    assert answer.text.split("\n\n") == [
        "[1] handbook.pdf, p. 12 (printed vi)\n“The pier is 40 metres long. It has a crane.”",
        "[2] gauge.pdf, p. 3\n“The tide gauge stands at the pier head. See (17).”",
        "[3] handbook.pdf, p. 4\n“A crane lifts two tonnes.”",
    ]
    assert [passage.number for passage in answer.cited] == [1, 2, 3]
    assert len(answer.passages) == 4
    assert "MAGPIE_ANSWER__MODEL=" in answer.remedy


def test_place_names_tables_and_figures() -> None:
    hits = [hit("40 hours", chunk=1, kind=Kind.TABLE, page=5), hit("Loads", chunk=2, kind=Kind.FIGURE, label="ii")]
    generator = FakeGenerator(text="It lasts 40 hours [1], see [2].")
    answer = answer_question(QUESTION, found(*hits), generator, SETTINGS)
    assert [place_line(passage) for passage in answer.cited] == [
        "[1] handbook.pdf, table on p. 5",
        "[2] handbook.pdf, figure on p. 1 (printed ii)",
    ]
    assert "File: handbook.pdf, table on p. 5\n" in generator.prompts[0].user
    assert "in the language of the question" in generator.prompts[0].user
    assert hits[0].place == "handbook.pdf, p. 5"


def test_long_passage_is_quoted_around_the_query_words() -> None:
    long = hit("Rope. " * 300 + "The pier is exactly 40 metres long, measured twice. " + "Tar. " * 300)
    text = answer_question(QUESTION, found(long), None, SETTINGS).text
    assert "The pier is exactly 40 metres long, measured twice." in text
    assert "“[…] " in text
    assert " […]”" in text
    assert len(text) < 450


def test_picture_without_words_is_named() -> None:
    text = answer_question(QUESTION, found(hit("", kind=Kind.FIGURE, page_image=Path("p.jpg"))), None, SETTINGS).text
    assert text == "[1] handbook.pdf, figure on p. 1\n(a figure; see its picture)"


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        (
            GeneratorDown("Ollama does not answer at http://127.0.0.1:11434.", "ollama serve"),
            "Best passages (no written answer: Ollama does not answer at http://127.0.0.1:11434). "
            "To turn on written answers: ollama serve",
        ),
        (
            ModelMissing("The model m is not on the Ollama server.", "ollama pull m"),
            "Best passages (no written answer: The model m is not on the Ollama server). "
            "To turn on written answers: ollama pull m",
        ),
        (
            GeneratorBusy("It is busy.", "Ask again."),
            "Best passages (no written answer: It is busy). Ask again.",
        ),
    ],
)
@pytest.mark.parametrize("after", [None, 0, 3])
def test_quotes_passages_whatever_fails(error: MagpieError, notice: str, after: int | None) -> None:
    answer = answer_question(QUESTION, found(PIER), FakeGenerator(broken=error, broken_after=after), SETTINGS)
    assert answer.mode is Mode.PASSAGES
    assert f"{answer.notice} {answer.remedy}".rstrip() == notice
    assert "40 metres" in answer.text


def test_cut_answer_is_kept_with_a_notice() -> None:
    answer = answer_question(
        QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1] and then some", longest=5), SETTINGS
    )
    assert answer.text == "It is 40 m [1]"
    assert "cut" in answer.notice
    assert answer.mode is Mode.VISION
    short = answer_question(QUESTION, found(PIER), FakeGenerator(text="It is 40 m [1]", longest=2), SETTINGS)
    assert short.mode is Mode.PASSAGES


def test_generation_stops_if_on_progress_raises() -> None:
    generator = FakeGenerator()

    def gone(progress: AnswerProgress) -> None:
        if progress.stage is AnswerStage.WRITING:
            raise InterruptedError

    with pytest.raises(InterruptedError) as caught:
        answer_question(QUESTION, found(PIER), generator, SETTINGS, gone)
    assert generator.closed == 1
    assert caught.tb is not None, "the traceback keeps the stream from being closed by the garbage collector"


def test_quotes_passages_if_the_context_window_is_too_small() -> None:
    answer = answer_question(QUESTION, found(PIER), FakeGenerator(), AnswerSettings(num_ctx=1024, num_predict=1000))
    assert answer.mode is Mode.PASSAGES
    assert "MAGPIE_ANSWER__NUM_CTX" in answer.notice + answer.remedy


def test_passages_left_out_are_reported_and_cannot_be_cited() -> None:
    hits = [hit(f"{QUESTION} number {n} " + "word " * 300, chunk=n) for n in range(1, 9)]
    generator = FakeGenerator(window=1600, text="It is long [1], and longer [6].")
    answer = answer_question(QUESTION, found(*hits), generator, AnswerSettings(passages=8))
    assert 1 <= len(answer.passages) < 6
    assert answer.text == "It is long [1], and longer."
    assert f"Only {len(answer.passages)} of 8 passages" in answer.notice
    assert "is 1600 tokens" in answer.remedy
    wide = answer_question(QUESTION, found(*hits), FakeGenerator(text="It is long [1]."), AnswerSettings(passages=8))
    assert len(wide.passages) == 8
    assert (wide.notice, wide.remedy) == ("", "")


def test_picture_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 1600), "white").save(tmp_path / "p.jpg")
    generator = FakeGenerator(window=2048)
    answer = answer_question(QUESTION, found(PIER), generator, SETTINGS, picture=(tmp_path / "p.jpg").read_bytes())
    assert generator.prompts[0].pictures == ()
    assert "Your picture does not fit" in answer.notice


def test_answers_through_the_ollama_protocol(tmp_path: Path) -> None:
    render = tmp_path / "p.jpg"
    Image.new("RGB", (1100, 1600), "white").save(render)
    figure = hit("Crane, gauge, lamp", chunk=5, kind=Kind.FIGURE, box=Box(0.1, 0.1, 0.9, 0.4), page_image=render)
    with ollama_server() as server:
        settings = AnswerSettings(host=server.url, model="sees:4b", seconds=5)
        generator = open_generator(settings)
        answer = answer_question(QUESTION, found(PIER, TIDE, figure), generator, settings)
        assert (answer.text, answer.mode) == ("The pier is 40 metres long. [1]", Mode.VISION)
        assert len(server.chats()[0]["messages"][1]["images"]) == 1
        server.script = Script(text="It is 40 m long [1].", fault="error line")
        broken = answer_question(QUESTION, found(PIER), generator, settings)
    assert broken.mode is Mode.PASSAGES
    assert "crashed" in broken.notice
    down = AnswerSettings(host=closed_address(), model="sees:4b")
    answer = answer_question(QUESTION, found(PIER), open_generator(down), down)
    assert answer.notice.startswith(f"Best passages (no written answer: Ollama does not answer at {down.host}).")
    assert "ollama pull sees:4b" in answer.remedy


def test_unexpected_errors_are_raised() -> None:
    class Wrong(FakeGenerator):
        def model_info(self) -> object:  # type: ignore[override]
            raise KeyError("a mistake of the program")

    with pytest.raises(KeyError):
        answer_question(QUESTION, found(PIER), Wrong(), SETTINGS)  # type: ignore[arg-type]


def test_quotes_passages_if_the_stream_fails() -> None:
    answer = answer_question(
        QUESTION,
        found(PIER),
        FakeGenerator(broken=GeneratorFailed("It broke off.", "Again."), broken_after=1),
        SETTINGS,
    )
    assert answer.notice == "Best passages (no written answer: It broke off)."
    assert answer.remedy == "Again."


# ---------------------------------------------------------------- the message that shares a file


def test_message_is_not_evidence() -> None:
    message = Posted("C1", "U1", 10.0, "10", "", "The pier is 55 metres long, says Ada Byron.")
    shared = replace(hit("The pier is long."), posted=(message,))
    settings = SETTINGS.model_copy(update={"correct": False})
    generator = FakeGenerator(text="The pier is 55 metres long [1].")
    answer = answer_question(QUESTION, found(shared), generator, settings)
    assert answer.mode is Mode.PASSAGES


def test_page_found_as_a_whole_is_quoted_and_read_by_its_words() -> None:
    page = hit("", kind=Kind.PAGE, page_image=Path("p.jpg"))
    words = "The pier is exactly 40 metres long."
    text = answer_question(QUESTION, found(page), None, SETTINGS, read_page_text=lambda _: words).text
    assert text == f"[1] handbook.pdf, p. 1\n“{words}”"
    generator = FakeGenerator()
    answer_question(QUESTION, found(page), generator, SETTINGS, read_page_text=lambda _: words)
    assert words in generator.prompts[0].user
